"""Files and folders of users, from the command line on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from m4graph.cli.app import main

ROOT = Path(__file__).parents[1]
CASES = Path(__file__).parent / "data" / "cases"


def test_sizes_in_text(tmp_path, capsys):
    scenario = CASES / "cdf-text-file" / "scenario.yaml"
    out = tmp_path / "out"
    assert main(["simulate", str(scenario), "--simulator", "fluid", "--out", str(out)]) == 0
    assert len((out / "fct.csv").read_text().splitlines()) == 21
    capsys.readouterr()


@pytest.mark.parametrize("command", ["simulate", "import"])
def test_an_empty_cell_in_parquet(command, tmp_path, capsys):
    folder = tmp_path / "in"
    shutil.copytree(CASES / "parquet-na" / "in", folder)
    words = [command, *(["--from", "scenario"] if command == "import" else []), str(folder)]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == (2 if command == "import" else 1)  # What failed, and that nothing is left.
    for line in said:
        assert "flows.parquet, row 0, column id: expected an integer of 64 bits (got an" in line
    assert not (tmp_path / "out").exists()


def test_an_editable_install_beside_the_clone(tmp_path, monkeypatch):
    """A script in the folder that holds the clone, whose name is the package's."""
    pytest.importorskip("editables")
    build = pytest.importorskip("hatchling.build")
    monkeypatch.chdir(ROOT)
    wheel = build.build_editable(str(tmp_path))
    site = tmp_path / "site"
    zipfile.ZipFile(tmp_path / wheel).extractall(site)
    assert [Path(path.read_text().strip()) for path in site.glob("*.pth")] == [ROOT]
    (tmp_path / "m4graph").mkdir()  # The clone: no package, a folder of that name.
    (tmp_path / "mine.py").write_text(
        "import m4graph as m4\nprint(m4.topology.star(num_hosts=2), m4.__file__)\n"
    )
    start = f"import runpy, site; site.addsitedir({str(site)!r}); runpy.run_path('mine.py')"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", start], cwd=tmp_path, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(ROOT / "m4graph" / "__init__.py") in done.stdout
