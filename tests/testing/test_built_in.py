"""Every built-in plug-in keeps the rules of its kind; a new entry is checked the day it comes."""

from __future__ import annotations

import pytest

from m4graph.congestion import CONGESTION_CONTROLS
from m4graph.datasets import DATASETS
from m4graph.mimic.models import MIMIC_MODELS
from m4graph.nn import CONVS, HEADS
from m4graph.scenario.faults import FAULTS
from m4graph.simulators import SIMULATORS
from m4graph.testing import (
    check_congestion_control,
    check_conv,
    check_dataset,
    check_fault,
    check_head,
    check_mimic_model,
    check_simulator,
    check_size_law,
    check_topology,
)
from m4graph.topology import TOPOLOGIES, star, to_csv
from m4graph.workload import SIZE_LAWS

NETWORKS = {
    "clos": {"pods": 2, "racks": 1, "hosts": 2, "planes": 2, "spines": 2, "fabric_gbps": 40},
    "dumbbell": {"num_left": 2, "num_right": 1, "host_gbps": 10, "bottleneck_gbps": 2.5},
    "fat_tree": {"k": 4, "host_gbps": 10, "fabric_gbps": 40, "delay_ns": 500},
    "leaf_spine": {"num_leaves": 2, "hosts_per_leaf": 2, "num_spines": 3, "delay_ns": 0},
    "parking_lot": {"num_switches": 3, "hosts_per_switch": 2},
    "rail": {"servers": 2, "gpus_per_server": 2, "spines": 2},
    "star": {"num_hosts": 3, "gbps": 25},
}
SIZES = {
    "empirical": {"points": [[100, 0], [1000, 50], [100_000, 100]]},
    "exponential": {"mean_bytes": 30_000},
    "fixed": {"size_bytes": 1000},
    "gaussian": {"mean_bytes": 30_000, "std_bytes": 30_000},
    "log_normal": {"mean_bytes": 30_000.0, "sigma": 2.0},
    "pareto": {"mean_bytes": 30_000, "shape": 1.5},
}
FAULT = {"down": {}, "slow": {"factor": 0.25}, "loss": {"probability": 0.5}}
# A trained model is not exact.
TOLERANCE = {"learned": 0.05}


def kept(report):
    return set(report.rules)


@pytest.mark.parametrize("name", CONVS.names())
def test_convs(name):
    assert {"reach", "gradients", "checkpoint"} <= kept(check_conv(name))


@pytest.mark.parametrize("name", HEADS.names())
def test_heads(name):
    assert {"rows", "learns", "checkpoint"} <= kept(check_head(name))


@pytest.mark.parametrize("name", TOPOLOGIES.names())
def test_topologies(name, tmp_path):
    parameters = NETWORKS.get(name, {})
    if name == "file":
        to_csv(star(3), tmp_path / "star.csv")
        parameters = {"file": str(tmp_path / "star.csv"), "num_hosts": 3}
    assert {"scenario folder", "bad keys"} <= kept(check_topology(name, **parameters))


@pytest.mark.parametrize("name", SIZE_LAWS.names())
def test_size_laws(name, tmp_path):
    parameters = SIZES.get(name, {})
    if name == "file":
        path = tmp_path / "sizes.csv"
        path.write_text("bytes,cdf_percent\n100,0\n5000,100\n")
        parameters = {"file": str(path)}
    assert {"declared mean", "bad keys"} <= kept(check_size_law(name, **parameters))


@pytest.mark.parametrize("name", FAULTS.names())
def test_faults(name):
    assert {"scenario folder", "only its links"} <= kept(check_fault(name, **FAULT[name]))


@pytest.mark.parametrize("name", CONGESTION_CONTROLS.names())
def test_congestion_controls(name):
    assert {"lone flow", "nothing lost", "fair shares"} <= kept(check_congestion_control(name))


# A mimic answers some flows of a network of pods; its models have a check of their own.
@pytest.mark.parametrize("name", [name for name in SIMULATORS.names() if name != "mimic"])
def test_simulators(name):
    report = check_simulator(name, tolerance=TOLERANCE.get(name, 0.0))
    assert {"lone flow", "origin of time", "sessions"} <= kept(report)


# iid keeps no order, by its design; the oracle knows one network; recurrent trains for minutes, and
# graph on many runs.
_OTHERS = {"graph", "iid", "oracle", "recurrent"}


@pytest.mark.parametrize("name", sorted(set(MIMIC_MODELS.names()) - _OTHERS))
def test_mimic_models(name):
    assert {"saved", "same bits", "order of packets"} <= kept(check_mimic_model(name))


def test_the_oracle_knows_one_network():
    assert "order of packets" in kept(check_mimic_model("oracle", num_pods=2))


@pytest.mark.parametrize("name", DATASETS.names())
def test_datasets(name):
    """All recipes; the runs of the small one, as others take minutes."""
    report = check_dataset(name, num_runs=3 if name == "tiny" else 0)
    assert kept(report) >= ({"same bits", "split"} if name == "tiny" else {"scenarios"})


def test_a_report_names_the_rules():
    report = check_topology(star, num_hosts=2)
    assert report.rules == ("made", "valid", "same network", "scenario folder")
    assert str(report) == (
        "topology 'star': 4 rules hold: made, valid, same network, scenario folder"
    )
