"""Reads loops that are cut by an invariant, and calls of which no more is known than a contract.

At the head of a loop its invariant is shown; what the loop changes is then any number that meets it; one round is read,
and the invariant is shown again. The items of a `for` are known: each round is read by itself, from any state that the
invariant allows. What is assumed anywhere has been shown, or is what a contract gives. Read next: lemma.py.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# What the text computes with is of any type.

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from types import FunctionType, MethodType, SimpleNamespace
from typing import Any

import z3

from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.lifted.expressions import Range, bound
from spanproof.checks.proving.lifted.merging import Guard, truth_of
from spanproof.checks.proving.lifted.numbers import Number, bits_for, bounds, exactly, negated, truth
from spanproof.checks.proving.lifted.reading import Reader, Way
from spanproof.checks.proving.obligations import Kind
from spanproof.model.contracts.plain import Known, PlainCall, PlainLoop
from spanproof.model.logic import Claims, all_of, implies

LoopKey = tuple[str, int]
"""A function's name and the number of the loop in it, from 1, as the text is read."""


@dataclass(frozen=True, slots=True)
class Everywhere:
    """Something that holds of every place from lo to hi."""

    claim: Callable[[Any], Any]
    lo: int
    hi: int

    def at(self, place: Any) -> Any:
        """What it says of one place; nothing of what is none."""
        return implies(all_of(self.lo <= place, place <= self.hi), self.claim(place))


@dataclass(frozen=True, slots=True)
class Claimed:
    """Something that must be shown, and what is known there."""

    kind: Kind
    where: str
    goal: str
    claim: Any
    known: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Inside:
    """A round of a loop that is being read."""

    contract: PlainLoop
    names: SimpleNamespace
    """At its head."""


class CuttingReader(Reader):
    """Reads calls; loops and calls that have a contract are cut."""

    def __init__(
        self,
        instead: Mapping[Any, Callable[..., Any] | PlainCall] | None = None,
        loops: Mapping[LoopKey, PlainLoop] | None = None,
        ensures: Callable[[Any], Claims] | None = None,
        everywhere: Sequence[Everywhere] = (),
        fresh: Iterator[int] | None = None,
    ) -> None:
        """ensures: what must be true of each result; everywhere: what is given; fresh: numbers no name has yet."""
        contracts = {f: c for f, c in (instead or {}).items() if isinstance(c, PlainCall)}
        super().__init__({f: c for f, c in (instead or {}).items() if not isinstance(c, PlainCall)})
        self.claims: list[Claimed] = []
        self.assumed: list[Any] = []
        """What is known at this place."""
        self.aside: list[Any] = []
        """What was known in rounds that are over: it says nothing of what follows."""
        self._contracts, self._loops, self._ensures, self._fresh = contracts, loops or {}, ensures, fresh or count()
        self._everywhere = list(everywhere)
        self._inside: list[Inside] = []
        self._cut: set[LoopKey] = set()

    def end(self) -> None:
        """Every contract was for a loop of the text.

        Raises:
            LiftError: one was not.

        """
        for name, number in self._loops.keys() - self._cut:
            raise LiftError(f"{name} has no loop {number} that is read, and there is a contract for it")

    # Calls.

    def called(self, function: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """What a call gives: where there is a contract, any result that meets it."""
        plain = function.__func__ if isinstance(function, MethodType) else function
        contract = self._contracts.get(plain) if isinstance(plain, FunctionType) else None
        if contract is None:
            return super().called(function, args, named)
        owner = (function.__self__,) if isinstance(function, MethodType) else ()
        binding = inspect.signature(plain).bind(*owner, *args, **named)
        binding.apply_defaults()
        where, asked = f"call {plain.__name__}", list(contract.requires(*binding.args))
        for goal, claim in asked:
            self._show(Kind.REQUIRES, where, goal, self.guard, claim)
        parts = tuple(self._any(plain.__name__, lo, hi) for lo, hi in contract.results)
        result = parts if len(parts) > 1 else parts[0]
        given = all_of(*(claim for _, claim in contract.gives(result, *binding.args)))
        self.assumed.append(implies(all_of(self.guard, *(claim for _, claim in asked)), given))
        return result

    def gives(self, result: Any, names: Mapping[str, Any]) -> None:
        """A result of the function that was asked for is as it must be."""
        if self._ensures is not None and len(self._frames) == 1:
            for goal, claim in self._ensures(result):
                self._show(Kind.ENSURES, f"line {self._line}", goal, self.guard, claim, names)
        super().gives(result, names)

    # Loops.

    def _for(self, node: ast.For, way: Way) -> Way | None:
        where, contract = self._contract(node, way)
        if contract is None:
            return super()._for(node, way)
        many = self.value(node.iter, way.names)
        way = Way(self.guard, way.names)
        start, items = _items(many, where)
        first = items[0][0] if items else 0
        over = first + len(items)
        for k in range(first, over + 1):
            self._shown(where, "begins", contract, Way(all_of(way.guard, start == k), way.names), contract.head, k)
        for k, item in items:
            with self._apart():
                head = self._any_state(contract, contract.head, way, k)
                enter = Way(all_of(head.guard, start <= k), bound(node.target, item, head.names))
                self._one_round(where, contract, node, head, enter, k)
        return self._over(where, contract, way, over)

    def _while(self, node: ast.While, way: Way) -> Way | None:
        where, contract = self._contract(node, way)
        if contract is None:
            return super()._while(node, way)
        if contract.rank is None:
            raise LiftError(f"{where}: its contract must say why it ends")
        self._shown(where, "begins", contract, way, contract.head)
        with self._apart():
            head = self._any_state(contract, contract.head, way)
            self._one_round(where, contract, node, head, self._tested(node, head, True))
        return self._over(where, contract, way, node=node)

    def _contract(self, node: ast.For | ast.While, way: Way) -> tuple[str, PlainLoop | None]:
        """The contract of a loop, with what the loop is called.

        Raises:
            LiftError: the loop changes what the contract does not name, or is not as loops are that can be cut.

        """
        function, number = self._number(node)
        contract = self._loops.get((function, number))
        where = f"{function} loop {number}"
        if contract is None:
            return where, None
        self._cut.add((function, number))
        if node.orelse:
            raise LiftError(f"{where}: a loop with `else` is not understood by lifted proofs")
        changed = _assigned_in(node) & way.names.keys()
        if changed - contract.changes.keys():
            raise LiftError(
                f"{where} changes {', '.join(sorted(changed - contract.changes.keys()))}, unlike its contract"
            )
        for name in contract.changes:
            if not isinstance(way.names.get(name), int | Number) or isinstance(way.names[name], bool):
                raise LiftError(f"{where}: {name} is no number there")
        # What is thrown, returned and left in rounds makes guards of their own.
        self._escaped += 1
        self.thrown += 1
        return where, contract

    def _number(self, node: ast.For | ast.While) -> LoopKey:
        """The function and the number of a loop in it."""
        for function, tree in self._trees.items():
            loops = [each for each in ast.walk(tree) if isinstance(each, ast.For | ast.While)]
            loops.sort(key=lambda each: (each.lineno, each.col_offset))
            for i, each in enumerate(loops):
                if each is node:
                    return function.__name__, i + 1
        raise LiftError(f"line {node.lineno}: a loop of no function")

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """What is known in a round is not needed after it."""
        known, everywhere = len(self.assumed), len(self._everywhere)
        yield
        self.aside += self.assumed[known:]
        del self.assumed[known:]
        del self._everywhere[everywhere:]

    def _any_state(self, contract: PlainLoop, known: Known, way: Way, index: int | None = None) -> Way:
        """A state that the loop may be in: of it no more is known than this."""
        reached = truth(z3.Const(f"reached!{next(self._fresh)}", z3.BoolSort()))
        guard = all_of(way.guard, reached)
        names = {**way.names, **{name: self._any(name, lo, hi) for name, (lo, hi) in contract.changes.items()}}
        seen = _seen(names, index)
        self.assumed.append(implies(guard, all_of(*(claim for _, claim in known.claims(seen)))))
        self._everywhere.append(
            Everywhere(
                lambda place: implies(guard, all_of(*(claim for _, claim in known.everywhere(seen, place)))),
                *contract.places,
            )
        )
        return Way(guard, names)

    def _one_round(
        self,
        where: str,
        contract: PlainLoop,
        node: ast.For | ast.While,
        head: Way,
        enter: Way,
        index: int | None = None,
    ) -> None:
        """Read a round: where it goes on the head is reached again, where it is broken off the loop is left."""
        seen, cells, left = _seen(head.names, index), dict(self.cells), list[Way]()
        self._inside.append(Inside(contract, seen))
        frame = self._frames[-1]
        frame.loops.append((left, []))
        end = self._block(node.body, enter)
        _, again = frame.loops.pop()
        for way in [*again, *([] if end is None else [end])]:
            after = None if index is None else index + 1
            self._shown(where, "goes on", contract, way, contract.head, after)
            if contract.rank is not None:
                was, now = contract.rank(seen), contract.rank(_seen(way.names, after))
                self._show(Kind.RANK, where, "the rank falls", way.guard, all_of(now >= 0, now < was), way.names)
        for way in left:
            if contract.left is None:
                raise LiftError(f"{where}: it may be broken off, and its contract does not say what is known then")
            self._shown(where, "is broken off", contract, way, contract.left, index)
        self._inside.pop()
        if any(self.cells[cell] is not cells.get(cell) for cell in self.cells):
            raise LiftError(f"{where} writes cells")

    def _over(
        self, where: str, contract: PlainLoop, way: Way, index: int | None = None, node: ast.While | None = None
    ) -> Way | None:
        """What is known after the loop."""
        if contract.left is None:
            head = self._any_state(contract, contract.head, way, index)
            return head if node is None else self._tested(node, head, False)
        with self._apart():
            head = self._any_state(contract, contract.head, way, index)
            over = head if node is None else self._tested(node, head, False)
            self._inside.append(Inside(contract, _seen(head.names, index)))
            self._shown(where, "is over", contract, over, contract.left, index)
            self._inside.pop()
        return self._any_state(contract, contract.left, way, index)

    def _tested(self, node: ast.While, head: Way, holds: bool) -> Way:
        """The way on which the loop's condition holds, or does not."""
        self._line, self.guard = node.lineno, head.guard
        condition = truth_of(self.value(node.test, head.names))
        head = Way(self.guard, head.names)
        return self._where(head, node.test, condition if holds else negated(condition), holds)

    # What is shown, and what is known.

    def _any(self, name: str, lo: int, hi: int) -> Any:
        """Any number in these bounds."""
        if lo == hi:
            return lo
        size = bits_for(lo, hi)
        term = z3.Const(f"{name}!{next(self._fresh)}", z3.BitVecSort(size))
        least, most = (0, (1 << size) - 1) if lo >= 0 else (-(1 << size - 1), (1 << size - 1) - 1)
        whole = exactly(term, least, most)
        self.assumed.append(all_of(lo <= whole, whole <= hi))
        return exactly(term, lo, hi)

    def _shown(
        self, where: str, when: str, contract: PlainLoop, way: Way, known: Known, index: int | None = None
    ) -> None:
        """What must be known at this place of a loop."""
        if way.guard is False:
            return
        seen = _seen(way.names, index)
        when = when if index is None else f"{when} at {index}"
        for name, (lo, hi) in contract.changes.items():
            value = way.names[name]
            self._show(
                Kind.INVARIANT, where, f"{when}: {name} in its bounds", way.guard, all_of(lo <= value, value <= hi)
            )
        for goal, claim in known.claims(seen):
            self._show(Kind.INVARIANT, where, f"{when}: {goal}", way.guard, claim, way.names)
        place = self._any("place", *contract.places)
        for goal, claim in known.everywhere(seen, place):
            self._show(Kind.INVARIANT, where, f"{when}: {goal}", way.guard, claim, way.names, place)

    def _show(
        self,
        kind: Kind,
        where: str,
        goal: str,
        guard: Guard,
        claim: Any,
        names: Mapping[str, Any] | None = None,
        place: Any = None,
    ) -> None:
        """Something must be shown: of what holds everywhere it may use this place, and those that contracts name."""
        places = [] if place is None else [place]
        if names is not None:
            seen = _seen(names, None)
            places += [p for each in self._inside for p in each.contract.uses(each.names, seen, place)]
        known = [each.at(p) for each in self._everywhere for p in places]
        self.claims.append(Claimed(kind, where, goal, implies(guard, claim), (*self.assumed, *known)))


def _seen(names: Mapping[str, Any], index: int | None) -> SimpleNamespace:
    """The names of a place as contracts see them."""
    return SimpleNamespace(**{n: v for n, v in names.items() if n != "__globals__"}, **_only_index(index))


def _only_index(index: int | None) -> dict[str, int]:
    return {} if index is None else {"index": index}


def _assigned_in(node: ast.For | ast.While) -> set[str]:
    """The names that a round may bind, those whose elements it changes included."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
        if isinstance(each, ast.Subscript | ast.Attribute) and isinstance(each.ctx, ast.Store | ast.Del):
            found |= {inner.id for inner in ast.walk(each.value) if isinstance(inner, ast.Name)}
    return found


def _items(many: Any, where: str) -> tuple[Any, list[tuple[int, Any]]]:
    """Where a loop begins, and what it goes through from its earliest beginning on, each with its number.

    Raises:
        LiftError: it may begin after its end, or it is not known where it ends.

    """
    if isinstance(many, tuple | list):
        return 0, list(enumerate(many))
    if not isinstance(many, Range | range) or many.step != 1 or not isinstance(many.stop, int):
        raise LiftError(f"{where}: only loops over tuples, and over ranges whose end is known, are cut")
    least, most = bounds(many.start)
    if most > many.stop:
        raise LiftError(f"{where}: it may begin after its end")
    return many.start, [(k, k) for k in range(least, many.stop)]
