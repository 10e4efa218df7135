import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers=3, bias=True, batch_first=False):
        """
        :param input_size: The number of expected features in the input x
        :param hidden_size: The number of features in the hidden state h
        """
        super(Model, self).__init__()
        self.gru = nn.GRU(input_size, hidden_size, num_layers, bias, batch_first, dropout=0)

    def forward(self, x, h0):
        """
        :param x: shape (seq_len, batch_size, input_size) if batch_first=False
        :param h0: shape (num_layers, batch_size, hidden_size)
        :return: the hidden state of the last step
        """
        output, h_n = self.gru(x, h0)
        return h_n


# Test code
batch_size = 10
seq_len = 48
input_size = 32
hidden_size = 64
num_layers = 6


def get_inputs():
    return [
        torch.randn(seq_len, batch_size, input_size),
        torch.randn((num_layers, batch_size, hidden_size)),
    ]


def get_init_inputs():
    return [input_size, hidden_size, num_layers]
