"""Records of older code: they replay by events where the text has gained or lost some, and say where."""

from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.again import replayed
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import program_of
from spanproof.checks.record import Record, save
from spanproof.checks.running.by_events import Event, replay_by_events
from spanproof.checks.running.replaying import ScheduleError, record_of, replay
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import Subject
from spanproof.impl.malloc import Runtime

CASES = (
    ("plain_store_for_cas", "two_allocs_one_arena"),
    ("memclr_of_npages_bytes", "free_against_alloc"),
    ("in_use_not_reloaded", "reclaim_against_reuse"),
)


GAINED = (
    Edit("Heap.alloc_needs_zero", "need_zero = False", "need_zero = False\n" + 2 * "await self.gcphase.read()\n"),
    Edit("Heap.alloc_span", "need_phys_page_align = False", "need_phys_page_align = False\nawait self.gcphase.read()"),
)
"""Reads that the longer text has besides."""


@cache
def longer(fault: str) -> type[Runtime]:
    """The text with the fault, and with more reads in functions that all allocations go through."""
    return planted((*GAINED, *FAULTS[fault].edits))


def heaps(fault: str, gained: bool) -> tuple[Subject, Subject]:
    """The heap then and the heap now."""
    without, more = subject(fault=fault), Subject(longer(fault), fault=fault)
    return (without, more) if gained else (more, without)


@cache
def found(fault: str, scenario: str, gained: bool) -> Record:
    """The record of the heap as it was then."""
    record = judge(BY_NAME[scenario], heaps(fault, gained)[0]).record
    assert record is not None
    return record


def events(record: Record) -> list[tuple[int, str, str]]:
    """Who does what to which cell; not what the longer text does besides."""
    return [(s.thread, s.access, s.cell) for s in record.steps if s.cell != "gcphase"]


@pytest.mark.parametrize("gained", [True, False])
@pytest.mark.parametrize(("fault", "scenario"), CASES)
def test_a_record_outlives_steps_that_come_and_go(fault: str, scenario: str, gained: bool) -> None:
    """The same events in the same order break the same claim; the first step that differs is named."""
    record, now = found(fault, scenario, gained), heaps(fault, gained)[1]
    again = replayed(record, now)
    assert again.by_events
    assert again.record is not None
    assert again.record.violated.claim == record.violated.claim
    assert events(again.record) == events(record)
    number, _, said = again.difference.removeprefix("step ").partition(" differs: was ")
    old, new = (r.steps[int(number) - 1] for r in (record, again.record))
    assert replace(old, line=0) != replace(new, line=0)
    assert record.steps[: int(number) - 1] == tuple(
        replace(b, line=a.line) for a, b in zip(record.steps, again.record.steps[: int(number) - 1], strict=False)
    )
    assert said.startswith(f"T{old.thread} {old.function}: {old.access} {old.cell} ")


def test_an_event_that_is_gone_takes_no_other_with_it() -> None:
    """Where a thread was interrupted just after a step that it does no more, the next one waits for its turn."""
    record = found(*CASES[0], gained=False)
    (first, k), (second, m), (last, n) = ((t, len(list(run))) for t, run in groupby(record.schedule))
    assert (first, second, last, n) == (0, 1, 0, 1)
    schedule = (0,) * (k - 1) + (1,) * (m - 1) + (0, 1, 0)  # both load, then both store
    then, now = heaps(CASES[0][0], gained=False)
    later = record_of(record.name, program_of(record.program), then.heap_class, schedule, "reference", then.fault)
    assert later is not None
    assert later.steps[k - 2].cell == "gcphase"
    again = replayed(later, now)
    assert again.by_events
    assert again.record is not None
    assert events(again.record) == events(later)


@pytest.mark.parametrize(("fault", "scenario"), CASES)
def test_lines_that_move_are_no_difference(fault: str, scenario: str) -> None:
    """A record of a text with other line numbers is the same."""
    record = found(fault, scenario, gained=True)
    moved = replace(record, steps=tuple(replace(step, line=step.line + 7) for step in record.steps))
    again = replayed(moved, subject(fault=fault))
    assert (again.difference, again.by_events) == ("", False)


@pytest.mark.parametrize(("fault", "scenario"), CASES)
def test_where_nothing_breaks_the_first_step_that_differs_is_named(fault: str, scenario: str) -> None:
    """On the reference the record is not reproduced, and it is said where it leaves the record."""
    again = replay_by_events(found(fault, scenario, gained=True), Runtime)
    assert (again.record, again.by_events) == (None, False)
    assert (
        f"no claim breaks; the record says {found(fault, scenario, gained=True).violated.claim}; step "
        in again.difference
    )


def test_another_claim_is_not_the_records() -> None:
    """What breaks otherwise is not as recorded."""
    record = found(*CASES[0], gained=True)
    again = replayed(record, subject(fault="second_fit"))
    assert again.record is not None
    assert again.difference
    assert not again.by_events


def test_a_record_that_differs_everywhere_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are run ahead so often and no oftener: what nobody could have meant takes seconds, not hours."""
    looked: list[int] = []

    def coming(t: int, *_: object) -> list[Event]:
        looked.append(t)
        return []

    monkeypatch.setattr("spanproof.checks.running.by_events.LOOKS", 3)
    monkeypatch.setattr("spanproof.checks.running.by_events._coming", coming)
    record = found(*CASES[0], gained=True)
    replay_by_events(replace(record, steps=tuple(replace(step, cell="nothing") for step in record.steps)), Runtime)
    assert len(looked) == 3


def test_a_thread_that_is_not_there_is_refused() -> None:
    """A damaged schedule is no older code."""
    with pytest.raises(ScheduleError, match="it has 2"):
        replayed(replace(found(*CASES[0], gained=True), schedule=(7,)), subject(fault=CASES[0][0]))


def test_the_command_says_that_it_went_by_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is violated, for the claim breaks on the text as it is; with the step."""
    fault, scenario = CASES[0]
    record = found(fault, scenario, gained=False)
    save(record, tmp_path / "r.json")
    assert not replay(record, Runtime).by_events
    assert cli.main(["replay", str(tmp_path / "r.json")]) == 1
    out = capsys.readouterr().out
    assert f"violated: {record.violated.claim}, by the events of the record" in out
    assert "step 2 differs: was T0 alloc_span: read gcphase" in out
