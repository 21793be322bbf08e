"""What a hook at links costs the packet simulator: none, one that marks no link, one at all links.

Runs a scenario without a hook, with a hook at no link, and with hooks at all links to switches
whose steps let every packet pass, or hold it for 0 ns. The four take turns, so that a machine that
slows down slows all; the fastest run of each counts. CPU seconds of the loop, without those of
laying out the arrays.

    python examples/benchmarks/link_hook.py             # two minutes
    python examples/benchmarks/link_hook.py --rounds 15 --json out.json

Reached on one busy core (fastest of 9, 14.7 million packet-hops, 1.0 s): a hook at no link takes
1 % more than none, one that lets all packets pass 7 %, one that takes and gives them back 13 %.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import m4graph as m4
from m4graph.core.provenance import provenance
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.driver import PacketRun
from m4graph.simulators.packet.link_hook import PASS, LinkHook, comes_out, link_step


@link_step
def passes(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """Lets every packet pass."""
    return PASS


@link_step
def holds(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """Takes every packet and gives it back at once."""
    return comes_out(0, False)


def make_scenario(num_flows: int) -> m4.Scenario:
    """Web search on 64 hosts at a load of 0.5."""
    network = m4.topology.leaf_spine(
        num_leaves=8, hosts_per_leaf=8, num_spines=4, host_gbps=10, fabric_gbps=10, delay_ns=1000
    )
    workload = m4.workload.generate(
        network, sizes="web_search", load=0.5, num_flows=num_flows, seed=1
    )
    return m4.Scenario(network, workload, "dctcp")


def cpu_s(scenario: m4.Scenario, hook: LinkHook | None) -> tuple[float, PacketRun]:
    """CPU seconds of one run of the loop, and the run."""
    run = PacketRun(scenario, build_state(scenario), () if hook is None else (hook,))
    started = time.process_time()
    run.run_to_end()
    return time.process_time() - started, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flows", type=int, default=1000, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    scenario = make_scenario(arguments.flows)
    arrays = scenario.arrays
    to_switch = arrays.link_dst >= arrays.num_hosts
    links = list(zip(arrays.link_src[to_switch], arrays.link_dst[to_switch], strict=True))
    hooks = {
        "no hook": None,
        "a hook at no link": LinkHook(passes, []),
        "at all links, passes": LinkHook(passes, links),
        "at all links, holds": LinkHook(holds, links),
    }
    for hook in hooks.values():
        cpu_s(scenario, hook)  # compiles
    seconds: dict[str, list[float]] = {name: [] for name in hooks}
    hops: dict[str, int] = {}
    for _ in range(arguments.rounds):
        for name, hook in hooks.items():
            spent_s, run = cpu_s(scenario, hook)
            seconds[name].append(spent_s)
            hops[name] = int(run.state.control["packet_hops"][0])
    rows = []
    print(f"{'':<24}{'CPU s':>8}{'Mhops/s':>9}{'ratio':>8}{'median of pairs':>17}")
    plain = np.array(seconds["no hook"])
    for name, spent in seconds.items():
        ratio, pairs = min(spent) / plain.min(), float(np.median(np.array(spent) / plain))
        rows.append({"hook": name, "cpu_s": min(spent), "ratio": ratio, "median_of_pairs": pairs})
        speed = hops[name] / min(spent) / 1e6
        print(f"{name:<24}{min(spent):>8.3f}{speed:>9.2f}{ratio:>8.3f}{pairs:>17.3f}")
    if arguments.json:
        arguments.json.write_text(json.dumps({**provenance(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
