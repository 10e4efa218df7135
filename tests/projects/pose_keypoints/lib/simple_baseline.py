import torch.nn as nn

BN_MOMENTUM = 0.1


class SimplePose(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.inplanes = 256
        self.backbone = nn.Sequential(
            *self._down(3, 32),
            *self._down(32, 64),
            *self._down(64, 128),
            *self._down(128, 128),
            *self._down(128, 256),
        )
        self.deconv_layers = self._make_deconv_layer(cfg.MODEL.NUM_DECONV_FILTERS)
        self.final_layer = nn.Conv2d(self.inplanes, cfg.MODEL.NUM_JOINTS, kernel_size=1)

    def _down(self, cin, cout):
        return [
            nn.Conv2d(cin, cout, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(cout, momentum=BN_MOMENTUM),
            nn.ReLU(inplace=True),
        ]

    def _make_deconv_layer(self, num_filters):
        layers = []
        for planes in num_filters:
            layers.append(
                nn.ConvTranspose2d(self.inplanes, planes, 4, stride=2, padding=1, bias=False)
            )
            layers.append(nn.BatchNorm2d(planes, momentum=BN_MOMENTUM))
            layers.append(nn.ReLU(inplace=True))
            self.inplanes = planes
        return nn.Sequential(*layers)

    def forward(self, x):
        return self.final_layer(self.deconv_layers(self.backbone(x)))


def get_pose_net(cfg, is_train=True):
    model = SimplePose(cfg)
    if is_train:
        for m in model.deconv_layers.modules():
            if isinstance(m, nn.ConvTranspose2d):
                nn.init.normal_(m.weight, std=0.001)
    return model
