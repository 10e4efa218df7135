from types import SimpleNamespace

import numpy as np


class PointMass:
    """Push a point to the origin."""

    def __init__(self):
        self.observation_space = SimpleNamespace(shape=(4,))
        self.action_space = SimpleNamespace(shape=(2,))

    def reset(self):
        self.state = np.random.randn(4).astype(np.float32)
        return self.state

    def step(self, action):
        self.state[2:] += 0.1 * np.clip(action, -1, 1)
        self.state[:2] += 0.1 * self.state[2:]
        return self.state.copy(), -float(np.abs(self.state[:2]).sum()), False
