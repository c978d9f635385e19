"""Counterexamples become smaller: fewest context switches, then fewest steps, then the smallest program."""

from dataclasses import replace
from functools import cache

import pytest

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.explaining import shrinking
from spanproof.checks.exploring.explaining.board import NO_END, Board, least
from spanproof.checks.exploring.explaining.shrinking import (
    CHANGES,
    Shrunk,
    Turn,
    followed,
    shrunk,
    size_of,
    turns_of,
    turns_on,
)
from spanproof.checks.exploring.search import fewest_preemptions
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.corpus import BY_NAME
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import (
    AllocManual,
    Collect,
    Drop,
    FreeManual,
    Idle,
    MallocLarge,
    Program,
    Sweep,
    Thread,
    program_of,
)
from spanproof.checks.record import Record
from spanproof.checks.running.replaying import record_of, replay
from spanproof.checks.scenarios import BY_NAME as SCENARIOS
from spanproof.model.geometry import SMALL
from spanproof.model.releases import NEWEST, row

SOME = (
    "plain_store_for_cas", "need_zero_skips_zeroed_base", "sweep_without_acquiring", "last_page_not_freed",
    "traced_under_the_lock", "failed_cas_treated_as_done", "failed_cas_not_reloaded", "large_span_not_listed",
    "pages_read_after_sweep", "growth_not_rounded", "counted_off_in_vain", "garbage_not_reclaimed",
)  # fmt: skip
LEAST = {
    "plain_store_for_cas": (2, 2, 2, 0),
    "need_zero_skips_zeroed_base": (0, 1, 1, 2),
    "sweep_without_acquiring": (2, 2, 2, 3),
    "last_page_not_freed": (0, 1, 2, 0),
    "traced_under_the_lock": (0, 1, 1, 2),
    "failed_cas_treated_as_done": (3, 2, 2, 0),
    "garbage_not_reclaimed": (0, 1, 1, 1),
}
"""Context switches, threads, operations and past of the smallest run that shows a fault."""
FAR = 1 << 20


@cache
def found(fault: str) -> Record:
    """The counterexample of a fault as the search finds it."""
    planted = BY_NAME[fault]
    release = row(planted.release) if planted.release else None
    record = judge(SCENARIOS[planted.scenario], subject(fault=fault), release=release, small=False).record
    assert record is not None
    return record


@cache
def small(fault: str) -> Record:
    """The same, made small."""
    return shrunk(found(fault), subject(fault=fault))


def key(record: Record) -> tuple[int, int, tuple[int, ...]]:
    """What is made small."""
    return record.switches, len(record.steps), size_of(program_of(record.program))


def board_of(fault: str, record: Record) -> Board:
    """The tables of a record's program."""
    return Board(program_of(record.program), subject(fault=fault).heap_class)


@pytest.mark.parametrize("fault", SOME)
def test_the_smaller_record_breaks_the_same_claim(fault: str) -> None:
    """On replay, byte for byte; and it is no larger."""
    record, heap = small(fault), subject(fault=fault).heap_class
    assert record.violated.claim == found(fault).violated.claim
    assert replay(record, heap).record == record
    assert replay(record, heap).difference == ""
    assert key(record) <= key(found(fault))


@pytest.mark.parametrize("fault", LEAST)
def test_the_smallest_is_found(fault: str) -> None:
    """As it was found by hand."""
    record = small(fault)
    threads, before = record.program["threads"], record.program["before"]
    ops, past = sum(len(ops) for ops in threads), sum(len(ops) for ops in before)
    assert (record.switches, len(threads), ops, past) == LEAST[fault]


@pytest.mark.parametrize("fault", SOME)
def test_what_is_small_stays(fault: str) -> None:
    """Shrinking once more finds the same, and twice from the start gives the same bytes."""
    heap = subject(fault=fault)
    assert shrunk(found(fault), heap).dumps() == small(fault).dumps()
    assert key(shrunk(small(fault), heap)) == key(small(fault))


@pytest.mark.parametrize("fault", ["plain_store_for_cas", "failed_cas_treated_as_done", "last_page_not_freed"])
def test_no_schedule_has_fewer_switches_or_steps(fault: str) -> None:
    """Of the same program: nothing cheaper is there, and everything was looked at."""
    record = small(fault)
    cheaper = least(board_of(fault, record), record.violated.claim, (record.switches, len(record.steps) - 1), FAR)
    assert (cheaper.schedule, cheaper.exact) == (None, True)
    same = least(board_of(fault, record), record.violated.claim, (record.switches, len(record.steps)), FAR)
    assert same.schedule is not None
    assert len(same.schedule) == len(record.schedule)


@pytest.mark.parametrize("fault", ["plain_store_for_cas", "failed_cas_treated_as_done", "failed_cas_not_reloaded"])
def test_switches_are_no_fewer_than_preemptions(fault: str) -> None:
    """The other search counts only those away from a thread that could go on: it never needs more."""
    record = found(fault)
    program, heap = program_of(record.program), subject(fault=fault).heap_class
    fewest = fewest_preemptions(Tables(program, heap), record.violated.claim)
    ours = least(Board(program, heap), record.violated.claim, (FAR, FAR), FAR)
    assert fewest is not None
    assert ours.schedule is not None
    again = record_of("x", program, heap, ours.schedule, "reference", fault)
    assert again is not None
    assert again.violated.claim == record.violated.claim
    assert fewest.preemptions <= again.switches <= record.switches


def test_a_search_that_is_cut_off_says_so() -> None:
    """It is no proof that nothing is there."""
    record = found("plain_store_for_cas")
    cut = least(board_of("plain_store_for_cas", record), record.violated.claim, (FAR, FAR), 10)
    assert (cut.schedule, cut.exact, cut.places) == (None, False, 10)


@pytest.mark.parametrize("fault", ["plain_store_for_cas", "sweep_without_acquiring"])
def test_a_schedule_is_followed_on_a_smaller_program(fault: str) -> None:
    """Turn by turn, also where the turns have other lengths than before."""
    record, smaller = found(fault), small(fault)
    turns = turns_of(board_of(fault, record), record.schedule)
    assert [turn.thread for turn in turns] == [
        t for n, t in enumerate(record.schedule) if not n or record.schedule[n - 1] != t
    ]
    assert followed(board_of(fault, record), record.violated.claim, turns) == record.schedule
    schedule = followed(board_of(fault, smaller), record.violated.claim, turns)
    assert schedule is not None
    heap = subject(fault=fault)
    again = record_of("x", program_of(smaller.program), heap.heap_class, schedule, heap.heap, fault)
    assert again is not None
    assert again.violated.claim == record.violated.claim


def test_a_claim_judged_alone_is_shrunk_alone() -> None:
    """Others may break before it, in the smaller run too."""
    fault = BY_NAME["memclr_of_npages_bytes"]
    heap = subject(fault=fault.name)
    record = judge(SCENARIOS[fault.scenario], heap, only=fault.claim, small=False).record
    assert record is not None
    smaller = shrunk(record, heap)
    assert smaller.alone
    assert smaller.violated.claim == fault.claim
    assert key(smaller) < key(record)


def test_a_search_that_is_cut_off_follows_the_turns_on_fewer_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three threads one is left out, and those that are left take their turns by their new numbers."""
    fault = "plain_store_for_cas"
    record, heap = small(fault), subject(fault=fault)
    program = program_of(record.program)
    three = replace(program, threads=(Thread((Idle(),)), *program.threads))
    schedule = tuple(t + 1 for t in record.schedule)
    larger = record_of("x", three, heap.heap_class, schedule, heap.heap, fault)
    assert larger is not None
    monkeypatch.setattr(shrinking, "PLACES", 10)
    smaller = shrunk(larger, heap)
    assert smaller.schedule == record.schedule
    assert len(program_of(smaller.program).threads) == 2


def test_turns_of_a_thread_that_is_gone() -> None:
    """They are left out; where another thread does what it did, they are that one's."""
    one, two, three = Thread((Sweep(),)), Thread((Collect(),)), Thread((MallocLarge(1),))
    known = Program((one, two, three), SMALL, NEWEST)
    turns = [Turn(t, None, 0) for t in (2, 0, 1)]

    def now(threads: tuple[Thread, ...]) -> list[int]:
        return [turn.thread for turn in turns_on(turns, known, replace(known, threads=threads))]

    assert now((one, two, three)) == [2, 0, 1]
    assert now((two, three)) == [1, 0]
    assert now((one, three)) == [1, 0]
    assert now((one, Thread((MallocLarge(1), Collect())))) == [1, 0, 1]
    assert now((Thread((Sweep(), Collect())), three)) == [1, 0, 0]


def test_a_run_of_no_steps_is_broken_before_it_begins() -> None:
    """A smaller program is not one that breaks the claim where a run looks whether it is at its end."""
    fault = "quarter_of_a_block_from_the_cache"
    record = small(fault)
    assert record.schedule == ()
    with pytest.raises(BrokenError):
        board_of(fault, record)


def test_other_records_are_left_as_they_are() -> None:
    """Other kinds, and runs that end in a text that goes round without an access."""
    record, heap = found("last_page_not_freed"), subject(fault="last_page_not_freed")
    other = replace(record, kind="history")
    assert shrunk(other, heap) is other
    own = replace(record, program={**record.program, "threads": [[["MyOwn", 1]]], "before": [[]]})
    assert shrunk(own, heap) is own
    endless = replace(record, violated=replace(record.violated, detail="grow goes round without an access: growth.py"))
    assert shrunk(endless, heap) is endless


PROGRAM = Program(
    (
        Thread((MallocLarge(2), FreeManual(0)), (AllocManual(3),)),
        Thread((AllocManual(1), FreeManual(1), Drop(0)), (MallocLarge(1), Drop(0), MallocLarge(2), Collect())),
    ),
    SMALL,
    NEWEST,
    tracing=True,
)


def changed(place: int) -> list[Program]:
    """What one kind of change makes of a program."""
    return list(CHANGES[place](PROGRAM))


def test_every_change_makes_a_program_smaller() -> None:
    """By what is counted; so shrinking comes to an end."""
    for change in CHANGES:
        made = list(change(PROGRAM))
        assert made
        assert all(size_of(program) < size_of(PROGRAM) for program in made), change


def test_one_thread_for_two_names_the_same_spans() -> None:
    """Operations of the second thread, and those of the first on what it allocates later, name other places."""
    joined, _ = changed(1)
    (thread,) = joined.threads
    assert thread.before == (AllocManual(3), MallocLarge(1), Drop(1), MallocLarge(2), Collect())
    assert thread.ops == (MallocLarge(2), FreeManual(0), AllocManual(1), FreeManual(2), Drop(1))


def test_without_an_allocation_nobody_names_its_span() -> None:
    """What frees or drops it goes too, and later spans have another place."""
    fewer = changed(2)
    first = Thread((AllocManual(1), FreeManual(0)), (MallocLarge(2), Collect()))
    assert first in [program.threads[1] for program in fewer]
    assert Thread((MallocLarge(2),), ()) in [program.threads[0] for program in fewer]


def test_sizes_are_compared_in_order() -> None:
    """Context switches first, then steps, then the program."""
    one, two = Thread((Sweep(),)), Thread((Sweep(), Sweep()))
    few, many = Program((one,), SMALL, NEWEST), Program((two,), SMALL, NEWEST)
    assert Shrunk(many, (0, 0, 0), 3).key < Shrunk(few, (0, 1), 2).key
    assert Shrunk(many, (0, 0), 2).key < Shrunk(few, (0, 0, 0), 3).key
    assert Shrunk(few, (0, 0), 2).key < Shrunk(many, (0, 0), 2).key


def test_a_thread_that_goes_round_alone_has_no_end() -> None:
    """Where it comes back to, not on the way there."""
    record = found("counted_off_in_vain")
    board = board_of("counted_off_in_vain", record)
    state, said = board.start, list[bool]()
    for t in record.schedule:
        said.append(bool(board.no_end(state)))
        there = board.step(state, t)
        assert not isinstance(there, BrokenError)
        state = there
    assert record.violated.claim == NO_END
    assert not said[0]
    assert board.no_end(state)
