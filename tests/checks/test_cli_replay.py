"""`spanproof replay` on records that are forged, damaged, or of older code: what is said is true, and harmless."""

import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from spanproof.checks import cli
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.scenarios import BY_NAME
from tests.checks.reporting.test_table import Terminal

FORGED = "x\r\n\nholds: everything\x1b[8m\0\u202e"
"""Written as it is, the second line would be a verdict, and the rest of the screen hidden."""
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


@cache
def _kept() -> str:
    record = judge(BY_NAME["two_allocs_one_arena"], subject(fault="plain_store_for_cas")).record
    assert record is not None
    return record.dumps()


def replayed(change: Change, capsys: pytest.CaptureFixture[str], name: str = "r.json") -> tuple[int, str, str]:
    """The exit code and what is printed where a record is changed so."""
    data = json.loads(_kept())
    change(data)
    Path(name).write_text(json.dumps(data))
    code = cli.main(["replay", name])
    out, err = capsys.readouterr()
    return code, out, err


def _put(*path: Any, value: object = FORGED) -> Change:
    def put(data: Any) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return put


FORGERIES = {
    "a step": _put("steps", 3, 1),
    "a claim": _put("violated", "claim"),
    "a detail": _put("violated", "detail"),
    "a fault": _put("fault"),
    "a heap": _put("heap"),
    "a name": _put("name"),
    "a release": _put("release"),
    "a kind": _put("kind"),
    "an operation": _put("program", "threads", 0, 0, 0),
    "the release of a program": _put("program", "release"),
}


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_record_forges_no_line(change: Change, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it says stands within a line of ours, with nothing in it that a terminal obeys."""
    _, out, err = replayed(change, capsys)
    for line in (out + err).split("\n"):
        assert line.isprintable(), line
        assert not line.startswith("holds")


def test_names_of_files_are_printed_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a trace, of a record, and of what cannot be found."""
    name = "t\x1b[31m"
    Path(f"{name}.npz").write_text("no trace")
    for line in (["trace", f"{name}.npz"], ["trace", f"{name}.none"], ["replay", f"{name}.none"], ["explore", name]):
        assert cli.main(line) == 2
        assert "\x1b" not in "".join(capsys.readouterr())
    code, out, err = replayed(lambda _: None, capsys, f"{name}.json")
    assert code == 1
    assert "\x1b" not in out + err
    assert cli.main(["pin", f"{name}.json"]) == 0
    assert "\x1b" not in "".join(capsys.readouterr())


def closing(out: str) -> str:
    """The verdict, which is the last of what is printed, in one line."""
    lines = out.splitlines()
    first = next(i for i in range(len(lines) - 1, -1, -1) if not lines[i].startswith(" "))
    return " ".join(line.strip() for line in lines[first:])


@pytest.mark.parametrize("field", ["says", "source", "detail"])
def test_words_of_a_claim_are_not_its_name(field: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a claim is told otherwise than it was, that field is named, and nothing is said of steps that differ."""
    code, out, _ = replayed(_put("violated", field, value="It was told otherwise."), capsys)
    assert code == 1
    said = closing(out)
    assert f"violated.{field} differs: was It was told otherwise., is " in said
    assert "on the steps of the record" in said
    assert "no longer those of the text" not in said
    assert "the claim differs" not in said


def test_another_claim_is_no_violation_as_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    """The names of both are told."""
    code, out, _ = replayed(_put("violated", "claim", value="no_page_in_two_spans"), capsys)
    assert code == 3
    assert "the claim differs: was no_page_in_two_spans, is zeroed_base_never_decreases" in closing(out)


def _nines(data: Any) -> None:
    data["cells"] = dict.fromkeys(data["cells"], "9")


def _without_a_cell(data: Any) -> None:
    del data["cells"]["heap.lock"]


def _longer(data: Any) -> None:
    data["schedule"].append(0)


FALSE = {
    "cells": (_nines, "cell heap.lock at the start differs: was 9, is 0"),
    "a cell less": (_without_a_cell, "cell heap.lock at the start differs: was not there, is 0"),
    "a cell more": (_put("cells", "more", value="1"), "cell more at the start differs: was 1, is not there"),
    "the release": (_put("release", value="go1.99"), "release differs: was go1.99, is go1.16"),
    "what is moved": (_put("flip", "moved", value="nothing"), "flip.moved differs: was nothing, is 1 step"),
    "the pair": (_put("flip", "pair", 0, 0, value=3), "flip.pair differs: was "),
    "the changed schedule": (_put("flip", "schedule", value=[0]), "flip.schedule differs: was "),
    "the reason": (_put("why", value="for no reason"), "why differs: was for no reason, is "),
    "the schedule": (_longer, "schedule differs: was "),
    "a size": (_put("program", "geometry", "spans", value=7), "program.geometry.spans differs: was 7, is 2"),
}


@pytest.mark.parametrize(("change", "said"), FALSE.values(), ids=FALSE.keys())
def test_what_is_not_so_is_not_the_same_as_recorded(
    change: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The claim breaks as it did, and the first thing that is otherwise is named."""
    code, out, _ = replayed(change, capsys)
    assert code == 1
    assert "the same as recorded" not in closing(out)
    assert said in closing(out)


def _without(*names: str) -> Change:
    def left_out(data: Any) -> None:
        for name in names:
            del data[name]

    return left_out


@pytest.mark.parametrize("names", [(), ("flip",), ("why",), ("why", "flip"), ("cells",), ("cells", "why", "flip")])
def test_what_older_code_did_not_write_is_no_difference(
    names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the same; that nothing was there to compare with the cells is said."""
    code, out, _ = replayed(_without(*names), capsys)
    assert code == 1
    beside = ", which has no cells at the start to compare" if "cells" in names else ""
    assert closing(out) == f"violated: zeroed_base_never_decreases, the same as recorded{beside}"


def _short(data: Any) -> None:
    data["program"]["before"] = []


DAMAGED = {
    "nothing": (_put("program", value={}), "no geometry"),
    "a truth": (_put("program", "geometry", value=True), "geometry: True is none"),
    "a size less": (_put("program", "geometry", value={"name": "x"}), "geometry: no page_size"),
    "a size": (_put("program", "geometry", "arenas", value="9" * 400), "geometry: arenas: '999"),
    "a thread less": (_short, "2 threads, but before is of 0"),
    "threads that are none": (_put("program", "threads", value=3), "threads: 3 are no lists of operations"),
    "an operation": (_put("program", "threads", 0, 0, value=["Drop", 1, 2]), "['Drop', 1, 2] is no operation"),
    "a switch": (_put("program", "ps", value=[]), "ps: [] is neither true nor false"),
    "a number": (_put("program", "memory_limit", value="x"), "memory_limit: 'x' is no number"),
    "a release": (_put("program", "release", value="go1.99"), "unknown release 'go1.99'"),
}


@pytest.mark.parametrize("command", ["replay", "pin"])
@pytest.mark.parametrize(("change", "said"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_program_is_told_with_its_file(
    change: Change, said: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line: the file, what is damaged in words that are not Python's, and what to do; whoever reads it."""
    data = json.loads(_kept())
    change(data)
    Path("r.json").write_text(json.dumps(data))
    assert cli.main([command, "r.json"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"spanproof: r.json: a damaged record (program: {said}")
    assert err.endswith("); run the search again\n")
    assert "Error" not in err
    assert len(err) < 250


ELSEWHERE = {
    "no claim": (_put("violated", value={}), "no 'claim'"),
    "a claim that is none": (_put("violated", value=3), "TypeError: 3 is no claim with what was seen"),
    "a program that is a list": (_put("program", value=[1]), "TypeError: [1] is no program"),
    "a program that is a truth": (_put("program", value=True), "TypeError: True is no program"),
    "a short step": (_put("steps", 0, value=[1]), "TypeError: [1] is no step"),
    "a pair of one": (_put("flip", "pair", value=[1]), "TypeError: [1] is no pair of accesses"),
    "a schedule that is none": (_put("schedule", value=3), "TypeError: 3 is no schedule"),
    "a thread of many digits": (_put("schedule", 0, value=int("9" * 400)), "TypeError: 99999"),
    "cells that are none": (_put("cells", value=3), "TypeError: 3 is no list of cells"),
}


@pytest.mark.parametrize(("change", "said"), ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_a_damaged_record_is_told_in_short(change: Change, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, with what is no such thing."""
    code, out, err = replayed(change, capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"spanproof: r.json: a damaged record ({said}")
    assert len(err) < 250


def test_a_schedule_of_go_without_its_trial_is_told_with_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    """It is missing, and that is said."""

    def of_go(data: Any) -> None:
        data |= {"kind": "go schedule", "program": {}}

    code, _, err = replayed(of_go, capsys)
    assert (code, err) == (2, "spanproof: r.json: a damaged record (no 'trial'); run the search again\n")


@pytest.mark.parametrize("fault", ["plain_store_for_cas_2", "renamed"])
def test_a_fault_that_is_no_more_is_told_at_once(
    fault: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the record, and before all faults that could be are made from the syntax tree, which takes long."""

    def made() -> None:
        raise AssertionError

    monkeypatch.setattr("spanproof.checks.faults.planting.every_fault", made)
    code, out, err = replayed(_put("fault", value=fault), capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"spanproof: r.json: there is no fault '{fault}' any more")


@pytest.mark.parametrize(("columns", "most"), [("80", 80), ("200", 100), ("20", 60)])
def test_on_a_terminal_a_replay_takes_its_width(columns: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lanes and verdict; below 60 columns and above 100 they do not follow. The program and the command are whole."""
    monkeypatch.setenv("COLUMNS", columns)
    Path("r.json").write_text(_kept().replace('"cells": {', '"cells": {"nothing": "0",'))
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    assert cli.main(["replay", "r.json"]) == 1
    before, _, after = screen.getvalue().partition("  as a program:")
    lines = [*before.splitlines(), *after.partition("  replay: ")[2].splitlines()[1:]]
    assert most - 15 < max(map(len, lines)) <= most
    assert any(line.startswith("violated: ") for line in lines)


def test_a_record_has_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the record beside it; of one that cannot be replayed the page is of what it says. No folder, no run."""
    Path("r.json").write_text(_kept())
    assert cli.main(["replay", "r.json", "--out", "page"]) == 1
    page = (tmp_path / "page" / "report.html").read_text()
    assert "zeroedBase of an arena never goes down." in page
    assert "the same as recorded" in page
    assert cli.main(["replay", "page/r.json"]) == 1

    data = json.loads(_kept())
    Path("gone.json").write_text(json.dumps({**data, "schedule": data["schedule"][:2], "steps": data["steps"][:2]}))
    assert cli.main(["replay", "gone.json", "--out", "other"]) == 3
    assert "not reproduced" in (tmp_path / "other" / "report.html").read_text()
    capsys.readouterr()
    assert cli.main(["replay", "r.json", "--out", "r.json"]) == 2
    assert "cannot be made" in capsys.readouterr().err
    assert cli.main(["replay", "r.json", "--out", "page", "--go"]) == 2


def test_the_page_of_a_record_has_the_go_program(tmp_path: Path) -> None:
    """Where there is one that shows the same on the real runtime."""
    dirty = Path(__file__).parents[2] / "docs" / "records" / "dirty-memory-as-zero.json"
    assert cli.main(["replay", str(dirty), "--out", "page"]) == 1
    page = (tmp_path / "page" / "report.html").read_text()
    assert "package main" in page
    assert "dirty-memory-as-zero.json --go" in page
