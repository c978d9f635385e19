"""What pages put between back-ticks is there: files by their paths, everything else by the words that it is made of."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.clone import ROOT

DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))
GENERATED = {"faults.md", "failing-obligations.md"}
"""Pages with names of faults that are made from the syntax tree: test_docs.py holds them to those."""
OTHERS = ("build/", "src/runtime", "spanproof-report/", "spanproof-pins/")
"""Folders that are none of ours, or are only there once something was run."""
FREE = {
    "SHELL", "finding_", "MADV_DONTNEED", "MCL_CURRENT", "_my_claim", "_holds_my_claim", "my_column", "my_fault",
    "the_theorem",
}  # fmt: skip
"""Placeholders, the beginning of a name, and words of Linux."""
SHORT = 2
"""Letters of a word that says nothing by itself."""


@cache
def words() -> frozenset[str]:
    """All words of our texts."""
    parts = ("model", "impl", "checks", "docs", "tests", ".ci")
    endings = {".py", ".json", ".html", ".js", ".css", ".go", ".c", ""}
    files = (file for part in parts for file in (ROOT / part).rglob("*") if file.is_file() and file.suffix in endings)
    files = (file for file in files if file != Path(__file__))  # which names what is not there
    texts = [file.read_text(encoding="utf-8") for file in (*files, ROOT / "pyproject.toml")]
    return frozenset(word for text in texts for word in re.findall(r"\w+", text))


def unknown(page: Path, text: str) -> list[str]:
    """What stands between back-ticks in a page's text, outside of blocks, and is not there."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [said for said in re.findall(r"`([^`\n]+)`", prose) if not _is_there(page, said)]


def _is_there(page: Path, said: str) -> bool:
    if "/" in said and re.fullmatch(r"[\w./-]+", said):
        return said.startswith(OTHERS) or any((folder / said).exists() for folder in (ROOT, DOCS, page.parent))
    named = {word for word in re.findall(r"[A-Za-z_]\w*", said) if len(word) > SHORT}
    return named <= words() | FREE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    """No file, function, option or key that is gone, or was never there."""
    if page.name not in GENERATED:
        assert unknown(page, page.read_text(encoding="utf-8")) == []


def test_what_is_not_there_is_found() -> None:
    """A file, an identifier, a key; not what stands in a block."""
    text = (
        "`checks/observe.py` `checks/oobserve.py` `CHANGES` `DELTAS_OF` `vows_broken`\n```\n`not_looked_at_here`\n```\n"
    )
    assert unknown(DOCS / "index.md", text) == ["checks/oobserve.py", "DELTAS_OF", "vows_broken"]
