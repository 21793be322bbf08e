"""A network of 4, 8, 16 pods for the price of two: what mimics keep of it, and what they cost.

Runs the setting of configs/mimic/base.yaml in full for each number of pods, the packet simulator on
two pods alone, and mimics: each stands for all pods but one, and was fitted on two. Compared are
the distributions that hosts of pod 0 see: round-trip times, flow completion times, throughput.

With the defaults (6 s, two seeds) four minutes on one core, after compiling. It prints a table, and
writes errors.png, cpu.png, rtt_cdf.png and the numbers into examples/out/mimic_scale (or --out).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

import m4graph as m4
from m4graph.core.files import check_output_folder
from m4graph.core.progress import count_progress
from m4graph.core.yaml_file import read_yaml, write_yaml
from m4graph.evaluation.suites import evaluate_suite, make_runners
from m4graph.evaluation.suites.pods.suite import BASE, SEEDS, pod_suite

OUT = Path(__file__).parent / "out" / "mimic_scale"


def main() -> None:
    parser = argparse.ArgumentParser(description="Mimics beside the network in full.")
    parser.add_argument("--pods", type=int, nargs="+", default=[4, 8, 16], help="of the network")
    parser.add_argument("--seconds", type=float, default=6.0, help="simulated (default: 6)")
    parser.add_argument("--seeds", type=int, default=2, help="number of runs (default: 2)")
    parser.add_argument("--models", nargs="+", default=["constant", "lindley"], help="mimics")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for tables and plots")
    options = parser.parse_args()
    check_output_folder(options.out)
    options.out.mkdir(parents=True, exist_ok=True)

    setting = options.out / "setting.yaml"
    write_yaml(setting, with_end(options.seconds))
    suite = pod_suite(
        f"{options.seconds:g} s of NewReno",
        setting,
        tuple(options.pods),
        SEEDS[: options.seeds],
        tuple(options.models),
        margin_ns=round(options.seconds * 1e9 / 6),
    )
    runners = make_runners(suite.compared)
    with count_progress("scenarios") as progress:
        report = evaluate_suite(suite, runners, {}, 1, options.out, progress)
    report.save(options.out)
    Console().print(report.table())
    print(f"Tables and plots: {options.out}")


def with_end(seconds: float) -> dict[str, object]:
    """The setting, of which nothing happens after so many seconds."""
    blocks = dict(read_yaml(BASE))
    end_us = seconds * 1e6
    return blocks | {"workload": {**blocks["workload"], "until_us": end_us}, "stop_us": end_us}


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
