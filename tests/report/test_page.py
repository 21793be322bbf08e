"""The file: its size, its library, and what a name in a scenario cannot do."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import pytest

import m4graph as m4
from m4graph.core.errors import InputError
from m4graph.report import write_report

from .conftest import NAME, result_of, scenario_of
from .reading import content_of, section_of

VENDOR = files("m4graph.report") / "assets" / "vendor"


def test_library():
    library = (VENDOR / "echarts.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() in (VENDOR / "README.md").read_text("utf-8")
    assert len(library) <= 1_500_000
    assert b"</script" not in library
    for licence in ("LICENSE", "NOTICE", "licenses/LICENSE-d3"):
        assert (VENDOR / licence).is_file()


def test_same_bits(comparison, tmp_path):
    for name in ("a.html", "b.html"):
        write_report(comparison, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_names_are_text(comparison, tmp_path):
    path = tmp_path / "report.html"
    write_report(comparison, path)
    text = path.read_text("utf-8")
    assert text.count("</script") == 3
    assert "<img" not in text.partition("<main")[0]
    assert content_of(path)["title"] == NAME


def test_asks_no_network(comparison, tmp_path):
    path = tmp_path / "report.html"
    write_report(comparison, path)
    head = path.read_text("utf-8")[:2000]
    assert "default-src 'none'" in head
    assert len(re.findall("'sha256-", head)) == 2


def test_size_of_20000_flows(tmp_path):
    scenario = scenario_of(20_000, k=8, name="many")
    truth = result_of(scenario, "packet", 0)
    others = result_of(scenario, "fluid", 1), result_of(scenario, "learned", 2)
    write_report(m4.compare(truth, *others), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 5_000_000
    content = content_of(tmp_path / "report.html")
    assert len(content["flows"]["id"]) == 20_000
    assert "a dot stands for" not in section_of(content, "Slowdown by flow size")["text"]


def test_nothing_can_be_written(comparison, tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InputError, match="expected a file to write"):
        write_report(comparison, file / "report.html")


def test_other_sources():
    with pytest.raises(InputError, match=r"expected a folder, a result.*got int"):
        write_report(3, "report.html")
