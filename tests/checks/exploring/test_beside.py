"""The reference run beside a heap under test: where the two first differ, and what is said of it."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from spanproof.checks.exploring.explaining import beside
from spanproof.checks.exploring.explaining.accesses import Move
from spanproof.checks.exploring.explaining.beside import first_difference
from spanproof.checks.exploring.explaining.conflicts import decisive
from spanproof.checks.exploring.explaining.differences import Did, Difference, End
from spanproof.checks.exploring.explaining.inside import Inside, Seen, parted
from spanproof.checks.exploring.explaining.moment import at_the_access
from spanproof.checks.exploring.explaining.why import why
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.corpus import BY_NAME
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import program_of
from spanproof.checks.record import Record
from spanproof.checks.running.machine import HeapError
from spanproof.checks.scenarios import BY_NAME as SCENARIOS
from spanproof.checks.subject import Subject
from spanproof.impl.malloc import Runtime
from spanproof.impl.palloc_bits import PallocBits

SAME = Edit("Heap.init_span", "s.needzero.write(1)", "s.needzero.write(1 + 0)")
"""Another text that does the same."""


@cache
def record_with(fault: str) -> Record:
    """The smallest counterexample of a fault."""
    record = judge(SCENARIOS[BY_NAME[fault].scenario], subject(fault=fault)).record
    assert record is not None
    return record


def differing(fault: str, heap_class: type[Runtime] | None = None) -> Difference | None:
    """Where a heap, by default the one with the fault, differs along the fault's counterexample."""
    record = record_with(fault)
    return first_difference(record, program_of(record.program), heap_class or subject(fault=fault).heap_class)


def test_the_reference_does_not_differ_from_itself() -> None:
    """Nor does a text that does the same in other words."""
    assert differing("in_use_bit_not_set", Runtime) is None
    assert differing("in_use_bit_not_set", type("Same", (Runtime,), {})) is None
    assert differing("in_use_bit_not_set", planted((SAME,))) is None


def test_the_first_access_that_differs_is_an_access_of_the_run() -> None:
    """The step before it is that of the record; what the heap under test is about to do is the next one."""
    record, found = record_with("in_use_bit_not_set"), differing("in_use_bit_not_set")
    assert found is not None
    assert isinstance(found.tested, Did)
    assert isinstance(found.reference, Did)
    said = record.steps[found.place]
    assert (found.tested.function, found.tested.access, found.tested.cell) == (said.function, said.access, said.cell)
    assert (found.reference.access, found.reference.cell) == ("or8", "pageInUse[1][0]")


def test_values_differ_where_the_access_is_the_same() -> None:
    """The function that was given the same and gives another value is named, if that is not the access's own."""
    found = differing("span_one_page_too_long")
    assert found is not None
    assert isinstance(found.tested, Did)
    assert isinstance(found.reference, Did)
    assert found.tested.what == found.reference.what
    assert (found.tested.values, found.reference.values) == (("2",), ("1",))
    assert found.below(found.reference) == "alloc_span"


def test_nothing_is_said_after_a_claim_that_breaks_at_the_access() -> None:
    """The text has not run on by then: what it would do next is no part of the run."""
    record = record_with("zeroed_base_set_where_it_differs")
    assert at_the_access(record.violated)
    found = differing("zeroed_base_set_where_it_differs")
    assert found is None or found.place < len(record.steps)


def test_a_text_that_breaks_off_says_where() -> None:
    """By what it raised; where a thread has come to its end instead, that is said too."""
    found = differing("no_page_freed")
    assert found is not None
    assert found.tested == End(breaks_off=True, function="free")
    found = differing("scavenger_parks_at_once")
    assert found is not None
    assert found.tested == End(breaks_off=False)


def test_a_heap_that_the_reference_cannot_be_run_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of it, and what is known otherwise still is."""

    def fail(*_: object) -> None:
        raise HeapError("it has no such operation")

    record, heap = record_with("in_use_bit_not_set"), subject(fault="in_use_bit_not_set")
    monkeypatch.setattr(beside, "_Run", fail)
    assert why(record, heap).sentence == record.why.partition("; the reference")[0] != record.why


def test_records_of_a_fault_say_it_for_any_heap_with_the_same_text() -> None:
    """It hangs on what is run, and not on a fault's name."""
    record = record_with("in_use_bit_not_set")
    unnamed = replace(record, fault=None, heap="mine.py:Heap")
    assert why(unnamed, Subject(subject(fault="in_use_bit_not_set").heap_class, "mine.py:Heap")).sentence == record.why


def test_calls_are_seen_only_while_asked_for() -> None:
    """Those of the heap's plain functions, with what they were given and what they return."""
    bits: Any = PallocBits(words=(1,), width=8)
    seeing = Inside()
    with seeing:
        bits.find1(0)
        assert seeing.seen == []
        seeing.on = True
        bits.find1(0)
    bits.find1(0)
    functions = [seen.function for seen in seeing.seen]
    assert functions.count("find1") == 2
    assert [seen.returns for seen in seeing.seen if seen.function == "find1"] == [False, True]


CALL, BACK = Seen("find", "search", returns=False, value="[1]"), Seen("find", "search", returns=True, value="1")


@pytest.mark.parametrize(
    ("tested", "reference", "where"),
    [
        ([CALL, BACK], [CALL, BACK], ""),
        ([CALL, BACK], [CALL, replace(BACK, value="2")], "find"),
        ([CALL, BACK], [replace(CALL, value="[2]"), BACK], "search"),
        ([CALL], [], "search"),
        ([], [replace(CALL, caller="")], ""),
        ([BACK], [CALL], "search"),
        ([CALL], [CALL, BACK], "find"),
    ],
)
def test_texts_part_in_a_function(tested: list[Seen], reference: list[Seen], where: str) -> None:
    """The one that returns something else, or that calls otherwise."""
    assert parted(tested, reference) == where


def test_two_accesses_where_only_one_thread_ran() -> None:
    """The other's comes later: the first that touches what the one has touched, be it a lock alone."""

    def move(thread: int, access: str, cell: str, number: int) -> Move:
        return Move(thread, "f", access, cell, number, 0, wrote=True)

    bad = [move(0, "lock", "heap.lock", 0), move(0, "store", "a", 1)]
    good = [move(1, "store", "b", 2), move(1, "lock", "heap.lock", 0), *bad]
    first, second = decisive(bad, 2, good, None)
    assert (first.step, first.cell) == (2, "a")
    assert (second.step, second.thread, second.cell) == (0, 1, "heap.lock")
