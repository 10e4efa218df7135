import numpy as np
import torch


def normalize(mx):
    """Row-normalize"""
    rowsum = mx.sum(1, keepdims=True)
    return mx / np.maximum(rowsum, 1e-9)


def load_data(n=120, nfeat=200, nclass=7, seed=42):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, nclass, n)
    features = (rng.random((n, nfeat)) < 0.05).astype(np.float32)
    features[np.arange(n), labels] = 1
    same = labels[:, None] == labels[None, :]
    adj = (rng.random((n, n)) < np.where(same, 0.1, 0.005)).astype(np.float32)
    adj = np.maximum(adj, adj.T) + np.eye(n, dtype=np.float32)

    adj = torch.FloatTensor(normalize(adj))
    features = torch.FloatTensor(normalize(features))
    labels = torch.LongTensor(labels)
    idx_train = torch.LongTensor(range(70))
    idx_test = torch.LongTensor(range(70, n))
    return adj, features, labels, idx_train, idx_test
