import argparse

import torch
import yaml

from models import *
from models import vae_models

parser = argparse.ArgumentParser(description="Generic runner for VAE models")
parser.add_argument("--config", "-c", default="configs.yaml", help="path to the config file")
parser.add_argument("--experiment", "-e", default="vae", help="its section, such as vq_vae")
args = parser.parse_args()
with open(args.config) as file:
    try:
        config = yaml.safe_load(file)[args.experiment]
    except yaml.YAMLError as exc:
        print(exc)

model = vae_models[config["model_params"]["name"]](**config["model_params"])
optimizer = torch.optim.Adam(model.parameters(), lr=config["exp_params"]["LR"])
side, batch_size = config["data_params"]["patch_size"], config["data_params"]["batch_size"]

for step in range(config["exp_params"]["max_steps"]):
    real_img = torch.rand(batch_size, 3, side, side) * 2 - 1
    results = model(real_img, labels=None)
    train_loss = model.loss_function(*results, M_N=config["exp_params"]["kld_weight"])
    optimizer.zero_grad()
    train_loss["loss"].backward()
    optimizer.step()
    print(step, train_loss["loss"].item())
