import argparse

import numpy as np

from agent import Agent


class CatchEnv:
    """A ball falls; drawn as four grey frames of 84 x 84."""

    observation_shape = (4, 84, 84)
    n_actions = 3

    def reset(self):
        self.t, self.ball, self.paddle = 0, np.random.randint(84), 42
        return self._draw()

    def step(self, action):
        self.t += 1
        self.paddle = int(np.clip(self.paddle + 4 * (action - 1), 0, 83))
        done = self.t >= 20
        reward = float(abs(self.paddle - self.ball) < 8) if done else 0.0
        return self._draw(), reward, done

    def _draw(self):
        frames = np.zeros(self.observation_shape, dtype=np.uint8)
        frames[:, min(4 * self.t, 83), self.ball] = 255
        frames[:, 83, self.paddle] = 255
        return frames


def main(args):
    env = CatchEnv()
    for dueling in (False, True):
        agent = Agent(env, dueling=dueling, lr=args.lr)
        state = env.reset()
        for step in range(args.steps):
            action = agent.act(state, epsilon=0.5)
            next_state, reward, done = env.step(action)
            agent.buffer.push(state, action, reward, next_state, done)
            state = env.reset() if done else next_state
            if len(agent.buffer) >= args.batch_size and step % 10 == 0:
                print(step, agent.learn(args.batch_size))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--steps", type=int, default=1000)
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--lr", type=float, default=1e-4)
    main(p.parse_args())
