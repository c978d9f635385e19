"""Two schedules side by side."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from spanproof.checks.reporting.turns import AROUND, MOST, both

SCHEDULES = st.lists(st.integers(0, 2), max_size=60)


@given(SCHEDULES, SCHEDULES)
def test_the_turns_are_those_of_the_schedules(ran: list[int], holds: list[int]) -> None:
    """Those shown and those left out are all; none that differs comes before the first place where the two do."""
    for schedule, turns in zip((ran, holds), both(ran, holds), strict=True):
        every = [(thread, len(list(steps))) for thread, steps in groupby(schedule)]
        shown = [(turn.thread, turn.steps) for turn in turns.shown]

        assert every[turns.before : len(every) - turns.after] == shown
        assert len(shown) <= MOST
        for turn in turns.shown:
            end = turn.first + turn.steps - 1
            assert turn.differs == (ran[:end] != holds[:end] and turn.first <= len(ran)) or end > min(
                len(ran), len(holds)
            )


def test_only_the_turns_around_the_change_are_shown() -> None:
    """A long common beginning is a number."""
    ran, holds = both([0, 1] * 20 + [0, 0, 1, 1], [0, 1] * 20 + [0, 1, 0, 1])

    assert (ran.before, ran.after) == (40 - AROUND, 0)
    assert [(turn.thread, turn.steps, turn.differs) for turn in ran.shown] == [
        (0, 1, False), (1, 1, False), (0, 2, True), (1, 2, True),
    ]  # fmt: skip
    assert [turn.differs for turn in holds.shown] == [False, False, True, True, True, True][: len(holds.shown)]
