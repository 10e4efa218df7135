from dataclasses import dataclass, field
from typing import List


@dataclass
class AudioConfig:
    sample_rate: int = 16000
    n_fft: int = 512
    hop_length: int = 160
    n_mels: int = 40
    duration: float = 1.0

    @property
    def n_samples(self) -> int:
        return int(self.sample_rate * self.duration)


@dataclass
class ModelConfig:
    n_channel: int = 32
    rnn_hidden: int = 64
    dropout: float = 0.2
    labels: List[str] = field(
        default_factory=lambda: ["yes", "no", "up", "down", "left", "right", "stop", "go"]
    )

    @property
    def num_classes(self) -> int:
        return len(self.labels)


@dataclass
class Config:
    audio: AudioConfig = field(default_factory=AudioConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    batch_size: int = 8
    lr: float = 1e-3
