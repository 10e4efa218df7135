import argparse
import os

import torch

import net
from utils import Params

parser = argparse.ArgumentParser()
parser.add_argument("--model_dir", default=".", help="Directory containing params.json")


def train_kd(model, teacher, optimizer, params):
    model.train()
    teacher.eval()
    for _ in range(params.num_steps):
        batch = torch.randn(params.batch_size, 3, 32, 32)
        labels = torch.randint(0, 10, (params.batch_size,))
        output_batch = model(batch)
        with torch.no_grad():
            teacher_batch = teacher(batch)
        loss = net.loss_fn_kd(output_batch, labels, teacher_batch, params)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"loss {loss.item():05.3f}")


if __name__ == "__main__":
    args = parser.parse_args()
    json_path = os.path.join(args.model_dir, "params.json")
    assert os.path.isfile(json_path), f"No json configuration file found at {json_path}"
    params = Params(json_path)

    model = net.Student(params)
    teacher = net.WideTeacher(depth=16, num_classes=10, widen_factor=2, dropRate=0.3)
    optimizer = torch.optim.Adam(model.parameters(), lr=params.learning_rate)
    train_kd(model, teacher, optimizer, params)
