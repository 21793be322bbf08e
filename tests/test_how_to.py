"""The how-to pages: whoever follows one word by word succeeds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.how_to import Reader, make_environment

FOLDER = Path(__file__).parents[1] / "docs" / "how-to"
PAGES = sorted(page.name for page in FOLDER.glob("*.md"))


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    return make_environment(tmp_path_factory.mktemp("reader") / "environment")


def test_the_pages():
    kinds = (
        "collective congestion-control conv dataset head lightning mimic-model "
        "reinforcement-learning report simulator size-law sweep topology"
    )
    assert PAGES == sorted([*(f"{kind}.md" for kind in kinds.split()), "package.md"])


@pytest.mark.parametrize("page", PAGES)
def test_whoever_follows_it_succeeds(page, tmp_path, python):
    Reader(tmp_path, python).follow(FOLDER / page)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_complete(page):
    text = (FOLDER / page).read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert re.findall(r"^#+ \d|^\d+\. ", text, re.MULTILINE)
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert "://" in link or (FOLDER / link).exists(), link
