"""Changed schedules: steps of one thread moved over steps of others, or a thread that runs on before the next one does.

Read next: avoiding.py, which runs them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, permutations

from spanproof.checks.exploring.explaining.accesses import Move, described
from spanproof.checks.exploring.explaining.board import Board
from spanproof.checks.exploring.explaining.completing import LONGEST, TURN
from spanproof.checks.exploring.explaining.conflicts import conflicts
from spanproof.checks.exploring.explaining.sentences import steps, whose


@dataclass(frozen=True, slots=True)
class Change:
    """A changed schedule: what must be followed step by step, and what then as near as can be."""

    size: tuple[int, int]
    """How many steps are moved, and over how many."""
    first: tuple[int, ...]
    rest: tuple[int, ...]
    ends: tuple[int, int] | None
    """The numbers of the two accesses whose order is another, as places in the schedule; None if one is not in it."""
    moved: str
    last: int | None = None
    """Where a thread runs on: the number of its last step more, without which the claim breaks all the same."""


def changes(board: Board, moves: list[Move], done: int) -> Iterator[Change]:
    """Changed schedules, those that move the fewest steps first; last of all one thread after the other.

    moves: the accesses of a run, then those that threads are about to do. done: how many are of the run.
    """
    found = [*_swaps(moves, done), *_longer(board, moves, done)]
    yield from sorted(found, key=lambda change: change.size)
    for order in permutations(board.threads):
        said = f"one thread after the other ({', '.join(f'T{t}' for t in order)})"
        yield Change((len(moves), 0), (), tuple(t for t in order for _ in range(LONGEST)), None, said)


def _swaps(moves: list[Move], done: int) -> Iterator[Change]:
    """Each pair of accesses in conflict the other way round, with the least of the steps that go with them."""
    schedule = tuple(move.thread for move in moves)
    seen: set[tuple[int, ...]] = set()
    for i, j in conflicts(moves, done):
        t, u = schedule[i], schedule[j]
        between = schedule[i : j + 1]
        mine, others = tuple(v for v in between if v == u), tuple(v for v in between if v != u)
        late, early = tuple(v for v in between if v == t), tuple(v for v in between if v != t)
        ways = (
            (mine, mine, others, f"T{u} moved before {_place(moves, done, i)}"),
            (late, early, late, f"T{t} moved after {_place(moves, done, j)}"),
        )
        for moved, before, after, where in ways:
            first = (*schedule[:i], *before)
            if (*first, *after) in seen:
                continue
            seen.add((*first, *after))
            said = f"{steps(len(moved))} of {where}"
            yield Change((len(moved), len(between) - len(moved)), first, (*after, *schedule[j + 1 :]), (i, j), said)


def _longer(board: Board, moves: list[Move], done: int) -> Iterator[Change]:
    """Each thread interrupted later, by one step, by two, and so on."""
    schedule = tuple(move.thread for move in moves)
    place = 0
    for t, turn in groupby(schedule):
        place += len(list(turn))
        if place == len(schedule):
            return
        rest = schedule[place:]
        for more in range(1, TURN):
            first = (*schedule[:place], *(t,) * more)
            if board.after(first) is None:
                break
            said = f"T{t} running on for {steps(more)} after {_place(moves, done, place - 1)}"
            yield Change((more, len(rest)), first, rest, None, said, place + more - 1)


def _place(moves: list[Move], done: int, n: int) -> str:
    """One of the accesses, with the number of its step if it is one of the run's."""
    access = whose(described(moves, n))
    return f"step {n + 1} ({access})" if n < done else access
