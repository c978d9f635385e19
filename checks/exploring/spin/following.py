"""What the ghosts do at a step, as a decision tree over the cells that this depends on, for another tool to follow.

The tables have learned for each step what it looks at and writes (cases.py). Here that is cut down to what the thread's
edge does not say by itself: the cell of the access is left out, and so is what has only ever had one value. So the
ghosts' bookkeeping is data, and another tool can do the same steps without a line of ours. Read next: promela.py.
"""

from dataclasses import dataclass, field
from typing import Any

from spanproof.checks.exploring.cases import Branch, Leaf
from spanproof.checks.exploring.tables import Node, Tables

Edge = tuple[int, int, str]
"""A thread, its node, and the character of the node's cell."""
Writes = tuple[tuple[int, str], ...]
"""Cells and the characters that they get."""


@dataclass(slots=True, eq=False)
class Asked:
    """A cell to look at, and where each of its values leads."""

    cell: int
    then: dict[str, "Tree"] = field(default_factory=dict[str, "Tree"])


Tree = Asked | Writes


def trees(tables: Tables) -> dict[Edge, Tree]:
    """The tree of each edge at which a ghost may move. Needs tables that a search has been through."""
    found: dict[Edge, Tree] = {}
    for automaton in tables.automata:
        for source, node in enumerate(automaton.nodes):
            if node is None or not isinstance(node.cases, Branch):
                continue
            for char, case in node.cases.follows.items():  # the first cell that a step looks at is its own
                known = node.edges.get(char)
                if known is not None and _follows(tables, node, char):
                    found[automaton.thread, source, char] = _of_ghosts(tables, case, node.number)
    return shared(found)


def _follows(tables: Tables, node: Node, char: str) -> bool:
    """Whether any ghost may move at this edge."""
    after, events, _ = node.edges[char]
    return bool(events) or (after != char and node.number in tables.monitor.acquiring)


def _of_ghosts(tables: Tables, case: Branch | Leaf, own: int) -> Tree:
    """A case without the cell of the access, and without what has one value."""
    if isinstance(case, Leaf):
        return tuple(sorted((n, char) for n, char in case.updates if n != own))
    if len(tables.values[case.cell]) == 1:
        (only,) = case.follows.values()
        return _of_ghosts(tables, only, own)
    return Asked(case.cell, {char: _of_ghosts(tables, then, own) for char, then in case.follows.items()})


def shared(found: dict[Edge, Tree]) -> dict[Edge, Tree]:
    """The same trees, each part once; a cell is not asked for where every value that was seen leads to one place."""
    kept: dict[Any, Tree] = {}

    def one(tree: Tree) -> Tree:
        if not isinstance(tree, Asked):
            return kept.setdefault(tree, tree)
        then = {char: one(next_) for char, next_ in tree.then.items()}
        places = {id(next_) for next_ in then.values()}
        if len(places) == 1:
            return next(iter(then.values()))
        return kept.setdefault((tree.cell, *sorted((c, id(t)) for c, t in then.items())), Asked(tree.cell, then))

    return {edge: one(tree) for edge, tree in found.items()}
