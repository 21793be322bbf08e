"""What a step of the model costs on a CPU: eager, exported, compiled by torch, or ahead of time.

The model of the zoo follows a scenario on a leaf-spine, and its steps are kept: the arguments at
each event, in the sizes in which they come. Each way of running the model then takes all of them,
one after the other, on one thread. The engine that the learned simulator uses on a CPU, m4graph's
own in numba, is measured with its tracker in learned_speed.py.

    python examples/benchmarks/export_speed.py            # three minutes, most of it compiling

Reached on one thread of a busy 2-core AMD EPYC (Zen 5), steps of 4.1 flows and 10.6 links: eager
315 us, exported 566, by torch.compile 434, by AOTInductor 117.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import m4graph as m4
from m4graph.core.provenance import provenance
from m4graph.graph import to_event_step
from m4graph.graph.schema import FLOW, LINK
from m4graph.nn import export_arguments, export_model, stateful_snapshots

SEED = 1
REPEATS = 5

Step = Callable[..., dict[str, Any]]


def steps(model: m4.nn.FlowLinkModel, num_flows: int) -> list[tuple[Any, Tensor, Tensor]]:
    """What the model takes at each event of a run."""
    network = m4.topology.leaf_spine(num_leaves=4, hosts_per_leaf=4, num_spines=2)
    workload = m4.workload.generate(network, "web_search", load=0.5, num_flows=num_flows, seed=SEED)
    result = m4.simulate(m4.Scenario(network, workload, "dctcp"), "fluid")
    return [
        (to_event_step(each), each[FLOW].state, each[LINK].state)
        for each in stateful_snapshots(model, result)
    ]


def us_per_step(run: Callable[[Any], object], cases: list[Any]) -> float:
    """Least CPU time of a step, of some passes over all of them."""
    for case in cases:  # compiles for the sizes that come
        run(case)
    seconds = []
    for _ in range(REPEATS):
        started = time.thread_time()
        for case in cases:
            run(case)
        seconds.append(time.thread_time() - started)
    return min(seconds) / len(cases) * 1e6


def ahead_of_time(program: torch.export.ExportedProgram, folder: Path) -> Step:
    """The program compiled by AOTInductor into a package, and loaded from there."""
    package = torch._inductor.aoti_compile_and_package(
        program, package_path=str(folder / "step.pt2")
    )
    return torch._inductor.aoti_load_package(package)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flows", type=int, default=400, help="two events each")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = m4.load_model("m4graph")
    taken = steps(model, options.flows)
    arguments = [export_arguments(*each) for each in taken]
    sizes = np.mean([(len(step.flow_ids), len(step.link_ids)) for step, *_ in taken], 0)
    print(f"{len(taken)} steps, on average {sizes[0]:.1f} flows and {sizes[1]:.1f} links")

    rows = {}
    with (
        tempfile.TemporaryDirectory() as scratch,
        torch.inference_mode(),
        torch._dynamo.config.patch(recompile_limit=64),
    ):
        path = Path(scratch, "model.pt2")
        export_model(model, path)
        program = torch.export.load(path)
        exported = program.module()
        compiled = torch.compile(exported, dynamic=True)  # anew where a size is 0 or 1
        rows["eager"] = us_per_step(lambda case: model(*case), taken)
        rows["exported"] = us_per_step(lambda case: exported(**case), arguments)
        rows["exported, torch.compile"] = us_per_step(lambda case: compiled(**case), arguments)
        package = ahead_of_time(program, Path(scratch))
        for each, case in zip(taken, arguments, strict=True):
            torch.testing.assert_close(package(**case)["log_slowdown"], model(*each).log_slowdown)
        rows["exported, AOTInductor"] = us_per_step(lambda case: package(**case), arguments)
    for name, us in rows.items():
        print(f"{name:<32}{us:>7.0f} us a step")
    if options.json:
        options.json.write_text(json.dumps({**provenance(), "seed": SEED, "us": rows}, indent=2))


if __name__ == "__main__":
    main()
