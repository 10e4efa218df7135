import argparse

import numpy as np
import torch

import core
from envs import PointMass


def rollout(env, ac, steps, gamma):
    obs, acts, rews, logps, vals = [], [], [], [], []
    o = env.reset()
    for _ in range(steps):
        a, v, logp = ac.step(torch.as_tensor(o, dtype=torch.float32))
        obs.append(o)
        acts.append(a)
        logps.append(logp)
        vals.append(v)
        o, r, _ = env.step(a)
        rews.append(r)
    ret = np.zeros(steps, dtype=np.float32)
    running = 0.0
    for i in reversed(range(steps)):
        running = ret[i] = rews[i] + gamma * running
    to = lambda x: torch.as_tensor(np.array(x), dtype=torch.float32)
    return to(obs), to(acts), to(ret), to(ret) - to(vals), to(logps)


def ppo(
    env_fn,
    actor_critic=core.ActorCritic,
    ac_kwargs=dict(),
    steps=64,
    epochs=50,
    gamma=0.99,
    clip_ratio=0.2,
    lr=3e-4,
    iters=4,
):
    env = env_fn()
    ac = actor_critic(env.observation_space, env.action_space, **ac_kwargs)
    optimizer = torch.optim.Adam(ac.parameters(), lr=lr)
    for epoch in range(epochs):
        obs, act, ret, adv, logp_old = rollout(env, ac, steps, gamma)
        adv = (adv - adv.mean()) / (adv.std() + 1e-8)
        for _ in range(iters):
            logp, value = ac(obs, act)
            ratio = torch.exp(logp - logp_old)
            clip_adv = torch.clamp(ratio, 1 - clip_ratio, 1 + clip_ratio) * adv
            loss = -torch.min(ratio * adv, clip_adv).mean() + 0.5 * ((value - ret) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, ret[0].item())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hid", type=int, default=64)
    parser.add_argument("--l", type=int, default=2)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--epochs", type=int, default=50)
    args = parser.parse_args()
    ppo(
        PointMass,
        ac_kwargs=dict(hidden_sizes=[args.hid] * args.l),
        gamma=args.gamma,
        epochs=args.epochs,
    )
