"""What an event costs in the learned simulator: tracker, model and agenda, and torch beside it.

The first cases grow a non-blocking fabric from 64 to 6144 hosts at the same load per link: an
event should cost the same, as it concerns no more flows. The last ones are busier. The compiled
engine runs each case to its end; then its events are replayed through the tracker alone, through
tracker and model, and through the agenda alone. Torch runs some thousand events.

    python examples/benchmarks/learned_speed.py            # three minutes of CPU
    python examples/benchmarks/learned_speed.py --json out.json

Reached on one core of a busy 2-core AMD EPYC (Zen 5), CPU time, model m4graph, in shorter runs of
4000 to 30 000 flows: 30 us an event on 64 hosts, 37 on 6144 where it touches as many flows, 3.8
(tracker 7 and 11, model 22 and 29, agenda 0.1), where torch takes 410 to 430. Where an event
touches 8 flows and reads 36 links: 49 us; 9 and 43: 62 us.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

import m4graph as m4
from m4graph.core.provenance import provenance
from m4graph.graph.advance import advance
from m4graph.graph.step import no_events
from m4graph.graph.tracker_state import NUM_FLOWS, NUM_LINKS
from m4graph.learned.agenda import Agenda, make_agenda, predict
from m4graph.learned.capacity import Capacity, make_capacity, next_possible_events
from m4graph.learned.compiled import CompiledEngine, Weights, export_weights
from m4graph.learned.compiled.forward import forward
from m4graph.learned.compiled.loop import give_row, take_row
from m4graph.learned.compiled.state import EngineState, make_state, with_capacity
from m4graph.learned.torch_engine import TorchEngine
from m4graph.nn import FlowLinkModel
from m4graph.runs import FlowNetwork
from m4graph.runs.events import ARRIVAL, EVENT_RECORD

SEED = 1
FABRICS = {
    64: {"pods": 2, "racks": 2, "hosts": 16, "planes": 4, "spines": 2},
    384: {"pods": 3, "racks": 8, "hosts": 16, "planes": 4, "spines": 8},
    1024: {"pods": 4, "racks": 16, "hosts": 16, "planes": 4, "spines": 16},
    6144: {"pods": 8, "racks": 48, "hosts": 16, "planes": 4, "spines": 48},
}
CASES = (  # hosts, sizes, load, flows
    (64, "web_server", 0.5, 10_000),
    (384, "web_server", 0.5, 10_000),
    (1024, "web_server", 0.5, 20_000),
    (6144, "web_server", 0.5, 60_000),
    (1024, "cache_follower", 0.5, 20_000),
    (1024, "cache_follower", 0.8, 20_000),
)
MOST_ACTIVE, MOST_TOUCHED = 5000, 60  # at once; by an event, on average
TORCH_EVENTS = 1500
REPEATS = 3


@njit(nogil=True)
def record(state, events, touched_ptr, touched, log_slowdown):
    """Runs as the engine does, and notes the events and what the model says of whom.

    Returns the number of events that it had room to note, and of links read.
    """
    end, num_links = 0, 0
    for i in range(len(events)):
        next_possible_events(state.agenda, state.capacity, state.events)
        events[i] = state.events[0]
        step(state, state.events)
        forward(state.weights, state.tracker, state.memory, state.scratch)
        num_flows = state.tracker.counts[NUM_FLOWS]
        num_links += state.tracker.counts[NUM_LINKS]
        start, end = end, end + num_flows
        if end > len(touched):
            return i, num_links
        touched_ptr[i + 1] = end
        touched[start:end] = state.tracker.flow_ids[:num_flows]
        log_slowdown[start:end] = state.scratch.log_slowdown[:num_flows]
        state.scratch.now_ns[:num_flows] = events[i].time_ns
        predict(state.agenda, touched[start:end], log_slowdown[start:end], state.scratch.now_ns)
    return len(events), num_links


@njit(nogil=True)
def step(state, event):
    if event[0].kind == ARRIVAL:
        take_row(state.memory, state.control[0], event[0].flow)
    else:
        give_row(state.memory, state.control[0], event[0].flow)
    advance(state.tracker, event)


@njit(nogil=True)
def replay_steps(state, events, with_model):
    """Follows events without the agenda."""
    for i in range(len(events)):
        step(state, events[i : i + 1])
        if with_model:
            forward(state.weights, state.tracker, state.memory, state.scratch)


@njit(nogil=True)
def replay_agenda(agenda, capacity, event, now_ns, touched_ptr, touched, log_slowdown):
    """Takes all events, and predictions that were made before."""
    for i in range(len(touched_ptr) - 1):
        next_possible_events(agenda, capacity, event)
        said = slice(touched_ptr[i], touched_ptr[i + 1])
        now_ns[: said.stop - said.start] = event[0].time_ns
        predict(agenda, touched[said], log_slowdown[said], now_ns)


def network_of(hosts: int, sizes: str, load: float, num_flows: int) -> FlowNetwork:
    topology = m4.topology.clos(**FABRICS[hosts], host_gbps=10, fabric_gbps=40)
    workload = m4.workload.generate(topology, sizes, load=load, num_flows=num_flows, seed=SEED)
    return FlowNetwork.from_scenario(m4.Scenario(topology, workload, "dctcp"))


def best_us(num_events: int, prepare: Callable[[], Any], work: Callable[[Any], object]) -> float:
    """Least CPU time of an event, of some repeats of the same work."""
    seconds = []
    for _ in range(REPEATS):
        prepared = prepare()
        started = time.thread_time()
        work(prepared)
        seconds.append(time.thread_time() - started)
    return min(seconds) / num_events * 1e6


def run_to_the_end(engine: CompiledEngine) -> None:
    while engine.run(20_000):
        pass


def measure(model: FlowLinkModel, weights: Weights, network: FlowNetwork) -> dict[str, float]:
    """The costs of an event in us, and what it concerns."""
    num_events = 2 * network.num_flows

    def fresh() -> EngineState:
        return with_capacity(make_state(weights, network), MOST_ACTIVE, network.longest_route)

    events = np.zeros(num_events, EVENT_RECORD)
    room = MOST_TOUCHED * num_events
    notes = np.zeros(num_events + 1, np.int64), np.zeros(room, np.int64), np.zeros(room, np.float32)
    state = fresh()
    num_noted, num_links = record(state, events, *notes)
    assert num_noted == num_events
    active = np.cumsum(np.where(events["kind"] == ARRIVAL, 1, -1))
    assert active.max() < MOST_ACTIVE
    event, now_ns = no_events(1), state.scratch.now_ns

    def fresh_agenda() -> tuple[Agenda, Capacity]:
        return make_agenda([network]), make_capacity([network])

    agenda, capacity = fresh_agenda()
    for with_model in (False, True):
        replay_steps(fresh(), events[:4], with_model)  # compiles
    replay_agenda(agenda, capacity, event, now_ns, *notes)
    assert (agenda.finish_ns == state.agenda.finish_ns).all()
    tracker_us = best_us(num_events, fresh, lambda state: replay_steps(state, events, False))
    both_us = best_us(num_events, fresh, lambda state: replay_steps(state, events, True))
    return {
        "active": float(active.mean()),
        "touched": int(notes[0][-1]) / num_events,
        "read": num_links / num_events,
        "us_per_event": best_us(
            num_events, lambda: CompiledEngine(weights, network), run_to_the_end
        ),
        "tracker_us": tracker_us,
        "model_us": both_us - tracker_us,
        "agenda_us": best_us(
            num_events,
            fresh_agenda,
            lambda state: replay_agenda(*state, event, now_ns, *notes),
        ),
        "torch_us": torch_us(model, network),
    }


def torch_us(model: FlowLinkModel, network: FlowNetwork) -> float:
    engine = TorchEngine(model, [network])
    engine.run(TORCH_EVENTS)
    started = time.thread_time()
    engine.run(TORCH_EVENTS)
    return (time.thread_time() - started) / TORCH_EVENTS * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="name or path of a model; the zoo's default if not given")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    model = m4.load_model(arguments.model or m4.zoo.default_model_name())
    weights = export_weights(model)
    rows = []
    print(
        f"{'hosts':>6}  {'sizes':<15}{'load':>5}{'active':>8}{'touched':>9}{'read':>6}"
        f"{'us/event':>10}{'tracker':>9}{'model':>7}{'agenda':>8}{'torch':>7}{'ratio':>7}"
    )
    for hosts, sizes, load, num_flows in CASES:
        row = measure(model, weights, network_of(hosts, sizes, load, num_flows))
        rows.append({"hosts": hosts, "sizes": sizes, "load": load, "flows": num_flows, **row})
        print(
            f"{hosts:>6}  {sizes:<15}{load:>5}{row['active']:>8.0f}{row['touched']:>9.1f}"
            f"{row['read']:>6.1f}{row['us_per_event']:>10.1f}{row['tracker_us']:>9.1f}"
            f"{row['model_us']:>7.1f}{row['agenda_us']:>8.1f}{row['torch_us']:>7.0f}"
            f"{row['torch_us'] / row['us_per_event']:>6.0f}x"
        )
    growth = rows[3]["us_per_event"] / rows[0]["us_per_event"]
    print(f"6144 hosts against 64, at the same load per link: {growth:.2f} times the cost")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({**provenance(), "seed": SEED, "rows": rows}, indent=2)
        )


if __name__ == "__main__":
    main()
