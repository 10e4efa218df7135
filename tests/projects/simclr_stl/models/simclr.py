import torch.nn as nn

from models.backbones import ConvMixer, small_cnn


class InvalidBackboneError(Exception):
    """Raised when the choice of backbone is invalid."""


class SimCLR(nn.Module):
    def __init__(self, base_model, out_dim):
        super(SimCLR, self).__init__()
        self.model_dict = {
            "small": lambda: small_cnn(num_classes=out_dim),
            "mixer": lambda: ConvMixer(num_classes=out_dim),
        }
        self.backbone = self._get_basemodel(base_model)
        dim_mlp = self.backbone.fc.in_features
        # add mlp projection head
        self.backbone.fc = nn.Sequential(nn.Linear(dim_mlp, dim_mlp), nn.ReLU(), self.backbone.fc)

    def _get_basemodel(self, model_name):
        try:
            model = self.model_dict[model_name]()
        except KeyError:
            raise InvalidBackboneError("Pass one of: " + ", ".join(self.model_dict))
        else:
            return model

    def forward(self, x):
        return self.backbone(x)
