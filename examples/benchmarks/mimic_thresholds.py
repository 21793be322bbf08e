"""What ECN's threshold K does to what hosts see: mimics beside the network in full.

The setting of configs/mimic/dctcp_window.yaml with several K. For each it is run in full, and with
a mimic that was fitted on two pods with that K; and with the one of the setting's own K, which
``m4graph simulate`` refuses at another one: what it would cost not to fit anew. All numbers are
means over seeds; the distance W1 is that of round-trip times to the run in full of the same seed.

With the defaults (8 pods, 20 s, K = 15, 30 and 60 kB, three seeds) eight minutes on one core, after
compiling. It prints a table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from rich.console import Console

import m4graph as m4
from m4graph.core.units import NS_PER_MS, NS_PER_S
from m4graph.evaluation.suites.pods.run import RECORDING, measure
from m4graph.evaluation.suites.pods.suite import DCTCP_WINDOW, FIT_SEED, SEEDS
from m4graph.evaluation.tables import rich_table
from m4graph.metrics import wasserstein
from m4graph.mimic import Mimic, fit
from m4graph.mimic.samples import HostSamples
from m4graph.simulators import TRUTH, Runner

OWN_KB = 30
"""K of the setting."""


def main() -> None:
    parser = argparse.ArgumentParser(description="ECN's threshold, in full and with mimics.")
    parser.add_argument("--thresholds", type=int, nargs="+", default=[15, 30, 60], help="K, kB")
    parser.add_argument("--pods", type=int, default=8, help="of the network")
    parser.add_argument("--seconds", type=float, default=20.0, help="simulated (default: 20)")
    parser.add_argument("--seeds", type=int, default=3, help="number of runs (default: 3)")
    options = parser.parse_args()

    own = fitted(OWN_KB, options)
    rows = [row for kb in options.thresholds for row in rows_of(kb, own, options)]
    Console().print(rich_table(pd.DataFrame(rows)))


def rows_of(kb: int, own: Mimic, options: argparse.Namespace) -> Iterator[dict[str, str]]:
    """A row of the table for each simulator, with one K."""
    mimic = own if kb == OWN_KB else fitted(kb, options)
    runners = [
        Runner(TRUTH, TRUTH, {"recording": RECORDING}),
        Runner(f"mimic of K = {kb} kB", "mimic", {"model": mimic}),
    ]
    if kb != OWN_KB:
        moved = replace(own, conditions=mimic.conditions)
        runners.append(Runner(f"mimic of K = {OWN_KB} kB", "mimic", {"model": moved}))
    scenarios = [
        m4.load_scenario(DCTCP_WINDOW, [*setting(kb, options), ("seed", str(seed))])
        for seed in SEEDS[: options.seeds]
    ]
    margin_ns = round(options.seconds * NS_PER_S / 20)
    seen = [[measure(each, made, margin_ns)[0] for made in scenarios] for each in runners]
    for runner, samples in zip(runners, seen, strict=True):
        yield {"scenario": f"K = {kb} kB", "simulator": runner.label, **cells(samples, seen[0])}


def cells(samples: list[HostSamples], truths: list[HostSamples]) -> dict[str, str]:
    """What hosts see, and how far its round-trip times are from the truth's."""

    def percentile(name: str, percent: float) -> str:
        found = [np.percentile(getattr(each, name), percent) / NS_PER_MS for each in samples]
        return f"{np.mean(found):.1f}"

    distances = [
        wasserstein(each.rtt_ns, truth.rtt_ns) / NS_PER_MS
        for each, truth in zip(samples, truths, strict=True)
    ]
    return {
        "RTT p50, ms": percentile("rtt_ns", 50),
        "RTT p99, ms": percentile("rtt_ns", 99),
        "RTT W1, ms": f"{np.mean(distances):.2f}",
        "FCT p50, ms": percentile("fct_ns", 50),
        "FCT p99, ms": percentile("fct_ns", 99),
        "marked ACKs": f"{100 * np.mean([each.marked.mean() for each in samples]):.1f} %",
    }


def fitted(kb: int, options: argparse.Namespace) -> Mimic:
    """The mimic that ``m4graph mimic fit`` gives with one K."""
    return fit(DCTCP_WINDOW, "lindley", FIT_SEED, setting(kb, options))


def setting(kb: int, options: argparse.Namespace) -> list[tuple[str, str]]:
    """What is set in the file."""
    end_us = f"{options.seconds * 1e6:.0f}"
    bounds = [(f"network.ecn.{name}_bytes", str(1000 * kb)) for name in ("kmin", "kmax")]
    ends = [("workload.until_us", end_us), ("stop_us", end_us)]
    return [("topology.pods", str(options.pods)), *ends, *bounds]


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
