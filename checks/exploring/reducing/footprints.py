"""What accesses touch, and whether two sets of them commute. Read next: runs.py."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from spanproof.checks.exploring.cases import Leaf

Touched = dict[int, set[int]]
"""Cell -> the nodes whose accesses touch it."""


@dataclass(frozen=True, slots=True)
class Access:
    """An access on the way of a run: where it is pending, the memory before it, what it looks at, what it does."""

    node: int
    row: str
    path: list[tuple[int, str]]
    leaf: Leaf
    done: bool
    """Whether it is part of the run; else the run stops before it."""
    writes: int | None
    """The cell that it writes, be it what was there: another access to it may be a race."""


@dataclass(slots=True)
class Footprint:
    """The cells that accesses look at and write, ghosts included, and which accesses do."""

    looked: Touched = field(default_factory=Touched)
    written: Touched = field(default_factory=Touched)

    def add(self, access: Access) -> None:
        """It touches these."""
        for cell, _ in access.path:
            self.looked.setdefault(cell, set()).add(access.node)
        written = [cell for cell, _ in access.leaf.updates]
        for cell in written if access.writes is None else (*written, access.writes):
            self.written.setdefault(cell, set()).add(access.node)

    def join(self, other: "Footprint", cell: Callable[[int], int]) -> None:
        """Add what another one touches. cell: what becomes of its cells."""
        for mine, others in ((self.looked, other.looked), (self.written, other.written)):
            for number, nodes in others.items():
                mine.setdefault(cell(number), set()).update(nodes)

    def overlaps(self, other: "Footprint") -> Iterator[int]:
        """The nodes of this one whose accesses do not commute with some of the other's."""
        for cell in other.written:
            yield from self.looked.get(cell, ())
            yield from self.written.get(cell, ())
        for cell in other.looked:
            yield from self.written.get(cell, ())
