"""A walk along a schedule comes to an end, whatever the threads do."""

import pytest

from spanproof.checks.broken import BrokenError
from spanproof.checks.comparing.walking import LONG_TURN, walk
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import Program, Sweep
from spanproof.checks.scenario import thread
from spanproof.checks.scenarios import OLD_SPAN
from spanproof.model.geometry import BYTES
from spanproof.model.releases import NEWEST


@pytest.mark.parametrize("k", range(12))
def test_threads_that_go_round_by_turns_are_left(k: int) -> None:
    """Two sweepers that never get away: each waits for the other, so none of them is said to be alone."""
    program = Program((thread(Sweep(), before=OLD_SPAN), thread(Sweep())), BYTES, NEWEST)
    tables = Tables(program, subject(fault="counted_off_in_vain").heap_class)

    taken = walk(tables, b"", k, set())

    assert 2 * LONG_TURN < len(taken) < 5 * LONG_TURN


def test_a_thread_that_goes_round_alone_is_a_deadlock() -> None:
    """It is named, with the way there."""
    program = Program((thread(Sweep(), before=OLD_SPAN),), BYTES, NEWEST)
    tables = Tables(program, subject(fault="counted_off_in_vain").heap_class)

    with pytest.raises(BrokenError, match="T0 goes round") as broken:
        walk(tables, b"", 0, set())

    assert broken.value.claim == "no_deadlock"
    assert len(broken.value.schedule) > LONG_TURN
