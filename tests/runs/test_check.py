"""Runs with one array changed: refused in one line that names it, before any kernel sees them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import InputError
from m4graph.datasets import FlowEventDataset, SnapshotDataset
from m4graph.runs import LabelledRun
from m4graph.runs.labelled_run import check_run

CASES = Path(__file__).parents[1] / "data" / "cases"


@pytest.fixture(scope="module")
def run():
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    workload = m4.workload.generate(network, sizes="web_server", load=0.5, num_flows=20, seed=7)
    result = m4.simulate(m4.Scenario(network, workload, "dctcp"), "packet", labels=True)
    return LabelledRun.from_result(result)


def at(place, value):
    def change(array):
        changed = array.copy()
        changed[place] = value
        return changed

    return change


CHANGES = [
    ("link_rate_bps", at(0, 0), "values in 1 .. 1e+13 (got 0 at 0)"),
    ("link_rate_bps", lambda array: array[:-1], "link_delay_ns: expected int64 [7]"),
    ("link_delay_ns", at(1, -5), "values in 0 .. 1e+10 (got -5 at 1)"),
    ("link_kind", at(2, 7), "values in 0 .. 3"),
    ("link_src", at(0, 99), "values in 0 .. 4 (got 99 at 0)"),
    ("link_dst", at(0, -1), "values in 0 .. 4 (got -1 at 0)"),
    ("node_pool_bytes", at(4, np.nan), "(got nan at 4)"),
    ("size_bytes", at(3, 0), "values in 1 .. "),
    ("start_ns", at(0, 2**62), "values in 0 .. "),
    ("start_ns", at(0, 10**12), "times in order"),
    ("ideal_fct_ns", lambda array: array.astype(np.float64), "expected int64 [20] (got float64"),
    ("route_ptr", at(1, -1), "values that do not fall"),
    ("route_ptr", at(-1, 2**62), "expected 0 first and 40 last"),
    ("route_ptr", at(1, 0), "steps of at least 1"),
    ("route_links", at(0, 2**30), "values in 0 .. 7 (got 1073741824 at 0)"),
    ("route_links", lambda array: array[[1, 0, *range(2, 40)]], "begin where the one before ends"),
    ("route_links", lambda array: array[:0], "route_ptr: expected 0 first and 0 last"),
    ("configuration", at(3, np.inf), "(got inf at 2)"),
    ("configuration", at(0, 0.5), "the code of an algorithm"),
    ("configuration", lambda array: array[:5], "expected 16 or 20 or 31 numbers (got [5])"),
    ("payload_bytes", at(0, 0), "values in 1 .. "),
    ("window_bytes", lambda array: array[:0], "expected int64 [1] (got int64 [0])"),
    ("paper_configuration", at(0, np.nan), "(got nan at 0)"),
    ("fct_ns", at(0, -7), "values in -1 .. "),
    ("fct_ns", at(0, 0), "a time above 0, or -1"),
    ("fct_ns", at(0, 10**9), "event_time_ns: expected departures at start_ns + fct_ns"),
    ("event_time_ns", at(5, 0), "times in order"),
    ("event_flow", at(0, 2**30), "values in 0 .. 19 (got 1073741824 at 0)"),
    ("event_flow", at(-1, 0), "one arrival and one departure"),
    ("event_kind", at(0, 9), "values in 0 .. 1"),
    ("event_kind", lambda array: 1 - array, "a departure behind its arrival"),
    ("label_flow_ptr", at(3, 10**6), "values that do not fall"),
    ("label_flows", at(0, -1), "values in 0 .. 19"),
    ("remaining_bytes", at(0, 2**40), "at most the flow's size"),
    ("label_link_ptr", at(1, 1), "a label of each link, or none"),
    ("queue_bytes", at(0, -1), "values in 0 .. "),
]


@pytest.mark.parametrize(("name", "change", "message"), CHANGES)
def test_each_array_is_checked(tmp_path, run, name, change, message):
    values, network = dict(vars(run)), dict(vars(run.network))
    holder = values if name in values else network
    holder[name] = change(holder[name])
    file = tmp_path / "run.npz"
    LabelledRun(**values | {"network": type(run.network)(**network)}).save(file)
    with pytest.raises(InputError) as caught:
        LabelledRun.load(file)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{file}: ")
    if ": expected" not in message:
        assert f"{file}: {name}: " in str(caught.value)


def test_good_runs_pass(run):
    check_run(run, "a run")


@pytest.mark.parametrize("kind", ["NotImplementedError", "RuntimeError"])
def test_damaged_archives(kind):
    with pytest.raises(InputError, match=r"npz: expected a labelled run \(got "):
        LabelledRun.load(CASES / "run-damaged" / f"{kind}.npz")


def test_archives_that_would_fill_the_memory(tmp_path):
    file = tmp_path / "run.npz"
    np.savez_compressed(file, format_version=np.zeros(2**28 + 1, np.int32))
    with pytest.raises(InputError, match=r"expected a labelled run of at most \d+ bytes"):
        LabelledRun.load(file)


@pytest.mark.parametrize("data", ["event-flow-outside", "no-route-links"])
@pytest.mark.parametrize("dataset", [SnapshotDataset, FlowEventDataset])
def test_data_sets_that_would_crash(tmp_path, data, dataset):
    shutil.copytree(CASES / "run-outside" / data, tmp_path / "data")
    with pytest.raises(InputError, match=r"run_00000[02]\.npz: (event_flow|route_ptr): "):
        dataset(tmp_path / "data")[0]
