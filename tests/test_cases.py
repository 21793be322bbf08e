"""Faults that users met, each with the right value and why it is right."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

import m4graph as m4
from m4graph.cli.app import main

CASES = Path(__file__).parent / "data" / "cases"


@pytest.fixture
def simulate(tmp_path, capsys):
    """Runs ``m4graph simulate`` on a case; gives the status, the FCTs by flow and stderr."""

    def run(case: str, *options: str) -> tuple[int, dict[int, int | None], str]:
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        status = main(
            ["simulate", str(CASES / case / "scenario.yaml"), *options, "--out", str(out)]
        )
        said = capsys.readouterr().err
        if status != 0:
            assert not out.exists()
            return status, {}, said
        rows = csv.DictReader((out / "fct.csv").open())
        return status, {int(r["id"]): int(r["fct_ns"]) if r["fct_ns"] else None for r in rows}, said

    return run


@pytest.mark.parametrize("window", ["100000000", "90000000", "null"])
def test_a_window_that_is_never_full_does_not_matter(simulate, window):
    # 2 * 1000 ns + 2 * 83 + floor(8 * 999000 / 100) + 999 * floor(3.84)
    option = f"congestion_control.init_window_bytes={window}"
    assert simulate("window-overflow", "--set", option)[:2] == (0, {0: 85083})


def test_the_default_window_of_a_fast_link(simulate):
    status, fct_ns, said = simulate("default-window-terabit")
    assert (status, fct_ns) == (0, {0: 2052})  # A packet takes 2 ns where it should take 2.91.
    assert "tick: ps" in said
    status, fct_ns, said = simulate("default-window-terabit", "--set", "network.tick=ps")
    assert status == 0
    # 1001 packets of 2.911 ns; without headers it would be 2829.
    assert fct_ns == {0: 2964}
    assert "tick" not in said


@pytest.mark.parametrize(
    ("delay_ns", "headroom_bytes"), [(40_000_000, 4_000_023_824), (50_000_000, 5_000_023_824)]
)
def test_headroom_beyond_the_buffer_is_refused(simulate, delay_ns, headroom_bytes):
    status, _, said = simulate("headroom-overflow", "--set", f"topology.delay_ns={delay_ns}")
    assert status == 2
    assert f"PFC headroom of switch 2, {headroom_bytes} bytes (got 3072000)" in said


@pytest.mark.parametrize("simulator", ["packet", "fluid", "learned"])
def test_no_link_carries_more_than_it_can(simulate, simulator):
    # 255 * (335 + 335 + 271) ns at the receiver, and a first packet over the other link.
    status, fct_ns, _ = simulate("learned-incast-beyond-capacity", "--simulator", simulator)
    assert (status, max(fct_ns.values())) == (0, 242290)


def test_no_flow_is_faster_than_its_window(simulate):
    status, fct_ns, said = simulate("learned-window-below-bdp")
    assert (status, fct_ns) == (0, {0: 223192678})
    assert said.count("bandwidth-delay product") == 1
    fluid = ("--simulator", "fluid")
    assert simulate("learned-window-below-bdp", *fluid)[1] == {0: 8580838}
    limited = simulate("learned-window-below-bdp", *fluid, "--option", "fluid.window_limit=true")
    assert limited[1][0] == pytest.approx(223.2e6, rel=0.005)
    learned = simulate("learned-window-below-bdp", "--simulator", "learned")
    assert learned[1][0] >= 223192678


def test_a_deadlock_is_named(simulate):
    status, fct_ns, said = simulate("pfc-deadlock")
    assert status == 0
    assert set(fct_ns.values()) == {None}
    assert "8 of 8 flows" in said
    assert "4 -> 5 -> 6 -> 7 -> 4" in said


def test_the_stop_time_of_ns3_is_kept(tmp_path, capsys):
    source, scenario, out = CASES / "stop-time-dropped", tmp_path / "scenario", tmp_path / "out"
    assert main(["convert", "--from", "hpcc", str(source), str(scenario)]) == 0
    assert m4.load_scenario(scenario).stop_ns == 1_000_000_100
    assert main(["simulate", str(scenario), "--out", str(out)]) == 0
    assert (out / "fct.csv").read_text().splitlines()[1].startswith("0,,")
    assert "stop" in capsys.readouterr().err
