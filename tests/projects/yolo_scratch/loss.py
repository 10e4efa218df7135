import torch
import torch.nn as nn


class YoloLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.mse = nn.MSELoss()
        self.bce = nn.BCEWithLogitsLoss()
        self.entropy = nn.CrossEntropyLoss()

    def forward(self, predictions, target, anchors):
        obj = target[..., 0] == 1
        noobj = target[..., 0] == 0
        no_object_loss = self.bce(predictions[..., 0:1][noobj], target[..., 0:1][noobj])
        anchors = anchors.reshape(1, 3, 1, 1, 2)
        size = torch.exp(predictions[..., 3:5]) * anchors
        box_preds = torch.cat([torch.sigmoid(predictions[..., 1:3]), size], dim=-1)
        box_loss = self.mse(box_preds[obj], target[..., 1:5][obj])
        object_loss = self.bce(predictions[..., 0:1][obj], target[..., 0:1][obj])
        class_loss = self.entropy(predictions[..., 5:][obj], target[..., 5][obj].long())
        return 10 * box_loss + object_loss + 10 * no_object_loss + class_loss
