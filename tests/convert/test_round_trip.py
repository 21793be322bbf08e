"""Scenario to text and back: equal, but for what is named as not kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import m4graph as m4
from m4graph.convert import from_text, to_text
from m4graph.routing import Routes
from m4graph.scenario.expected import ExpectedTimes

from .conftest import HPCC, M4, assert_same, write

REFERENCE = Path(__file__).parents[1] / "data" / "reference"
CASES = sorted(path.name for path in REFERENCE.iterdir())
NETWORKS = [
    m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000),
    m4.topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000),
    m4.topology.fat_tree(k=4, host_gbps=2.5, fabric_gbps=25, delay_ns=7),
]


def there_and_back(scenario, folder, style):
    """The scenario that is read back, and what writing and reading noted."""
    folder.mkdir()
    lost = to_text(scenario, folder, style)
    back, notes = from_text(folder, style)
    return back, lost, notes


def with_cap(scenario, style):
    """The scenario with the cap of the headroom that is built into the format's ns-3."""
    cap = {"hpcc": None, "m4": 0.8}[style]
    return scenario.replace(config=scenario.config.model_copy(update={"headroom_cap": cap}))


@pytest.mark.parametrize("style", ["hpcc", "m4"])
@pytest.mark.parametrize("case", CASES)
def test_runs_of_ns3(tmp_path, case, style):
    """Their routes are those of ns-3's hash, so that text without routes keeps them."""
    scenario = m4.load_scenario(REFERENCE / case)
    back, lost, notes = there_and_back(scenario, tmp_path / case, style)
    assert_same(back, with_cap(scenario, style))
    assert back.name == scenario.name
    assert lost == {
        "hpcc": [],
        "m4": ["network.headroom_cap: null is not kept, the format's own is 0.8"],
    }.get(style)
    assert notes == []


@pytest.mark.parametrize("case", ["a05_incast8_64KB_dctcp", "a07_parkinglot_dctcp"])
def test_a_run_after_conversion_gives_the_same_bits(tmp_path, run, case):
    """By the command line, there and back, with ns-3's times as the truth."""
    text, back = tmp_path / "text" / case, tmp_path / case
    text.parent.mkdir()
    assert run("convert", "--to", "hpcc", REFERENCE / case, text)[0] == 0
    assert run("convert", "--from", "hpcc", text, back)[0] == 0
    for folder, out in ((REFERENCE / case, "before"), (back, "after")):
        names = ["--simulators", "packet,fluid", "--out", tmp_path / out]
        assert run("compare", folder, *names)[0] == 0
    for name in ("fct_packet.csv", "fct_fluid.csv", "expected.csv", "flows.csv"):
        before, after = (tmp_path / out / name for out in ("before", "after"))
        assert before.read_bytes() == after.read_bytes()


def test_the_folders_that_the_command_writes(tmp_path, run, hpcc):
    status, out, err = run("convert", "--from", "hpcc", hpcc, tmp_path / "scenario")
    assert (status, err) == (0, "")
    assert out == f"3 flows, 3 hosts in {tmp_path / 'scenario'}\n"
    names = ["conversion.json", "expected.csv", "flows.csv", "scenario.yaml", "topology.csv"]
    assert sorted(path.name for path in (tmp_path / "scenario").iterdir()) == names
    assert_same(m4.load_scenario(tmp_path / "scenario"), from_text(hpcc, "hpcc")[0])
    status, out, err = run("convert", "--to", "m4", tmp_path / "scenario", tmp_path / "text")
    assert status == 0
    assert err.splitlines() == [
        "note: network.headroom_cap: null is not kept, the format's own is 0.8",
        "note: name: hpcc is not kept, the folder's takes its place",
    ]
    assert sorted(path.name for path in (tmp_path / "text").iterdir()) == sorted(
        ["conversion.json", "trace.txt", *M4]
    )
    origin = json.loads((tmp_path / "text" / "conversion.json").read_text())
    assert origin["source"] == str(tmp_path / "scenario")
    assert len(origin["notes"]) == 2
    assert origin["version"]


@pytest.mark.parametrize("style", ["hpcc", "m4"])
def test_text_that_is_written_again_is_the_same(tmp_path, style):
    folder = write(tmp_path / "first", {"hpcc": HPCC, "m4": M4}[style])
    (tmp_path / "second").mkdir()
    (tmp_path / "third").mkdir()
    assert to_text(from_text(folder, style)[0], tmp_path / "second", style) == []
    assert to_text(from_text(tmp_path / "second", style)[0], tmp_path / "third", style) == []
    for path in (tmp_path / "second").iterdir():
        assert path.read_text() == (tmp_path / "third" / path.name).read_text()


def rates(top=1000):
    """Whole bit/s, spelt in Mb/s."""
    return st.integers(1000, top * 10**6).map(lambda bps: bps / 10**6)


POSITIVE = st.floats(1e-6, 1e6)
SHARES = st.floats(0.001, 1)
STEPS = st.integers(0, 100)
OF_ALGORITHM = {
    "dctcp": {"gain": SHARES, "additive_increase_mbps": rates()},
    "dcqcn": {
        "gain": SHARES,
        "alpha_timer_us": POSITIVE,
        "decrease_timer_us": POSITIVE,
        "increase_timer_us": POSITIVE,
        "fast_recovery_steps": STEPS,
        "clamp_target_rate": st.booleans(),
        "additive_increase_mbps": rates(),
        "hyper_increase_mbps": rates(),
    },
    "timely": {
        "t_low_us": st.integers(0, 10**6).map(lambda ns: ns / 1000),
        "t_high_us": st.integers(0, 10**6).map(lambda ns: ns / 1000),
        "beta": st.floats(0, 1),
        "additive_increase_mbps": rates(),
        "hyper_increase_mbps": rates(),
    },
    "hpcc": {
        "eta": SHARES,
        "multiplicative_threshold": STEPS,
        "fast_react": st.booleans(),
        "additive_increase_mbps": rates(),
        "base_rtt_ns": st.integers(1, 10**7),
    },
}


@st.composite
def scenarios(draw):
    network = draw(st.sampled_from(NETWORKS))
    num_hosts = sum(kind == "host" for _, kind in network.nodes(data="kind"))
    count = draw(st.integers(1, 12))
    hosts = st.lists(st.integers(0, num_hosts - 1), min_size=2, max_size=2, unique=True)
    src, dst = np.array([draw(hosts) for _ in range(count)]).T
    sizes, starts = st.integers(1, 10**12), st.sampled_from([0, 1, 999_999_999, 10**9, 10**15])
    start_ns = sorted(draw(starts) for _ in range(count))
    workload = m4.workload.Workload.from_arrays(
        np.arange(count), src, dst, [draw(sizes) for _ in range(count)], start_ns
    )
    kind = draw(st.sampled_from(sorted(OF_ALGORITHM)))
    window = st.integers(1, 10**6)
    control = {
        "kind": kind,
        "init_window_bytes": draw(window if kind == "hpcc" else st.none() | window),
        "variable_window": draw(st.booleans()),
        "min_rate_mbps": draw(rates()),
        "ack_priority": draw(st.booleans()),
        **{name: draw(values) for name, values in OF_ALGORITHM[kind].items()},
    }
    kmin, kmax = sorted(draw(st.integers(0, 1000)) for _ in range(2))
    # At 2.5 Gb/s, an eighth of what it is at 20 Gb/s: in whole KB again.
    ecn = {"kmin_bytes": 8000 * kmin, "kmax_bytes": 8000 * kmax, "pmax": draw(st.floats(0.01, 1))}
    config = {
        "payload_bytes": draw(st.integers(1, 9000)),
        "buffer_bytes": 1024 * draw(st.integers(1, 10**5)),
        "pfc": draw(st.booleans()),
        "ecn": {**ecn, "reference_gbps": draw(st.sampled_from([10, 5.0, 20]))},
    }
    scenario = m4.Scenario(network, workload, control, config)
    if not draw(st.booleans()):
        return scenario
    done = st.integers(1, 10**12)
    fct_ns = np.array([draw(st.just(-1) | done) for _ in range(count)])
    ideal_ns = np.array([draw(done) for _ in range(count)])
    ideal_ns = np.where(fct_ns < 0, scenario.ideal_fct_ns, ideal_ns)
    return scenario.replace(expected=ExpectedTimes(fct_ns, ideal_ns))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """New paths, one after the other."""
    root = tmp_path_factory.mktemp("folders")
    return (root / f"{number}" for number in range(10**6))


@settings(max_examples=150, deadline=None)
@given(scenario=scenarios(), style=st.sampled_from(["hpcc", "m4"]))
def test_any_scenario(folders, scenario, style):
    scenario = with_cap(scenario, style)
    back, lost, _ = there_and_back(scenario, next(folders), style)
    assert lost == []
    assert_same(back, scenario)


def small(**changes):
    network = m4.topology.fat_tree(k=4, host_gbps=10, fabric_gbps=40, delay_ns=1000)
    flows = [[3, 8, 5], [0, 1, 0], [9, 14, 9], [1000, 2000, 3000], [0, 10, 20]]
    workload = m4.workload.Workload.from_arrays(*flows)
    arguments = {"workload": workload, "congestion_control": "dctcp", **changes}
    return m4.Scenario(network, **arguments)


def back_the_same_way(scenario, ports):
    """Routes whose ACKs go their data's way back; ``ports`` is added to the hash's ports."""
    routes = scenario.routes
    rows = range(scenario.num_flows)
    data = [routes.data_route(row) for row in rows]
    back = np.concatenate([route[::-1] ^ 1 for route in data])
    return Routes(
        routes.source_port + ports, routes.data_ptr, routes.data_links, routes.data_ptr, back
    )


LOSSES = {
    "alpha": ({"config": {"buffer_alpha": 2.0}}, "network.buffer_alpha: 2.0 is not kept"),
    "tick": ({"config": {"tick": "ps"}}, "network.tick: ps is not kept, the format's own is ns"),
    "cap": ({"config": {"headroom_cap": 0.5}}, "network.headroom_cap: 0.5 is not kept"),
    "seed": ({"seed": 7}, "seed: 7 is not kept, the format's own is 0"),
    "routing seed": ({"routing": {"seed": 7}}, "routing: "),
    "ids": ({}, "flow ids are not kept"),
    "weight": (
        {"congestion_control": {"kind": "timely", "ewma_weight": 0.5}},
        "congestion_control.ewma_weight: 0.5 is not kept, the format's own is 0.875",
    ),
}


@pytest.mark.parametrize(("changes", "note"), LOSSES.values(), ids=LOSSES.keys())
def test_what_is_not_kept_is_named(tmp_path, changes, note):
    lost = to_text(small(**changes), tmp_path, "hpcc")
    assert any(line.startswith(note) for line in lost)
    assert len(lost) == (1 if changes == {} else 2)


def test_ids_are_kept_by_m4(tmp_path):
    back, lost, _ = there_and_back(with_cap(small(), "m4"), tmp_path / "text", "m4")
    assert lost == []
    assert back.workload.id.tolist() == [3, 8, 5]


def test_ids_are_counted_in_the_order_of_starts_by_hpcc(tmp_path):
    back, _, _ = there_and_back(small(), tmp_path / "text", "hpcc")
    assert back.workload.id.tolist() == [0, 1, 2]
    assert back.workload.size_bytes.tolist() == [1000, 2000, 3000]


def test_routes_that_are_not_those_of_the_hash(tmp_path):
    """m4's text keeps data routes; ACKs that go another way than the data are lost."""
    hashed = small()
    other = small(routing={"seed": 12})
    assert not np.array_equal(hashed.routes.data_links, other.routes.data_links)
    routes = back_the_same_way(other, ports=0)
    scenario = with_cap(small(routing=routes), "m4")
    back, lost, notes = there_and_back(scenario, tmp_path / "kept", "m4")
    assert lost == []
    assert len(notes) == 2  # of the routes, and that there are no times
    assert_same(back, scenario)
    for name, lossy in (("ports", back_the_same_way(other, ports=1)), ("acks", other.routes)):
        scenario = with_cap(small(routing=lossy), "m4")
        back, lost, _ = there_and_back(scenario, tmp_path / name, "m4")
        assert lost == ["routing: the routes of ACKs and the source ports are not kept"]
        assert np.array_equal(back.routes.data_links, lossy.data_links)
    lost = there_and_back(small(routing=routes), tmp_path / "hpcc", "hpcc")[1]
    assert lost[0] == "routing: routes are not kept, ns-3 finds its own"


def test_ideal_times_of_flows_that_did_not_finish(tmp_path):
    scenario = small()
    expected = ExpectedTimes(np.array([-1, 5, -1]), scenario.ideal_fct_ns + np.array([1, 0, 0]))
    lost = to_text(scenario.replace(expected=expected), tmp_path, "hpcc")
    assert "recorded ideal times of flows that did not finish are not kept" in lost


def test_addresses_beyond_256_nodes(tmp_path):
    network = m4.topology.star(num_hosts=700, gbps=10, delay_ns=1000)
    workload = m4.workload.Workload.from_arrays([0], [255], [699], [1000], [0])
    scenario = m4.Scenario(network, workload, "dctcp")
    expected = ExpectedTimes(np.array([3676]), scenario.ideal_fct_ns)
    back, _, _ = there_and_back(scenario.replace(expected=expected), tmp_path / "text", "hpcc")
    line = (tmp_path / "text" / "fct.txt").read_text()
    # 699 = 2 * 256 + 187, as ns-3 spells it
    assert line == "0b00ff01 0b02bb01 10000 100 1000 0 3676 3676\n"
    assert back.expected.fct_ns.tolist() == [3676]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"faults": [{"link": [0, 16], "kind": "down"}]}, "faults: expected none"),
        ({"congestion_control": "newreno"}, "kind: expected one of dctcp, dcqcn, timely, hpcc"),
        ({"config": {"queue": {"kind": "drop_tail"}}}, "network.queue.kind: expected shared"),
    ],
)
def test_what_would_be_another_simulation_is_refused(tmp_path, changes, problem):
    with pytest.raises(m4.M4GraphError, match=problem):
        to_text(small().replace(**changes), tmp_path, "hpcc")
