import torch

from detection.detector import build_detector

model_cfg = dict(
    type="one_stage",
    backbone=dict(type="tiny", width=16),
    head=dict(type="retina", num_classes=20, num_anchors=3),
    fpn_channels=32,
)
img_size = (256, 320)


def main():
    model = build_detector(model_cfg)
    model.eval()
    with torch.no_grad():
        anchors = model(torch.zeros(1, 3, *img_size))["boxes"].shape[1]
    model.train()
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(2):
        images = torch.rand(2, 3, *img_size)
        targets = {
            "labels": (torch.rand(2, anchors, 20) > 0.99).float(),
            "boxes": torch.randn(2, anchors, 4),
        }
        loss = sum(model(images, targets).values())
        opt.zero_grad()
        loss.backward()
        opt.step()
        print(loss.item())


if __name__ == "__main__":
    main()
