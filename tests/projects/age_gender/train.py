import torch

from module import AgeGender


def fake_faces(n=2, size=200):
    for _ in range(n):
        target = {
            "age": torch.rand(4) * 80,
            "gender": torch.randint(2, (4,)),
            "ethnicity": torch.randint(5, (4,)),
        }
        yield torch.rand(4, 3, size, size), target


if __name__ == "__main__":
    AgeGender(lr=3e-4).fit(fake_faces())
