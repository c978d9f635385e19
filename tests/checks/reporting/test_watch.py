"""Which cells are watched, and what may be folded away."""

from dataclasses import replace

import pytest

from spanproof.checks.record import Record, Step
from spanproof.checks.reporting.watch import FOLD_AT_LEAST, folds, start_value, watched
from tests.checks.reporting.examples import Run, crowded, lost_raise

RECORDS = [lost_raise(), crowded(3, 60), crowded(9, 200)]


def test_the_cell_of_the_last_step_comes_first() -> None:
    """The cell of the violating step leads; cells that a lock protects come last."""
    assert watched(lost_raise()) == ("zeroedBase[1]", "heap.lock", "pages", "mheap.free_mspans")


def test_locks_and_what_they_protect_come_last() -> None:
    """Though they are touched first: they are used in order, so they seldom are the story."""
    run = Run({"heap.lock": "0", "pages": "a", "shared": "0", "last": "0"})
    for thread in (0, 1):
        run.step(thread, "f", "lock", "heap.lock", thread + 1)
        run.step(thread, "f", "update", "pages", f"{thread}")
        run.step(thread, "f", "store", "shared", thread + 1)
    run.step(1, "f", "store", "last", 1)

    assert watched(replace(lost_raise(), steps=tuple(run.steps))) == ("last", "shared", "heap.lock", "pages")


def test_cells_of_one_writer_are_not_watched() -> None:
    """A cell that one thread alone writes is not watched, however often it is read."""
    assert "mspan[1].base" not in watched(lost_raise())


def test_a_cell_named_in_the_detail_is_watched_and_a_longer_name_is_not() -> None:
    """The claim's detail names mspan[1].base; that mspan[1].baseline contains the name does not matter."""
    record = lost_raise()
    named = replace(record, violated=replace(record.violated, detail="mspan[1].base is 40, and xmspan[1].npages 1"))

    assert watched(named)[1] == "mspan[1].base"
    assert "mspan[1].npages" not in watched(named)


@pytest.mark.parametrize("record", RECORDS)
def test_folds_cover_every_step_once_in_order(record: Record) -> None:
    """Rows, folded or not, are all the steps in their order."""
    rows = folds(record.steps, watched(record))

    assert [i for row in rows for i in row] == list(range(len(record.steps)))


@pytest.mark.parametrize("record", RECORDS)
def test_folding_never_hides_a_watched_cell_a_switch_or_the_last_step(record: Record) -> None:
    """A fold is of one thread, touches nothing watched, and is long enough to be worth it."""
    watching = watched(record)[:2]
    folded = [row for row in folds(record.steps, watching) if len(row) > 1]

    assert folded
    for row in folded:
        assert len({record.steps[i].thread for i in row}) == 1
        assert not {record.steps[i].cell for i in row} & set(watching)
        assert len(row) >= FOLD_AT_LEAST
        assert row.stop < len(record.steps)


def test_the_start_value_is_known_without_cells() -> None:
    """A record that lacks a cell's start value gives what its first step found there."""
    step = Step(0, "f", 1, "store", "x", "5", "6", "")
    record = replace(lost_raise(), cells={}, steps=(step,))

    assert start_value(record, "x") == "5"
    assert start_value(record, "y") == "?"
