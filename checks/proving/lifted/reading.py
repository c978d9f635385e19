"""Reads functions: their statements, on all ways at once. Where two ways meet, values are chosen by condition.

No path is taken by itself, so a function of a hundred branches is one formula. Loops are unrolled: how often they go
round must follow from what is known of the numbers (a count that falls from 63).
Read next: lemma.py.
"""

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.lifted.expressions import (
    MOST_ROUNDS,
    Expressions,
    Range,
    bound,
    choose,
    refined,
)
from spanproof.checks.proving.lifted.merging import Guard, first_of, joined, truth_of
from spanproof.checks.proving.lifted.numbers import Number, negated
from spanproof.checks.proving.lifted.storage import Items
from spanproof.checks.text import tree_of
from spanproof.impl.access import OUT_OF_RANGE, Cell
from spanproof.model.logic import all_of, any_of

MIRRORED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq
}  # fmt: skip
OPPOSITE: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq
}  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Way:
    """A way through the text, at one place: when it is taken, and what names are bound to."""

    guard: Guard
    names: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Thrown:
    """Something that Go throws, and when."""

    guard: Guard
    text: str
    place: str


@dataclass(slots=True)
class Frame:
    """One call: what it gave so far, and the loops around this place."""

    name: str
    file: str
    returned: list[tuple[Guard, Any]] = field(default_factory=list[tuple[Guard, Any]])
    loops: "list[tuple[list[Way], list[Way]]]" = field(default_factory=list["tuple[list[Way], list[Way]]"])
    """For each: the ways that left it, and those that went on to its next round."""


class Reader(Expressions):
    """Reads calls of plain functions; a coroutine is read as one thread runs it, its cells are values."""

    def __init__(
        self,
        instead: Mapping[Any, Callable[..., Any]] | None = None,
        possible: Callable[[Guard], bool] = lambda _: True,
    ) -> None:
        """instead: what stands for functions whose contracts were shown elsewhere.

        possible: whether a guard can hold.
        """
        self.instead, self._possible = instead or {}, possible
        self.throws: list[Thrown] = []
        self.cells: dict[Cell[Any], Any] = {}
        self._frames: list[Frame] = []
        self._escaped = 0
        self._line = 0
        self._whole: dict[int, tuple[Any, Any]] = {}
        """By id, numbers whose bounds are known better in one branch: (that number, the one it is)."""
        self._trees: dict[Any, ast.Module] = {}

    # Calls.

    def apply(self, function: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """What a function of the text gives; where it throws nothing goes on."""
        if len(self._frames) > 64:
            raise LiftError(f"{function.__qualname__} calls itself")
        if function not in self._trees:
            self._trees[function] = tree_of(function)
        (definition,) = self._trees[function].body
        assert isinstance(definition, Function)
        binding = inspect.signature(function).bind(*args, **named)
        binding.apply_defaults()
        closure: Mapping[str, Any] = inspect.getclosurevars(function).nonlocals if function.__closure__ else {}
        names = {**closure, **binding.arguments, "__globals__": function.__globals__}
        frame, before, thrown = Frame(function.__qualname__, function.__code__.co_filename), self.guard, self.thrown
        line = self._line
        self._frames.append(frame)
        over = self._block(definition.body, Way(before, names))
        if over is not None:
            self.guard = over.guard
            self.gives(None, over.names)
        self._frames.pop()
        self._line = line
        self.guard = before
        if not frame.returned:
            self.guard = False
            return None
        if self.thrown != thrown:
            self.guard = any_of(*(guard for guard, _ in frame.returned))
        return first_of(frame.returned)

    def gives(self, result: Any, names: Mapping[str, Any]) -> None:  # noqa: ARG002  # for those who cut
        """The function that is read gives this here."""
        self._frames[-1].returned.append((self.guard, result))

    def throw(self, when: Guard, text: str) -> None:
        """Go throws here; what follows is reached where it does not."""
        when = all_of(self.guard, when)
        if when is False:
            return
        self.thrown += 1
        frame = self._frames[-1] if self._frames else Frame("", "")
        self.throws.append(Thrown(when, text, f"{frame.file.rpartition('/')[2]}:{self._line} {frame.name}"))
        self.guard = all_of(self.guard, negated(when))

    def awaited(self, node: ast.Await, names: dict[str, Any]) -> Any:
        """A coroutine of the text is read; a cell is looked at, or updated by a function of the text."""
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            owner = self.value(call.func.value, names)
            if isinstance(owner, Cell):
                return self._accessed(owner, call.func.attr, [self.value(a, names) for a in call.args])  # pyright: ignore[reportUnknownArgumentType]
        return self.value(call, names)

    def _accessed(self, cell: Cell[Any], kind: str, args: list[Any]) -> Any:
        before = self.cells[cell]
        match kind:
            case "read" | "load":
                return before
            case "write" | "store":
                after, result = args[0], None
            case "update":
                after, result = self.called(args[0], (before, *args[1:]), {})
            case _:
                raise LiftError(f"{kind} of {cell.name} is not understood by lifted proofs")
        self.cells[cell] = after if self.guard is True else choose(self.guard, after, before)
        return result

    # Statements.

    def _block(self, body: list[ast.stmt], way: Way) -> Way | None:
        going: Way | None = way
        for statement in body:
            if going is None:
                return None
            going = self._statement(statement, going)
        return going

    def _statement(self, node: ast.stmt, way: Way) -> Way | None:
        self._line, self.guard = node.lineno, way.guard
        names = way.names
        match node:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return way
            case ast.Expr(value=value):
                self.value(value, names)
            case ast.Assign(targets=[target], value=value):
                names = self._assigned(target, self.value(value, names), names)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                names = self._assigned(target, self.value(value, names), names)
            case ast.AugAssign(target=target, op=op, value=value):
                whole = ast.copy_location(ast.BinOp(_loaded(target), op, value), node)
                names = self._assigned(target, self.value(whole, names), names)
            case ast.If():
                return self._branches(node, way)
            case ast.For():
                return self._for(node, way)
            case ast.While():
                return self._while(node, way)
            case ast.Return(value=value):
                result = None if value is None else self.value(value, names)
                self._escaped += 1
                if self.guard is not False:
                    self.gives(result, names)
                return None
            case ast.Break() | ast.Continue():
                self._escaped += 1
                self._frames[-1].loops[-1][isinstance(node, ast.Continue)].append(way)
                return None
            case ast.Raise(exc=ast.Call(args=[said])):
                self._escaped += 1
                self.throw(True, str(self.value(said, names)))
                return None
            case _:
                raise LiftError(f"line {node.lineno}: {ast.unparse(node)[:60]} is not understood by lifted proofs")
        return None if self.guard is False else Way(self.guard, names)

    def _assigned(self, target: ast.expr, value: Any, names: dict[str, Any]) -> dict[str, Any]:
        """The names after an assignment; lists are copied, so that no other name sees it."""
        if not isinstance(target, ast.Subscript):
            return bound(target, value, names)
        if not isinstance(target.value, ast.Name) or not isinstance(names[target.value.id], list):
            raise LiftError(f"line {target.lineno}: only elements of lists of the function's own are assigned")
        many, i = names[target.value.id], self.value(target.slice, names)
        if isinstance(i, int) and -len(many) <= i < 0:
            i += len(many)
        self.throw(any_of(i < 0, i >= len(many)), OUT_OF_RANGE)
        changed = [choose(i == k, value, old) for k, old in enumerate(many)]
        return {**names, target.value.id: changed}

    def _branches(self, node: ast.If, way: Way) -> Way | None:
        condition = truth_of(self.value(node.test, way.names))
        way = Way(self.guard, way.names)
        if isinstance(condition, bool):
            return self._block(node.body if condition else node.orelse, way)
        escaped, thrown = self._escaped, self.thrown
        yes = self._block(node.body, self._where(way, node.test, condition, True))
        no = self._block(node.orelse, self._where(way, node.test, negated(condition), False))
        if yes is None or no is None:
            return yes or no
        names = {name: self._original(value) for name, value in yes.names.items()}
        others = {name: self._original(value) for name, value in no.names.items()}
        same = (escaped, thrown) == (self._escaped, self.thrown)
        guard = way.guard if same else any_of(yes.guard, no.guard)
        return Way(guard, joined(condition if same else yes.guard, names, others))

    def _where(self, way: Way, test: ast.expr, condition: Guard, holds: bool) -> Way:
        """The way where a condition holds, or where it does not: the bounds of numbers may be known better."""
        return Way(all_of(way.guard, condition), self._better(test, holds, way.names))

    def _better(self, test: ast.expr, holds: bool, names: dict[str, Any]) -> dict[str, Any]:
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._better(operand, not holds, names)
            case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) == holds:
                for value in values:
                    names = self._better(value, holds, names)
                return names
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPPOSITE:
                kind = type(op) if holds else OPPOSITE[type(op)]
                names = self._bounded(left, kind, right, names)
                return self._bounded(right, MIRRORED[kind], left, names)
            case _:
                return names

    def _bounded(self, node: ast.expr, op: type[ast.cmpop], other: ast.expr, names: dict[str, Any]) -> dict[str, Any]:
        simple = ast.Name | ast.Constant | ast.Attribute
        if not isinstance(node, ast.Name) or not isinstance(other, simple) or node.id not in names:
            return names
        old = names[node.id]
        new = refined(old, op, self.value(other, names))
        if new is old:
            return names
        if isinstance(new, Number):  # a plain int is the same object wherever it occurs
            self._whole[id(new)] = (new, self._original(old))
        return {**names, node.id: new}

    def _original(self, value: Any) -> Any:
        """A number with the bounds that it has everywhere."""
        known, whole = self._whole.get(id(value), (None, None))
        return whole if known is value and known is not None else value

    # Loops.

    def _for(self, node: ast.For, way: Way) -> Way | None:
        many = self.value(node.iter, way.names)
        if node.orelse:
            raise LiftError(f"line {node.lineno}: a loop with `else` is not understood by lifted proofs")
        going: Way | None = Way(self.guard, way.names)
        left: list[Way] = []
        for here, item in many.items() if isinstance(many, Range | Items) else ((True, item) for item in many):
            if going is None or here is False:
                continue
            names = bound(node.target, item, going.names)
            going = self._round(node.body, Way(all_of(going.guard, here), names), going, here, left)
        return self._met([going, *left])

    def _while(self, node: ast.While, way: Way) -> Way | None:
        going: Way | None = way
        left: list[Way] = []
        for _ in range(MOST_ROUNDS):
            if going is None:
                return self._met(left)
            self.guard = going.guard
            condition = truth_of(self.value(node.test, going.names))
            if condition is False:
                return self._met([going, *left])
            if isinstance(node.test, ast.Constant) and not self._possible(going.guard):
                # How often it goes round says no condition: nobody comes here any more.
                return self._met(left)
            if condition is not True:
                left.append(self._where(going, node.test, negated(condition), False))
                self._escaped += 1
            enter = self._where(going, node.test, condition, True)
            going = self._round(node.body, enter, going, True, left)
        raise LiftError(f"line {node.lineno}: how often the loop goes round does not follow from what is known")

    def _round(self, body: list[ast.stmt], enter: Way, before: Way, here: Guard, left: list[Way]) -> Way | None:
        """One round of a loop: what goes on to the next. `before`: what goes on where this round is left out."""
        escaped, thrown = self._escaped, self.thrown
        frame = self._frames[-1]
        frame.loops.append((left, []))
        end = self._block(body, enter)
        _, again = frame.loops.pop()
        skipped = [] if here is True else [Way(all_of(before.guard, negated(here)), before.names)]
        met = self._met([end, *again, *skipped])
        if met is not None and (escaped, thrown) == (self._escaped, self.thrown):
            return Way(before.guard if here is not True else enter.guard, met.names)
        return met

    def _met(self, ways: Sequence[Way | None]) -> Way | None:
        """Ways that come together."""
        there = [way for way in ways if way is not None]
        if not there:
            return None
        last = there[-1]
        if len(there) == 1:
            return last
        names = {name: self._original(value) for name, value in last.names.items()}
        for way in reversed(there[:-1]):
            names = joined(way.guard, {n: self._original(v) for n, v in way.names.items()}, names)
        return Way(any_of(*(way.guard for way in there)), names)


def _loaded(target: ast.expr) -> ast.expr:
    """A target of an assignment, as it is read."""
    match target:
        case ast.Name(id=name):
            return ast.copy_location(ast.Name(name, ast.Load()), target)
        case ast.Subscript(value=value, slice=place):
            return ast.copy_location(ast.Subscript(value, place, ast.Load()), target)
        case _:
            raise LiftError(f"line {target.lineno}: {ast.unparse(target)} is changed")
