"""The simulator as users see it: options, workers, progress, refusals."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, InputError
from m4graph.scenario import Scenario
from m4graph.scenario.cautions import Caution
from m4graph.simulators import build_simulator
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.simulator import ParsimonSimulator
from m4graph.simulators.parsimon.workers import balanced_batches
from m4graph.workload import Workload, generate


@pytest.fixture(scope="module")
def busy() -> Scenario:
    network = m4.topology.clos(pods=2, racks=2, hosts=4, planes=2, spines=2)
    workload = generate(network, num_flows=4000, load=0.5, sizes="web_server", seed=1)
    return Scenario(network, workload, "dctcp", {"buffer_bytes": 10**9})


@pytest.fixture(scope="module")
def truth(busy: Scenario) -> m4.SimulationResult:
    return m4.simulate(busy, "packet")


def error(result: m4.SimulationResult, truth: m4.SimulationResult) -> float:
    return float(np.abs(result.slowdown / truth.slowdown - 1).mean())


def p99(result: m4.SimulationResult) -> float:
    return float(np.percentile(result.slowdown, 99))


def test_the_tail_is_near_the_truth(busy: Scenario, truth: m4.SimulationResult) -> None:
    assert p99(m4.simulate(busy, "parsimon")) == pytest.approx(p99(truth), rel=0.05)
    assert p99(m4.simulate(busy, "fluid")) < 0.75 * p99(truth)


def test_the_second_pass_is_nearer(busy: Scenario, truth: m4.SimulationResult) -> None:
    first, second = (m4.simulate(busy, "parsimon", passes=passes) for passes in (1, 2))
    assert error(second, truth) < 0.6 * error(first, truth)
    assert second.extra["packet_links"] > first.extra["packet_links"]


def test_a_flow_is_never_faster_than_alone(busy: Scenario) -> None:
    for options in ({}, {"min_load": 0.2}, {"combine": "sum"}):
        result = m4.simulate(busy, "parsimon", **options)
        assert (result.fct_ns >= busy.ideal_fct_ns).all()


@pytest.mark.parametrize(
    "options", [{"jobs": 1}, {"jobs": 2}, {"jobs": 5}, {"backend": "loky", "jobs": 2}], ids=str
)
def test_bits_do_not_depend_on_the_workers(busy: Scenario, options: dict[str, Any]) -> None:
    expected = m4.simulate(busy, "parsimon").fct_ns
    np.testing.assert_array_equal(m4.simulate(busy, "parsimon", **options).fct_ns, expected)


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_bits_do_not_depend_on_the_cluster(busy: Scenario, backend: str) -> None:
    pytest.importorskip({"dask": "dask.distributed"}.get(backend, backend))
    expected = m4.simulate(busy, "parsimon").fct_ns
    result = m4.simulate(busy, "parsimon", backend=backend, jobs=2)
    np.testing.assert_array_equal(result.fct_ns, expected)


@pytest.mark.parametrize("backend", ["threads", "loky"])
def test_progress_counts_packets(busy: Scenario, backend: str) -> None:
    heard: list[tuple[int, int]] = []
    result = m4.simulate(
        busy,
        "parsimon",
        backend=backend,
        jobs=2,
        progress=lambda done, total: heard.append((done, total)),
    )
    done = [each for each, _ in heard]
    assert done == sorted(done)
    assert heard[-1] == (result.extra["packet_links"],) * 2


def test_what_it_is_told_ends_it(busy: Scenario) -> None:
    """As Ctrl-C does, which comes to the main thread."""

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        m4.simulate(busy, "parsimon", jobs=2, progress=interrupt)


def test_links_of_low_load_are_left_out(busy: Scenario, truth: m4.SimulationResult) -> None:
    every, few = (m4.simulate(busy, "parsimon", min_load=load) for load in (0.0, 0.3))
    assert few.extra["packet_links"] < 0.9 * every.extra["packet_links"]
    assert error(few, truth) < 0.25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passes": 3}, "passes: expected"),
        ({"combine": "median"}, "combine: expected"),
        ({"min_load": -0.1}, "min_load: expected"),
        ({"min_load": float("nan")}, "min_load: expected"),
        ({"jobs": 0}, "jobs: expected at least 1"),
        ({"backend": "mpi"}, "backend: expected"),
    ],
    ids=str,
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        build_simulator("parsimon", **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"congestion_control": "newreno"}, "congestion_control.kind: expected an RDMA algorithm"),
        ({"config": {"queue": {"kind": "drop_tail"}}}, "network.queue.kind: expected shared"),
        ({"config": {"tick": "ps"}}, "network.tick: expected ns"),
        ({"faults": [{"kind": "down", "link": [0, 16], "at_us": 5}]}, r"faults\.0: expected"),
    ],
    ids=str,
)
def test_what_it_cannot_do(busy: Scenario, changes: dict[str, Any], message: str) -> None:
    scenario = busy.replace(**changes)
    with pytest.raises(InputError, match=message) as caught:
        m4.simulate(scenario, "parsimon")
    assert "\n" not in str(caught.value)


def test_no_flows() -> None:
    nothing = Workload.from_arrays([], [], [], [], [])
    assert m4.simulate(Scenario(m4.topology.star(3), nothing, "dctcp"), "parsimon").num_flows == 0


def test_batches_hold_each_link_once_and_begin_with_the_largest() -> None:
    packets = np.array([1, 50, 3, 400, 7, 9, 2])
    batches = balanced_batches(np.arange(7), packets, 4)
    assert batches[0].tolist() == [3]
    assert sorted(np.concatenate(batches).tolist()) == list(range(7))
    assert balanced_batches(np.arange(7), packets, 1)[0].tolist() == [3, 1, 5, 4, 2, 6, 0]


def test_queues_that_do_not_fit_are_named() -> None:
    network = m4.topology.star(9)
    columns = {"src": np.arange(8), "dst": [8] * 8, "size_bytes": [50_000] * 8}
    workload = Workload.from_arrays(np.arange(8), start_ns=[0] * 8, **columns)
    tight = Scenario(network, workload, "dctcp", {"buffer_bytes": 250_000})
    with pytest.warns(Caution, match=r"1 of 18 links .*\(link 9-8: \d+ bytes, where \d+ are"):
        m4.simulate(tight, "parsimon")
    assert m4.simulate(tight, "packet").extra["pfc_pauses_sent"] > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error", Caution)
        m4.simulate(tight.replace(config={"buffer_bytes": 10**9}), "parsimon")


def test_load_is_that_of_a_lone_flow_whatever_its_time() -> None:
    """A slow link and a long time multiply to more than 64 bits."""
    for gbps, size_bytes in ((10, 10**6), (0.001, 10**10)):
        workload = Workload.from_arrays([0], [0], [1], [size_bytes], [0])
        scenario = Scenario(m4.topology.star(2, gbps=gbps), workload, "dctcp")
        load = Decomposition.of(scenario).load
        np.testing.assert_allclose(load[scenario.routes.data_route(0)], 1, rtol=0.01)


@pytest.mark.parametrize(("combine", "passes"), [("max", 2), ("monte_carlo", 1)])
def test_the_default_number_of_passes_is_that_number(combine: str, passes: int) -> None:
    said = ParsimonSimulator.resolve_options({"combine": combine, "passes": passes})
    assert ParsimonSimulator.resolve_options({"combine": combine}) == said
