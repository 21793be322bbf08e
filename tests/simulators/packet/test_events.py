"""The event queue against a list that is sorted: by time, then by serial."""

from __future__ import annotations

import heapq
from itertools import count

import numpy as np
import pytest
from numba import njit

import m4graph as m4
from m4graph.simulators.packet.build import build_idle_state, grow_pools
from m4graph.simulators.packet.events import (
    pop,
    push,
    push_front,
    push_with_serial,
    release,
    take_serial,
)
from m4graph.simulators.packet.layout import CALL

OPENING = 60
PUSH, PUSH_LATE, PUSH_FRONT = range(3)


@njit
def play(s, delays, how, order):
    """Queues and takes events; each is a number, and on its turn queues the next one.

    One that is late is queued after the one behind it.
    """
    for number in range(OPENING):
        push(s, delays[number], CALL, number, 0)
    queued = OPENING
    for place in range(len(delays)):
        index = pop(s)
        order[place] = s.events[index].a
        release(s, index)
        now = s.control[0].now
        if queued == len(delays):
            continue
        if how[queued] == PUSH_FRONT:
            push_front(s, CALL, queued, 0)
        elif how[queued] == PUSH or queued + 1 == len(delays):
            push(s, now + delays[queued], CALL, queued, 0)
        else:
            serial = take_serial(s)
            push(s, now + delays[queued + 1], CALL, queued + 1, 0)
            push_with_serial(s, now + delays[queued], CALL, queued, 0, serial)
            queued += 1
        queued += 1


def expected(delays, how):
    serials = count(1)
    heap = [(delay, next(serials), number) for number, delay in enumerate(delays[:OPENING])]
    heapq.heapify(heap)
    order, queued = [], OPENING
    while len(order) < len(delays):
        now, serial, number = heapq.heappop(heap)
        order.append(number)
        if queued == len(delays):
            continue
        if how[queued] == PUSH_FRONT:
            heapq.heappush(heap, (now, serial, queued))
        else:
            heapq.heappush(heap, (now + delays[queued], next(serials), queued))
            if how[queued] == PUSH_LATE and queued + 1 < len(delays):
                queued += 1
                heapq.heappush(heap, (now + delays[queued], next(serials), queued))
        queued += 1
    return order


@pytest.mark.parametrize("tick", ["ns", "ps"])
@pytest.mark.parametrize("seed", range(20))
def test_events_come_in_the_order_of_time_and_of_queueing(tick, seed):
    """Few different delays: many events share a tick, others the slot; some lie far ahead."""
    network = m4.topology.star(num_hosts=2, gbps=10, delay_ns=1000)
    config = m4.scenario.NetworkConfig(tick=tick)
    scenario = m4.Scenario(network, m4.workload.Workload.empty(), "dcqcn", config=config)
    state = grow_pools(build_idle_state(scenario))
    generator = np.random.default_rng(seed)
    choices = np.array([1, 133, 133, 500, 500, 600, 999, 1000, 1600, 25_133, 50_000_000])
    delays = generator.choice(choices[generator.permutation(len(choices))[:5]], 3000)
    how = generator.choice(3, 3000, p=[0.8, 0.1, 0.1])
    order = np.zeros(3000, np.int64)
    play(state, delays, how, order)
    assert order.tolist() == expected(delays.tolist(), how.tolist())
