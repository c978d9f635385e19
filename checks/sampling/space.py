"""The states that schedules come by, each with what its threads can do there, so that a step is one look-up.

A schedule is a walk: a list of states, from the start to one where nobody can go on. Read next: sampler.py.
"""

from itertools import pairwise
from typing import Any

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.tables import Node, Tables
from spanproof.impl.access import Access

Option = tuple[int, int, int, tuple[int, ...]]
"""A thread that can go on: it, the state that it leads to or BREAKS, the number of the cell that it touches, and the
threads whose pending accesses that step concerns, its own first."""
BREAKS = -1

_LOOKS = frozenset({"load", "read"})
_COUNTS = frozenset({"acquirem", "releasem"})


def dependent(a: Access[Any], b: Access[Any]) -> bool:
    """Whether the order of two accesses to one cell can matter: not if both only look, or both only count.

    That is wider than ordering.conflict, which leaves out what Go's memory model orders: which of two compare-and-swaps
    comes first is no data race, and is what a sampler must vary.
    """
    kinds = {a.kind, b.kind}
    return not (kinds <= _LOOKS or kinds <= _COUNTS)


class Space:
    """What has been seen of a program's states."""

    def __init__(self, tables: Tables) -> None:
        """Know nothing yet."""
        self.tables = tables
        self.threads = len(tables.masks)
        self.options: dict[int, tuple[Option, ...]] = {}
        self.broken: dict[tuple[int, int], BrokenError] = {}
        """State and thread -> the claim that its step breaks."""

    def look(self, state: int) -> tuple[Option, ...]:
        """What each thread can do in a state, those that cannot go on left out; kept for the next time."""
        nodes = self.tables.nodes_of(state)
        found: list[Option] = []
        for t, node in enumerate(nodes):
            target = state if node is None else self._target(state, t)
            if node is not None and target != state:
                found.append((t, target, node.number, _concerned(nodes, t, node)))
        options = self.options[state] = tuple(found)
        return options

    def _target(self, state: int, t: int) -> int:
        """The state that a thread's step leads to; the same one if it cannot go on, BREAKS if a claim breaks."""
        key = state & self.tables.masks[t]
        delta = self.tables.deltas[t].get(key)
        try:
            return state + (self.tables.expand(t, key) if delta is None else delta)
        except BrokenError as broken:
            self.broken[state, t] = broken
            return BREAKS

    def steps(self, path: list[int]) -> list[Option]:
        """The steps by which a walk went."""
        return [next(o for o in self.options[here] if o[1] == there) for here, there in pairwise(path)]


def _concerned(nodes: list[Node | None], t: int, node: Node) -> tuple[int, ...]:
    """Thread t and those whose pending accesses depend on its own."""
    others = (
        u
        for u, other in enumerate(nodes)
        if u != t and other is not None and other.number == node.number and dependent(node.access, other.access)
    )
    return (t, *others)
