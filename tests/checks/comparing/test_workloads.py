"""The public strategies: programs that keep the rules, schedules that a byte string stands for."""

import itertools

import pytest
from hypothesis import given

from spanproof.checks.comparing.walking import Counts, try_example
from spanproof.checks.programs import (
    COLLECTING,
    Collect,
    MallocLarge,
    MallocSmall,
    Op,
    Program,
    ProgramError,
    Scan,
    Thread,
    program_of,
)  # fmt: skip
from spanproof.checks.subject import Subject
from spanproof.checks.workloads import LENGTHS, decisions, programs, schedules
from spanproof.model.geometry import BYTES, SMALL
from spanproof.model.releases import NEWEST
from tests.checks.drawing import many_programs


@given(programs(), schedules())
def test_every_claim_holds_on_every_example(program: Program, schedule: bytes) -> None:
    """Programs and schedules drawn with Hypothesis's own database: no claim breaks."""
    try_example(program, schedule, Subject(), Counts())


@given(programs())
def test_a_program_survives_being_written_down(program: Program) -> None:
    """`as_json` and `program_of` are each other's inverse."""
    assert program_of(program.as_json()) == program


@given(programs())
def test_programs_keep_the_rules_of_gos_callers(program: Program) -> None:
    """No collection where arenas are smaller than a byte of page_in_use; one at most where spans are cached."""
    ops = [op for thread in program.threads for op in (*thread.before, *thread.ops)]
    collections = sum(isinstance(op, COLLECTING) for op in ops)

    assert collections == 0 or program.geometry.pages_per_arena % 8 == 0
    assert collections <= (1 if any(isinstance(op, MallocSmall) for op in ops) else 2)
    assert all(getattr(op, "npages", 1) >= 1 for op in ops)


@pytest.mark.parametrize("other", [Collect(), Scan(1)])
def test_there_is_one_collection_at_a_time(other: Op) -> None:
    """Nobody else collects while one thread marks beside the program; one thread may do both, one after the other."""
    with pytest.raises(ProgramError, match="one collection at a time"):
        Program((Thread((Scan(0),)), Thread((other,))), BYTES, NEWEST)
    Program((Thread((Scan(0), other)), Thread((MallocLarge(1),), (other,))), BYTES, NEWEST)


def test_programs_reach_what_they_are_for() -> None:
    """A thousand programs hold both kinds of past, all geometries and most releases, and systems that refuse."""
    seen = many_programs()

    assert {p.geometry.name for p in seen} >= {SMALL.name, "2x8", "1x16"}
    assert len({p.release.name for p in seen}) > 7
    assert any(isinstance(op, Collect) for p in seen for op in p.threads[0].before)
    assert any(isinstance(op, Scan) for p in seen for thread in p.threads for op in thread.ops)
    assert {p.reservations for p in seen} >= {0, 1, 2}


def test_no_bytes_mean_one_thread_after_the_other() -> None:
    """The empty string is the schedule without a preemption, so that is what a failure shrinks to."""
    assert list(itertools.islice(decisions(b"", 0), 3)) == [(0, LENGTHS[0])] * 3


@given(schedules())
def test_a_byte_says_who_and_how_long(schedule: bytes) -> None:
    """The 0-th schedule reads the bytes as they are; the others differ from it and from each other."""
    read = list(itertools.islice(decisions(schedule, 0), len(schedule)))
    assert read == [(byte >> 4, LENGTHS[byte & 15]) for byte in schedule]

    others = {tuple(itertools.islice(decisions(schedule, k), 20)) for k in range(1, 20)}
    assert len(others) == 19
