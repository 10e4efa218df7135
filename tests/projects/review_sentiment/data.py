import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

REVIEWS = [
    ("a warm and funny film with a great cast", 1),
    ("two hours of my life that i will not get back", 0),
    ("the plot makes no sense at all", 0),
    ("i laughed and i cried and i want to see it again", 1),
] * 8

PAD = 0


class Vocabulary(dict):
    def __init__(self, texts):
        super().__init__({"<pad>": PAD, "<unk>": 1})
        for text in texts:
            for word in text.split():
                self.setdefault(word, len(self))

    def __call__(self, text):
        return torch.tensor([self.get(word, 1) for word in text.split()])


vocab = Vocabulary(text for text, _ in REVIEWS)


def collate(batch):
    texts = [vocab(text) for text, _ in batch]
    lengths = torch.tensor([len(text) for text in texts])
    labels = torch.tensor([label for _, label in batch])
    return pad_sequence(texts, batch_first=True, padding_value=PAD), lengths, labels


def loader(batch_size=8):
    return DataLoader(REVIEWS, batch_size=batch_size, shuffle=True, collate_fn=collate)
