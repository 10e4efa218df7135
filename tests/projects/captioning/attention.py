import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, encoder_dim, decoder_dim, attention_dim):
        super().__init__()
        self.encoder_att = nn.Linear(encoder_dim, attention_dim)
        self.decoder_att = nn.Linear(decoder_dim, attention_dim)
        self.full_att = nn.Linear(attention_dim, 1)

    def forward(self, encoder_out, decoder_hidden):
        att1 = self.encoder_att(encoder_out)  # (batch_size, num_pixels, attention_dim)
        att2 = self.decoder_att(decoder_hidden)  # (batch_size, attention_dim)
        att = self.full_att(torch.relu(att1 + att2.unsqueeze(1))).squeeze(2)
        alpha = att.softmax(dim=1)
        return (encoder_out * alpha.unsqueeze(2)).sum(dim=1), alpha


class AttentionCaptioner(nn.Module):
    """Image and tokens in, the scores of the next tokens out."""

    def __init__(self, vocab_size, embed_dim=64, decoder_dim=96, encoder_dim=128, attention_dim=48):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 32, 5, stride=4, padding=2),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, encoder_dim, 3, stride=2, padding=1),
        )
        self.vocab_size = vocab_size
        self.attention = Attention(encoder_dim, decoder_dim, attention_dim)
        self.embedding = nn.Embedding(vocab_size, embed_dim)
        self.decode_step = nn.LSTMCell(embed_dim + encoder_dim, decoder_dim)
        self.init_h = nn.Linear(encoder_dim, decoder_dim)
        self.init_c = nn.Linear(encoder_dim, decoder_dim)
        self.fc = nn.Linear(decoder_dim, vocab_size)

    def forward(self, images, captions):
        maps = self.encoder(images).flatten(2).transpose(1, 2)
        mean = maps.mean(dim=1)
        h, c = self.init_h(mean), self.init_c(mean)
        embeddings = self.embedding(captions)
        scores = []
        for t in range(captions.size(1)):
            context, _ = self.attention(maps, h)
            h, c = self.decode_step(torch.cat([embeddings[:, t], context], dim=1), (h, c))
            scores.append(self.fc(h))
        return torch.stack(scores, dim=1)
