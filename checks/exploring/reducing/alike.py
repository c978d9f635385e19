"""Threads that run the same operations are not told apart: of states that differ in who is who, one is kept.

Renaming threads maps a step onto a step, so what a thread does is learned of the first of its kind, and known of the
others. Which state is kept: threads that cells name, such as the lock's holder, are numbered in the order in which the
cells name them; the others by their own ghosts, and last by where they stand. Read next: footprints.py.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from spanproof.checks.exploring.cases import Leaf
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, LimitError, Tables
from spanproof.checks.numbering import OF_A_THREAD
from spanproof.checks.programs import Program
from spanproof.impl.access import Access, Cell, Lock

Who = tuple[int, ...]
"""Per thread: the thread that it becomes."""
Rename = Callable[[Any, Who], Any]


def _held(value: int, who: Who) -> int:
    """A lock's holder and the mark of a writer are one more than a thread."""
    return who[value - 1] + 1 if 0 < value <= len(who) else value


def _acquired(value: int, who: Who) -> int:
    return value if value < 0 else who[value]


def _members(value: frozenset[int], who: Who) -> frozenset[int]:
    return frozenset(who[t] for t in value)


NAMING: dict[str, Rename] = {
    "memory": _held, "ghost.expected": _held, "ghost.acquired": _acquired, "ghost.calm": _members,
}  # fmt: skip
"""The families of cells whose values name threads, and what becomes of a value when threads are renamed."""


def renaming(cell: Cell[Any]) -> Rename | None:
    """What becomes of a cell's value when threads are renamed; None if it names none.

    The heap's text knows no thread by its number: only a lock is told who takes it, users write their marks, and the
    monitor has ghosts.
    """
    return _held if isinstance(cell, Lock) else NAMING.get(cell.name)


OWN = tuple(f"ghost.{name}" for name in OF_A_THREAD)
"""The families of cells that each thread has one of."""


def kinds(program: Program) -> tuple[tuple[int, ...], ...]:
    """The threads that cannot be told apart but by their numbers, two or more together."""
    if program.ps:
        return ()  # each has caches of its own, which name chunks and pages
    of: dict[Any, list[int]] = {}
    for t, thread in enumerate(program.threads):
        if not thread.before:
            of.setdefault(thread.ops, []).append(t)
    return tuple(tuple(threads) for threads in of.values() if len(threads) > 1)


class Alike:
    """Renames threads in the memories and steps of tables."""

    def __init__(self, tables: Tables) -> None:
        """Find the cells that name threads, and those that threads have of their own."""
        self.tables = tables
        self.kinds = kinds(tables.program)
        threads = range(len(tables.program.threads))
        self.first = {t: kind[0] for kind in self.kinds for t in kind}
        """Per thread that there are more of: the first of its kind."""
        cells = tables.numbering.cells
        self.naming = [n for n, cell in enumerate(cells) if renaming(cell) is not None]
        self.own = [[n for n, cell in enumerate(cells) if cell.name in OWN and cell.index == t] for t in threads]
        """Per thread: its own cells, in one order for all."""
        for kind in self.kinds:
            for t in kind[1:]:
                for n, first in zip(self.own[t], self.own[kind[0]], strict=True):
                    tables.share_characters(n, first)
        self._renamed: dict[tuple[int, str, Who], str] = {}
        self._named: dict[tuple[int, str], Who] = {}
        self._place = {n: (t, k) for t in threads for k, n in enumerate(self.own[t])}
        self._is_naming = frozenset(self.naming)

    def char(self, n: int, char: str, who: Who) -> str:
        """What the value of a naming cell becomes."""
        key = n, char, who
        found = self._renamed.get(key)
        if found is None:
            rename = renaming(self.tables.numbering.cells[n])
            assert rename is not None
            found = self._renamed[key] = self.tables.char(n, rename(self.tables.values[n][char], who))
        return found

    def named(self, n: int, char: str) -> Who:
        """The threads that the value of a naming cell names, lowest first."""
        key = n, char
        found = self._named.get(key)
        if found is None:
            value, cell = self.tables.values[n][char], self.tables.numbering.cells[n]
            marks = range(1, len(self.own) + 1)
            match cell.name:
                case "ghost.calm":
                    names = sorted(value)
                case "ghost.acquired":
                    names = [value] if value >= 0 else []
                case _:
                    names = [value - 1] if value in marks else []
            found = self._named[key] = tuple(names)
        return found

    def cell(self, n: int, who: Who) -> int:
        """What becomes of a cell."""
        place = self._place.get(n)
        return n if place is None else self.own[who[place[0]]][place[1]]

    def entry(self, n: int, char: str, who: Who) -> tuple[int, str]:
        """What becomes of a cell and its character."""
        return self.cell(n, who), self.char(n, char, who) if n in self._is_naming else char

    def row(self, row: str, who: Who) -> str:
        """The memory with threads renamed."""
        new = [*row]
        for n in self.naming:
            new[n] = self.char(n, row[n], who)
        for t, cells in enumerate(self.own):
            if who[t] != t:
                for n, to in zip(cells, self.own[who[t]], strict=True):
                    new[to] = row[n]
        return "".join(new)

    def leaf(self, leaf: Leaf, who: Who) -> Leaf:
        """What a step of a renamed thread does."""
        if leaf.blocked:
            return leaf
        return Leaf(leaf.target, tuple(self.entry(n, char, who) for n, char in leaf.updates), leaf.watches)

    def swap(self, t: int, other: int) -> Who:
        """Two threads change places. It is its own inverse."""
        return tuple({t: other, other: t}.get(u, u) for u in range(len(self.own)))

    def order(self, row: str) -> tuple[Who, tuple[bool, ...]]:
        """(what each thread becomes in a memory, whether each new one may change places with the one before it)."""
        named = list(dict.fromkeys(t for n in self.naming for t in self.named(n, row[n])))
        who, like = [*range(len(self.own))], [False] * len(self.own)
        for kind in self.kinds:
            first = [t for t in named if t in kind]
            rest = sorted((t for t in kind if t not in first), key=lambda t: self._own(row, t))
            for place, t in zip(kind, first + rest, strict=True):
                who[t] = place
            for place, (t, u) in enumerate(pairwise(rest), len(first) + 1):
                like[kind[place]] = self._own(row, t) == self._own(row, u)
        return tuple(who), tuple(like)

    def _own(self, row: str, t: int) -> list[str]:
        return [row[n] for n in self.own[t]]

    def settled(self, nodes: list[int], like: tuple[bool, ...]) -> Who:
        """What threads become that only their nodes tell apart: sorted by them."""
        who = [*range(len(nodes))]
        for kind in self.kinds:
            for run in _runs(kind, like):
                for place, t in zip(run, sorted(run, key=lambda t: nodes[t]), strict=True):
                    who[t] = place
        return tuple(who)


def _runs(kind: Who, like: tuple[bool, ...]) -> Iterator[list[int]]:
    """The threads of a kind that may change places, together."""
    run: list[int] = []
    for t in kind:
        if run and not like[t]:
            yield run
            run = []
        run.append(t)
    yield run


def refuse_naming(access: Access[Any]) -> None:
    """Refuse an access by which the text could know a thread by its number, as numbers in locals are not renamed.

    Raises:
        LimitError: it reads what names threads, or is told who does it where that is not expected.

    """
    names = renaming(access.cell) is not None
    tells = access.kind in {"lock", "unlock"}
    if tells != isinstance(access.cell, Lock) or (names and not tells and access.kind not in {"write", "store"}):
        raise LimitError(f"{access.kind} of {access.cell} tells threads apart: leave --reduce symmetry out")


def renamed_args(access: Access[Any], t: int, first: int) -> tuple[Any, ...]:
    """The arguments of a thread's access, as another one would have them in its place."""
    rename = renaming(access.cell)
    if rename is None or t == first:
        return access.args
    who = tuple({t: first, first: t}.get(u, u) for u in range(max(t, first) + 1))
    return tuple(rename(arg, who) for arg in access.args)


def moved(nodes: list[int], who: Who) -> list[int]:
    """The nodes of threads that were renamed."""
    new = [*nodes]
    for t, to in enumerate(who):
        new[to] = nodes[t]
    return new


def nodes_in(state: int, threads: int) -> list[int]:
    """The node of each thread in a state."""
    return [state >> NODE_BITS * t & NODE_MASK for t in range(threads)]
