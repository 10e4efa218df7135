import torch.nn as nn
import torch.nn.functional as F


class Residual(nn.Module):
    def __init__(self, inp, out):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inp),
            nn.ReLU(),
            nn.Conv2d(inp, out // 2, 1),
            nn.BatchNorm2d(out // 2),
            nn.ReLU(),
            nn.Conv2d(out // 2, out // 2, 3, padding=1),
            nn.BatchNorm2d(out // 2),
            nn.ReLU(),
            nn.Conv2d(out // 2, out, 1),
        )
        self.skip = nn.Conv2d(inp, out, 1) if inp != out else None

    def forward(self, x):
        return self.body(x) + (x if self.skip is None else self.skip(x))


class Hourglass(nn.Module):
    def __init__(self, n, f):
        super().__init__()
        self.up1 = Residual(f, f)
        self.low1 = Residual(f, f)
        self.low2 = Hourglass(n - 1, f) if n > 1 else Residual(f, f)
        self.low3 = Residual(f, f)

    def forward(self, x):
        up1 = self.up1(x)
        low = self.low3(self.low2(self.low1(F.max_pool2d(x, 2))))
        return up1 + F.interpolate(low, scale_factor=2)


class StackedHourglass(nn.Module):
    def __init__(self, nstack, inp_dim=64, oup_dim=17, depth=3):
        super().__init__()
        self.nstack = nstack
        self.pre = nn.Sequential(
            nn.Conv2d(3, inp_dim // 2, 7, stride=2, padding=3),
            nn.BatchNorm2d(inp_dim // 2),
            nn.ReLU(),
            Residual(inp_dim // 2, inp_dim),
            nn.MaxPool2d(2),
        )
        self.hgs = nn.ModuleList([Hourglass(depth, inp_dim) for _ in range(nstack)])
        self.features = nn.ModuleList([Residual(inp_dim, inp_dim) for _ in range(nstack)])
        self.outs = nn.ModuleList([nn.Conv2d(inp_dim, oup_dim, 1) for _ in range(nstack)])
        self.merge_features = nn.ModuleList(
            [nn.Conv2d(inp_dim, inp_dim, 1) for _ in range(nstack - 1)]
        )
        self.merge_preds = nn.ModuleList(
            [nn.Conv2d(oup_dim, inp_dim, 1) for _ in range(nstack - 1)]
        )

    def forward(self, imgs):
        x = self.pre(imgs)
        combined_hm_preds = []
        for i in range(self.nstack):
            feature = self.features[i](self.hgs[i](x))
            preds = self.outs[i](feature)
            combined_hm_preds.append(preds)
            if i < self.nstack - 1:
                x = x + self.merge_preds[i](preds) + self.merge_features[i](feature)
        return combined_hm_preds


def get_pose_net(cfg, is_train=True):
    return StackedHourglass(cfg.MODEL.STACKS, oup_dim=cfg.MODEL.NUM_JOINTS)
