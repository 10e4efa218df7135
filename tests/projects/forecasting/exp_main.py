import torch
from torch import nn, optim

from models import DLinear, Transformer


class Exp_Main:
    def __init__(self, args):
        self.args = args
        self.model_dict = {"DLinear": DLinear, "Transformer": Transformer}
        self.model = self._build_model()

    def _build_model(self):
        return self.model_dict[self.args.model].Model(self.args).float()

    def _get_data(self):
        total = self.args.seq_len + self.args.pred_len
        for _ in range(2):
            series = torch.randn(self.args.batch_size, total, self.args.enc_in).cumsum(1)
            marks = torch.rand(self.args.batch_size, total, 4) - 0.5
            s, label = self.args.seq_len, self.args.seq_len - self.args.label_len
            yield series[:, :s], series[:, label:], marks[:, :s], marks[:, label:]

    def train(self):
        model_optim = optim.Adam(self.model.parameters(), lr=self.args.learning_rate)
        criterion = nn.MSELoss()
        for batch_x, batch_y, batch_x_mark, batch_y_mark in self._get_data():
            model_optim.zero_grad()
            dec_inp = torch.zeros_like(batch_y[:, -self.args.pred_len :, :])
            dec_inp = torch.cat([batch_y[:, : self.args.label_len, :], dec_inp], dim=1).float()
            outputs = self.model(batch_x, batch_x_mark, dec_inp, batch_y_mark)
            loss = criterion(outputs, batch_y[:, -self.args.pred_len :, :])
            loss.backward()
            model_optim.step()
            print(self.args.model, loss.item())
