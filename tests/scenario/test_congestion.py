from __future__ import annotations

import pickle

import pytest

from m4graph.congestion import CONGESTION_CONTROLS, DCTCP, EcnConfig, congestion_control
from m4graph.core.errors import InputError

GBPS = 10**9


def test_defaults_at_10_gbps_are_those_of_the_reference_runs():
    control = congestion_control("dctcp").resolve(10 * GBPS, 10 * GBPS)
    assert control.model_dump() == {
        "kind": "dctcp",
        "init_window_bytes": 18_000,
        "variable_window": True,
        "min_rate_mbps": 1000.0,
        "ack_priority": True,
        "retransmit_timeout_us": None,
        "retransmit_limit": 100,
        "gain": 0.0625,
        "additive_increase_mbps": 615.0,
    }
    assert type(control).default_ecn == EcnConfig(
        kmin_bytes=30_000, kmax_bytes=30_000, pmax=1.0, reference_gbps=10
    )


def test_defaults_of_the_other_algorithms_are_those_of_the_reference_runs():
    own = {}
    for kind in ("dcqcn", "timely", "hpcc"):
        control = congestion_control(kind).resolve(10 * GBPS, 10 * GBPS)
        own[kind] = control.model_dump(exclude={"kind", "variable_window"})
        assert own[kind].pop("init_window_bytes") == 18_000
        assert own[kind].pop("min_rate_mbps") == 1000.0
        assert own[kind].pop("retransmit_timeout_us") is None
        assert own[kind].pop("retransmit_limit") == 100
    assert own["dcqcn"] == {
        "ack_priority": False,
        "gain": 1 / 256,
        "alpha_timer_us": 50.0,
        "decrease_timer_us": 50.0,
        "increase_timer_us": 55.0,
        "fast_recovery_steps": 1,
        "clamp_target_rate": False,
        "additive_increase_mbps": 2.0,
        "hyper_increase_mbps": 20.0,
    }
    assert own["timely"] == {
        "ack_priority": True,
        "t_low_us": 40.0,
        "t_high_us": 100.0,
        "beta": 0.8,
        "ewma_weight": 0.875,
        "min_rtt_us": 20.0,
        "additive_increase_mbps": 10.0,
        "hyper_increase_mbps": 50.0,
    }
    assert own["hpcc"] == {
        "ack_priority": False,
        "eta": 0.95,
        "multiplicative_threshold": 0,
        "fast_react": True,
        "additive_increase_mbps": 50.0,
        "base_rtt_ns": None,
    }
    assert congestion_control("dcqcn").default_ecn == EcnConfig(
        kmin_bytes=8_000, kmax_bytes=28_000, pmax=0.2, reference_gbps=10
    )


def test_defaults_follow_the_host_links():
    control = DCTCP().resolve(1 * GBPS, 100 * GBPS)
    assert control.init_window_bytes == 180_000
    assert control.min_rate_mbps == 100.0


def test_an_explicit_null_is_no_window():
    assert (
        congestion_control({"kind": "dctcp", "init_window_bytes": None})
        .resolve(10 * GBPS, 10 * GBPS)
        .init_window_bytes
        is None
    )
    assert DCTCP(init_window_bytes=None).resolve(GBPS, GBPS).init_window_bytes is None


def test_resolving_twice_changes_nothing_even_on_another_network():
    control = DCTCP(gain=0.5).resolve(10 * GBPS, 10 * GBPS)
    assert control.resolve(40 * GBPS, 40 * GBPS) == control
    assert pickle.loads(pickle.dumps(control)).resolve(40 * GBPS, 40 * GBPS) == control


def test_a_name_is_forgiven_its_case():
    assert congestion_control({"kind": "DCTCP"}) == DCTCP()


def test_every_registered_kind_is_its_models_kind_and_resolves():
    for name in CONGESTION_CONTROLS.names():
        control = congestion_control(name).resolve(10 * GBPS, 10 * GBPS)
        assert control.kind == name
        assert congestion_control(control.model_dump()) == control


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "bbr9"}, "congestion_control.kind: unknown congestion control: expected one of"),
        ({"gain": 0.1}, "congestion_control.kind: missing key: expected one of dc"),
        ({"kind": 3}, "congestion_control.kind: expected one of dcqcn, dctcp, "),
        ({"kind": "dctcp", "gian": 0.1}, "congestion_control.gian: unknown key: expected one of "
         "init_window_bytes"),
        ({"kind": "dctcp", "gain": 0}, "congestion_control.gain: expected a value above 0"),
        ({"kind": "dctcp", "gain": 1.5}, "congestion_control.gain: expected at most 1"),
        ({"kind": "dctcp", "init_window_bytes": 0}, "congestion_control.init_window_bytes: "
         "expected at least 1 (got 0)"),
        ({"kind": "dctcp", "init_window_bytes": 1.5}, "congestion_control.init_window_bytes: "
         "expected an integer (got 1.5)"),
        ({"kind": "dctcp", "min_rate_mbps": 0}, "congestion_control.min_rate_mbps: expected a"),
        ({"kind": "dctcp", "min_rate_mbps": 20_000}, "congestion_control.min_rate_mbps: expected "
         "at most the slowest host link's 10000 Mb/s (got 20000)"),
        ({"kind": "dctcp", "ack_priority": "yes"}, "congestion_control.ack_priority: expected "
         "true or false (got 'yes')"),
        ({"kind": "hpcc", "init_window_bytes": None}, "congestion_control.init_window_bytes: "
         "expected bytes, as hpcc needs a window (got null)"),
        ({"kind": "hpcc", "base_rtt_ns": 0}, "congestion_control.base_rtt_ns: expected at least 1"),
        ({"kind": "dcqcn", "fast_recovery_steps": 1.5}, "congestion_control.fast_recovery_steps: "
         "expected an integer (got 1.5)"),
        ({"kind": "timely", "gain": 0.5}, "congestion_control.gain: unknown key: expected one of "),
        (7, "congestion_control: expected a name or a block of keys (got 7)"),
    ],
)  # fmt: skip
def test_bad_parameters(spec, message):
    with pytest.raises(InputError) as caught:
        congestion_control(spec).resolve(10 * GBPS, 10 * GBPS)
    assert str(caught.value).startswith(message)


def test_thresholds_must_be_in_order():
    with pytest.raises(ValueError, match="kmin_bytes to be at most kmax_bytes"):
        EcnConfig(kmin_bytes=2, kmax_bytes=1)


def test_a_window_by_pair_is_for_rdma():
    assert (
        congestion_control({"kind": "dcqcn", "init_window_bytes": "pair"}).fixed_window_bytes
        is None
    )
    assert DCTCP(init_window_bytes=5).fixed_window_bytes == 5
    with pytest.raises(InputError, match=r"init_window_bytes: expected .*\(got 'pair'\)"):
        congestion_control({"kind": "newreno", "init_window_bytes": "pair"})
