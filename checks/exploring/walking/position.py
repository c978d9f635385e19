"""How far a search is, in arrays: what each walk can begin with, whichever of them left it.

States are numbered in the order in which they were reached, so levels are runs of numbers, and the numbers of the
states that they were reached from never go down. Read next: ../keeping/checkpoint.py.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spanproof.checks.exploring.search import Begun
from spanproof.checks.exploring.tables import LimitError
from spanproof.checks.exploring.walking.walked import WORD, Layout

BYTE = np.dtype(np.uint8)


class TwiceError(ValueError):
    """A state or a memory is there twice, or has what no step writes: such a position no search comes to."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a search stopped. The tables must have learned what they knew then, and have its memories."""

    layout: Layout
    states: Any
    """Words, in the order in which they were reached."""
    parents: Any
    """The number of the state from which each was first reached; NOBODY of the first."""
    rows: Any
    """The memories: the number of each cell's character, a byte where no cell has more than 256."""
    alone: Any
    """Pairs of numbers: a state in which one thread alone can go on, and where to."""
    gone_on_from: int
    """So many states were gone on from, the first ones."""
    levels: int
    """Begun."""
    transitions: int
    level_states: int
    """States when the last level that was begun had begun: where it ends. 0 if none was."""
    level_transitions: int
    """And the transitions then."""

    def level_begins(self) -> list[int]:
        """The number of the first state of each level that was begun, and of the first state after them."""
        begins = [0, 1][: self.levels + 1]
        for _ in range(self.levels - 1):
            begins.append(1 + int(np.searchsorted(self.parents[1:], np.uint32(begins[-1]))))
        return begins

    def at_level(self) -> "Position":
        """The same, gone back to where the level that is under way began: for walks that go level by level."""
        if self.gone_on_from == self.level_states:
            return self
        first = self.level_begins()[-2]
        return replace(
            self,
            states=self.states[: self.level_states],
            parents=self.parents[: self.level_states],
            alone=self.alone[self.alone[:, 0] < first],
            gone_on_from=first,
            levels=self.levels - 1,
            transitions=self.level_transitions,
            level_states=first,
        )

    def laid_out(self, layout: Layout) -> "Position":
        """The same, its states written otherwise.

        Raises:
            LimitError: there are too many memories for that.

        """
        if layout == self.layout:
            return self
        if len(self.rows) >> WORD - layout.shift:
            raise LimitError(f"more than {len(self.rows):,} memories do not fit into a word of {WORD} bits")
        states = self.states >> np.uint64(self.layout.shift) << np.uint64(layout.shift)
        for (old, mask), (new, _) in zip(self.layout.fields(), layout.fields(), strict=True):
            states |= (self.states >> np.uint64(old) & np.uint64(mask)) << np.uint64(new)
        return replace(self, layout=layout, states=states)

    def fits_bytes(self) -> bool:
        """Whether every cell of a memory is a byte, as the fast walks have it."""
        return bool(self.rows.dtype == BYTE)

    def begun(self) -> Begun:
        """As the plain search goes on from it."""
        here = self.at_level()
        states: list[int] = [here.layout.wide(state) for state in here.states.tolist()]
        numbers: list[int] = here.parents[1:].tolist()
        pairs: list[tuple[int, int]] = here.alone.tolist()
        parents = {states[0]: -1} | {state: states[n] for state, n in zip(states[1:], numbers, strict=True)}
        if len(parents) != len(states):
            raise TwiceError("a state is there twice")
        alone = {states[one]: states[there] for one, there in pairs}
        return Begun(parents, states[here.gone_on_from :], here.transitions, here.levels, alone)
