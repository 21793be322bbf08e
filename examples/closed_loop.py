"""One application, three simulators: a training job and web clients share a fat-tree.

Four hosts train a model: they compute, then sum up their gradients by a ring all-reduce, step
after step. Four others ask servers for pages, each the next one when the last has come, with a
limit for each rack. What starts when depends on what the network does, so flows are added while
the simulation runs: the same Python code runs on the packet simulator (the truth), on the fluid
one and on the trained model.

Under a minute on one core. Prints when each step and all pages were done; with --out, plots it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, deque
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import m4graph as m4
from m4graph.evaluation.plots.figure import (
    ALONE_INCHES,
    panels,
    save_figure,
    simulator_colours,
)

SIMULATORS = ["packet", "fluid", "learned"]
RING = [0, 4, 8, 12]  # a host of each pod
CLIENTS, SERVERS = [1, 5, 9, 13], [0, 3, 4, 7, 8, 11, 12, 15]  # half of the servers train, too
REQUEST_BYTES, PAGES_PER_RACK = 300, 3


class Training:
    """Compute, all-reduce, compute, ...: a host sends a chunk on when it has received it."""

    def __init__(self, session: m4.Session, num_steps: int, gradient_bytes: int) -> None:
        self.session, self.num_steps = session, num_steps
        self.chunk_bytes = gradient_bytes // len(RING)
        self.place: dict[int, tuple[int, int]] = {}  # hop and sender of each flow
        self.step_ends_ns: list[int] = []

    def begin(self) -> None:
        """Begins a step: all hosts send at the same time."""
        compute_ns = 200_000
        for sender in range(len(RING)):
            self.send(0, sender, self.session.now_ns + compute_ns)

    def send(self, hop: int, sender: int, start_ns: int | None = None) -> None:
        """Sends a chunk to the next host of the ring."""
        receiver = RING[(sender + 1) % len(RING)]
        flow = self.session.add_flow(RING[sender], receiver, self.chunk_bytes, start_ns)
        self.place[flow] = hop, sender

    def completed(self, done: m4.Completion) -> bool:
        """Goes on after a flow, if it is one of the job's."""
        if done.flow_id not in self.place:
            return False
        hop, sender = self.place.pop(done.flow_id)
        if hop + 1 < 2 * (len(RING) - 1):
            self.send(hop + 1, (sender + 1) % len(RING))
        elif not self.place:  # the last host has everything
            self.step_ends_ns.append(done.finish_ns)
            if len(self.step_ends_ns) < self.num_steps:
                self.begin()
        return True


class Pages:
    """Requests, and pages as answers; a rack of servers sends a few at a time, others wait."""

    def __init__(self, session: m4.Session, num_pages: int) -> None:
        random = np.random.default_rng(0)
        self.session = session
        self.servers = random.choice(SERVERS, num_pages).tolist()
        self.sizes = (random.lognormal(11, 1.5, num_pages) + 1).astype(int).tolist()
        self.client: dict[int, int] = {}  # of each request
        self.page: dict[int, tuple[int, int]] = {}  # rack and client of each answer
        self.sending: Counter[int] = Counter()
        self.waiting: dict[int, deque[tuple[int, int, int]]] = {}
        self.end_ns = 0

    def begin(self) -> None:
        """Every client asks for its first page."""
        for client in CLIENTS:
            self.ask(client)

    def ask(self, client: int) -> None:
        """Sends a request, if pages are left."""
        if self.servers:
            request = self.session.add_flow(client, self.servers.pop(), REQUEST_BYTES)
            self.client[request] = client

    def completed(self, done: m4.Completion) -> bool:
        """Goes on after a request or a page, if the flow is one of them."""
        if done.flow_id in self.client:
            server, client = done.dst, self.client.pop(done.flow_id)
            queue = self.waiting.setdefault(server // 2, deque())
            queue.append((server, client, self.sizes.pop()))
            self.answer(server // 2)
        elif done.flow_id in self.page:
            rack, client = self.page.pop(done.flow_id)
            self.sending[rack] -= 1
            self.end_ns = done.finish_ns
            self.answer(rack)
            self.ask(client)
        else:
            return False
        return True

    def answer(self, rack: int) -> None:
        """Sends what waits in a rack, as far as the limit allows."""
        queue = self.waiting[rack]
        while queue and self.sending[rack] < PAGES_PER_RACK:
            server, client, size_bytes = queue.popleft()
            self.sending[rack] += 1
            self.page[self.session.add_flow(server, client, size_bytes)] = rack, client


def play(session: m4.Session, num_steps: int, num_pages: int) -> tuple[list[float], float]:
    """Runs both applications; gives the ends of the steps and of the last page, in ms."""
    training, pages = Training(session, num_steps, 4_000_000), Pages(session, num_pages)
    training.begin()
    pages.begin()
    for done in session.run():
        assert training.completed(done) or pages.completed(done)
    return [end_ns / 1e6 for end_ns in training.step_ends_ns], pages.end_ns / 1e6


def plot(steps: dict[str, list[float]], path: Path) -> None:
    figure, grid = panels("Training beside web clients", 1, 1, ALONE_INCHES)
    (axes,) = grid.flat
    for name, colour in simulator_colours(steps).items():
        ends = steps[name]
        axes.plot(
            range(1, len(ends) + 1), np.diff([0, *ends]), marker="o", color=colour, label=name
        )
    axes.set(xlabel="training step", ylabel="time of the step, ms")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    save_figure(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description="An application on three simulators.")
    parser.add_argument("--steps", type=int, default=8, help="training steps")
    parser.add_argument("--pages", type=int, default=300, help="pages to fetch")
    parser.add_argument("--out", type=Path, help="file for a plot, as steps.png")
    options = parser.parse_args()

    network = m4.topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000)
    table = Table("simulator", "last step (ms)", "last page (ms)", "flows", "seconds")
    steps = {}
    for name in SIMULATORS:
        session = m4.open_session(network, name, congestion_control="dctcp")
        began = time.perf_counter()
        steps[name], pages_ms = play(session, options.steps, options.pages)
        seconds = time.perf_counter() - began
        row = f"{steps[name][-1]:.3f}", f"{pages_ms:.3f}", str(session.num_flows)
        table.add_row(name, *row, f"{seconds:.2f}")
    Console().print(table)
    if options.out is not None:
        plot(steps, options.out)


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
