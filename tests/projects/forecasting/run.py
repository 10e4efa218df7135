import argparse

import torch

from exp_main import Exp_Main

parser = argparse.ArgumentParser(description="time series forecasting")
parser.add_argument("--model", type=str, default="Transformer", help="[Transformer, DLinear]")
parser.add_argument("--seq_len", type=int, default=96, help="input sequence length")
parser.add_argument("--label_len", type=int, default=48, help="start token length")
parser.add_argument("--pred_len", type=int, default=24, help="prediction sequence length")
parser.add_argument("--enc_in", type=int, default=7, help="encoder input size")
parser.add_argument("--dec_in", type=int, default=7, help="decoder input size")
parser.add_argument("--c_out", type=int, default=7, help="output size")
parser.add_argument("--d_model", type=int, default=64, help="dimension of model")
parser.add_argument("--n_heads", type=int, default=4, help="num of heads")
parser.add_argument("--e_layers", type=int, default=2, help="num of encoder layers")
parser.add_argument("--d_layers", type=int, default=1, help="num of decoder layers")
parser.add_argument("--d_ff", type=int, default=128, help="dimension of fcn")
parser.add_argument("--dropout", type=float, default=0.05, help="dropout")
parser.add_argument("--batch_size", type=int, default=8, help="batch size of train input data")
parser.add_argument("--learning_rate", type=float, default=0.0001)


def main():
    args = parser.parse_args()
    torch.manual_seed(2021)
    exp = Exp_Main(args)
    print(">>>>>>>start training : {}_sl{}_pl{}".format(args.model, args.seq_len, args.pred_len))
    exp.train()


if __name__ == "__main__":
    main()
