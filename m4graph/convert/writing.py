"""A scenario, written as a folder of text files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from m4graph.convert.config import config_lines, not_in_config
from m4graph.convert.flows import write_flows
from m4graph.convert.formats import FLOWS, TOPOLOGY, TRACE, TextFormat, text_format
from m4graph.convert.keys import OF_ALGORITHM
from m4graph.convert.paths import are_equal, are_kept, write_paths
from m4graph.convert.text import write_lines
from m4graph.convert.times import write_times
from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, one_of
from m4graph.routing import ecmp_routes
from m4graph.scenario import Scenario
from m4graph.topology import to_hpcc
from m4graph.workload import ClosedLoopWorkload, Workload


@plain_call
def to_text(scenario: Scenario, folder: Path, format_name: str) -> list[str]:
    """Writes the text files that ns-3's RDMA model, or m4, reads.

    Recorded times are written, too, if the scenario has them.

    Args:
        scenario (Scenario): The scenario.
        folder (Path): A folder that exists.
        format_name (str): ``"hpcc"`` or ``"m4"``.

    Returns:
        list[str]: A line for each thing that the format does not keep.

    Raises:
        InputError: If the text would stand for another simulation (closed loops, faults, queues
            and algorithms that ns-3's RDMA model does not have), or a value does not fit the
            notation of ``config.txt``; names the key.
    """
    style = text_format(format_name)
    _refuse_foreign(scenario, format_name)
    workload, arrays = scenario.workload, scenario.arrays
    assert isinstance(workload, Workload)
    lines = config_lines(scenario, style)
    to_hpcc(scenario.arrays, folder / TOPOLOGY)
    write_flows(folder / FLOWS, style, workload)
    write_lines(folder / style.config, lines)
    write_lines(folder / TRACE, ["0"])
    hashed = ecmp_routes(arrays, workload.src, workload.dst)
    if style.paths is not None:
        write_paths(folder / style.paths, arrays, workload, scenario.routes)
    if scenario.expected is not None:
        write_times(folder / style.times, style, workload, hashed.source_port, scenario.expected)
    kept = (are_kept if style.paths is not None else are_equal)(scenario.routes, hashed)
    notes = not_in_config(scenario, style)
    if not kept:
        notes.append(
            "routing: the routes of ACKs and the source ports are not kept"
            if style.paths is not None
            else "routing: routes are not kept, ns-3 finds its own"
        )
    return notes + _other_losses(scenario, style)


def _refuse_foreign(scenario: Scenario, format_name: str) -> None:
    """Refuses what the text has no words for, and what it says would not be this scenario."""
    kind, queue = scenario.congestion_control.kind, scenario.config.queue.kind
    problems = {
        "workload: expected an open loop, as {} has no other (got a closed loop)": isinstance(
            scenario.workload, ClosedLoopWorkload
        ),
        "faults: expected none, as {} has none": bool(scenario.faults),
        f"network.queue.kind: expected shared, as {{}} has no other (got {queue})": (
            queue != "shared"
        ),
        f"congestion_control.kind: expected {one_of(OF_ALGORITHM)}, as {{}} has no other "
        f"(got {kind})": kind not in OF_ALGORITHM,
    }
    for problem, is_there in problems.items():
        if is_there:
            raise ConfigError(problem.format(format_name))


def _other_losses(scenario: Scenario, style: TextFormat) -> list[str]:
    notes = []
    flow_id, expected = scenario.workload.id, scenario.expected
    if not style.with_ids and not np.array_equal(flow_id, np.arange(len(flow_id))):
        notes.append("flow ids are not kept: flows are counted from 0, in the order of their start")
    if expected is not None:
        unfinished = expected.fct_ns < 0
        if (expected.ideal_fct_ns != scenario.ideal_fct_ns)[unfinished].any():
            notes.append("recorded ideal times of flows that did not finish are not kept")
    return notes
