"""Annotations of GitHub Actions: one line each, escaped, at the line where the claim broke."""

import re
import urllib.parse
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spanproof.checks import cli
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.record import Record
from spanproof.checks.reporting.annotations import annotations
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.verdict import Report, Result, Verdict

ROOT = Path(__file__).parents[3]
QUICK = "two_allocs_one_arena"
LINE = re.compile(r"::(error|warning) ((?:\w+=[^:,]*,?)+)::(.*)")


@cache
def found() -> Record:
    """The record of a scenario with a fault."""
    record = judge(BY_NAME[QUICK], subject(fault="plain_store_for_cas")).record
    assert record is not None
    return record


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A line as the runner reads it: what it is, its properties, its message."""
    assert line.isprintable()
    matched = LINE.fullmatch(line)
    assert matched is not None, line
    properties = dict(part.split("=", 1) for part in matched[2].split(","))
    unquoted = {name: urllib.parse.unquote(value) for name, value in properties.items()}
    return matched[1], unquoted, urllib.parse.unquote(matched[3])


def told(*results: Result, record: Record | None = None, root: Path = ROOT) -> list[tuple[str, dict[str, str], str]]:
    """What is told of these results."""
    records = {} if record is None else {"r.json": record}
    return [read(line) for line in annotations(Report("explore", "go1.27", 0, results), records, root)]


BROKEN = Result("explore", QUICK, Verdict.VIOLATED, "a claim: seen", record="out/r.json")


def test_a_broken_claim_is_an_error_at_its_line() -> None:
    """In the heap's text, as the repository names it: the very access of the last step."""
    ((level, given, said),) = told(BROKEN, record=found())
    assert (level, given["file"], given["line"]) == ("error", "impl/heap.py", str(found().steps[-1].line))
    text = (ROOT / given["file"]).read_text().splitlines()[int(given["line"]) - 1]
    assert "zeroed_base" in text
    assert "await" in text
    assert given["title"] == f"violated: explore {QUICK}"
    lines = said.splitlines()
    assert lines[0] == "a claim: seen"
    assert lines[1] == found().violated.says
    assert lines[2] == f"why: {found().why}"
    assert lines[3:] == ["replay: spanproof replay out/r.json"]


def test_a_users_heap_is_named_and_comes_first(tmp_path: Path) -> None:
    """The file that `--heap` named, where it has that function at that line."""
    mine = tmp_path / "mine.py"
    mine.write_text("\n" * 9 + "class Heap:\n    async def alloc_needs_zero(self):\n        pass\n")
    record = replace(found(), heap=f"{mine}:Heap", steps=(replace(found().steps[-1], line=12),))
    ((_, given, _),) = told(BROKEN, record=record, root=tmp_path)
    assert (given["file"], given["line"]) == ("mine.py", "12")
    inherited = replace(found(), heap=f"{mine}:Heap")
    ((_, given, _),) = told(BROKEN, record=inherited)
    assert given["file"] == "impl/heap.py"


def test_what_is_not_below_the_root_is_said_and_is_no_place(tmp_path: Path) -> None:
    """GitHub shows only files of the repository."""
    ((_, given, said),) = told(BROKEN, record=found(), root=tmp_path)
    assert "file" not in given
    assert said.endswith(f"at heap.py:{found().steps[-1].line}")


def test_a_reason_may_name_the_place() -> None:
    """As those of proofs do, whose obligation fails at a line."""
    ((_, given, _),) = told(replace(BROKEN, check="prove", reason="fails: heap.py:12 (x)", record=None))
    assert (given["file"], given["line"]) == ("impl/heap.py", "12")
    ((_, given, _),) = told(replace(BROKEN, reason="nowhere.py:12", record=None))
    assert "file" not in given


def test_unknown_is_a_warning_after_the_errors_and_what_holds_is_silent() -> None:
    """Failures first."""
    lines = told(
        Result("explore", "a", Verdict.HOLDS), Result("explore", "b", Verdict.UNKNOWN, "why"), BROKEN, record=found()
    )
    assert [level for level, _, _ in lines] == ["error", "warning"]


@example("50%0A:: %25")
@given(st.text(st.characters(exclude_categories=())))
def test_no_text_begins_another_command(text: str) -> None:
    """Names and reasons stay in their place; what can be printed comes through as it is."""
    ((level, given, said),) = told(Result("explore", text, Verdict.VIOLATED, text))
    assert (level, set(given)) == ("error", {"title"})
    if text.isprintable():
        assert (given["title"], said) == (f"violated: explore {text}", text)


@pytest.mark.parametrize(
    ("option", "environment", "told"),
    [([], None, False), (["--annotations"], None, True), ([], "true", True), (["--no-annotations"], "true", False)],
)
def test_they_are_told_where_they_are_wanted(
    option: list[str], environment: str | None, told: bool, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """By the option, or on GitHub; never into JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(ROOT))
    if environment is not None:
        monkeypatch.setenv("GITHUB_ACTIONS", environment)
    command = ["explore", QUICK, "--fault", "second_fit", "--out", str(tmp_path), *option]
    assert cli.main(command) == 1
    assert ("\n::error file=impl/" in capsys.readouterr().out) is told
    assert cli.main([*command, "--json", "-"]) == 1
    out, err = capsys.readouterr()
    assert "::error" not in out
    assert ("::error file=impl/" in err) is told
