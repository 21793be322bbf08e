"""The table of a sweep: its rows, where they come from, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import InputError
from m4graph.scenario.files import save_scenario
from m4graph.sweeps.points import make_points, read_values

BLOCKS = {
    "name": "small",
    "topology": {"kind": "star", "num_hosts": 4, "gbps": 10, "delay_ns": 1000},
    "workload": {"kind": "generated", "sizes": "web_server", "load": 0.5, "num_flows": 30},
    "congestion_control": {"kind": "dctcp", "gain": 0.125},
    "seed": 3,
}
LOADS = [0.3, 0.8]


def made_in_python(**changes):
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    workload = m4.workload.generate(network, "web_server", load=0.5, num_flows=30, seed=3)
    given = {"congestion_control": {"kind": "dctcp", "gain": 0.125}, "seed": 3, "name": "small"}
    return m4.Scenario(network, workload, **(given | changes))


def without_seconds(swept):
    return swept.to_frame().drop(columns="cpu_s")


def test_a_row_for_each_point_and_simulator():
    swept = m4.sweep(
        BLOCKS,
        {"workload.load": LOADS, "seed": [3, 4]},
        ["packet", "fluid"],
        quantiles=[0.5, 0.999],
    )
    frame = swept.to_frame()
    assert list(frame.columns) == [
        "workload.load", "seed", "simulator", "num_flows", "num_finished", "mean_slowdown",
        "p50_slowdown", "p99.9_slowdown", "mean_fct_ns", "cpu_s", "mean_error", "p90_error",
        "p99_tail_error",
    ]  # fmt: skip
    points = [(load, seed) for load in LOADS for seed in (3, 4) for _ in range(2)]
    assert list(zip(frame["workload.load"], frame["seed"], strict=True)) == points
    assert frame["simulator"].tolist() == ["packet", "fluid"] * 4
    assert (frame["cpu_s"] >= 0).all()
    assert frame.loc[frame["simulator"] == "packet", "mean_error"].isna().all()
    # The row of load 0.8 and seed 4, made by hand.
    scenario = made_in_python(seed=4)
    workload = m4.workload.generate(scenario.network, "web_server", load=0.8, num_flows=30, seed=4)
    scenario = scenario.replace(workload=workload)
    truth, guess = m4.simulate(scenario, "packet"), m4.simulate(scenario, "fluid")
    row = frame.iloc[-1]
    assert row["mean_slowdown"] == guess.slowdown.mean()
    assert row["p99.9_slowdown"] == np.quantile(guess.slowdown, 0.999)
    assert row["mean_fct_ns"] == guess.fct_ns.mean()
    assert row["p90_error"] == m4.metrics.errors(guess, truth).p90_error


def test_a_scenario_is_swept_as_its_file_and_its_blocks_are(tmp_path):
    from m4graph.core.yaml_file import write_yaml

    file = tmp_path / "scenario.yaml"
    write_yaml(file, BLOCKS)
    values = {
        "workload.load": LOADS,
        "congestion_control.additive_increase_mbps": [100, 900],
        "network.ecn.kmin_bytes": [10_000],
        "seed": [3, 5],
    }
    sources = file, BLOCKS, m4.load_scenario(file), made_in_python()
    frames = [without_seconds(m4.sweep(each, values, ["fluid"])) for each in sources]
    for frame in frames[1:]:
        assert frame.equals(frames[0])
    assert frames[0]["mean_slowdown"].nunique() == 4  # by load and seed


def test_defaults_follow_the_algorithm_and_what_was_given_stays():
    from m4graph.sweeps.source import source_of

    scenario = made_in_python(
        congestion_control={"kind": "dctcp", "init_window_bytes": 30_000},
        config={"pfc": False, "ecn": {"kmax_bytes": 70_000}},
        stop_ns=10**9,
    )
    (point,) = make_points({"congestion_control.kind": ["dcqcn"]})
    built = source_of(scenario).build(point.overrides)
    expected = m4.Scenario(
        scenario.network,
        scenario.workload,
        {"kind": "dcqcn", "init_window_bytes": 30_000},
        {"pfc": False, "ecn": {"kmax_bytes": 70_000}},
        seed=3,
    )
    assert built.congestion_control == expected.congestion_control
    assert built.config.model_dump() == expected.config.model_dump()
    assert (built.seed, built.stop_ns) == (3, 10**9)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"workload.lod": [0.3]}, "sweep workload.lod=0.3: workload.lod: unknown key.*mean 'load'"),
        ({"workload.load": [0.3, 1.5]}, "sweep workload.load=1.5: .*expected at most 1"),
        ({"workload.load": [0.3, "x"]}, 'sweep workload.load="x": .*expected a number'),
        ({"congestion_control.kind": ["dctpc"]}, "expected one of dcqcn.*did you mean 'dctcp'"),
        ({"congestion_control.kind": ["hpcc"]}, "sweep congestion_control.kind=.*gain"),
        ({"workload.load": 0.3}, "sweep workload.load: expected a list of values .got 0.3"),
        ({"congestion_control": "dctcp"}, "sweep congestion_control: expected a list of values"),
        ({"workload.load": []}, "sweep workload.load: expected one value or more .got none"),
        ({"seed": [1, 1]}, "sweep seed: expected each value once .got 1 twice"),
        ({"seed": [object()]}, "sweep seed: expected values as YAML has them"),
        ({}, "sweep: expected keys with their values"),
        (["workload.load"], "sweep: expected keys with their values"),
        ({"name.first": [1]}, "sweep name.first=1: expected name to be a block of keys"),
    ],
)  # fmt: skip
def test_a_bad_key_or_value_names_itself_before_anything_runs(tmp_path, values, message):
    with pytest.raises(InputError, match=message) as caught:
        m4.sweep(BLOCKS, values, ["fluid"], out=tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("scenario", "key", "message"),
    [
        (made_in_python(), "topology.num_hosts", "expected one of congestion_control, .*dict"),
        (made_in_python(), "stop_us", "stop_us: expected a number"),
        (3, "seed", "sweep: expected a scenario, its file, or its blocks"),
        ("nowhere.yaml", "seed", "nowhere.yaml: expected a file to read"),
    ],
)
def test_what_cannot_be_swept_is_told(scenario, key, message):
    with pytest.raises(InputError, match=message):
        m4.sweep(scenario, {key: ["x"]}, ["fluid"])


def test_given_flows_have_no_load(tmp_path):
    save_scenario(made_in_python(), tmp_path / "given")
    given = m4.load_scenario(tmp_path / "given")
    with pytest.raises(InputError, match=r"expected a scenario whose flows m4graph\.workload"):
        m4.sweep(given, {"workload.load": LOADS}, ["fluid"])
    assert len(m4.sweep(given, {"network.buffer_bytes": [10**5, 10**6]}, ["fluid"])) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"simulators": "fluid"}, "simulators: expected a list of names"),
        ({"simulators": []}, "simulators: expected one name or more"),
        ({"simulators": ["fluid", 3]}, "simulators: expected names .got 3"),
        ({"simulators": ["fluids"]}, "did you mean 'fluid'"),
        ({"simulators": {"a": {"kind": "fluid", "scop": 1}}}, "unknown option 'scop'"),
        ({"quantiles": [99]}, "quantiles: expected numbers between 0 and 1 .got 99"),
        ({"jobs": 0}, "jobs: expected at least 1"),
        ({"backend": "loki"}, "backend: expected one of loky"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        m4.sweep(BLOCKS, {"workload.load": LOADS}, **({"simulators": ["fluid"]} | arguments))


def test_what_a_simulator_refuses_has_no_row():
    cut = {"kind": "down", "link": [0, 4], "at_us": 5, "until_us": 9}
    with pytest.warns(UserWarning, match=r"left out: fluid in 1 of 2 points .first faults=\[{"):
        rows = m4.sweep(BLOCKS, {"faults": [[cut], []]}, ["fluid"]).to_frame()
    assert rows["faults"].tolist() == ["[]"]
    with pytest.raises(InputError, match="simulators: expected one that can do the scenario"):
        m4.sweep(BLOCKS, {"faults": [[cut]]}, ["fluid"])


def test_simulators_under_labels_of_ones_own():
    blocks = {"plain": {"kind": "fluid"}, "windows": {"kind": "fluid", "window_limit": True}}
    blocks = {"packet": {"kind": "packet"}} | blocks
    narrow = BLOCKS | {"congestion_control": {"kind": "dctcp", "init_window_bytes": 2000}}
    frame = m4.sweep(narrow, {"workload.load": [0.4]}, blocks).to_frame()
    assert frame["simulator"].tolist() == ["packet", "plain", "windows"]
    assert frame["mean_error"][2] < frame["mean_error"][1]


def test_values_of_a_shell():
    given = ["workload.load=0.3, 0.5", "routing={kind: ecmp, seed: 1},{kind: ecmp}", "a.b=x"]
    assert read_values(given) == {
        "workload.load": [0.3, 0.5],
        "routing": [{"kind": "ecmp", "seed": 1}, {"kind": "ecmp"}],
        "a.b": ["x"],
    }
    for bad, message in {
        "seed": "expected key=value",
        "seed={": "--set seed={.*expected YAML",
    }.items():
        with pytest.raises(InputError, match=message):
            read_values([bad])
    with pytest.raises(InputError, match="expected each key once"):
        read_values(["seed=1", "seed=2"])
