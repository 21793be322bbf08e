"""``m4graph job`` from the command line."""

from __future__ import annotations

import csv
import json

import pytest
import yaml

from m4graph.cli.app import main

JOB = {
    "topology": {"kind": "star", "num_hosts": 8, "gbps": 400, "delay_ns": 500},
    "network": {"payload_bytes": 9000},
    "workload": {
        "kind": "training_job",
        "parallel": {"tp": 2, "dp": 2, "pp": 2},
        "schedule": {"micro_batches": 3, "message_bytes": 1000},
        "layers": [
            {
                "repeat": 2,
                "layers": [
                    {
                        "name": "mlp",
                        "forward_ns": 10_000,
                        "weight_grad_ns": 20_000,
                        "forward": {"kind": "all_gather", "group": "tp", "size_bytes": 100_000},
                        "weight_grad": {"kind": "all_reduce", "group": "dp", "size_bytes": 9000},
                    }
                ],
            }
        ],
    },
}
SIMAI = """\
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 all_gpus: 8
1
layer -1 5000 ALLREDUCE 16777216 1 NONE 0 1 NONE 0 100
"""


@pytest.fixture
def job(tmp_path):
    def write(**changes):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({**JOB, **changes}))
        return path

    return write


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("simulator", ["fluid", "packet"])
def test_a_job(job, tmp_path, capsys, simulator):
    out = tmp_path / "out"
    assert main(["job", str(job()), "--simulator", simulator, "--out", str(out)]) == 0
    assert "iteration" in capsys.readouterr().out
    summary = json.loads((out / "summary.json").read_text())
    assert summary["name"] == "mine"
    assert summary["simulator"] == simulator
    assert (summary["memo"], summary["nvlink"], summary["step_after"]) == (
        True, "closed_form", "receiver",
    )  # fmt: skip
    assert summary["num_flows"] > summary["num_simulated"] > 0
    collectives = rows(out / "collectives.csv")
    assert len(collectives) == summary["num_operations"] == 4 * 3 + 4 + 4 * 3 * 2
    assert {row["kind"] for row in collectives} == {"all_gather", "all_reduce", "send_recv"}
    ranks = rows(out / "ranks.csv")
    assert [int(row["rank"]) for row in ranks] == list(range(8))
    assert max(int(row["end_ns"]) for row in ranks) == summary["iteration_ns"]
    assert len(rows(out / "links.csv")) == 16
    layers = rows(out / "EndToEnd.csv")
    assert [row["layer"] for row in layers] == ["mlp", "SUM"]
    assert float(layers[0]["fwd compute"]) == 30.0
    trace = json.loads((out / "trace.json").read_text())
    spans = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert max(span["ts"] + span["dur"] for span in spans) * 1000 <= summary["iteration_ns"] + 1
    assert (out / "timeline.png").stat().st_size > 1000


def test_all_flows(job, tmp_path, capsys):
    out = tmp_path / "out"
    path = job(memo=False, nvlink="simulate")
    assert main(["job", str(path), "--out", str(out), "--flows"]) == 0
    flows = rows(out / "fct.csv")
    summary = json.loads((out / "summary.json").read_text())
    assert len(flows) == summary["num_flows"] == summary["num_simulated"]
    assert min(float(row["slowdown"]) for row in flows) >= 1


def test_simai_text_beside_the_job(job, tmp_path, capsys):
    (tmp_path / "workload.txt").write_text(SIMAI)
    path = job(workload={"kind": "simai", "file": "workload.txt"})
    assert main(["job", str(path), "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["step_after"] == "sender_ack"
    assert summary["num_operations"] == 1


def test_tenants_and_background(job, tmp_path, capsys):
    workload = JOB["workload"] | {"parallel": {"tp": 4}, "schedule": {}}
    path = job(
        tenants=[{"ranks": [0, 1, 2, 3], "workload": workload, "name": "a"},
                 {"ranks": [4, 5, 6, 7], "workload": workload}],
        background={"kind": "generated", "num_flows": 20},
    )  # fmt: skip
    text = path.read_text()
    path.write_text(
        yaml.safe_dump({k: v for k, v in yaml.safe_load(text).items() if k != "workload"})
    )
    assert main(["job", str(path), "--out", str(tmp_path / "out")]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(summary["iteration_ns_of_tenants"]) == {"a", "1"}


def times(out):
    columns = ("kind", "bytes", "start_ns", "end_ns")
    return [tuple(row[name] for name in columns) for row in rows(out / "collectives.csv")]


def test_simai_text_as_a_job_of_ones_own(job, tmp_path, capsys):
    """Rows that repeat are folded, and the job takes the same time."""
    header, _, row = SIMAI.splitlines()
    first = row.replace("layer", "first")
    text = "\n".join([header, "7", first, *[row, first.replace("5000", "70")] * 3]) + "\n"
    (tmp_path / "workload.txt").write_text(text)
    arguments = ["convert", "--from", "simai", str(tmp_path / "workload.txt")]
    assert main([*arguments, str(tmp_path / "made")]) == 0
    assert "topology: not in the source; 1 servers of 8 GPUs" in capsys.readouterr().err
    made = yaml.safe_load((tmp_path / "made" / "job.yaml").read_text())
    assert [layer.get("repeat", 1) for layer in made["workload"]["layers"]] == [1, 3]
    direct = job(
        workload={"kind": "simai", "file": "workload.txt"},
        **{key: made[key] for key in ("topology", "routing", "network", "congestion_control")},
    )
    for path, out in ((direct, "direct"), (tmp_path / "made", "folded")):
        assert main(["job", str(path), "--out", str(tmp_path / out)]) == 0
    assert times(tmp_path / "direct") == times(tmp_path / "folded")


def test_simai_topology_and_workload(tmp_path, capsys):
    source = tmp_path / "in"
    source.mkdir()
    (source / "workload.txt").write_text(SIMAI)
    lines = ["9 8 1 0 8 H100", "8", *(f"{gpu} 8 2880Gbps 0.000025ms 0" for gpu in range(8))]
    (source / "topo").write_text("\n".join(lines) + "\n")
    assert main(["convert", "--from", "simai", str(source), str(tmp_path / "made")]) == 0
    assert main(["job", str(tmp_path / "made"), "--out", str(tmp_path / "out")]) == 0
    assert len(rows(tmp_path / "out" / "links.csv")) == 16
    (source / "more").write_text("9\n")
    assert main(["convert", "--from", "simai", str(source), str(tmp_path / "other")]) == 2
    assert "expected one workload and at most one topology" in capsys.readouterr().err


def test_chakra_traces_as_text(tmp_path, capsys):
    node = {"Id": 0, "Name": "ar", "NodeType": 7, "comm_type": 0, "comm_size": 8000}
    for rank in range(8):
        content = {"workload_graph": [node | {"data_deps": []}]}
        (tmp_path / f"run.{rank}.json").write_text(json.dumps(content))
    assert main(["convert", "--from", "chakra", str(tmp_path / "run"), str(tmp_path / "made")]) == 0
    assert main(["job", str(tmp_path / "made"), "--out", str(tmp_path / "out")]) == 0
    (row,) = rows(tmp_path / "out" / "collectives.csv")
    assert (row["kind"], row["ranks"], row["bytes"]) == ("all_reduce", "8", "8000")
    assert main(["convert", "--from", "chakra", str(tmp_path / "no"), str(tmp_path / "x")]) == 2
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workload": {"kind": "simai", "file": "none.txt"}}, "none.txt: expected a file to read"),
        ({"workload": {"kind": "mpi"}}, "workload.kind: unknown job workload: expected one of"),
        ({"memo": "yes"}, "memo: expected true or false"),
        ({"nvlink": "fast"}, "nvlink: expected"),
        ({"workload": JOB["workload"] | {"parallel": {"dp": 4, "ep": 3}}},
         "workload.parallel.ep: expected a divisor of dp, 4 (got 3)"),
        ({"topology": {"kind": "star", "num_hosts": 7}}, "rank 7: expected a host of its own"),
        ({"routing": {"file": "x"}}, "routing"),
    ],
)  # fmt: skip
def test_bad_jobs(job, tmp_path, capsys, changes, message):
    out = tmp_path / "out"
    assert main(["job", str(job(**changes)), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert "mine.yaml" in line
    assert not out.exists()


def test_flows_need_a_full_simulation(job, tmp_path, capsys):
    assert main(["job", str(job()), "--flows", "--out", str(tmp_path / "out")]) == 2
    assert "expected memo: false and nvlink: simulate" in capsys.readouterr().err
    assert main(["job", str(job()), "--flows"]) == 2
    assert "--flows: expected --out" in capsys.readouterr().err


@pytest.mark.parametrize("simulator", ["mimic", "parsimon"])
def test_simulators_without_sessions(job, capsys, simulator):
    assert main(["job", str(job()), "--simulator", simulator]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"simulator {simulator!r}: expected one that has sessions" in line
