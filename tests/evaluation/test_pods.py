"""The suites of pods: their cases, distances by hand, files, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from m4graph.core.errors import ConfigError
from m4graph.evaluation.suites import load_suite
from m4graph.evaluation.suites.pods.report import PodReport
from m4graph.evaluation.suites.pods.results import NOISE
from m4graph.evaluation.suites.pods.run import CaseRuns, PodRun, run_pods
from m4graph.evaluation.suites.pods.store import RunCost, load_run, save_run
from m4graph.evaluation.suites.pods.suite import FULL, MATCHED, SMALL, PodCase, matched_matrix
from m4graph.mimic.samples import HostSamples
from m4graph.simulators import make_runners

COST = RunCost(cpu_s=2.0, packet_hops=1000, num_flows=10)


def test_cases_of_a_seed_come_together():
    suite = load_suite("mimic")
    names = [case.name for case in suite.cases[:9]]
    assert names[:3] == ["2-pods-100", "2-pods-as-4-100", "4-pods-100"]
    assert {case.seed for case in suite.cases[:9]} == {100}
    assert len(suite.part(0.2).cases) == 9
    assert suite.alone().models == ()


@pytest.mark.parametrize("name", ["mimic", "mimic_dctcp", "mimic_fabric"])
def test_cases_can_be_built(name):
    """A flow leaves its rack always; the last start is before the end."""
    suite = load_suite(name)
    case = suite.cases[2]
    made = case.build()
    workload, nodes = made.workload, made.network.nodes
    racks = np.array([nodes[host]["rack"] for host in range(made.arrays.num_hosts)])
    assert (racks[workload.src] != racks[workload.dst]).all()
    assert workload.start_ns.max() < 1000 * case.description["workload"]["until_us"]
    assert made.seed == case.seed


def test_two_pods_send_out_as_much_as_many():
    """Of 8 pods of 2 racks, 14 of 15 flows of a rack leave its pod."""
    weight = np.array(matched_matrix(8, racks=2)["matrix"])
    assert (weight.sum(axis=1) == weight[0].sum()).all()
    assert weight[0].tolist() == [0, 1, 7, 7]
    made = next(case for case in load_suite("mimic").cases if case.name == "2-pods-as-8-100")
    flows = made.build().workload
    leaves = (flows.src // 8) != (flows.dst // 8)
    assert leaves.mean() == pytest.approx(14 / 15, abs=0.01)


def samples(*milliseconds: float, unfinished: int = 0, num_marked: int = 0) -> HostSamples:
    ns = np.array(milliseconds) * 1e6
    marked = np.arange(len(ns)) < num_marked
    return HostSamples(ns.astype(np.int64), unfinished, ns, marked, 1000 * np.arange(1, 4))


def case(role: str, num_pods: int, seed: int) -> PodCase:
    return PodCase(f"{role}-{num_pods}-{seed}", {}, None, role, num_pods, seed)


def report(with_refusal: bool = False) -> PodReport:
    """Truths of two seeds 4 ms apart; a mimic that is 1 and 3 ms too slow; two pods 2 ms apart."""
    cases = []
    for seed, base in ((100, 10.0), (101, 14.0)):
        small = PodRun(case(SMALL, 2, seed), SMALL, False, samples(base - 2), COST)
        matched = PodRun(case(MATCHED, 8, seed), MATCHED, False, samples(base), COST)
        full = case(FULL, 8, seed)
        truth = PodRun(full, "packet", True, samples(base, base, unfinished=2), COST)
        late = 1.0 if seed == 100 else 3.0
        mimic = PodRun(full, "lindley", False, samples(base + late), RunCost(0.5, 250, 4))
        refused = {"fluid": "no queues"} if with_refusal else {}
        cases += [
            CaseRuns(small.case, (small,), {}),
            CaseRuns(matched.case, (matched,), {}),
            CaseRuns(full, (truth, mimic), refused),
        ]
    return PodReport("made", cases, {})


def test_distances_by_hand():
    means = report().means.set_index("simulator")
    assert list(means.index) == ["packet", SMALL, MATCHED, "lindley", NOISE]
    assert means["rtt_w1_ms"].to_dict() == pytest.approx(
        {"packet": np.nan, SMALL: 2.0, MATCHED: 0.0, "lindley": 2.0, NOISE: 4.0}, nan_ok=True
    )
    assert means.loc["lindley", ["fct_w1_ms_low", "fct_w1_ms_high"]].tolist() == [1.0, 3.0]
    assert means.loc["lindley", "rtt_p50_error"] == pytest.approx((1 / 10 + 3 / 14) / 2)
    assert means.loc["packet", "share_unfinished"] == 0.5
    assert means.loc[NOISE, "throughput_w1_kb"] == 0
    assert means.loc["lindley", "cpu_s"] == 0.5
    assert means["mark_share"].drop(NOISE).eq(0).all()
    assert means["mark_share_error"].isna().all()


def test_a_run_may_be_too_short_for_windows():
    """Throughput is not known then; the rest is."""
    full, cases = [case(FULL, 8, seed) for seed in (100, 101)], []
    for each in full:
        seen = replace(samples(1, 2), throughput_bytes=np.zeros(0, np.int64))
        cases.append(CaseRuns(each, (PodRun(each, "packet", True, seen, COST),), {}))
    means = PodReport("made", cases, {}).means.set_index("simulator")
    assert means.loc[NOISE, "rtt_w1_ms"] == 0
    assert np.isnan(means.loc[NOISE, "throughput_w1_kb"])


def test_marks_by_hand(tmp_path):
    """Two of four ACKs are marked in truth, three in the mimic's run."""
    full = case(FULL, 8, 100)
    runs = [
        PodRun(full, name, name == "packet", samples(1, 2, 3, 4, num_marked=num_marked), COST)
        for name, num_marked in (("packet", 2), ("lindley", 3))
    ]
    made = PodReport("made", [CaseRuns(full, tuple(runs), {})], {})
    means = made.means.set_index("simulator")
    assert means.loc[["packet", "lindley"], "mark_share"].tolist() == [0.5, 0.75]
    assert means.loc["lindley", "mark_share_error"] == 0.5
    made.save(tmp_path / "out")
    text = (tmp_path / "out" / "summary.md").read_text()
    assert "| 8 | packet (truth) | 50.0 % | - |" in text
    assert "| 8 | lindley | 75.0 % | +50.0 % (+50.0 % to +50.0 %) |" in text


def test_files(tmp_path):
    made = report(with_refusal=True)
    made.save(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "cpu.png",
        "errors.png",
        "evaluation.yaml",
        "means.csv",
        "metrics.json",
        "rtt_cdf.png",
        "scenarios.csv",
        "summary.md",
    }
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["lindley"]["8"]["rtt_w1_ms"] == 2.0
    assert metrics["packet"]["8"]["rtt_w1_ms"] is None
    text = (tmp_path / "out" / "summary.md").read_text()
    assert "| 8 | lindley | 2 (1 to 3) | 2 (1 to 3) | 0 (0 to 0) |" in text
    assert "| 8 | lindley | 0.5 | 0.0 M | 0.0 % | 4 | 4 |" in text
    assert "left out: fluid in 2 of 6 scenarios" in text
    assert "## Marks" not in text
    assert made.table().row_count == 5


def test_runs_are_kept(tmp_path):
    path = tmp_path / "run.npz"
    save_run(path, "key", samples(1.5, 2.0, unfinished=3, num_marked=1), COST)
    found = load_run([tmp_path / "none.npz", path], "key")
    assert found is not None
    assert found[1] == COST
    assert found[0].num_unfinished == 3
    assert found[0].rtt_ns.tolist() == [1.5e6, 2e6]
    assert found[0].marked.tolist() == [True, False]
    assert load_run([path], "other") is None


@pytest.mark.parametrize("change", [{"cpu_s": -1}, {"packet_hops": None}, {"num_flows": "many"}])
def test_a_damaged_run_is_made_anew(tmp_path, capsys, change):
    path = tmp_path / "run.npz"
    save_run(path, "key", samples(1.0), COST)
    arrays = dict(np.load(path))
    header = json.loads(str(arrays["header"])) | change
    np.savez(path, **arrays | {"header": np.array(json.dumps(header))})
    assert load_run([path], "key") is None
    assert "run.npz: header: expected" in capsys.readouterr().err
    assert not path.exists()


def test_a_part_without_a_network_in_full_is_refused():
    part = load_suite("mimic").part(0.01)
    assert [case.role for case in part.cases] == [SMALL]
    with pytest.raises(ConfigError, match=r"suite mimic: expected a part with a network in full"):
        run_pods(part, make_runners(["packet"]))
