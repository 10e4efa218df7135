import torch.nn as nn
import torch.nn.functional as F

from config import AudioConfig, ModelConfig
from features import LogMel


class M5(nn.Module):
    """Works on the raw waveform."""

    def __init__(self, n_input=1, n_output=35, stride=16, n_channel=32):
        super().__init__()
        self.conv1 = nn.Conv1d(n_input, n_channel, kernel_size=80, stride=stride)
        self.bn1 = nn.BatchNorm1d(n_channel)
        self.pool1 = nn.MaxPool1d(4)
        self.conv2 = nn.Conv1d(n_channel, n_channel, kernel_size=3)
        self.bn2 = nn.BatchNorm1d(n_channel)
        self.pool2 = nn.MaxPool1d(4)
        self.conv3 = nn.Conv1d(n_channel, 2 * n_channel, kernel_size=3)
        self.bn3 = nn.BatchNorm1d(2 * n_channel)
        self.pool3 = nn.MaxPool1d(4)
        self.conv4 = nn.Conv1d(2 * n_channel, 2 * n_channel, kernel_size=3)
        self.bn4 = nn.BatchNorm1d(2 * n_channel)
        self.fc1 = nn.Linear(2 * n_channel, n_output)

    def forward(self, x):
        x = self.pool1(F.relu(self.bn1(self.conv1(x))))
        x = self.pool2(F.relu(self.bn2(self.conv2(x))))
        x = self.pool3(F.relu(self.bn3(self.conv3(x))))
        x = F.relu(self.bn4(self.conv4(x)))
        x = F.avg_pool1d(x, x.shape[-1])
        x = x.permute(0, 2, 1)
        x = self.fc1(x)
        return F.log_softmax(x, dim=2).squeeze(1)


class CRNN(nn.Module):
    """Convolutions over log-mels, a GRU over time."""

    def __init__(self, audio: AudioConfig, cfg: ModelConfig):
        super().__init__()
        self.features = LogMel(audio)
        self.conv = nn.Sequential(
            nn.Conv2d(1, cfg.n_channel, kernel_size=(5, 3), stride=(2, 1), padding=(2, 1)),
            nn.BatchNorm2d(cfg.n_channel),
            nn.ReLU(),
            nn.Conv2d(cfg.n_channel, cfg.n_channel, kernel_size=3, stride=(2, 2), padding=1),
            nn.BatchNorm2d(cfg.n_channel),
            nn.ReLU(),
        )
        self.rnn = nn.GRU(
            cfg.n_channel * (audio.n_mels // 4),
            cfg.rnn_hidden,
            batch_first=True,
            bidirectional=True,
        )
        self.dropout = nn.Dropout(cfg.dropout)
        self.head = nn.Linear(2 * cfg.rnn_hidden, cfg.num_classes)

    def forward(self, wav):
        x = self.features(wav).unsqueeze(1)
        x = self.conv(x)
        b, c, f, t = x.shape
        x = x.permute(0, 3, 1, 2).reshape(b, t, c * f)
        x, _ = self.rnn(x)
        return self.head(self.dropout(x.mean(dim=1)))
