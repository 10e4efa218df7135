import unittest

import torch

from ecg import ConvAutoencoder, RecurrentAutoencoder


class TestAutoencoders(unittest.TestCase):
    def setUp(self):
        self.beats = torch.randn(5, 140, 1)
        self.recording = torch.randn(2, 12, 1000)

    def test_recurrent_rebuilds_the_beat(self):
        model = RecurrentAutoencoder(seq_len=140, n_features=1, embedding_dim=32)
        self.assertEqual(model(self.beats).shape, self.beats.shape)

    def test_convolutional_rebuilds_the_recording(self):
        model = ConvAutoencoder()
        self.assertEqual(model(self.recording).shape, self.recording.shape)

    def test_gradients_reach_all_weights(self):
        model = ConvAutoencoder(width=8)
        model(self.recording).sum().backward()
        self.assertTrue(all(p.grad is not None for p in model.parameters()))


if __name__ == "__main__":
    unittest.main()
