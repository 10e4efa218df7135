from gmf import GMFEngine
from mlp import MLPEngine

gmf_config = {
    "alias": "gmf_factor8neg4",
    "batch_size": 64,
    "adam_lr": 1e-3,
    "num_users": 943,
    "num_items": 1682,
    "latent_dim": 8,
}

mlp_config = {
    "alias": "mlp_factor8neg4",
    "batch_size": 64,
    "adam_lr": 1e-3,
    "num_users": 943,
    "num_items": 1682,
    "latent_dim": 8,
    # layers[0] is the concat of latent user vector & latent item vector
    "layers": [16, 64, 32, 16, 8],
}

for engine in (GMFEngine(gmf_config), MLPEngine(mlp_config)):
    engine.train_an_epoch(2)
