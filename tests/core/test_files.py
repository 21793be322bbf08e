from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from m4graph.core.errors import InputError
from m4graph.core.files import check_output_folder, whole_file, whole_folder


def test_a_new_folder_appears_whole(tmp_path):
    folder = tmp_path / "out"
    with whole_folder(folder) as scratch:
        (scratch / "a").write_text("1")
        assert not folder.exists()
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert folder.stat().st_mode & 0o500 == 0o500


def test_nothing_is_left_of_a_failure(tmp_path):
    def fail(folder):
        with whole_folder(folder) as scratch:
            (scratch / "a").write_text("1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_files_are_replaced_and_others_stay(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").write_text("mine")
    with whole_folder(tmp_path) as scratch:
        (scratch / "a").write_text("new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "b": "mine"}


def test_a_check_leaves_nothing_behind(tmp_path):
    check_output_folder(tmp_path / "out")
    check_output_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folders_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file: expected a folder for the output \(got a file\)"):
        check_output_folder(tmp_path / "file")
    for folder in (tmp_path / "file" / "out", tmp_path / "file" / "none" / "out"):
        with pytest.raises(InputError, match=r"file to be a folder \(got a file\)"):
            check_output_folder(folder)


def test_folders_on_the_way_are_made(tmp_path):
    folder = tmp_path / "runs" / "data" / "out"
    check_output_folder(folder)
    assert list(tmp_path.iterdir()) == []
    with whole_folder(folder) as scratch:
        (scratch / "a").write_text("1")
    assert (folder / "a").read_text() == "1"
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with whole_file(path) as half, whole_file(path) as other:
        assert half != other
        half.write_text("after")
        other.write_text("other")
        assert path.read_text() == "before"
    assert path.read_text() == "after"

    def fail():
        with whole_file(path) as half:
            half.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "after"


WRITER = """
import os, signal, sys
from pathlib import Path
from m4graph.core.files import whole_file, whole_folder
kind, path = sys.argv[1], Path(sys.argv[2])
with (whole_file if kind == "file" else whole_folder)(path) as half:
    (half if kind == "file" else half / "a").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("kind", "write"), [("file", whole_file), ("folder", whole_folder)])
def test_what_a_killed_process_leaves_is_cleared(tmp_path, kind, write):
    path = tmp_path / "out"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", WRITER, kind, str(path)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert [each.name for each in tmp_path.iterdir()] == [".out.half"]
    with write(path) as half:
        (half if kind == "file" else half / "b").write_text("whole")
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    if kind == "folder":
        assert [each.name for each in path.iterdir()] == ["b"]


def test_a_living_process_keeps_its_half(tmp_path):
    path = tmp_path / "out"
    with whole_folder(path) as mine:
        (mine / "a").write_text("mine")
        with whole_folder(path) as other:
            (other / "a").write_text("other")
            assert mine != other
        assert (mine / "a").read_text() == "mine"
        assert (path / "a").read_text() == "other"
    assert (path / "a").read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_the_mark_goes_first_and_comes_last(tmp_path, monkeypatch):
    out = tmp_path / "out"
    for text in ("old", "new"):
        with whole_folder(out, mark="mark") as scratch:
            (scratch / "inner").mkdir()
            for name in ("a", "mark", "z", "inner/b"):
                (scratch / name).write_text(text)
        assert (out / "mark").read_text() == (out / "inner" / "b").read_text() == text
    moved = []

    def replace(source, to):
        assert not (out / "mark").exists()
        moved.append(to.name)

    monkeypatch.setattr("m4graph.core.files.os.replace", replace)
    with whole_folder(out, mark="mark") as scratch:
        for name in ("a", "mark", "z"):
            (scratch / name).write_text("newest")
    assert moved == ["a", "z", "mark"]


@pytest.mark.parametrize("write", [whole_file, whole_folder])
def test_where_there_are_no_locks(tmp_path, monkeypatch, write):
    monkeypatch.setattr("m4graph.core.files.fcntl", None)
    path = tmp_path / "out"
    with write(path) as half:
        (half / "a" if half.is_dir() else half).write_text("1")
        assert not path.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    with pytest.raises(RuntimeError), write(path):
        raise RuntimeError
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
