import random

import torch
import torch.nn.functional as F

from model import DQN, DuelingDQN
from replay import ReplayBuffer


class Agent:
    def __init__(self, env, dueling=False, gamma=0.99, lr=1e-4, device="cpu"):
        self.n_actions = env.n_actions
        self.gamma = gamma
        self.device = torch.device(device)
        if dueling:
            make = lambda: DuelingDQN(env.observation_shape, env.n_actions)
        else:
            make = lambda: DQN(in_channels=env.observation_shape[0], n_actions=env.n_actions)
        self.policy_net = make().to(self.device)
        self.target_net = make().to(self.device)
        self.target_net.load_state_dict(self.policy_net.state_dict())
        self.target_net.eval()
        self.buffer = ReplayBuffer(10000)
        self.optimizer = torch.optim.Adam(self.policy_net.parameters(), lr=lr)

    def act(self, state, epsilon):
        if random.random() < epsilon:
            return random.randrange(self.n_actions)
        with torch.no_grad():
            state = torch.from_numpy(state).unsqueeze(0).to(self.device)
            return self.policy_net(state).max(1)[1].item()

    def learn(self, batch_size):
        states, actions, rewards, next_states, dones = self.buffer.sample(batch_size)
        states = torch.from_numpy(states).to(self.device)
        next_states = torch.from_numpy(next_states).to(self.device)
        actions = torch.from_numpy(actions).unsqueeze(1)
        q = self.policy_net(states).gather(1, actions).squeeze(1)
        with torch.no_grad():
            q_next = self.target_net(next_states).max(1)[0]
        target = torch.tensor(rewards).float() + self.gamma * q_next * (
            1 - torch.tensor(dones).float()
        )
        loss = F.smooth_l1_loss(q, target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()
