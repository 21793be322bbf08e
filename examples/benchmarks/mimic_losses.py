"""The losses of MimicNet's figures 5 and 6, with our network: drops by weight, latency by loss.

Traces a pod of two, trains the recurrent model of each direction on the first 80 % of the time with
one loss after the other, and tests it on the rest, with the true outcomes of the packets before.

    python examples/benchmarks/mimic_losses.py                     # minutes, on one core
    python examples/benchmarks/mimic_losses.py --trace trace.npz   # of an earlier --save

Printed for each loss: the true share of dropped packets and the predicted one (probability of a
half or more), the mean absolute error of latency, and how far its 99th percentile is off.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import m4graph as m4
from m4graph.core.provenance import provenance
from m4graph.mimic.border_rows import EGRESS, INGRESS
from m4graph.mimic.boundary import BoundaryTrace, taps_of
from m4graph.mimic.clusters import Pods
from m4graph.mimic.features import feature_matrix, latency_bins, packet_steps, targets_of
from m4graph.mimic.models.recurrent.config import RecurrentConfig
from m4graph.mimic.models.recurrent.model import training_data
from m4graph.mimic.models.recurrent.outputs import DROP, LATENCY
from m4graph.mimic.models.recurrent.training import Training

BASE = Path(__file__).parents[2] / "configs" / "mimic" / "base.yaml"
TRAINED_SHARE = 0.8
LOSSES = {
    "BCE, Huber": {"drop_weight": 0.5},
    "WBCE 0.6, Huber": {"drop_weight": 0.6},
    "WBCE 0.9, Huber": {"drop_weight": 0.9},
    "WBCE 0.6, MAE": {"drop_weight": 0.6, "latency_loss": "mae"},
    "WBCE 0.6, MSE": {"drop_weight": 0.6, "latency_loss": "mse"},
}


def traced(scenario: m4.Scenario) -> BoundaryTrace:
    """Pod 1 of a scenario of two pods."""
    pods = Pods.of(scenario.network, scenario.arrays)
    taps = pods.ends(taps_of(pods, 1))
    return BoundaryTrace.of(m4.simulate(scenario, "packet", recording={"taps": taps}), 1, pods)


def errors_of(trace: BoundaryTrace, way: int, config: RecurrentConfig, seed: int) -> dict:
    """Trains a direction on the first part of a trace, and tests it on the rest."""
    ticks = trace.rows["enter_ticks"]
    end = ticks[0] + TRAINED_SHARE * (ticks[-1] - ticks[0])
    first = replace(trace, rows=trace.rows[ticks < end])
    rest = trace.rows[(ticks >= end) & (trace.rows["direction"] == way)]
    started = time.process_time()
    spec, features, targets = training_data(first, way, config, seed)
    training = Training(config, features, targets, seed)
    training.run()
    spent_s = time.process_time() - started
    table = packet_steps(rest, trace.shape)
    with torch.no_grad():
        x = torch.from_numpy(feature_matrix(table, spec))[:, None]
        out = training.network(x)[0][:, 0].numpy()
    delivered = targets_of(table.steps, spec).is_delivered
    bins = latency_bins(spec)
    number = np.clip((out[:, LATENCY] * bins.bins).astype(int), 0, bins.bins - 1)
    ticks_per_ms = trace.ticks_per_ns * 10**6
    predicted = bins.decode(number)[delivered] / ticks_per_ms
    true = table.steps["latency_ticks"][delivered] / ticks_per_ms
    p99 = np.percentile(true, 99)
    return {
        "dropped": float(1 - delivered.mean()),
        "predicted_dropped": float((out[:, DROP] >= 0).mean()),
        "mae_ms": float(np.abs(predicted - true).mean()),
        "p99_error": float((np.percentile(predicted, 99) - p99) / p99),
        "cpu_s": spent_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trace", type=Path, help="a trace's file (default: traces anew)")
    parser.add_argument("--save", type=Path, help="write the trace to this file")
    parser.add_argument("--epochs", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    if arguments.trace:
        trace = BoundaryTrace.load(arguments.trace)
    else:
        trace = traced(m4.load_scenario(BASE))
    if arguments.save:
        trace.save(arguments.save)
    common = {"training": "stateful", "hidden_channels": 32, "num_layers": 1, "window": 64}
    common |= {"lr": 2e-3, "epochs": arguments.epochs, "feeder": "none"}
    rows = []
    print(f"{'':<26}{'dropped %':>10}{'predicted':>10}{'MAE ms':>8}{'p99 off %':>10}{'CPU s':>7}")
    for name, options in LOSSES.items():
        config = RecurrentConfig(**common, **options)
        for direction, way in (("egress", EGRESS), ("ingress", INGRESS)):
            found = [errors_of(trace, way, config, seed) for seed in range(arguments.seeds)]
            row = {key: float(np.mean([each[key] for each in found])) for key in found[0]}
            rows.append({"losses": name, "direction": direction, **row})
            print(
                f"{name + ', ' + direction:<26}{100 * row['dropped']:>10.2f}"
                f"{100 * row['predicted_dropped']:>10.2f}{row['mae_ms']:>8.3f}"
                f"{100 * row['p99_error']:>10.1f}{row['cpu_s']:>7.1f}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps({**provenance(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
