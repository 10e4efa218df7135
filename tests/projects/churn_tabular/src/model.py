import torch
import torch.nn as nn


class TabularNet(nn.Module):
    """Entity embeddings for the categorical columns, batch norm for the others.

    emb_szs: list of (cardinality, dimension), one a categorical column
    """

    def __init__(self, emb_szs, n_cont, out_sz, layers, p=0.5):
        super().__init__()
        self.embeds = nn.ModuleList([nn.Embedding(ni, nf) for ni, nf in emb_szs])
        self.emb_drop = nn.Dropout(p)
        self.bn_cont = nn.BatchNorm1d(n_cont)

        n_emb = sum(nf for ni, nf in emb_szs)
        n_in = n_emb + n_cont
        layerlist = []
        for i in layers:
            layerlist += [nn.Linear(n_in, i), nn.ReLU(inplace=True), nn.BatchNorm1d(i)]
            n_in = i
        layerlist.append(nn.Linear(layers[-1], out_sz))
        self.layers = nn.Sequential(*layerlist)

    def forward(self, x_cat, x_cont):
        embeddings = [e(x_cat[:, i]) for i, e in enumerate(self.embeds)]
        x = self.emb_drop(torch.cat(embeddings, 1))
        x_cont = self.bn_cont(x_cont)
        return self.layers(torch.cat([x, x_cont], 1))


class FeatureTokenizer(nn.Module):
    def __init__(self, n_num, cardinalities, d):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_num, d) * 0.02)
        self.bias = nn.Parameter(torch.zeros(n_num, d))
        offsets = torch.tensor([0] + cardinalities[:-1]).cumsum(0)
        self.register_buffer("offsets", offsets)
        self.emb = nn.Embedding(sum(cardinalities), d)
        self.cls = nn.Parameter(torch.zeros(1, 1, d))

    def forward(self, x_num, x_cat):
        num = x_num.unsqueeze(-1) * self.weight + self.bias
        cat = self.emb(x_cat + self.offsets)
        cls = self.cls.expand(len(x_num), -1, -1)
        return torch.cat([cls, num, cat], dim=1)


class FTTransformer(nn.Module):
    """Every column is a token."""

    def __init__(self, n_num, cardinalities, d=32, n_heads=4, n_layers=2, n_out=1):
        super().__init__()
        self.tokenizer = FeatureTokenizer(n_num, cardinalities, d)
        layer = nn.TransformerEncoderLayer(
            d, n_heads, dim_feedforward=2 * d, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(d), nn.ReLU(), nn.Linear(d, n_out))

    def forward(self, x_num, x_cat):
        tokens = self.encoder(self.tokenizer(x_num, x_cat))
        return self.head(tokens[:, 0]).squeeze(-1)
