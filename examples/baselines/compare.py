"""m4graph's model beside two other families and max-min, on evaluation suites, in one table.

python examples/baselines/compare.py

Suites smoke, generalisation, and a fifth of sensitivity; the truth is the packet simulator's, which
runs where it is not in the cache. Prints a table; writes it as summary.md, with errors.png and a
folder for each suite, into examples/out/baselines (or --out). An evaluation that was interrupted
goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
from m4graph_baselines import register
from m4graph_baselines.static import WEIGHTS
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from rich.console import Console

import m4graph as m4
from m4graph.checkpoint import read_config
from m4graph.core.files import check_output_folder
from m4graph.core.progress import count_progress
from m4graph.evaluation.plots.figure import panels, simulator_colours
from m4graph.evaluation.suites import Runner, SuiteReport, load_suite, run_suite
from m4graph.evaluation.suites.tables import size_means
from m4graph.evaluation.tables import ERROR_TITLES, markdown, percent, rich_table
from m4graph.zoo.load import find_checkpoint

OUT = Path(__file__).parents[1] / "out" / "baselines"
SUITES = {"smoke": 1.0, "generalisation": 1.0, "sensitivity": 0.2}
MODELS = {
    "flow_table": str(WEIGHTS / "flow_table"),
    "routenet": str(WEIGHTS / "routenet"),
    "learned": "m4graph",
}
"""All three were trained on runs of ``configs/generate/wide.yaml``."""


def runners() -> list[Runner]:
    """The truth, max-min, and a simulator for each model."""
    return [
        Runner("packet", "packet"),
        Runner("fluid", "fluid"),
        *(Runner(name, name, {"model": model}) for name, model in MODELS.items()),
    ]


def evaluate(name: str, fraction: float, out: Path) -> SuiteReport:
    suite, chosen = load_suite(name).part(fraction), runners()
    with count_progress(f"{suite.name} scenarios") as progress:
        records = run_suite(suite, chosen, folder=out / suite.name, progress=progress)
    report = SuiteReport(
        suite.name, records, {"suite": name, "fraction": fraction, "models": MODELS}
    )
    report.save(out / suite.name)
    return report


def error_table(reports: list[SuiteReport]) -> pd.DataFrame:
    """A row for each suite and simulator: errors, and what an event costs."""
    rows = []
    for report in reports:
        suite = f"{report.suite}, {report.scenarios['scenario'].nunique()} scenarios"
        for row in report.means[~report.means["is_truth"]].to_dict("records"):
            cells = {"scenario": suite, "simulator": str(row["simulator"])}
            cells |= {title: percent(row[name]) for name, title in ERROR_TITLES.items()}
            cells["us/event"] = f"{1e6 * row['wall_s'] / row['num_events']:.3g}"
            rows.append(cells)
    return pd.DataFrame(rows)


def model_table() -> pd.DataFrame:
    """A row for each model: its size, and how long it was trained."""
    rows = []
    for simulator, name in MODELS.items():
        model, record = m4.load_model(name), read_config(find_checkpoint(name))
        numbers = [*model.parameters(), *model.buffers()]
        rows.append(
            {
                "scenario": "models",
                "simulator": simulator,
                "model": type(model).__name__,
                "numbers in it": f"{sum(each.numel() for each in numbers):,}",
                "steps": f"{record.training.steps:,}",
                "training (min)": f"{record.training.wall_s / 60:.0f}",
            }
        )
    return pd.DataFrame(rows)


def plot(reports: list[SuiteReport]) -> Figure:
    """Mean errors in each suite, and of flows of several sizes in the last one."""
    by_suite = {each.suite: each.means.set_index("simulator")["mean_error"] for each in reports}
    shown = {
        "by suite": pd.DataFrame(by_suite).dropna().T,
        f"suite {reports[-1].suite}, flows that fit into": size_means(reports[-1]),
    }
    figure, axes = panels("Mean error of slowdowns", 1, 2, (5.4, 3.4))
    for each, (title, frame) in zip(axes[0], shown.items(), strict=True):
        colours = simulator_colours(MODELS | {"fluid": ""})
        frame.plot.bar(
            ax=each, color=[colours[name] for name in frame], rot=0, width=0.8, legend=False
        )
        each.set_xlabel("")
        each.set_title(title, fontsize=11)
        each.grid(True, axis="y")
        each.yaxis.set_major_formatter(PercentFormatter(1.0, 0, " %"))
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description="Other model families beside m4graph's own.")
    parser.add_argument("--suites", nargs="+", choices=[*SUITES], default=[*SUITES])
    parser.add_argument("--out", type=Path, default=OUT, help="folder for tables and plots")
    options = parser.parse_args()
    if options.out == OUT:
        OUT.parent.mkdir(exist_ok=True)
    check_output_folder(options.out)
    options.out.mkdir(exist_ok=True)
    register()

    reports = [evaluate(name, SUITES[name], options.out) for name in options.suites]
    errors, models = error_table(reports), model_table()
    for table in (errors, models):
        Console().print(rich_table(table))
    text = f"{markdown(errors)}\n\n{markdown(models.drop(columns='scenario'))}\n"
    (options.out / "summary.md").write_text(text, encoding="utf-8")
    plot(reports).savefig(options.out / "errors.png", dpi=130)
    print(f"Tables and plots: {options.out}")


if __name__ == "__main__":
    try:
        main()
    except m4.M4GraphError as error:
        sys.exit(f"error: {error}")
