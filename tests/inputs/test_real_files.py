"""Files as people write them: each model is built, fed and judged with nothing but the file."""

from pathlib import Path
from textwrap import dedent

import pytest

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets

HEADER = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(text, **settings):
    """Lint a text as the file net.py; three lines of imports come before it."""
    Path("net.py").write_text(HEADER + dedent(text), "utf-8")
    return lint_targets(["net.py"], Settings(**settings)).to_dict()


def rules(report):
    return [(finding["rule"], finding["layer"]) for finding in report["findings"]]


def statuses(report):
    return {model["name"]: model["status"] for model in report["models"]}


def test_compiled_and_parallel_layers_inside_a_model():
    report = lint(
        """
        class Net(nn.Module):
            def __init__(self, c=3):
                super().__init__()
                self.conv1 = nn.Conv2d(c, 8, 3, padding=1).cuda()
                self.conv2 = nn.Conv2d(8, 8, 3, padding=1, device="cuda")
                self.body = torch.compile(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()))
                self.par = nn.DataParallel(nn.Conv2d(8, 4, 1))

            def forward(self, x):
                x = x.cuda()
                return self.par(self.body(self.conv2(self.conv1(x).relu())))


        model = nn.DataParallel(torch.compile(Net()))
        """
    )
    assert statuses(report) == {"Net": "analysed"}
    assert report["models"][0]["layers"][-1]["outputs"] == [["N", 4, "H", "W"]]
    assert report["findings"] == report["errors"] == []


def test_models_that_are_handed_to_others_are_parts_of_them():
    report = lint(
        """
        class Encoder(nn.Module):
            def __init__(self, vocab, width):
                super().__init__()
                self.embedding = nn.Embedding(vocab, width)
                self.rnn = nn.GRU(width, width)

            def forward(self, src):
                return self.rnn(self.embedding(src))


        class Attention(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.attn = nn.Linear(2 * width, 1)

            def forward(self, hidden, outputs):
                hidden = hidden.unsqueeze(0).repeat(outputs.shape[0], 1, 1)
                scores = self.attn(torch.cat((hidden, outputs), dim=2))
                return (F.softmax(scores, dim=0) * outputs).sum(0)


        class Tagger(nn.Module):
            def __init__(self, encoder, attention):
                super().__init__()
                self.encoder = encoder
                self.attention = attention

            def forward(self, src):
                outputs, hidden = self.encoder(src)
                return self.attention(hidden[-1], outputs)


        enc = Encoder(100, 32)
        attn = Attention(32)
        model = Tagger(enc, attn)
        """
    )
    assert statuses(report) == {"Tagger": "analysed"}
    assert report["findings"] == []


def test_model_of_a_function_that_needs_arguments_is_built_as_the_module_calls_it():
    report = lint(
        """
        class PreNorm(nn.Module):
            def __init__(self, dim, fn):
                super().__init__()
                self.fn = fn
                self.norm = nn.LayerNorm(dim)

            def forward(self, x):
                return self.fn(self.norm(x)) + x


        def FeedForward(dim, factor=4):
            inner = dim * factor
            return nn.Sequential(nn.Linear(dim, inner), nn.GELU(), nn.Linear(inner, dim))


        def Mixer(*, patch, dim, depth):
            return nn.Sequential(
                nn.Conv2d(3, dim, patch, stride=patch),
                nn.Flatten(2),
                *[PreNorm(16, FeedForward(16)) for _ in range(depth)],
            )


        model = Mixer(patch=4, dim=8, depth=2)
        """
    )
    assert statuses(report) == {"model": "analysed"}
    assert report["findings"] == []


def test_class_behind_a_function_that_needs_arguments():
    report = lint(
        """
        class Net(nn.Module):
            def __init__(self, widths):
                super().__init__()
                self.conv = nn.Conv2d(3, widths[0], 3, padding=1)

            def forward(self, x):
                return self.conv(x)


        def make(width):
            widths = []
            widths.append(width)
            net = Net(widths)
            return net


        if __name__ == "__main__":
            net = make(12)
            print(net(torch.rand(2, 3, 40, 40)).shape)
        """
    )
    assert statuses(report) == {"Net": "analysed"}
    assert report["models"][0]["inputs"][0]["example"] == [2, 3, 40, 40]
    assert report["models"][0]["parameters"] == 336


def test_shape_mismatch_says_what_fits():
    report = lint(
        """
        class WrongFeatures(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 16, 3, padding=1)
                self.pool = nn.MaxPool2d(2)
                self.fc = nn.Linear(16 * 7 * 7, 10)

            def forward(self, x):
                x = self.pool(F.relu(self.conv(x)))
                return self.fc(x.view(x.size(0), -1))


        class WrongChannels(nn.Module):
            def __init__(self):
                super().__init__()
                self.features = nn.Sequential(
                    nn.Conv2d(3, 16, 3, padding=1),
                    nn.ReLU(),
                    nn.Conv2d(32, 64, 3, padding=1),
                )

            def forward(self, x):
                return self.features(x)


        print(WrongFeatures()(torch.randn(8, 3, 32, 32)).shape)
        """
    )
    assert statuses(report) == {"WrongFeatures": "partial", "WrongChannels": "partial"}
    assert rules(report) == [("shape-mismatch", "fc"), ("shape-mismatch", "features.2")]
    wrong_features, wrong_channels = report["findings"]
    assert (wrong_features["line"], wrong_features["column"]) == (10, 19)
    assert wrong_features["help"] == "in_features should be 16*(H // 2)*(W // 2) = 4096, here 784"
    assert (wrong_channels["line"], wrong_channels["column"]) == (23, 13)
    assert wrong_channels["help"] == "in_channels should be 16, here 32"


def test_missing_package_is_named_with_the_line_that_imports_it():
    report = lint(
        """
        import not_there


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = not_there.Conv(3)

            def forward(self, x):
                return self.conv(x)
        """
    )
    assert statuses(report) == {"Net": "not-analysed"}
    assert report["models"][0]["reason"].startswith("line 5 needs the package 'not_there'")
