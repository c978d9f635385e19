"""What a step does, learned once for the values that it looks at.

A step is a function of a few cells: the pending access looks at one, ghosts and claims that follow calls look at more.
Which, and in what order, is seen when a step is worked out for the first time; so it is a decision tree that is filled
in as the search comes by, and every later step with the same values is look-ups. Read next: tables.py.
"""

from collections.abc import Callable, Iterable
from typing import Any


class Leaf:
    """What a step does: where its thread then is, and the cells that it writes, each with a character."""

    __slots__ = ("blocked", "target", "updates", "watches")

    def __init__(
        self, target: int, updates: tuple[tuple[int, str], ...], watches: tuple[int, ...], *, blocked: bool = False
    ) -> None:
        """watches: the invariants that look at what is written, by their place. blocked: nothing happens."""
        self.target, self.updates, self.watches, self.blocked = target, updates, watches, blocked


class Branch:
    """A cell that is looked at, and what follows for each character that was met."""

    __slots__ = ("cell", "follows")

    def __init__(self, cell: int) -> None:
        """Nothing was met yet."""
        self.cell = cell
        self.follows: dict[str, Branch | Leaf] = {}


def found(tree: "Branch | Leaf | None", row: str) -> Leaf | None:
    """What a step does in a memory; None if it was not worked out for these values yet."""
    while isinstance(tree, Branch):
        tree = tree.follows.get(row[tree.cell])
    return tree


def looked_at(tree: "Branch | Leaf | None", row: str) -> list[tuple[int, str]]:
    """What a step that is known looks at in a memory, in order."""
    path: list[tuple[int, str]] = []
    while isinstance(tree, Branch):
        path.append((tree.cell, row[tree.cell]))
        tree = tree.follows.get(row[tree.cell])
    return path


def changed(row: str, leaf: Leaf) -> str:
    """The memory after a step."""
    for n, char in leaf.updates:
        if char != row[n]:
            row = row[:n] + char + row[n + 1 :]
    return row


def grown(tree: "Branch | Leaf | None", path: Iterable[tuple[int, str]], leaf: Leaf) -> "Branch | Leaf":
    """The tree with one more path: the cells that were looked at, in order, and what was met there."""
    todo = [*path]
    if not todo:
        return leaf
    root = Branch(todo[0][0]) if tree is None else tree
    here: Branch | Leaf = root
    for place, (cell, char) in enumerate(todo):
        # What a step looks at next hangs on what it has met so far, so two paths part at a character.
        assert isinstance(here, Branch)
        assert here.cell == cell
        there = here.follows.get(char)
        if there is None:
            there = here.follows[char] = leaf if place + 1 == len(todo) else Branch(todo[place + 1][0])
        here = there
    return root


class Looking:
    """Reads a memory while a step is worked out, and remembers what of the memory before the step was looked at."""

    __slots__ = ("_field", "_numbers", "_values", "path", "row", "seen", "written")

    def __init__(
        self,
        row: str,
        values: list[dict[str, Any]],
        numbers: Callable[[str], tuple[int, ...]],
        field: Callable[[str, str], Any],
    ) -> None:
        """row: the memory before the step. numbers: the cells behind a field; field: what it is in a memory."""
        self.row, self._values, self._numbers, self._field = row, values, numbers, field
        self.path: list[tuple[int, str]] = []
        self.seen: set[int] = set()
        self.written: dict[int, str] = {}

    def look(self, n: int) -> str:
        """The character of a cell as it is now."""
        if n not in self.written and n not in self.seen:
            self.seen.add(n)
            self.path.append((n, self.row[n]))
        return self.row[n]

    def __call__(self, n: int) -> Any:
        """The value of a cell as it is now."""
        return self._values[n][self.look(n)]

    def field(self, name: str) -> Any:
        """A field of HeapState as it is now."""
        for n in self._numbers(name):
            self.look(n)
        return self._field(self.row, name)

    def write(self, n: int, char: str) -> None:
        """A cell gets this character: what is read of it from now on is the step's own."""
        self.written[n] = char
        if char != self.row[n]:
            self.row = self.row[:n] + char + self.row[n + 1 :]
