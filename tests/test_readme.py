"""The README and its like: their code runs, their links and tables are complete."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from m4graph.cli.app import COMMANDS
from m4graph.core.errors import M4GraphError
from m4graph.core.registry import Registry
from tests.markdown import Block, blocks
from tests.page_code import make_sandbox, run_block, run_page, with_few_flows
from tests.page_programs import SITE, registries

ROOT = Path(__file__).parents[1]
README, COMMAND_LINE, PARTS = (
    (ROOT / page).read_text(encoding="utf-8")
    for page in ("README.md", "docs/guides/command-line.md", "docs/reference/parts.md")
)
PAGES = ["README.md", "CONTRIBUTING.md", "examples/README.md"]
TESTED_ELSEWHERE = ("docs/how-to/", "docs/import.md", "docs/explain-and-export.md")
FOLDERS = ("configs", "datasets", "docs", "examples", "m4graph")
CODE_PAGES = [
    page
    for page in sorted(
        path.relative_to(ROOT).as_posix()
        for path in (
            ROOT / "README.md",
            ROOT / "CONTRIBUTING.md",
            *(p for name in FOLDERS for p in (ROOT / name).rglob("*.md")),
        )
    )
    if not page.startswith((*TESTED_ELSEWHERE, "docs/_build/")) and blocks(ROOT / page)
]
REGISTRIES = {
    "Simulator": "m4graph.simulators:SIMULATORS",
    "Congestion control": "m4graph.congestion:CONGESTION_CONTROLS",
    "Topology": "m4graph.topology:TOPOLOGIES",
    "Workload": "m4graph.workload:WORKLOADS",
    "Flow sizes": "m4graph.workload:SIZE_LAWS",
    "Conv": "m4graph.nn:CONVS",
    "Head": "m4graph.nn:HEADS",
}


def registry(dotted) -> Registry:
    module, _, name = dotted.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize(
    "command",
    [
        "pip install -e . && python examples/fattree_eval.py",
        'pip install -e ".[test]" && pytest',
    ],
)
def test_the_two_commands(command):
    assert f"```\n{command}\n```" in README


def test_the_quick_tour(tmp_path, monkeypatch):
    """The contract's lines, run with fewer flows."""
    monkeypatch.chdir(tmp_path)
    python = [block.text for block in blocks(ROOT / "README.md") if block.language == "python"]
    [tour] = [text for text in python if "m4.compare" in text]
    assert len(tour.splitlines()) <= 15
    names = {}
    exec(with_few_flows(tour), names)
    assert names["truth"].num_finished == names["guess"].num_finished == 30
    assert (tmp_path / "slowdown.png").stat().st_size > 10_000


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """A folder like a clone, to work in."""
    make_sandbox(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("M4GRAPH_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def plugins(sandbox, monkeypatch):
    """What a page registers or installs is forgotten afterwards."""
    for place in registries():
        monkeypatch.setattr(place, "_objects", dict(place._objects))
        monkeypatch.setattr(place, "_display", dict(place._display))
        monkeypatch.setattr(place, "_plugins", place._plugins)
    monkeypatch.syspath_prepend(str(sandbox / SITE))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(sandbox) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.mark.parametrize("page", CODE_PAGES)
@pytest.mark.usefixtures("plugins")
def test_the_code_runs(page, sandbox):
    assert run_page(ROOT / page, sandbox) > 0


@pytest.mark.parametrize(
    "text",
    [
        "m4graph import --from m4 mine more --out data && m4graph zoo list",
        "M4GRAPH_CACHE=$(mktemp -d) m4graph simulate \\\n  configs/scenarios/incast.yaml  # short",
        "python examples/explain_prediction.py\npython -m m4graph.zoo.release a b --description c",
        "config.yaml   the recipe\nraw/*.npz     the runs",
        "a ─► b",
    ],
)
def test_good_code_of_other_kinds_is_fine(text, sandbox):
    run_block(Block("", text + "\n", 1), sandbox, {})  # It raises what is wrong.


@pytest.mark.parametrize(
    ("language", "text", "message"),
    [
        ("python", "assert 1 + 1 == 3, 'sum'", "sum"),
        ("rust", "fn main() {}", "got 'rust'"),
        ("", "git clone somewhere", "expected one of m4graph, "),
        ("", "m4graph simulate configs/scenarios/nowhere.yaml", "nowhere.yaml"),
        ("", "m4graph zoo show --loud", "failed: m4graph zoo show --loud"),
        ("", "python examples/fattree_eval.py --many 3", "2"),
        ("", "pip install -e .[everything]", "everything"),
        ("", "pytest tests/test_nothing.py", "test_nothing"),
        ("text", "m4graph zoo list", "got 'text'"),
        ("yaml", "colour: blue", "no file of m4graph has the keys"),
        ("yaml", "network: {pfx: true}", "did you mean 'pfc'"),
        ("yaml", "faults: [{link: [3, 4], kind: down}]", "host 3: expected a route to host 0"),
        ("yaml", "{flows: [99], interval_us: 0}", "interval_us"),
    ],
)
def test_bad_code_is_found(language, text, message, sandbox):
    with pytest.raises((AssertionError, M4GraphError, OSError, SystemExit), match=message):
        run_block(Block(language, text + "\n", 1), sandbox, {})


def test_it_is_short():
    assert len(README.encode()) <= 9 * 1024


@pytest.mark.parametrize(
    ("page", "call"),
    [
        ("tasks/my-network.md", "from_networkx("),
        ("tasks/compare-algorithms.md", "m4.compare("),
        ("tasks/train-a-model.md", "m4graph train"),
        ("tasks/training-job.md", "ring_all_reduce("),
        ("how-to/sweep.md", "m4.sweep("),
    ],
)
def test_a_task_takes_a_dozen_lines(page, call):
    block = next(block for block in blocks(ROOT / "docs" / page) if call in block.text)
    lines = [line for line in block.text.splitlines() if line and not line.startswith("# ")]
    assert len(lines) <= 12


@pytest.mark.parametrize("section", ["Accuracy", "Speed"])
def test_its_figures_are_those_of_the_documentation(section):
    """A row of the README's tables stands word by word in the page that has all of them."""
    page = (ROOT / "docs" / f"{section.lower()}.md").read_text(encoding="utf-8").splitlines()
    text = README.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) > 4
    assert [row for row in rows if row not in page] == []


def test_every_command_is_shown():
    shown = set(re.findall(r"^m4graph (\w+)", COMMAND_LINE, re.MULTILINE))
    assert set(COMMANDS) <= shown


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_exist(page):
    folder = (ROOT / page).parent
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    for link in links:
        assert (folder / link.partition("#")[0]).exists(), link
    for path in re.findall(r"\b(?:configs|examples|tests)/[\w/.-]+\.(?:py|yaml)\b", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("header", REGISTRIES)
def test_tables_name_all_that_is_built_in(header):
    table = re.search(rf"^\| {header} \|.*?(?=\n\n|\Z)", PARTS, re.DOTALL | re.MULTILINE)
    cells = [row.split("|")[1] for row in table[0].splitlines()[2:]]
    named = set(re.findall(r"`(\w+)`", " ".join(cells)))
    assert named == set(registry(REGISTRIES[header]).names())
