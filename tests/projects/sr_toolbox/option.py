import argparse

parser = argparse.ArgumentParser(description="single image super-resolution")
parser.add_argument("--model", default="EDSR", help="model name")
parser.add_argument("--n_resblocks", type=int, default=4, help="number of residual blocks")
parser.add_argument("--n_feats", type=int, default=32, help="number of feature maps")
parser.add_argument("--res_scale", type=float, default=1, help="residual scaling")
parser.add_argument("--scale", type=str, default="4", help="super resolution scale")
parser.add_argument("--rgb_range", type=int, default=255, help="maximum value of RGB")
parser.add_argument("--n_colors", type=int, default=3, help="number of color channels to use")
parser.add_argument("--patch_size", type=int, default=96, help="output patch size")
parser.add_argument("--batch_size", type=int, default=4)
parser.add_argument("--steps", type=int, default=2)
parser.add_argument("--act", type=str, default="relu", help="activation function")

args = parser.parse_args()
args.scale = list(map(lambda x: int(x), args.scale.split("+")))
