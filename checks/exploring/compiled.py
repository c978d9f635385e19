"""The compiled walk: the same states in the same order as the plain search, a hundred nanoseconds each.

What a step does is learned here, path by path, and told to the library; it goes on by itself until it meets what it was
not told. Read next: kernel/walk.c.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.cases import Leaf, changed
from spanproof.checks.exploring.kernel import calls
from spanproof.checks.exploring.kernel.calls import Calls
from spanproof.checks.exploring.search import Explored, Hurry, deadlock, going_on, rounds, schedule_to
from spanproof.checks.exploring.tables import ENDED, LimitError, Tables
from spanproof.checks.exploring.walked import Layout, Walked
from spanproof.checks.running.machine import going_round

AT_ONCE = 100_000
"""States between two looks at the clock."""
MOST_CHARS = 256
"""Values of a cell: each has a byte."""
WORD = 64
LEAST_FOR_MEMORIES = 16
"""Bits of a state that are left for its memory."""
MOST_THREADS = 8


class TooWideError(LimitError):
    """A state of this program does not fit into the walk's words: the plain search can still see it."""


class _NarrowError(Exception):
    """A node does not fit into its field."""

    def __init__(self, t: int, bits: int) -> None:
        super().__init__()
        self.t, self.bits = t, bits


Told = tuple[int, int, list[tuple[int, str]], Leaf]
"""A thread, its node, what was looked at there, and what the step does."""


@dataclass(slots=True)
class Walk:
    """A program on the library."""

    tables: Tables
    layout: Layout
    told: list[Told]
    """What was learned, also by walks before this one whose fields were too narrow."""
    judged: list[tuple[int, bytes]]
    """Invariants, each with a row of which it holds."""
    calls: Calls = field(init=False)
    _fields: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        """Tell the library what is known."""
        tables = self.tables
        self._fields = list(self.layout.fields())
        (row,), judges = tables.memories[:1], [cells for _, cells in tables.monitor.invariants]
        nodes = [automaton.start for automaton in tables.automata]
        deadlock_too = tables.monitor.judges("no_deadlock")
        self.calls = Calls(_bytes(row), list(self.layout.widths), nodes, judges, deadlock=deadlock_too)
        for t, node, path, leaf in self.told:
            self._tell(t, node, path, leaf)
        for judge, of in self.judged:
            self.calls.good(judge, of)

    def _tell(self, t: int, node: int, path: list[tuple[int, str]], leaf: Leaf) -> None:
        if leaf.target >> self.layout.widths[t] > 0:
            raise _NarrowError(t, leaf.target.bit_length())
        kind = calls.ENDS if leaf is ENDED else calls.BLOCKED if leaf.blocked else calls.MOVES
        self.calls.learn(t, node, path, kind, max(leaf.target, 0), leaf.updates, leaf.watches)

    def answer(self, state: int, t: int) -> None:
        """Work out what the library asks: a thread's step from a state.

        Raises:
            BrokenError, EndlessError: as Tables.expand.

        """
        tables, row = self.tables, self.calls.row(state >> self.layout.shift)
        begin, mask = self._fields[t]
        number = state >> begin & mask
        before = row.decode("latin-1")
        leaf, path = tables.case(t, number, before)
        if path is not None:
            self.told.append((t, number, path, leaf))
            self._tell(t, number, path, leaf)
        if leaf.updates:
            after = tables.judged(before, changed(before, leaf), leaf)
            new = _bytes(after)
            for watch in leaf.watches:
                self.judged.append((watch, new))
                self.calls.good(watch, new)

    def reached(self) -> Walked:
        """What was reached; and the tables know its memories."""
        self.tables.adopt([bytes(row).decode("latin-1") for row in self.calls.rows()])
        return Walked(self.layout, self.calls.states(), self.calls.parents(), self.calls.number)


def layout_of(tables: Tables, least: dict[int, int]) -> Layout:
    """Bits for the nodes of each thread: as many as are needed, and what is left shared out.

    Raises:
        TooWideError: they do not fit into a word.

    """
    threads = len(tables.automata)
    needed = [max(least.get(t, 1), (len(a.nodes) - 1).bit_length()) for t, a in enumerate(tables.automata)]
    spare = WORD - LEAST_FOR_MEMORIES - sum(needed)
    if threads > MOST_THREADS or spare < 0:
        raise TooWideError(f"the states of {threads} threads do not fit into a word of {WORD} bits")
    more = min(max(spare - 12, 0) // max(threads, 1), 4)
    return Layout(tuple(bits + more for bits in needed))


def explore_compiled(tables: Tables, *, hurry: Hurry = going_on) -> Explored:
    """As search.explore, many times faster. The tables must be new.

    Raises:
        NoKernelError: there is no library and no compiler.
        LimitError: the program is too large for the walk.
        EndlessError: as search.explore.

    """
    began, least = time.perf_counter(), dict[int, int]()
    told, judged = list[Told](), list[tuple[int, bytes]]()
    while True:
        try:
            walk = Walk(tables, layout_of(tables, least), told, judged)
            return _explored(walk, began, hurry)
        except _NarrowError as e:
            least[e.t] = e.bits  # begin again: what was learned stays


def _explored(walk: Walk, began: float, hurry: Hurry) -> Explored:
    """The walk, to its end."""
    tables = walk.tables
    while True:
        code = walk.calls.on(AT_ONCE)
        if code == calls.NEEDS:
            state, t = walk.calls.asked()
            try:
                walk.answer(state, t)
            except BrokenError as broken:
                return _broken(walk, began, broken, (t,))
            continue
        counts = walk.calls.counts()
        if code == calls.DEADLOCK:
            reached = walk.reached()
            said = deadlock(tables, reached.nth(counts["state"]))
            return _broken(walk, began, BrokenError("no_deadlock", said), ())
        if code == calls.PAUSE:
            reason = hurry(counts["states"])
            if reason is not None:
                return _ended(walk, began, reason)
        elif code == calls.ENDED_WELL:
            return _ended(walk, began, "")
        else:
            raise LimitError(f"no memory for more than {counts['states']:,} states")


def _broken(walk: Walk, began: float, broken: BrokenError, last: tuple[int, ...]) -> Explored:
    """A claim breaks in the state that the library names."""
    counts, reached = walk.calls.counts(), walk.reached()
    seconds = time.perf_counter() - began
    schedule = (*_schedule(walk, counts["state"]), *last)
    states, transitions = counts["level_states"], counts["level_transitions"]
    return Explored(states, transitions, seconds, broken, schedule, "", reached, counts["levels"])


def _schedule(walk: Walk, number: int) -> tuple[int, ...]:
    """The schedule by which a state was first reached."""
    states, parents, taken = walk.calls.states(), walk.calls.parents(), list[int]()
    while number:
        before = int(parents[number])
        here, there = int(states[before]), int(states[number])
        taken.append(next(t for t in range(len(walk.layout.widths)) if walk.calls.step(here, t) == there))
        number = before
    return tuple(reversed(taken))


def _ended(walk: Walk, began: float, reason: str) -> Explored:
    """All was seen, or it was time to stop."""
    counts = walk.calls.counts()
    reached = walk.reached()
    found = Explored(
        counts["states"], counts["transitions"], time.perf_counter() - began, None, (), reason, reached,
        counts["levels"],
    )  # fmt: skip
    if reason or not walk.tables.monitor.judges("no_deadlock"):
        return found
    return rounds_in(walk.tables, walk.calls.alone(), reached, found)


def rounds_in(tables: Tables, alone: Any, reached: Walked, found: Explored) -> Explored:
    """What was found, or a thread that goes round for ever. alone: pairs of a state with one way on, and where to."""
    if not _comes_back(alone):
        return found
    tables.rounds |= rounds(tables, {reached.nth(here): reached.nth(there) for here, there in alone.tolist()})
    for state, t in tables.rounds.items():
        broken, schedule = BrokenError("no_deadlock", going_round(t)), (*schedule_to(tables, reached, state), t)
        return replace(found, broken=broken, schedule=schedule)
    return found


def _comes_back(alone: Any) -> bool:
    """Whether who follows these pairs ever goes round: so many steps on, somebody is still on his way."""
    if not len(alone):
        return False
    here, there = alone[:, 0].astype(np.int64), alone[:, 1].astype(np.int64)
    place = np.searchsorted(here, there)
    on = np.where((place < len(here)) & (here[np.minimum(place, len(here) - 1)] == there), place, -1)
    for _ in range(len(on).bit_length() + 1):  # each time twice as far
        on = np.where(on >= 0, on[on], -1)
    return bool((on >= 0).any())


def _bytes(row: str) -> bytes:
    try:
        return row.encode("latin-1")
    except UnicodeEncodeError as e:
        raise LimitError(f"a cell has more than {MOST_CHARS} values") from e
