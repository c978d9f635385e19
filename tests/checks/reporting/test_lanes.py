"""The text of a counterexample."""

from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from spanproof.checks.record import Record
from spanproof.checks.reporting.lanes import lanes
from spanproof.checks.reporting.watch import watched
from spanproof.checks.reporting.words import WIDTH
from tests.checks.reporting.examples import crowded, hostile, lost_raise, told_trace

REPLAY = "spanproof replay spanproof-report/lost-raise.json"
MANY = [lost_raise(), told_trace(), hostile(), *(crowded(n, 150) for n in (1, 2, 3, 5, 8, 9, 40))]


def test_the_text_of_a_lost_raise(snapshot: SnapshotAssertion) -> None:
    """Claim, source, what was seen, lanes, the marked step, the program and the replay command, as they were agreed."""
    assert lanes(lost_raise(), REPLAY, "heap = Heap()\nrun(heap, schedule=(0, 1))") == snapshot


def test_the_text_of_a_trace(snapshot: SnapshotAssertion) -> None:
    """A record of a trace tells the story of its page in place of lanes."""
    assert lanes(told_trace(), "spanproof replay trace.json") == snapshot


@pytest.mark.parametrize("record", MANY)
def test_no_line_is_wider_than_the_page(record: Record) -> None:
    """Every line fits 100 columns, with any number of threads and any text in the record."""
    assert max(map(len, lanes(record, REPLAY).splitlines())) <= WIDTH


@pytest.mark.parametrize("width", [60, 72, 80, 99])
@pytest.mark.parametrize("record", MANY)
def test_no_line_is_wider_than_a_terminal(record: Record, width: int) -> None:
    """Lanes take what a terminal has, and the step that breaks the claim is still marked."""
    text = lanes(record, "", width=width)
    assert max(map(len, text.splitlines())) <= width
    assert record.kind != "run" or "<-- violated here" in text


def test_a_terminal_that_is_too_narrow_breaks_lines_itself() -> None:
    """Below 60 columns nobody could read the lanes; above 100 they are what they are elsewhere."""
    assert lanes(lost_raise(), "", width=10) == lanes(lost_raise(), "", width=60)


@pytest.mark.parametrize("record", MANY)
def test_the_text_is_plain(record: Record) -> None:
    """Nothing in a record moves the cursor or colours the terminal, and no line ends in a space."""
    text = lanes(record, REPLAY)

    assert all(line.isprintable() and line == line.rstrip() for line in text.split("\n"))
    assert text.endswith(f"  replay: {REPLAY}\n")


@pytest.mark.parametrize("record", MANY)
def test_the_same_record_gives_the_same_text(record: Record) -> None:
    """The text depends on the record alone."""
    assert lanes(record, REPLAY) == lanes(replace(record), REPLAY)


@pytest.mark.parametrize("record", [r for r in MANY if r.kind == "run"])
def test_the_violating_step_is_marked_once(record: Record) -> None:
    """The last step has a row of its own, and the mark stands on it or on the line below."""
    lines = lanes(record, REPLAY).splitlines()
    marked = [i for i, line in enumerate(lines) if line.endswith("<-- violated here")]

    assert len(marked) == 1
    assert any(
        line.split()[0] == str(len(record.steps)) for line in lines[marked[0] - 1 : marked[0] + 1] if line.strip()
    )


def test_every_change_of_the_claims_cell_is_shown() -> None:
    """Old and new value of the cell that broke the claim stand in its column, step by step."""
    text = lanes(lost_raise(), REPLAY)

    assert "0 -> 16" in text
    assert "16 -> 8" in text


def test_a_fold_is_said() -> None:
    """A folded line names how many steps it stands for, and a note says what folding means."""
    text = lanes(lost_raise(), REPLAY)

    assert "(6 steps in init_span to use)" in text
    assert "(n steps in f): folded;" in text


def test_watched_cells_without_room_are_named() -> None:
    """Every watched cell has a column or is named under the lanes."""
    record = crowded(3, 60)
    text = " ".join(lanes(record, REPLAY).split())

    assert all(cell in text for cell in watched(record))


def test_a_failed_swap_is_told_from_one_that_won() -> None:
    """The row of a compare-and-swap that lost says so."""
    record = lost_raise()
    lost = replace(record.steps[7], access="compare_and_swap", result="False")
    text = lanes(replace(record, steps=(*record.steps[:7], lost, *record.steps[8:])), REPLAY)

    assert "alloc_needs_zero: compare_and_swap failed" in text


def test_a_violation_before_any_step() -> None:
    """A start state that breaks a claim has no lanes, and the text says so."""
    text = lanes(replace(lost_raise(), steps=(), schedule=()), REPLAY)

    assert "violated at the start, before any step" in text


ODD: list[dict[str, Any]] = [{}, {"threads": 3}, {"threads": [[], 7, [[]]], "before": [None]}, {"geometry": []}]


@pytest.mark.parametrize("program", ODD)
def test_a_program_of_another_shape_is_shown_as_it_is(program: dict[str, object]) -> None:
    """A record whose program is not as expected still gives its lanes."""
    assert "<-- violated here" in lanes(replace(lost_raise(), program=program), REPLAY)


def test_what_ran_before_and_which_heap_are_named() -> None:
    """Operations before the interleaving are marked, and a user's own heap is named."""
    record = lost_raise()
    program = {**record.program, "before": [[], [["Alloc", 2, None]]]}
    text = lanes(replace(record, program=program, heap="mine.py:Heap"), REPLAY)

    assert "before: Alloc(2, none)" in text
    assert "heap mine.py:Heap" in text
