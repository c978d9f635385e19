"""A schedule as turns, each a thread and its steps in a row; two schedules side by side, where they differ.

Read next: page.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

AROUND = 2
"""Turns that both schedules share and that are shown before the first that differs."""
MOST = 12
"""Turns shown of one schedule."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Steps of one thread in a row."""

    thread: int
    steps: int
    first: int
    """The number of its first step, counted from 1."""
    differs: bool
    """Whether one of its steps is another's in the other schedule."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What is shown of a schedule: some turns, and how many are left out before and after them."""

    shown: tuple[Turn, ...]
    before: int
    after: int


def both(ran: Sequence[int], holds: Sequence[int]) -> tuple[Turns, Turns]:
    """The turns of two schedules around the place where they begin to differ."""
    same = next((n for n, (a, b) in enumerate(zip(ran, holds, strict=False)) if a != b), min(len(ran), len(holds)))
    return _shown(ran, same, len(ran)), _shown(holds, same, len(ran))


def _shown(schedule: Sequence[int], same: int, limit: int) -> Turns:
    """The turns around a place. What comes after the other schedule's end differs in nothing."""
    every: list[Turn] = []
    first = 1
    for thread, steps in groupby(schedule):
        length = len(list(steps))
        every.append(Turn(thread, length, first, first + length - 1 > same and first <= limit))
        first += length
    start = next((n for n, turn in enumerate(every) if turn.differs), len(every))
    begin = max(0, start - AROUND)
    end = min(len(every), begin + MOST)
    return Turns(tuple(every[begin:end]), begin, len(every) - end)
