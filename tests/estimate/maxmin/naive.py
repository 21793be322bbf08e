"""Slow, obvious versions of what the fluid simulator computes; in exact fractions or by an LP."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy.optimize import linprog


def csr(routes):
    """Routes as (pointer, links) arrays."""
    pointer = np.cumsum([0] + [len(route) for route in routes], dtype=np.int64)
    return pointer, np.array([link for route in routes for link in route], np.int32)


def naive_rates(routes, capacities):
    """Max-min rates by textbook progressive filling: ``routes`` maps flow to links."""
    room = [Fraction(capacity) for capacity in capacities]
    rising, rates = dict(routes), {}
    while rising:
        users = [sum(link in route for route in rising.values()) for link in range(len(room))]
        level, tight = min(
            (room[link] / users[link], link) for link in range(len(room)) if users[link]
        )
        for flow in [flow for flow, route in rising.items() if tight in route]:
            rates[flow] = level
            for link in rising.pop(flow):
                room[link] -= level
    return rates


def naive_drain_times(starts, volumes, routes, capacities):
    """When each flow has drained; all rates from scratch at every event."""
    now, left, drained = Fraction(0), {}, {}
    waiting = sorted(range(len(starts)), key=lambda flow: (starts[flow], flow))
    while waiting or left:
        rates = naive_rates({flow: routes[flow] for flow in left}, capacities)
        ends = {flow: now + left[flow] / rates[flow] for flow in left}
        following = min([*ends.values(), *(Fraction(starts[flow]) for flow in waiting[:1])])
        left = {flow: left[flow] - rates[flow] * (following - now) for flow in left}
        now = following
        for flow in [flow for flow, end in ends.items() if end == now]:
            drained[flow] = now
            del left[flow]
        while waiting and starts[waiting[0]] == now:
            flow = waiting.pop(0)
            left[flow] = Fraction(volumes[flow])
    return [drained[flow] for flow in range(len(starts))]


def lexicographic_rates(routes, capacities):
    """Max-min rates from the definition: raise the smallest rate as far as it goes, then the
    second smallest, and so on, each time by linear programs."""
    num_flows = len(routes)
    usage = np.array([[link in route for route in routes] for link in range(len(capacities))])
    fixed = {}
    while len(fixed) < num_flows:
        free = [flow for flow in range(num_flows) if flow not in fixed]
        least = -_maximise(free, None, fixed, usage, capacities).fun
        stuck = [
            flow
            for flow in free
            if -_maximise(free, (flow, least), fixed, usage, capacities).fun < least * (1 + 1e-6)
        ]
        fixed.update(dict.fromkeys(stuck, least))
    return np.array([fixed[flow] for flow in range(num_flows)])


def _maximise(free, raised, fixed, usage, capacities):
    """Maximises the smallest free rate; or one free rate, with the others at ``least`` or more."""
    num_flows = usage.shape[1]
    upper = np.hstack([usage, np.zeros((len(capacities), 1))]).astype(float)
    limits = list(capacities)
    objective = np.zeros(num_flows + 1)
    least = 0.0
    if raised is None:
        objective[-1] = -1
        for flow in free:
            row = np.zeros(num_flows + 1)
            row[flow], row[-1] = -1, 1
            upper, limits = np.vstack([upper, row]), [*limits, 0.0]
    else:
        objective[raised[0]] = -1
        least = raised[1] * (1 - 1e-9)
    bounds = [
        (fixed[flow] * (1 - 1e-9), fixed[flow]) if flow in fixed else (least, None)
        for flow in range(num_flows)
    ]
    solution = linprog(objective, upper, limits, bounds=[*bounds, (0, None)])
    assert solution.status == 0, solution.message
    return solution
