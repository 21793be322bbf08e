"""Work without end is refused before it begins."""

from pathlib import Path

import numpy as np
import pytest

import m4graph as m4
from m4graph.cli.app import main
from m4graph.core.errors import ConfigError
from m4graph.scenario.cautions import Caution
from m4graph.simulators.packet.forecast import check_forecast, forecast_packet_hops

RECIPE = Path(__file__).parents[2] / "data" / "cases" / "generate-without-end" / "c.yaml"


def scenario(size_bytes, **arguments):
    network = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
    flows = {"id": [0, 1], "src": [0, 1], "dst": [2, 2], "start_ns": [0, 500]}
    workload = m4.workload.Workload.from_arrays(size_bytes=[size_bytes, 1500], **flows)
    return m4.Scenario(network, workload, "dctcp", **arguments)


def test_the_forecast_of_a_run_without_losses_is_exact():
    small = scenario(20_500)
    assert forecast_packet_hops(small) == (21 + 2) * 4
    last_ack = 2  # on its way when the last flow is complete
    assert m4.simulate(small, "packet").packet_hops == (21 + 2) * 4 - last_ack


def test_a_stop_time_bounds_it():
    assert forecast_packet_hops(scenario(10**15, stop_ns=80_000)) == (100 + 2) * 4


def test_too_much_work_is_refused_and_the_limit_can_be_lifted():
    endless = scenario(10**15)
    with pytest.raises(
        ConfigError, match=r"got about 4e\+12 packet hops, 1.1e\+02 hours at 1e\+07"
    ):
        m4.simulate(endless, "packet")
    with pytest.warns(Caution, match="a long run: about 4e"):
        check_forecast(endless, max_hours=200)
    tight = scenario(20_500)
    with pytest.raises(ConfigError, match="max_hours: expected at most 1e-09 hours"):
        m4.simulate(tight, "packet", max_hours=1e-9)
    assert np.isfinite(m4.simulate(tight, "packet", max_hours=1.0).slowdown).all()


def test_closed_loops_too():
    network = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
    workload = m4.workload.from_config(
        {"kind": "ring_all_reduce", "size_bytes": 10**15, "hosts": [0, 1, 2, 3]}, network, 0
    )
    with pytest.raises(ConfigError, match="max_hours"):
        m4.simulate(m4.Scenario(network, workload, "dctcp"), "packet")


@pytest.mark.parametrize(
    ("mean_bytes", "status", "problem"),
    [
        ("1e18", 2, "c.yaml, scenario 0: flow 1: expected start_ns of at most"),
        ("1e14", 1, "max_hours: expected at most 24 hours of work (got about"),
    ],
)
def test_generate_refuses_it_in_one_line(tmp_path, capsys, mean_bytes, status, problem):
    out, setting = tmp_path / "out", f"scenario.workload.sizes.choice.1.mean_bytes={mean_bytes}"
    arguments = ["generate", str(RECIPE), "--out", str(out), "--jobs", "1", "--set", setting]
    assert main(arguments) == status
    said = capsys.readouterr().err
    assert problem in said
    assert "Traceback" not in said
    assert list(out.glob("raw/*.npz")) == []
    assert main([*arguments, "--max-hours", "0"]) == 2
    assert "error: max_hours: expected a number above 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "limit", "problem"),
    [
        (
            ["num_scenarios=3000"],
            ["--max-total-hours", "0.002"],
            "error: max_total_hours: expected at most 0.002 hours of work for one core (got about ",
        ),
        (
            ["scenario.workload.num_flows=2e7"],
            ["--max-hours", "0.0002"],
            "scenario 0: max_hours: expected at most 0.0002 hours of work (got about 2e+07 flows",
        ),
    ],
)
def test_generate_refuses_recipes_that_are_long_before_it_begins(
    tmp_path, capsys, settings, limit, problem
):
    out = tmp_path / "out"
    sizes = "scenario.workload.sizes=web_server"
    given = [part for setting in (*settings, sizes) for part in ("--set", setting)]
    assert main(["generate", str(RECIPE), "--out", str(out), *given, *limit]) == 2
    assert problem in capsys.readouterr().err
    assert not out.exists()


def test_the_limit_of_a_recipe_can_be_lifted(tmp_path, capsys):
    arguments = ["generate", str(RECIPE), "--out", str(tmp_path / "out"), "--jobs", "1"]
    arguments += ["--set", "scenario.workload.sizes=web_server", "--set", "num_scenarios=2"]
    assert main([*arguments, "--max-total-hours", "1e-9"]) == 2
    assert "scenarios of 0.02" in capsys.readouterr().err
    assert main([*arguments, "--max-total-hours", "0"]) == 2
    assert "max_total_hours: expected a number above 0" in capsys.readouterr().err
    assert main([*arguments, "--max-total-hours", "1"]) == 0
