import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH_SIZE = 2
IMAGE_SIZE = 256
NUM_CLASSES = 20
LEARNING_RATE = 1e-5
NUM_EPOCHS = 1
S = [IMAGE_SIZE // 32, IMAGE_SIZE // 16]
ANCHORS = [
    [(0.28, 0.22), (0.38, 0.48), (0.9, 0.78)],
    [(0.07, 0.15), (0.15, 0.11), (0.14, 0.29)],
]
