"""The environment: gymnasium's own checks, what it sees, what it pays, what it refuses."""

from __future__ import annotations

import sys
from importlib import import_module

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import m4graph as m4
from m4graph.core.errors import InputError
from m4graph.rl import FlowEnv

pytestmark = pytest.mark.filterwarnings("error")


def network(**rates):
    """Hosts 0-3 and 4-7 below two leaves, 8 and 9, with spines 10 and 11 between them."""
    return m4.topology.leaf_spine(
        num_leaves=2, hosts_per_leaf=4, num_spines=2, host_gbps=10, fabric_gbps=10, **rates
    )


def scenario(pairs=((0, 4), (1, 5), (2, 3)), size_bytes=100_000, gap_ns=1000, control="dctcp"):
    count = len(pairs)
    src, dst = np.array(pairs).T
    flows = m4.workload.Workload.from_arrays(
        np.arange(count), src, dst, np.full(count, size_bytes), gap_ns * np.arange(count)
    )
    return m4.Scenario(network(), flows, control)


def play(env, actions, seed=0):
    """An episode; gives what was seen and paid, and the last info."""
    seen, info = env.reset(seed=seed)
    observations, rewards, infos = [seen], [], [info]
    for action in actions:
        seen, reward, ended, truncated, info = env.step(action)
        observations.append(seen)
        rewards.append(reward)
        infos.append(info)
        assert ended == (action is actions[-1] and len(rewards) == len(actions))
        assert not truncated
    return observations, rewards, infos


def test_gymnasiums_own_check():
    def draw(seed):
        return m4.workload.generate(network(), "web_server", load=0.8, num_flows=12, seed=seed)

    check_env(FlowEnv(scenario(), "fluid"), skip_render_check=True)
    check_env(FlowEnv(scenario(), "fluid", draw=draw), skip_render_check=True)
    windows = FlowEnv(scenario(), "packet", num_paths=2, windows_bytes=[3000, 18_000])
    check_env(windows, skip_render_check=True)


def test_the_return_is_minus_the_mean_slowdown():
    env = FlowEnv(scenario(), "fluid", num_paths=2)
    _, rewards, infos = play(env, [0, 0, 0])
    slowdown = infos[-1]["slowdown"]
    assert sum(rewards) == pytest.approx(-slowdown.mean(), rel=1e-9)
    # Two flows share a spine for 100 kB each; the third stays in its rack.
    assert slowdown[2] == pytest.approx(1.0, abs=1e-3)
    assert slowdown[:2] == pytest.approx([1.95, 1.95], abs=0.05)
    apart = play(env, [0, 1, 1])[2][-1]["slowdown"]
    assert apart == pytest.approx([1.0] * 3, abs=1e-3)
    done = [flow for info in infos for flow, _ in info["completed"]]
    assert sorted(done) == [0, 1, 2]


def test_what_the_agent_sees():
    env = FlowEnv(scenario(), "fluid", num_paths=3)
    (first, second, third, last), _, infos = play(env, [0, 1, 2])
    size = np.log(100_000) / np.log(10**15)
    assert first == pytest.approx([size, 1, 1, 0, 1, 1, 0])
    # The first flow is on path 0: half of its links' rate is left there, and its bytes to wait for.
    wait = 1 / (1 + 80_000 / (80_000 + 9_000))
    assert second == pytest.approx([size, 0.5, 1, 0, wait, 1, 0], abs=0.02)
    # The third stays in its rack: one path, which nobody shares between switches.
    assert third == pytest.approx([size, 1, 0, 0, 1, 0, 0])
    assert not last.any()
    assert [info["num_paths"] for info in infos[:3]] == [2, 2, 1]
    assert [info["flow"] for info in infos[:3]] == [0, 1, 2]


@pytest.mark.parametrize("simulator", ["fluid", "packet"])
def test_ecmps_choices_give_ecmps_times(simulator):
    flows = m4.workload.generate(network(), "web_server", load=0.9, num_flows=40, seed=2)
    given = m4.Scenario(network(), flows, "dctcp")
    env = FlowEnv(given, simulator, num_paths=2)
    _, info = env.reset(seed=0)
    ended = False
    while not ended:
        assert 0 <= info["ecmp_path"] < info["num_paths"]
        _, _, ended, _, info = env.step(info["ecmp_path"])
    expected = m4.simulate(given, simulator)
    assert info["slowdown"] == pytest.approx(expected.slowdown, rel=1e-3)


def test_windows_and_seeds():
    env = FlowEnv(scenario(), "packet", num_paths=2, windows_bytes=[2000, 18_000])
    assert env.action_space == gymnasium.spaces.MultiDiscrete([2, 2])
    narrow, wide = (play(env, [np.array([0, window])] * 3)[2][-1]["slowdown"] for window in (0, 1))
    assert (narrow > 2 * wide)[:2].any()

    def draw(seed):
        return m4.workload.generate(network(), "web_server", load=0.8, num_flows=5, seed=seed)

    drawn = FlowEnv(scenario(), "fluid", draw=draw)
    sizes = [drawn.reset(seed=seed)[0][0] for seed in (0, 0, 1)]
    assert sizes[0] == sizes[1] != sizes[2]
    assert drawn.reset()[0][0] != sizes[2]  # the stream of the last seed goes on


def test_an_ideal_time_is_that_on_the_fastest_path():
    slow = network()
    slow.edges[8, 11]["rate_bps"] = slow.edges[9, 11]["rate_bps"] = 10**9
    env = FlowEnv(scenario().replace(network=slow), "fluid", num_paths=2)
    slowdown = [play(env, [path, 1 - path, 0])[2][-1]["slowdown"][0] for path in (0, 1)]
    assert min(slowdown) < 2 < 8 < max(slowdown) < 10.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_paths": 0}, "num_paths: expected .* 1"),
        ({"simulator": "parsimon"}, "expected one that has sessions"),
        ({"windows_bytes": []}, "windows_bytes: expected one or more"),
        ({"windows_bytes": [0]}, "expected window_bytes from 1"),
        ({"windows_bytes": [9000], "simulator": "fluid"}, "expected no window_bytes in a session"),
        ({"scope": "some"}, "scope"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments, message):
    given = {"simulator": "packet" if "windows_bytes" in arguments else "fluid"} | arguments
    with pytest.raises(InputError, match=message) as caught:
        FlowEnv(scenario(), **given).reset()
    assert "\n" not in str(caught.value)


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "m4graph.rl.env")
    with pytest.raises(InputError, match=r"expected the package gymnasium .pip install"):
        import_module("m4graph.rl.env")


def test_bad_steps():
    env = FlowEnv(scenario(), "fluid", num_paths=2)
    with pytest.raises(InputError, match="step: expected an episode under way"):
        env.step(0)
    env.reset()
    with pytest.raises(InputError, match=r"step: expected an action of Discrete\(2\) .got 2"):
        env.step(2)
    with pytest.raises(InputError, match=r"routing\.kind"):
        FlowEnv(scenario().replace(routing={"kind": "spray"}), "packet")
    loop = m4.workload.closed_loop(scenario().workload)
    with pytest.raises(InputError, match="workload: expected an open loop of one flow or more"):
        FlowEnv(scenario().replace(workload=loop), "fluid").reset()
