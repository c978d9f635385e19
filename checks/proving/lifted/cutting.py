"""Reads loops that are cut by an invariant, and calls of which no more is known than a contract.

At the head of a loop its invariant is shown; what the loop changes is then any number that meets it; one round is read,
and the invariant is shown again. The items of a `for` are known: each round is read by itself, from any state that the
invariant allows. What is assumed anywhere has been shown, or is what a contract gives. Read next: lemma.py.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# What the text computes with is of any type.

import ast
import inspect
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
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
from spanproof.model.contracts.contract import nothing
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
    known: tuple[tuple[Any, ...], ...]
    """What is known there, the nearest first: perhaps no more is needed."""


@dataclass(frozen=True, slots=True)
class CutLoop:
    """A loop that is cut, where it is entered."""

    node: ast.For | ast.While
    number: int
    where: str
    contract: PlainLoop
    entry: Way

    def seen(self, names: Mapping[str, Any], index: int | None) -> SimpleNamespace:
        """The names of a place as contracts see them."""
        more = {} if index is None else {"index": index}
        return SimpleNamespace(**_named(names), entry=SimpleNamespace(**_named(self.entry.names)), **more)


@dataclass(frozen=True, slots=True)
class Inside:
    """A round of a loop that is being read."""

    loop: CutLoop
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
        possible: Callable[[Guard], bool] = lambda _: True,
    ) -> None:
        """ensures: what must be true of each result; everywhere: what is given; fresh: numbers no name has yet."""
        contracts = {f: c for f, c in (instead or {}).items() if isinstance(c, PlainCall)}
        super().__init__({f: c for f, c in (instead or {}).items() if not isinstance(c, PlainCall)}, possible)
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
            self._show(Kind.REQUIRES, where, goal, self.guard, claim, {})
        place = self._any("place", *contract.places)
        for goal, claim in contract.requires_everywhere(place, *binding.args):
            self._show(Kind.REQUIRES, where, goal, self.guard, claim, {}, place)
        parts: list[Any] = [self._any(plain.__name__, lo, hi) for lo, hi in contract.results]
        result = tuple(parts) if len(parts) > 1 else parts[0]
        given = all_of(*(claim for _, claim in contract.gives(result, *binding.args)))
        self.assumed.append(implies(all_of(self.guard, *(claim for _, claim in asked)), given))
        return result

    def gives(self, result: Any, names: Mapping[str, Any]) -> None:
        """A result of the function that was asked for is as it must be."""
        if self._ensures is not None and len(self._frames) == 1:
            with self._led(self.guard, names) as show:
                for goal, claim in self._ensures(result):
                    show(Kind.ENSURES, f"line {self._line}", goal, claim)
        super().gives(result, names)

    # Loops.

    def _for(self, node: ast.For, way: Way) -> Way | None:
        if self._number(node) not in self._loops:
            return super()._for(node, way)
        many = self.value(node.iter, way.names)
        loop = self._loop(node, Way(self.guard, way.names))
        start, items = _items(many, loop.where)
        first = items[0][0] if items else 0
        over = first + len(items)
        for k in range(first, over + 1):
            begins = Way(all_of(loop.entry.guard, start == k), loop.entry.names)
            self._shown(loop, "begins", begins, loop.contract.head, k)
        for k, item in items:
            with self._apart():
                head = self._any_state(loop, loop.contract.head, k)
                enter = Way(all_of(head.guard, start <= k), bound(node.target, item, head.names))
                self._one_round(loop, head, enter, k)
        return self._over(loop, over)

    def _while(self, node: ast.While, way: Way) -> Way | None:
        if self._number(node) not in self._loops:
            return super()._while(node, way)
        loop = self._loop(node, way)
        if loop.contract.rank is None:
            raise LiftError(f"{loop.where}: its contract must say why it ends")
        self._shown(loop, "begins", loop.entry, loop.contract.head)
        with self._apart():
            head = self._any_state(loop, loop.contract.head)
            self._one_round(loop, head, self._tested(node, head, True))
        return self._over(loop)

    def _loop(self, node: ast.For | ast.While, way: Way) -> CutLoop:
        """A loop that is to be cut.

        Raises:
            LiftError: the loop changes what the contract does not name, or is not as loops are that can be cut.

        """
        function, number = self._number(node)
        contract = self._loops[function, number]
        where = f"{function} loop {number}"
        self._cut.add((function, number))
        if node.orelse:
            raise LiftError(f"{where}: a loop with `else` is not understood by lifted proofs")
        unlike = sorted((_assigned_in(node) & way.names.keys()) - contract.changes.keys())
        if unlike:
            raise LiftError(f"{where} changes {', '.join(unlike)}, unlike its contract")
        entered = SimpleNamespace(**_named(way.names))
        way = Way(way.guard, {**way.names, **{name: first(entered) for name, (first, _) in contract.told.items()}})
        for name in contract.changes:
            value = way.names.get(name)
            if not isinstance(value, int | Number) or isinstance(value, bool):
                raise LiftError(f"{where}: {name} is no number there")
        # What is thrown, returned and left in rounds makes guards of their own.
        self._escaped += 1
        self.thrown += 1
        return CutLoop(node, number, where, contract, way)

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
    def _apart(self) -> Generator[None]:
        """What is known in a round is not needed after it."""
        known, everywhere = len(self.assumed), len(self._everywhere)
        yield
        self.aside += self.assumed[known:]
        del self.assumed[known:]
        del self._everywhere[everywhere:]

    def _any_state(self, loop: CutLoop, known: Known, index: int | None = None) -> Way:
        """A state that the loop may be in: of it no more is known than this."""
        reached = truth(z3.Const(f"reached!{next(self._fresh)}", z3.BoolSort()))
        guard = all_of(loop.entry.guard, reached)
        fresh = {name: self._any(name, lo, hi) for name, (lo, hi) in loop.contract.changes.items()}
        names = {**loop.entry.names, **fresh}
        seen = loop.seen(names, index)
        self.assumed.append(implies(guard, all_of(*(claim for _, claim in known.claims(seen)))))

        def holds_at(place: Any) -> Any:
            return implies(guard, all_of(*(claim for _, claim in known.everywhere(seen, place))))

        self._everywhere.append(Everywhere(holds_at, *loop.contract.places))
        return Way(guard, names)

    def _one_round(self, loop: CutLoop, head: Way, enter: Way, index: int | None = None) -> None:
        """Read a round: where it goes on the head is reached again, where it is broken off the loop is left."""
        cells, left, frame, contract = dict(self.cells), list[Way](), self._frames[-1], loop.contract
        after = None if index is None else index + 1
        self._inside.append(Inside(loop, loop.seen(head.names, index)))
        frame.loops.append((left, []))
        end = self._block(loop.node.body, enter)
        _, again = frame.loops.pop()
        for each in [*again, *([] if end is None else [end])]:
            way = Way(each.guard, {**each.names, **self._retold(loop, head, each, index)})
            self._shown(loop, "goes on", way, contract.head, after)
            if contract.rank is not None:
                was, now = (contract.rank(loop.seen(names, None)) for names in (head.names, way.names))
                falls = all_of(now >= 0, now < was)
                self._show(Kind.RANK, loop.where, "the rank falls", way.guard, falls, way.names)
        for way in left:
            if contract.left is None:
                raise LiftError(f"{loop.where}: it may be broken off, and its contract does not say what is known then")
            self._shown(loop, "is broken off", way, contract.left, index)
        self._inside.pop()
        if any(self.cells[cell] is not cells.get(cell) for cell in self.cells):
            raise LiftError(f"{loop.where} writes cells")

    def _retold(self, loop: CutLoop, head: Way, way: Way, index: int | None) -> dict[str, Any]:
        """What the names that only contracts speak of are after a round."""
        was, now = (loop.seen(each.names, index) for each in (head, way))
        return {name: after(was, now) for name, (_, after) in loop.contract.told.items()}

    def _over(self, loop: CutLoop, index: int | None = None) -> Way | None:
        """What is known after the loop."""
        left = loop.contract.left
        if left is None:
            over = self._run_out(loop, index)
            return None if over.guard is False else over
        with self._apart():
            over = self._run_out(loop, index)
            self._inside.append(Inside(loop, loop.seen(over.names, index)))
            self._shown(loop, "is over", over, left, index)
            self._inside.pop()
        after = self._any_state(loop, left, index)
        said = SimpleNamespace(**_named(after.names))
        return Way(after.guard, {**after.names, f"after_{loop.number}": said})

    def _run_out(self, loop: CutLoop, index: int | None) -> Way:
        """Any state in which a loop ends at its head."""
        head = self._any_state(loop, loop.contract.head, index)
        return self._tested(loop.node, head, False) if isinstance(loop.node, ast.While) else head

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

    @contextmanager
    def _led(self, guard: Guard, names: Mapping[str, Any], place: Any = None) -> Generator[Callable[..., None]]:
        """Show what leads to that which must be shown here: each thing that was shown may be used for the next."""
        steps: list[Any] = []

        def show(kind: Kind, where: str, goal: str, claim: Any, at: Any = None) -> None:
            self._show(kind, where, goal, guard, claim, names, at, steps)
            steps.append(implies(guard, claim))

        for at in (None,) if place is None else (None, place):
            for each in self._inside:
                for goal, claim in each.loop.contract.steps(each.names, each.loop.seen(names, None), at):
                    show(Kind.LEMMA, each.loop.where, goal, claim, at)
        yield show

    def _shown(self, loop: CutLoop, when: str, way: Way, known: Known, index: int | None = None) -> None:
        """What must be known at this place of a loop."""
        if way.guard is False:
            return
        seen, when = loop.seen(way.names, index), when if index is None else f"{when} at {index}"
        claims = [(goal, claim, None) for goal, claim in known.claims(seen)]
        place = None if known.everywhere is nothing else self._any("place", *loop.contract.places)
        claims += [(goal, claim, place) for goal, claim in known.everywhere(seen, place)]
        for name, (lo, hi) in loop.contract.changes.items():
            value = way.names[name]
            claims.append((f"{name} is from {lo} to {hi}", all_of(lo <= value, value <= hi), None))
        with self._led(way.guard, way.names, place) as show:
            for goal, claim, at in claims:
                show(Kind.INVARIANT, loop.where, f"{when}: {goal}", claim, at)

    def _show(
        self,
        kind: Kind,
        where: str,
        goal: str,
        guard: Guard,
        claim: Any,
        names: Mapping[str, Any],
        place: Any = None,
        steps: Sequence[Any] = (),
    ) -> None:
        """Something must be shown: of what holds everywhere it may use this place, and those that contracts name."""
        places = [] if place is None else [place]
        for each in self._inside:
            places += each.loop.contract.uses(each.names, each.loop.seen(names, None), place)
        there = [each.at(p) for each in self._everywhere for p in places]
        known = (tuple(steps), tuple(there), tuple(self.assumed))
        self.claims.append(Claimed(kind, where, goal, implies(guard, claim), known))


def _named(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if name != "__globals__"}


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
