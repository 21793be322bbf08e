"""An agent learns to route: policy gradient on a session, in numpy, in a minute on one core.

Sixteen hosts below four leaves, four spines, one of which has slow cables: ECMP does not know, and
sends a quarter of the flows there. Whenever a flow arrives, the agent sees for each of its four
paths what a fair share of it would be and how much is under way there, and picks one. Its policy is
a softmax over a linear score of these two numbers, from REINFORCE with discounted returns. It
learns on the fluid simulator, and is tried on that and on the packet simulator, on flows that it
has not seen, beside ECMP, a path at random, and the largest fair share.

Needs the extra rl. Prints mean slowdowns; with --out, plots how they fell.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import m4graph as m4
from m4graph.rl import FlowEnv

NUM_PATHS = 4
DISCOUNT = 0.8
STEP = 0.3
Policy = Callable[[NDArray[np.float32], dict[str, Any]], int]


def slow_spine() -> nx.Graph:
    """A leaf-spine of 10 Gb/s in which the cables of one spine have a quarter of that."""
    network = m4.topology.leaf_spine(
        num_leaves=4, hosts_per_leaf=4, num_spines=NUM_PATHS, host_gbps=10, fabric_gbps=10
    )
    spine = max(network)
    for leaf in network.neighbors(spine):
        network.edges[leaf, spine]["rate_bps"] = 2_500_000_000
    return network


def features(seen: NDArray[np.float32], info: dict[str, Any]) -> NDArray[np.float64]:
    """Of each path of a flow: its fair share, and how little is under way there."""
    return seen[1:].reshape(2, NUM_PATHS).T[: info["num_paths"]].astype(np.float64)


class Agent:
    """A softmax over linear scores of paths."""

    def __init__(self, seed: int) -> None:
        self.weights = np.zeros(2)
        self.random = np.random.default_rng(seed)
        self.gradients: list[NDArray[np.float64]] = []

    def act(self, seen: NDArray[np.float32], info: dict[str, Any]) -> int:
        """Draws a path, and remembers how to make it more likely."""
        paths = features(seen, info)
        scores = paths @ self.weights
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        path = int(self.random.choice(len(chances), p=chances))
        self.gradients.append(paths[path] - chances @ paths)
        return path

    def best(self, seen: NDArray[np.float32], info: dict[str, Any]) -> int:
        """The likeliest path."""
        return int(np.argmax(features(seen, info) @ self.weights))

    def learn(self, rewards: list[float]) -> None:
        """A step of REINFORCE after an episode."""
        returns = np.zeros(len(rewards))
        later = 0.0
        for step in range(len(rewards) - 1, -1, -1):
            returns[step] = later = rewards[step] + DISCOUNT * later
        advantage = (returns - returns.mean()) / (returns.std() + 1e-9)
        gradient = (advantage[:, None] * np.array(self.gradients)).sum(axis=0)
        self.weights += STEP * gradient / np.linalg.norm(gradient + 1e-12)
        self.gradients.clear()


def play(env: FlowEnv, policy: Policy, seed: int) -> list[float]:
    """Plays an episode; gives its rewards, which sum up to minus the mean slowdown."""
    seen, info = env.reset(seed=seed)
    rewards, ended = [], False
    while not ended:
        seen, reward, ended, _, info = env.step(policy(seen, info))
        rewards.append(reward)
    return rewards


def mean_slowdown(env: FlowEnv, policy: Policy, seeds: range) -> float:
    """Over episodes."""
    return -float(np.mean([sum(play(env, policy, seed)) for seed in seeds]))


def plot(slowdowns: list[float], others: dict[str, float], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    axes.plot(slowdowns, color="#0072B2", label="agent, each episode")
    for (name, value), dashes in zip(others.items(), ("--", ":", "-."), strict=True):
        axes.axhline(value, color="#555555", linestyle=dashes, label=name)
    axes.set(xlabel="episode", ylabel="mean slowdown (fluid)")
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description="An agent learns to route.")
    parser.add_argument("--episodes", type=int, default=60, help="episodes to learn from")
    parser.add_argument("--flows", type=int, default=200, help="flows of an episode")
    parser.add_argument("--tests", type=int, default=10, help="episodes to try it on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file for a plot, as learning.png")
    options = parser.parse_args()

    network = slow_spine()

    def draw(seed: int) -> m4.Workload:
        return m4.workload.generate(
            network, "web_search", load=0.6, num_flows=options.flows, seed=seed
        )

    scenario = m4.Scenario(network, draw(0), "dctcp")
    agent = Agent(options.seed)
    env = FlowEnv(scenario, "fluid", NUM_PATHS, draw=draw)
    began, slowdowns = time.process_time(), []
    for episode in range(options.episodes):
        rewards = play(env, agent.act, 1000 + episode)
        slowdowns.append(-sum(rewards))
        agent.learn(rewards)
    seconds = time.process_time() - began
    share, idle = agent.weights
    print(f"learned in {seconds:.0f} CPU-s: {share:.2f} * fair share + {idle:.2f} * idle")

    random = np.random.default_rng(options.seed)
    policies: dict[str, Policy] = {
        "ECMP": lambda seen, info: info["ecmp_path"],
        "random": lambda seen, info: int(random.integers(info["num_paths"])),
        "largest fair share": lambda seen, info: int(np.argmax(features(seen, info)[:, 0])),
        "agent": agent.best,
    }
    table = Table("mean slowdown", "fluid", "packet")
    tests, fluid = range(options.tests), {}
    packet_env = FlowEnv(scenario, "packet", NUM_PATHS, draw=draw)
    for name, policy in policies.items():
        fluid[name] = mean_slowdown(env, policy, tests)
        table.add_row(name, f"{fluid[name]:.2f}", f"{mean_slowdown(packet_env, policy, tests):.2f}")
    Console().print(table)
    if options.out is not None:
        del fluid["agent"]
        plot(slowdowns, fluid, options.out)


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
