bits = 8
n_mels = 40
upsample = (8, 8, 4)
hop = 256
segment = 8 * hop
batch_size = 2
lr = 1e-3
