"""What a process of the command line imports: no more than it needs, so that it starts fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCENARIO = Path(__file__).parents[1] / "configs/scenarios/fattree-web-search.yaml"
PLOTS_AND_TABLES = {"matplotlib", "pandas", "pyarrow"}
TORCH = {"torch", "torch_geometric"}


def imported(*arguments, status=0):
    """Top-level modules that a command has imported."""
    code = (
        "import sys; from m4graph.cli.app import main; "
        f"status = main({list(map(str, arguments))}); "
        "print(status, *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, *modules = done.stdout.splitlines()[-1].split()
    assert int(first) == status, done.stderr
    return set(modules)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["simulate", "--help"], ["zoo", "--help"], ["--version"]]
)
def test_help_imports_nothing_heavy(arguments):
    heavy = {"numpy", "numba", "networkx", "scipy", "yaml"} | PLOTS_AND_TABLES | TORCH
    assert not imported(*arguments) & heavy


@pytest.mark.parametrize("simulator", ["packet", "fluid", "learned"])
def test_a_simulation_imports_no_torch_and_no_tables(simulator, tmp_path):
    few = ["--set", "workload.num_flows=20"]
    modules = imported(
        "simulate", SCENARIO, "--simulator", simulator, "--out", tmp_path / "out", *few
    )
    assert not modules & (PLOTS_AND_TABLES | TORCH)
    again = imported("simulate", tmp_path / "out", "--simulator", simulator)
    assert not again & (PLOTS_AND_TABLES | TORCH)


def test_parsimon_draws_its_links_only_into_a_folder(tmp_path):
    arguments = "simulate", SCENARIO, "--simulator", "parsimon", "--set", "workload.num_flows=20"
    assert not imported(*arguments) & (PLOTS_AND_TABLES | TORCH)
    assert not imported(*arguments, "--out", tmp_path / "out") & TORCH


def test_a_model_that_does_not_exist_is_refused_before_torch_is_loaded():
    modules = imported(
        "simulate", SCENARIO, "--simulator", "learned", "--model", "m4grph", status=2
    )
    assert not modules & TORCH


def test_the_zoo_is_listed_without_torch():
    assert not imported("zoo", "list") & TORCH


def test_a_comparison_without_a_folder_imports_no_plots():
    modules = imported(
        "compare", SCENARIO, "--simulators", "packet,fluid", "--set", "workload.num_flows=20"
    )
    assert not modules & ({"matplotlib"} | TORCH)
