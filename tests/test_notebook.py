"""The quick tour: a notebook that runs, is kept without outputs, and shows what it promises."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "quick-tour.ipynb"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_it_is_kept_without_outputs(notebook):
    assert all(not cell.outputs and cell.execution_count is None for cell in code(notebook))
    assert NOTEBOOK.stat().st_size < 20_000


def test_every_cell_runs(notebook, tmp_path):
    where = {"metadata": {"path": str(tmp_path)}}
    done = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in code(done) for output in cell.outputs]
    text = "".join(output.get("text", "") for output in outputs)
    assert text.count("arrived at") == 7
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 5
    assert all(len(picture["data"]["image/png"]) > 5_000 for picture in pictures)
    assert "240 graphs to train on, 120 kept apart" in text
