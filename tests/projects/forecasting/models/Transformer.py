import math

import torch
import torch.nn as nn


class DataEmbedding(nn.Module):
    def __init__(self, c_in, n_mark, d_model, dropout=0.1, max_len=500):
        super().__init__()
        self.value = nn.Conv1d(c_in, d_model, 3, padding=1, padding_mode="circular", bias=False)
        self.temporal = nn.Linear(n_mark, d_model, bias=False)
        position = torch.arange(max_len).float().unsqueeze(1)
        div_term = (torch.arange(0, d_model, 2).float() * -(math.log(10000.0) / d_model)).exp()
        pe = torch.zeros(max_len, d_model)
        pe[:, 0::2] = torch.sin(position * div_term)
        pe[:, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe.unsqueeze(0))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, x_mark):
        value = self.value(x.permute(0, 2, 1)).transpose(1, 2)
        return self.dropout(value + self.temporal(x_mark) + self.pe[:, : x.size(1)])


class Model(nn.Module):
    """Vanilla transformer with one-step decoding"""

    def __init__(self, configs):
        super(Model, self).__init__()
        self.pred_len = configs.pred_len
        d = configs.d_model
        self.enc_embedding = DataEmbedding(configs.enc_in, 4, d, configs.dropout)
        self.dec_embedding = DataEmbedding(configs.dec_in, 4, d, configs.dropout)
        enc = nn.TransformerEncoderLayer(
            d, configs.n_heads, configs.d_ff, configs.dropout, batch_first=True
        )
        dec = nn.TransformerDecoderLayer(
            d, configs.n_heads, configs.d_ff, configs.dropout, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(enc, configs.e_layers)
        self.decoder = nn.TransformerDecoder(dec, configs.d_layers)
        self.projection = nn.Linear(d, configs.c_out)

    def forward(self, x_enc, x_mark_enc, x_dec, x_mark_dec):
        memory = self.encoder(self.enc_embedding(x_enc, x_mark_enc))
        out = self.decoder(self.dec_embedding(x_dec, x_mark_dec), memory)
        return self.projection(out)[:, -self.pred_len :, :]
