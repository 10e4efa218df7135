import torch.nn as nn

from model import common


def make_model(args):
    return EDSR(args)


class EDSR(nn.Module):
    def __init__(self, args, conv=common.default_conv):
        super(EDSR, self).__init__()
        n_feats = args.n_feats
        kernel_size = 3
        scale = args.scale[0]
        act = nn.ReLU(True)
        self.sub_mean = common.MeanShift(args.rgb_range)
        self.add_mean = common.MeanShift(args.rgb_range, sign=1)
        m_head = [conv(args.n_colors, n_feats, kernel_size)]
        m_body = [
            common.ResBlock(conv, n_feats, kernel_size, act=act, res_scale=args.res_scale)
            for _ in range(args.n_resblocks)
        ]
        m_body.append(conv(n_feats, n_feats, kernel_size))
        m_tail = [
            common.Upsampler(conv, scale, n_feats),
            conv(n_feats, args.n_colors, kernel_size),
        ]
        self.head = nn.Sequential(*m_head)
        self.body = nn.Sequential(*m_body)
        self.tail = nn.Sequential(*m_tail)

    def forward(self, x):
        x = self.sub_mean(x)
        x = self.head(x)
        res = self.body(x)
        res += x
        x = self.tail(res)
        return self.add_mean(x)
