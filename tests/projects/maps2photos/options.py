import argparse


class BaseOptions:
    def initialize(self, parser):
        parser.add_argument("--dataroot", default="./datasets/maps")
        parser.add_argument("--input_nc", type=int, default=3, help="channels of the input image")
        parser.add_argument("--output_nc", type=int, default=3, help="channels of the output image")
        parser.add_argument("--ngf", type=int, default=32)
        parser.add_argument("--ndf", type=int, default=32)
        parser.add_argument("--netG", default="unet_128", choices=["unet_128", "resnet_6blocks"])
        parser.add_argument("--norm", default="instance", choices=["instance", "batch", "none"])
        parser.add_argument("--no_dropout", action="store_true")
        parser.add_argument("--load_size", type=int, default=128)
        parser.add_argument("--steps", type=int, default=100)
        return parser

    def parse(self):
        parser = self.initialize(argparse.ArgumentParser())
        self.opt = parser.parse_args()
        return self.opt
