"""The page on explanation and export, its code, and its example."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from m4graph.nn import CONVS
from tests.page_code import run_page

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explain-and-export.md"


def test_the_code_of_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_page(PAGE, tmp_path) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt2"]
    assert "messages of flow" in capsys.readouterr().out


def test_the_page_is_complete():
    text = PAGE.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    for link in links:
        assert (PAGE.parent / link).exists(), link
    [row] = re.findall(r"^\| (.*) \| yes, checked", text, re.MULTILINE)
    assert sorted(row.replace("`", "").split()) == CONVS.names()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What the example prints of a small scenario, and its folder."""
    folder = tmp_path_factory.mktemp("explained")
    script = ROOT / "examples" / "explain_prediction.py"
    command = [sys.executable, script, "--flows", "60", "--out", "explained.png"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    return run.stdout, folder


def test_the_parts_of_the_example_multiply_to_the_prediction(done):
    text, _ = done
    predicted = float(re.search(r"predicted slowdown ([\d.]+)", text)[1])
    table = text.partition("part of the prediction")[2].partition("└")[0]
    factors = [float(value) for value in re.findall(r"\N{MULTIPLICATION SIGN} ([\d.]+)", table)]
    product = 1.0
    for factor in factors:
        product *= factor
    assert len(factors) >= 3
    assert product == pytest.approx(predicted, rel=0.05)


def test_the_example_is_more_faithful_than_chance(done):
    text, folder = done
    rows = {
        name: [float(value) for value in re.findall(r"\d+\.\d+", line)]
        for line in text.splitlines()
        for name in ("integrated gradients", "random, mean of 200")
        if name in line
    }
    (moved, left), (by_chance, left_by_chance) = rows.values()
    assert moved > 1.5 * by_chance
    assert left < left_by_chance
    assert [path.name for path in folder.iterdir()] == ["explained.png"]
    assert (folder / "explained.png").stat().st_size > 10_000
