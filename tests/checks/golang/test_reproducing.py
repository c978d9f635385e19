"""Counterexamples on the real runtime: the record of dirty memory, and none for what cannot be shown there."""

from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.golang.reading.toolchains import Toolchain
from spanproof.checks.golang.reproducing import REPRODUCERS, programs_of, reproducer_of, shown_on
from spanproof.checks.record import load
from spanproof.checks.reporting.page import Beside, render_page
from spanproof.checks.verdict import NotRun, Report, Result, Verdict

RECORDS = Path(__file__).parents[3] / "docs" / "records"
FINDING = Path(__file__).parents[3] / "docs" / "findings" / "memory-that-is-not-zero.md"


def test_the_record_has_a_program() -> None:
    """And one of another claim has none."""
    assert reproducer_of(load(RECORDS / "dirty-memory-as-zero.json")) == REPRODUCERS[0]
    assert reproducer_of(load(RECORDS / "overlap-missed.json")) is None


def test_a_report_shows_the_programs_of_its_records() -> None:
    """Of those that have one, with the command that runs it."""
    records = {name: load(RECORDS / name) for name in ("dirty-memory-as-zero.json", "overlap-missed.json")}
    programs = programs_of(records)
    page = render_page(Report("explore", "go1.27", 0, ()), records, "0", folder="out", beside=Beside(programs))

    assert list(programs) == ["dirty-memory-as-zero.json"]
    assert "package main" in page
    assert "spanproof replay out/dirty-memory-as-zero.json --go" in page
    assert "overlap-missed.json --go" not in page


def test_it_is_shown_where_the_second_rule_is(toolchain: Toolchain) -> None:
    """From 1.26 on; or this machine cannot show it, and says why."""
    found = shown_on(toolchain, REPRODUCERS[0])
    if isinstance(found, NotRun):
        assert "cannot show it: " in found.reason
        pytest.skip(found.reason)
    expected = Verdict.VIOLATED if toolchain.release.scavenged_is_zero else Verdict.HOLDS
    assert isinstance(found, Result)
    assert found.verdict is expected
    assert f"{toolchain.version}: " in found.bound
    assert toolchain.version.removeprefix("go") in FINDING.read_text(encoding="utf-8")


def test_what_no_program_shows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line."""
    assert cli.main(["replay", str(RECORDS / "overlap-missed.json"), "--go"]) == 2
    assert "no program shows this on the real runtime" in capsys.readouterr().err
