"""What keeps values by place where the place is a symbol: it stands for a Map, and for what walks along one.

Only containers are replaced, and only where symbols are read; tests hold both against each other with numbers.
Read next: reading.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spanproof.checks.proving.lifted.merging import Guard, first_of, merged
from spanproof.checks.proving.lifted.numbers import bounds
from spanproof.model.logic import all_of, any_of


@dataclass(frozen=True, slots=True)
class Row:
    """A Map of which the keys are known: first, first + 1, and so on. The values may be symbols."""

    first: int
    values: tuple[Any, ...]

    def outside(self, place: Any) -> Guard:
        """Whether nothing is kept there: looking there is taken for a fault."""
        return any_of(place < self.first, place >= self.first + len(self.values))

    def get(self, place: Any) -> Any:
        """What is kept there; where nothing is, anything."""
        lo, hi = bounds(place)
        here = [k for k in range(len(self.values)) if lo <= self.first + k <= hi]
        return first_of((place == self.first + k, self.values[k]) for k in here or [0])

    def set(self, place: Any, value: Any) -> "Row":
        """With another value there."""
        return Row(self.first, tuple(_chosen(place == self.first + k, value, v) for k, v in enumerate(self.values)))


def _chosen(condition: Guard, yes: Any, no: Any) -> Any:
    return (yes if condition else no) if isinstance(condition, bool) else merged(condition, yes, no)


@dataclass(frozen=True, slots=True)
class Items:
    """What a loop walks along: each item with when it is there."""

    pairs: tuple[tuple[Guard, Any], ...]

    def items(self) -> Iterator[tuple[Guard, Any]]:
        """Each item, in order."""
        yield from self.pairs


def entries(level: Any, lo: Any, hi: Any) -> Items:
    """What Level.entries yields, in place of its loop: what is stored one by one, and of the rest nothing but zeros."""
    size = 1 << level.log_block
    least, most = bounds(lo)[0], bounds(hi)[1]
    pairs: list[tuple[Guard, Any]] = []
    for i in range(least, most):
        b = i >> level.log_block
        stored = level.blocks.outside(b) is False
        pairs.append((all_of(lo <= i, i < hi), (i, level.blocks.get(b)[i & size - 1] if stored else 0)))
    return Items(tuple(pairs))
