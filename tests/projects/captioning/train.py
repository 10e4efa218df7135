import argparse

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence

from attention import AttentionCaptioner
from model import DecoderRNN, EncoderCNN

VOCAB = ["<pad>", "<start>", "<end>", "<unk>"] + "a dog cat runs sleeps on the mat grass".split()


def get_batch(args):
    images = torch.randn(args.batch_size, 3, args.crop_size, args.crop_size)
    lengths = sorted(torch.randint(4, 10, (args.batch_size,)).tolist(), reverse=True)
    captions = torch.zeros(args.batch_size, max(lengths), dtype=torch.long)
    for i, n in enumerate(lengths):
        captions[i, :n] = torch.randint(1, len(VOCAB), (n,))
    return images, captions, lengths


def main(args):
    encoder = EncoderCNN(args.embed_size)
    decoder = DecoderRNN(args.embed_size, args.hidden_size, len(VOCAB), args.num_layers)
    criterion = nn.CrossEntropyLoss()
    params = list(decoder.parameters()) + list(encoder.parameters())
    optimizer = torch.optim.Adam(params, lr=args.learning_rate)
    for i in range(args.total_step):
        images, captions, lengths = get_batch(args)
        targets = pack_padded_sequence(captions, lengths, batch_first=True)[0]
        features = encoder(images)
        outputs = decoder(features, captions, lengths)
        loss = criterion(outputs, targets)
        decoder.zero_grad()
        encoder.zero_grad()
        loss.backward()
        optimizer.step()
        print("Step [{}/{}], Loss: {:.4f}".format(i, args.total_step, loss.item()))

    model = AttentionCaptioner(len(VOCAB))
    images, captions, _ = get_batch(args)
    scores = model(images, captions[:, :-1])
    print(criterion(scores.flatten(0, 1), captions[:, 1:].flatten()).item())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--crop_size", type=int, default=224, help="size for cropping images")
    parser.add_argument("--embed_size", type=int, default=64, help="dimension of word embeddings")
    parser.add_argument("--hidden_size", type=int, default=128, help="dimension of lstm states")
    parser.add_argument("--num_layers", type=int, default=1, help="number of layers in lstm")
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--total_step", type=int, default=2)
    parser.add_argument("--learning_rate", type=float, default=0.001)
    args = parser.parse_args()
    print(args)
    main(args)
