"""What a fast walk reached, as the plain search would tell it: states by number, as the tables write them.

Read next: compiled.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK

NOBODY = 2**32 - 1
"""In the place of the number of the state before the first."""


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

    def together(self) -> set[int]:
        """The nodes that threads are ever at together, as the tables write them."""
        nodes = np.unique(self.states & np.uint64((1 << self.layout.shift) - 1))
        return {self.layout.wide(state) for state in nodes.tolist()}

    def at(self, i: int, j: int, pairs: set[tuple[int, int]]) -> Iterator[int]:
        """The states in which two threads are at such nodes, in order."""
        fields = list(self.layout.fields())
        (a, of_a), (b, of_b) = fields[i], fields[j]
        first = (self.states >> np.uint64(a) & np.uint64(of_a)).astype(np.int64)
        second = (self.states >> np.uint64(b) & np.uint64(of_b)).astype(np.int64)
        wanted = np.array([x << NODE_BITS | y for x, y in pairs])
        there = np.flatnonzero(np.isin(first << NODE_BITS | second, wanted))
        return (self.layout.wide(int(self.states[number])) for number in there)
