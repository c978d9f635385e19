"""What a fast walk reached, as the plain search would tell it: states by number, as the tables write them.

Read next: compiled.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.search import Explored, rounds, schedule_to
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, LimitError, Tables
from spanproof.checks.running.machine import going_round

NOBODY = 2**32 - 1
"""In the place of the number of the state before the first."""
MOST_CHARS = 256
"""Values of a cell: each has a byte."""
WORD = 64
LEAST_FOR_MEMORIES = 16
"""Bits of a state that are left for its memory."""
MOST_THREADS = 8


class TooWideError(LimitError):
    """A state of this program does not fit into the walk's words: the plain search can still see it."""


class NarrowError(Exception):
    """A node does not fit into its field."""

    def __init__(self, t: int, bits: int) -> None:
        """bits: as many as its thread's nodes need."""
        super().__init__()
        self.t, self.bits = t, bits


@dataclass(frozen=True, slots=True)
class Layout:
    """How a fast walk writes a state: one word of 64 bits, the nodes of the threads below, the memory above."""

    widths: tuple[int, ...]
    """Bits of each thread's node."""

    @property
    def shift(self) -> int:
        """Where the memory begins."""
        return sum(self.widths)

    def fields(self) -> Iterator[tuple[int, int]]:
        """(where it begins, its mask) of each thread's node."""
        begin = 0
        for width in self.widths:
            yield begin, (1 << width) - 1
            begin += width

    def wide(self, state: int) -> int:
        """The state as the tables write it."""
        found = state >> self.shift
        for begin, mask in reversed([*self.fields()]):
            found = found << NODE_BITS | state >> begin & mask
        return found

    def narrow(self, state: int) -> int:
        """A state of the tables' as it is written here."""
        found, rest = 0, state
        for begin, _ in self.fields():
            found |= (rest & NODE_MASK) << begin
            rest >>= NODE_BITS
        return found | rest << self.shift


class Walked(Mapping[int, int]):
    """The states that were reached, each with the one that it was first reached from; -1 of the first."""

    def __init__(self, layout: Layout, states: Any, parents: Any, number: Callable[[int], int | None]) -> None:
        """states, parents: arrays, by number. number: that of a state as it is written there."""
        self.layout, self.states, self.parents, self._number = layout, states, parents, number

    def __len__(self) -> int:
        """How many."""
        return len(self.states)

    def __iter__(self) -> Iterator[int]:
        """In the order in which they were reached."""
        wide = self.layout.wide
        return (wide(state) for state in self.states.tolist())

    def __getitem__(self, state: int) -> int:
        """The one before it."""
        number = self._number(self.layout.narrow(state))
        if number is None:
            raise KeyError(state)
        parent = int(self.parents[number])
        return -1 if parent == NOBODY else self.layout.wide(int(self.states[parent]))

    def nth(self, number: int) -> int:
        """The state with this number."""
        return self.layout.wide(int(self.states[number]))

    def pairs(self, i: int, j: int) -> set[int]:
        """The nodes that two threads are ever at together, as the tables write them."""
        first, second = self._at(i), self._at(j)
        many = int(second.max()) + 1
        seen = np.zeros((int(first.max()) + 1) * many, bool)
        seen[first * many + second] = True
        found: list[int] = np.flatnonzero(seen).tolist()
        places = (divmod(pair, many) for pair in found)
        return {a << NODE_BITS * i | b << NODE_BITS * j for a, b in places}

    def _at(self, t: int) -> Any:
        """The node of a thread in each state."""
        begin, mask = list(self.layout.fields())[t]
        return (self.states >> np.uint64(begin) & np.uint64(mask)).astype(np.int64)

    def at(self, i: int, j: int, pairs: set[tuple[int, int]]) -> Iterator[int]:
        """The states in which two threads are at such nodes, in order."""
        here = self._at(i) << NODE_BITS | self._at(j)
        wanted = np.array([x << NODE_BITS | y for x, y in pairs])
        there = np.flatnonzero(np.isin(here, wanted))
        return (self.layout.wide(int(self.states[number])) for number in there)


def layout_of(tables: Tables, least: dict[int, int]) -> Layout:
    """Bits for the nodes of each thread: as many as are needed, and what is left shared out.

    Raises:
        TooWideError: they do not fit into a word.

    """
    threads = len(tables.automata)
    needed = [max(least.get(t, 1), (len(a.nodes) - 1).bit_length()) for t, a in enumerate(tables.automata)]
    for kind in tables.kinds:  # of threads that are not told apart
        for t in kind:
            needed[t] = max(needed[u] for u in kind)
    spare = WORD - LEAST_FOR_MEMORIES - sum(needed)
    if threads > MOST_THREADS or spare < 0:
        raise TooWideError(f"the states of {threads} threads do not fit into a word of {WORD} bits")
    more = min(max(spare - 12, 0) // max(threads, 1), 4)
    return Layout(tuple(bits + more for bits in needed))


def as_bytes(row: str) -> bytes:
    """A memory, a byte for each cell. Raises LimitError: a cell has too many values."""
    try:
        return row.encode("latin-1")
    except UnicodeEncodeError as e:
        raise LimitError(f"a cell has more than {MOST_CHARS} values") from e


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
    place = np.minimum(here.searchsorted(there), len(here) - 1)
    on = np.where(here[place] == there, place, -1)
    for _ in range(len(on).bit_length() + 1):  # each time twice as far
        on = np.where(on >= 0, on[on], -1)
    return bool((on >= 0).any())
