# a few steps, to see that everything runs; the rest is as in train.py
batch_size = 4
max_iters = 3
