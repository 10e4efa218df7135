import sys
from pathlib import Path

import torch

from tinygpt import GPT, GPTConfig

# defaults
block_size = 128
n_layer = 4
n_head = 4
n_embd = 128
dropout = 0.1
bias = False
batch_size = 12
max_iters = 2000
learning_rate = 1e-3
for arg in sys.argv[1:]:  # python train.py config/quick_check.py
    exec(Path(arg).read_text())

text = (
    "To be, or not to be, that is the question:\nWhether 'tis nobler in the mind to suffer\n" * 20
)
chars = sorted(set(text))
stoi = {ch: i for i, ch in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text], dtype=torch.long)


def get_batch():
    ix = torch.randint(len(data) - block_size - 1, (batch_size,))
    x = torch.stack([data[i : i + block_size] for i in ix])
    y = torch.stack([data[i + 1 : i + 1 + block_size] for i in ix])
    return x, y


model_args = dict(
    n_layer=n_layer,
    n_head=n_head,
    n_embd=n_embd,
    block_size=block_size,
    bias=bias,
    vocab_size=len(chars),
    dropout=dropout,
)
model = GPT(GPTConfig(**model_args))
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.99))

for it in range(max_iters):
    X, Y = get_batch()
    logits, loss = model(X, Y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    print(f"iter {it}: loss {loss.item():.4f}")

model.eval()
out = model.generate(X[:1, :8], 20)
print("".join(chars[i] for i in out[0].tolist()))
