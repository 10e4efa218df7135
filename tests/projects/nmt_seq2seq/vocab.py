from collections import Counter

import torch

PAIRS = [
    ("ein mann geht im park", "a man walks in the park"),
    ("zwei hunde spielen im schnee", "two dogs play in the snow"),
    ("eine frau liest ein buch", "a woman reads a book"),
    ("kinder essen eis am strand", "children eat ice cream at the beach"),
]


class Vocab:
    def __init__(self, sentences, min_freq=1):
        counter = Counter(word for sentence in sentences for word in sentence.split())
        self.itos = ["<unk>", "<pad>", "<sos>", "<eos>"]
        self.itos += [word for word, n in counter.items() if n >= min_freq]
        self.stoi = {word: i for i, word in enumerate(self.itos)}

    def __len__(self):
        return len(self.itos)

    def encode(self, sentence):
        words = ["<sos>", *sentence.split(), "<eos>"]
        return torch.tensor([self.stoi.get(word, 0) for word in words])


def load():
    src = Vocab([s for s, t in PAIRS])
    trg = Vocab([t for s, t in PAIRS])
    pad = torch.nn.utils.rnn.pad_sequence
    batch = (
        pad([src.encode(s) for s, t in PAIRS], padding_value=1),
        pad([trg.encode(t) for s, t in PAIRS], padding_value=1),
    )
    return src, trg, batch
