"""Links that are known from before: the same bits, and only what changed is simulated."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import warnings

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import InputError
from m4graph.simulators.parsimon.cache import FILE

CLOS = m4.topology.clos(2, 4, 2, 2, 2, host_gbps=10, fabric_gbps=10)
FABRIC, SPINE = 24, 28


def scenario_of(control="dctcp", load=0.5, seed=5, **changes):
    workload = m4.workload.generate(
        CLOS, sizes="web_server", load=load, num_flows=500, seed=seed, matrix="uniform"
    )
    return m4.Scenario(CLOS, workload, control, **changes)


def run(scenario, cache=None, **options):
    return m4.simulate(scenario, "parsimon", cache=cache, jobs=1, **options)


def num_links(result):
    return tuple(result.extra[f"links_{state}"] for state in ("simulated", "cached", "pruned"))


@pytest.mark.parametrize("passes", [1, 2])
def test_a_cached_run_equals_a_fresh_one(tmp_path, passes):
    scenario = scenario_of()
    fresh = run(scenario, passes=passes)
    first = run(scenario, tmp_path / "deep" / "cache", passes=passes)
    second = run(scenario, tmp_path / "deep" / "cache", passes=passes)
    assert first.fct_ns.tolist() == second.fct_ns.tolist() == fresh.fct_ns.tolist()
    busy = np.count_nonzero(np.bincount(scenario.routes.data_links))
    assert num_links(fresh) == num_links(first) == (busy, 0, 0)
    assert num_links(second) == (0, busy, 0)
    assert first.extra["packet_links"] == fresh.extra["packet_links"] > 0
    assert second.extra["packet_links"] == first.extra["packet_links_cached"] == 0
    assert second.extra["packet_links_cached"] == fresh.extra["packet_links"]


def test_progress_reaches_the_end_with_a_cache(tmp_path):
    seen = []
    for _ in range(2):
        run_seen = []
        m4.simulate(
            scenario_of(),
            "parsimon",
            cache=tmp_path,
            jobs=1,
            progress=lambda done, total, seen=run_seen: seen.append((done, total)),
        )
        seen.append(run_seen[-1])
    assert seen[0] == seen[1]
    assert seen[0][0] == seen[0][1]


def test_a_cut_cable(tmp_path):
    """Only links near it have other flows; what is simulated gives what a fresh run gives."""
    whole = run(scenario_of(), tmp_path, passes=1)
    cut = scenario_of(
        faults=[{"kind": "down", "link": [FABRIC, SPINE]}], routing={"convergence_us": 0}
    )
    cached, fresh = run(cut, tmp_path, passes=1), run(cut, passes=1)
    assert cached.fct_ns.tolist() == fresh.fct_ns.tolist() != whole.fct_ns.tolist()
    table = cached.extra["links"].to_frame()
    anew = table[table["state"] == "simulated"]
    assert len(anew) == num_links(cached)[0] < len(table) / 4
    # Traffic of one plane between pods alone has changed.
    plane = {FABRIC, FABRIC + 2}
    assert all({a, b} & plane for a, b in zip(anew["a"], anew["b"], strict=True))
    assert cached.extra["packet_links"] == anew["num_packets"].sum()


@pytest.mark.parametrize(
    "other",
    [
        {"config": {"ecn": {"kmin_bytes": 9000, "kmax_bytes": 9000, "pmax": 1.0}}},
        {"config": {"payload_bytes": 500}},
        {"control": {"kind": "dctcp", "gain": 0.5}},
        {"control": {"kind": "dctcp", "init_window_bytes": 9000}},
        {"seed": 6},
    ],
)
def test_what_a_link_depends_on(tmp_path, other):
    run(scenario_of(), tmp_path)
    cached, fresh = run(scenario_of(**other), tmp_path), run(scenario_of(**other))
    assert cached.fct_ns.tolist() == fresh.fct_ns.tolist()
    assert num_links(cached)[1] == 0


def test_other_code_is_another_link(tmp_path, monkeypatch):
    run(scenario_of(), tmp_path)
    monkeypatch.setattr(
        "m4graph.simulators.parsimon.link_model.source_digest", lambda *modules: "other"
    )
    assert num_links(run(scenario_of(), tmp_path))[1] == 0


def test_pruned_links_are_not_looked_up(tmp_path):
    run(scenario_of(), tmp_path)
    pruned = run(scenario_of(), tmp_path, min_load=0.3)
    simulated, cached, left_out = num_links(pruned)
    assert cached > 0 < left_out
    table = pruned.extra["links"].to_frame()
    assert (table[table["state"] == "pruned"]["load"] < 0.3).all()
    assert (table[table["state"] != "pruned"]["load"] >= 0.3).all()
    assert simulated + cached + left_out == len(table)


def damaged(path):
    path.write_bytes(b"no database at all" * 100)


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [damaged, cut_short])
def test_a_damaged_file_is_made_anew(tmp_path, damage):
    scenario = scenario_of()
    fresh = run(scenario, tmp_path)
    damage(tmp_path / FILE)
    with pytest.warns(UserWarning, match=r"cache .*links\.sqlite: made anew \(") as seen:
        again = run(scenario, tmp_path)
    assert len([each for each in seen if "cache" in str(each.message)]) == 1
    assert again.fct_ns.tolist() == fresh.fct_ns.tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="congestion_control: a window")
        assert num_links(run(scenario, tmp_path))[0] == 0


def test_a_value_that_has_rotted_is_not_believed(tmp_path):
    scenario = scenario_of()
    fresh = run(scenario, tmp_path)
    with sqlite3.connect(tmp_path / FILE) as file:
        key, value = file.execute("SELECT key, value FROM links ORDER BY key LIMIT 1").fetchone()
        rotten = value[:-1] + bytes([value[-1] ^ 1])
        file.execute("UPDATE links SET value = ? WHERE key = ?", (rotten, key))
    file.close()
    again = run(scenario, tmp_path)
    assert again.fct_ns.tolist() == fresh.fct_ns.tolist()
    assert num_links(again)[0] == 1
    assert num_links(run(scenario, tmp_path))[0] == 0


def test_a_file_that_is_locked_is_done_without(tmp_path, monkeypatch):
    scenario = scenario_of()
    run(scenario, tmp_path)
    monkeypatch.setattr("m4graph.simulators.parsimon.cache._PATIENCE_S", 0.01)
    other = sqlite3.connect(tmp_path / FILE)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.warns(UserWarning, match=r"cache .*: nothing is kept \(database is locked\)"):
        again = run(scenario, tmp_path)
    other.close()
    assert num_links(again)[1] == 0
    assert again.fct_ns.tolist() == run(scenario).fct_ns.tolist()


def test_two_processes_at_a_time(tmp_path):
    """Each keeps what it has simulated, and neither waits for the other's end."""
    code = (
        "import sys; sys.path.insert(0, {root!r})\n"
        "from tests.simulators.parsimon.test_cache import run, scenario_of\n"
        "print(run(scenario_of(seed={seed}), {cache!r}).fct_ns.sum())"
    )
    root = os.fspath(__file__).rsplit("/tests/", 1)[0]
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error:cache", "-c", code.format(
                root=root, seed=seed, cache=os.fspath(tmp_path))],
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in (5, 6)
    ]  # fmt: skip
    sums = [int(process.communicate()[0]) for process in processes]
    for seed, total in zip((5, 6), sums, strict=True):
        again = run(scenario_of(seed=seed), tmp_path)
        assert again.fct_ns.sum() == total
        assert num_links(again)[0] == 0


def test_a_cache_is_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: expected a folder"):
        run(scenario_of(), tmp_path / "file")
