# overrides of the defaults in train.py
block_size = 64
n_layer = 2
n_head = 4
n_embd = 64
batch_size = 4
max_iters = 3
