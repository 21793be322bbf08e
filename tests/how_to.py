"""Follows a how-to page word by word, in an empty folder, as a reader would.

A block whose first line is a comment with a path (``# ring.py``) is a file that the reader makes.
Any other Python is typed into an interpreter, any block of shell into a shell. A block of text is
what the block before it prints; ``...`` in it stands for anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.markdown import Block, blocks

_FILE = re.compile(r"# ([\w./-]+\.\w+)\n")


class Reader:
    """Has a folder, a Python of its own in which m4graph is installed, and patience.

    Args:
        folder (Path): Where to work; it is empty.
        python (Path): The interpreter.
    """

    def __init__(self, folder: Path, python: Path) -> None:
        self._folder, self._python = folder, python
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {**own, "PATH": path, "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
        self._printed = ""

    def follow(self, page: Path) -> None:
        """Does what the page says.

        Raises:
            AssertionError: If something fails, or prints something else; names the line.
        """
        for block in blocks(page):
            problem = self._do(block)
            assert problem is None, f"{page}:{block.line}: {problem}"

    def _do(self, block: Block) -> str | None:
        if block.language == "text":
            pattern = re.escape(block.text.strip()).replace(r"\.\.\.", ".*")
            if re.fullmatch(pattern, self._printed.strip(), re.DOTALL):
                return None
            return f"expected it to print\n{block.text}\n(got)\n{self._printed}"
        name = _FILE.match(block.text)
        if name:
            path = self._folder / name[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            return None
        if block.language == "python":
            return self._run([self._python, "-c", block.text])
        if block.language == "sh":
            return self._run(["bash", "-e", "-c", block.text])
        return f"expected a file, or Python, sh or text (got {block.language!r})"

    def _run(self, command: list[str | Path]) -> str | None:
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        self._printed = done.stdout
        return None if done.returncode == 0 else f"it fails:\n{done.stdout}\n{done.stderr}"


def make_environment(folder: Path) -> Path:
    """An environment into which a reader may install, with all that is installed here.

    Returns:
        Path: Its interpreter.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    shown = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    here = sysconfig.get_path("purelib")
    Path(shown.stdout.strip(), "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    for command, module in (("m4graph", "m4graph.cli.app"), ("pip", "pip"), ("pytest", "pytest")):
        script = folder / "bin" / command
        script.write_text(f'#!/bin/sh\nexec {python} -m {module} "$@"\n')
        script.chmod(0o755)
    return python
