import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

from model import SpeechRecognitionModel
from text import TextTransform

text_transform = TextTransform()
UTTERANCES = ["hello world", "speech is hard", "it's raining", "good morning"]


def data_processing(n_feats):
    frames = [100 + 20 * i for i in range(len(UTTERANCES))]
    spectrograms = [torch.randn(n, n_feats) for n in frames]
    labels = [torch.Tensor(text_transform.text_to_int(text)) for text in UTTERANCES]
    input_lengths = [n // 2 for n in frames]
    label_lengths = [len(label) for label in labels]
    pad = nn.utils.rnn.pad_sequence
    spectrograms = pad(spectrograms, batch_first=True).unsqueeze(1).transpose(2, 3)
    return spectrograms, pad(labels, batch_first=True), input_lengths, label_lengths


def main(learning_rate=5e-4, epochs=2):
    hparams = {
        "n_cnn_layers": 2,
        "n_rnn_layers": 2,
        "rnn_dim": 64,
        "n_class": 29,
        "n_feats": 128,
        "stride": 2,
        "dropout": 0.1,
        "learning_rate": learning_rate,
        "epochs": epochs,
    }
    torch.manual_seed(7)
    model = SpeechRecognitionModel(
        hparams["n_cnn_layers"],
        hparams["n_rnn_layers"],
        hparams["rnn_dim"],
        hparams["n_class"],
        hparams["n_feats"],
        hparams["stride"],
        hparams["dropout"],
    )
    print("Num Model Parameters", sum([param.nelement() for param in model.parameters()]))
    optimizer = optim.AdamW(model.parameters(), hparams["learning_rate"])
    criterion = nn.CTCLoss(blank=text_transform.blank(), zero_infinity=True)
    for epoch in range(1, hparams["epochs"] + 1):
        spectrograms, labels, input_lengths, label_lengths = data_processing(hparams["n_feats"])
        optimizer.zero_grad()
        output = model(spectrograms)  # (batch, time, n_class)
        output = F.log_softmax(output, dim=2).transpose(0, 1)
        loss = criterion(output, labels, input_lengths, label_lengths)
        loss.backward()
        optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
