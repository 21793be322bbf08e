"""From a scenario file to a mimic in a folder, and back."""

from __future__ import annotations

import json

import numpy as np
import pytest

import m4graph as m4
from m4graph.cli.app import main
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.yaml_file import write_yaml
from m4graph.mimic import Mimic, MimicSimulator, fit, small
from m4graph.mimic.folder import ARRAYS_FILE, MIMIC_FILE
from m4graph.mimic.models import MIMIC_MODELS
from tests.mimic.scenes import CONTROLS, SIZES, scene

CLOS = {"kind": "clos", "pods": 6, "racks": 2, "hosts": 4, "planes": 2, "spines": 2,
        "host_gbps": 0.1, "fabric_gbps": 0.1, "delay_ns": 500_000}  # fmt: skip
FLOWS = {"kind": "generated", "sizes": SIZES, "load": 0.7, "until_us": 200_000.0}


def file_of(folder, topology=CLOS, workload=FLOWS, **more):
    control, network = CONTROLS["newreno"]
    blocks = {"topology": topology, "workload": workload, "network": network,
              "congestion_control": control, "seed": 7, **more}  # fmt: skip
    write_yaml(folder / "scenario.yaml", blocks)
    return folder / "scenario.yaml"


def test_a_file_is_cut_to_two_pods(tmp_path):
    path = file_of(tmp_path)
    whole, cut = m4.load_scenario(path), small(path, seed=3)
    assert whole.arrays.num_hosts == 3 * cut.arrays.num_hosts == 48
    assert (whole.seed, cut.seed) == (7, 3)
    assert cut.config == whole.config
    assert cut.num_flows == pytest.approx(whole.num_flows / 3, rel=0.4)
    assert not np.array_equal(cut.workload.size_bytes[:20], small(path, 4).workload.size_bytes[:20])


def test_numbers_of_flows_and_seeds_of_workloads_are_cut_too(tmp_path):
    workload = {**FLOWS, "num_flows": 60, "seed": 5}
    del workload["until_us"]
    path = file_of(tmp_path, workload=workload)
    one, other = small(path, seed=1), small(path, seed=2)
    assert one.num_flows == 20
    assert not np.array_equal(one.workload.size_bytes, other.workload.size_bytes)
    changed = small(path, seed=1, overrides=[("topology.pods", "3")])
    assert changed.num_flows == 40


def test_a_fat_tree_is_cut_to_a_clos_of_its_pods(tmp_path):
    path = file_of(tmp_path, {"kind": "fat_tree", "k": 4, "host_gbps": 1, "fabric_gbps": 1})
    cut = small(path)
    assert cut.arrays.num_hosts == 8
    assert m4.load_scenario(path).arrays.num_hosts == 16
    mimic = fit(path, "constant")
    assert MimicSimulator(mimic).run(m4.load_scenario(path)).num_finished > 0


def test_what_cannot_be_cut(tmp_path):
    m4.save_scenario(scene(3, num_flows=5), tmp_path / "three")
    with pytest.raises(ConfigError, match=r"topology: expected two pods .* \(got 3 pods\)"):
        fit(tmp_path / "three", "constant")
    path = file_of(tmp_path, workload={"file": "three/flows.csv"})
    with pytest.raises(ConfigError, match=r"scenario.yaml: workload.kind: expected generated"):
        fit(path, "constant")
    with pytest.raises(ConfigError, match=r"topology: expected two pods .* \(got 3 pods\)"):
        fit(scene(3, num_flows=5), "constant")
    with pytest.raises(ConfigError, match=r"mimic model: expected one of"):
        fit(scene(2, num_flows=5), "nonsense")


def test_two_pods_from_a_folder_are_taken_as_they_are(tmp_path):
    scenario = scene(2, num_flows=30)
    m4.save_scenario(scenario, tmp_path / "two")
    loaded = m4.load_scenario(tmp_path / "two")
    mimic = fit(loaded, "oracle")
    result = m4.simulate(loaded, MimicSimulator(mimic))
    packet = m4.simulate(loaded, "packet").of_flows_of(result)
    np.testing.assert_array_equal(result.fct_ns, packet.fct_ns)


def test_a_mimic_comes_back_from_its_folder(tmp_path):
    scenario = scene(2, num_flows=40)
    fit(scenario, "oracle", seed=1).save(tmp_path / "mimic")
    again = Mimic.load(tmp_path / "mimic")
    assert again.training["num_packets"] > 1000
    assert again.name == str(tmp_path / "mimic")
    result = m4.simulate(scenario, "mimic", model=tmp_path / "mimic")
    packet = m4.simulate(scenario, "packet").of_flows_of(result)
    np.testing.assert_array_equal(result.fct_ns, packet.fct_ns)
    with pytest.raises(
        ConfigError, match=r"network.payload_bytes: expected 1460, as mimic .*mimic"
    ):
        m4.simulate(scenario.replace(config={}), "mimic", model=tmp_path / "mimic")


def changed(folder, **changes):
    record = json.loads((folder / MIMIC_FILE).read_text())
    (folder / MIMIC_FILE).write_text(json.dumps({**record, **changes}))


def test_damaged_folders(tmp_path):
    folder = tmp_path / "mimic"
    with pytest.raises(InputError, match=r"mimic.json: expected the file of a mimic"):
        Mimic.load(folder)

    def fresh():
        fit(scene(2, num_flows=4), "oracle").save(folder)

    fresh()
    (folder / MIMIC_FILE).write_text("{")
    with pytest.raises(InputError, match=r"mimic.json: expected JSON"):
        Mimic.load(folder)
    for changes, message in [
        ({"kind": "nonsense"}, "unknown mimic model: expected one of"),
        ({"format": 2}, r"mimic.json: format: expected 1 \(got 2\)"),
        ({"arrays": ["packets"]}, "expected what a mimic of kind oracle has learned"),
        ({"arrays": ["packets", "lost"]}, r"arrays.npz: expected the arrays of a mimic"),
        ({"settings": {}}, r"expected what a mimic of kind oracle has learned \(got KeyError"),
        ({"more": 1}, "mimic.json: more: unknown key"),
        ({"arrays_sha256": "0" * 64}, r"arrays.npz: expected the arrays that mimic.json names"),
    ]:
        fresh()
        changed(folder, **changes)
        with pytest.raises(InputError, match=message) as error:
            Mimic.load(folder)
        assert "\n" not in str(error.value)
    fresh()
    (folder / ARRAYS_FILE).write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"arrays.npz: expected the arrays of a mimic"):
        Mimic.load(folder)


def test_the_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file_of(tmp_path)
    assert main(["mimic", "fit", "scenario.yaml", "--kind", "constant", "--out", "mimic"]) == 0
    assert "in mimic" in capsys.readouterr().out
    simulate = ["simulate", "scenario.yaml", "--simulator", "mimic", "--model", "mimic"]
    assert main([*simulate, "--out", "out"]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["num_not_simulated"] > summary["num_flows"] > 10
    for name in ("fct.csv", "rtt.csv", "throughput.csv", "scenario.yaml"):
        assert (tmp_path / "out" / name).exists()
    assert main([*simulate, "--set", "topology.racks=3"]) == 0  # constant: any shape
    capsys.readouterr()
    for arguments, message in [
        (["mimic", "fit", "scenario.yaml", "--out", "x", "--kind", "no"], "unknown mimic model"),
        (["simulate", "scenario.yaml", "--simulator", "mimic"], "model: expected the folder"),
        (["simulate", "scenario.yaml", "--simulator", "mimic", "--model", "x"], "x/mimic.json"),
        (
            ["mimic", "fit", "scenario.yaml", "--out", "x", "--kind", "constant",
             "--option", "depth=3"],
            "constant: unknown option 'depth'",
        ),
        (
            ["mimic", "fit", "scenario.yaml", "--out", "x", "--kind", "recurrent",
             "--option", "epoch=3"],
            "did you mean 'epochs'",
        ),
    ]:  # fmt: skip
        assert main(arguments) == 2
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_models_by_name():
    assert {"constant", "oracle"} <= set(MIMIC_MODELS.names())
    for name in ("constant", "oracle"):
        assert MIMIC_MODELS.resolve(name).kind == name
