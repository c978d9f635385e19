"""Reads expressions: what Python's operators, calls and indices give when some operands are symbols.

Read next: reading.py.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportAttributeAccessIssue=false
# What the text computes with is of any type.

import ast
import inspect
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from types import FunctionType, MethodType
from typing import Any

from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.lifted.merging import Guard, first_of, merged, truth_of
from spanproof.checks.proving.lifted.numbers import Integer, Number, Symbol, bounds, negated
from spanproof.checks.proving.lifted.storage import Row
from spanproof.checks.proving.terms import Truth
from spanproof.impl.access import FAULT, OUT_OF_RANGE
from spanproof.model.logic import all_of, any_of, same

BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.LShift: operator.lshift, ast.RShift: operator.rshift, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_, ast.BitXor: operator.xor, ast.Pow: operator.pow,
}  # fmt: skip
COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne, ast.Is: operator.is_, ast.IsNot: operator.is_not,
}  # fmt: skip
MOST_ROUNDS = 4096
READ = ("spanproof.impl.", "spanproof.model.", "spanproof.checks.proofs.pages.")
"""Modules whose functions are read: the last ones have what lemmas put around the text."""
NEGATIVE_SHIFT = "negative shift amount"
"""What Go says where a word is shifted by less than 0 places."""


@dataclass(frozen=True, slots=True)
class Range:
    """A range with bounds that are not known."""

    start: Any
    stop: Any
    step: int

    def items(self) -> Iterator[tuple[Guard, Any]]:
        """Each number that may be in it, with when it is."""
        least, most = bounds(self.start)[0], bounds(self.stop)[1]
        if self.step < 0:
            least, most = bounds(self.start)[1], bounds(self.stop)[0]
        if not isinstance(self.start, int) and abs(self.step) != 1:
            raise LiftError("a range of steps begins somewhere")
        for i in range(least, most, self.step):
            begun, over = (i >= self.start, i < self.stop) if self.step > 0 else (i <= self.start, i > self.stop)
            yield all_of(begun, over), i


def _range(*args: Any) -> range | Range:
    start, stop, step = (0, *args, 1) if len(args) == 1 else (*args, 1)[:3]
    return range(start, stop, step) if all(isinstance(x, int) for x in (start, stop)) else Range(start, stop, step)


def _extreme(keep: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def chosen(*args: Any) -> Any:
        values = list(args[0]) if len(args) == 1 else list(args)
        return reduce(lambda a, b: choose(keep(b, a), b, a), values)

    return chosen


def choose(condition: Guard, yes: Any, no: Any) -> Any:
    """One value if the condition holds, another if not."""
    return (yes if condition else no) if isinstance(condition, bool) else merged(condition, yes, no)


def _divided(a: Any, b: Any) -> tuple[Any, Any]:
    return a // b, a % b


BUILT_IN: Mapping[Any, Callable[..., Any]] = {
    range: _range, max: _extreme(operator.gt), min: _extreme(operator.lt), divmod: _divided, bool: truth_of,
    isinstance: isinstance, type: type, len: len, list: list, tuple: tuple, zip: zip, enumerate: enumerate, sum: sum,
    replace: replace,
}  # fmt: skip
"""What the text may call besides its own functions, and what that gives of symbols."""


class Expressions(ABC):
    """Expressions of one call of a function, at one place of its text."""

    guard: Guard = True
    """When this place is reached."""
    thrown: int = 0
    """How often something was thrown up to here."""
    instead: Mapping[Any, Callable[..., Any]]
    """What stands for functions of the text whose contracts were shown elsewhere."""

    @abstractmethod
    def apply(self, function: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """What a function of the text gives."""

    @abstractmethod
    def throw(self, when: Guard, text: str) -> None:
        """Go throws here."""

    @abstractmethod
    def awaited(self, node: ast.Await, names: dict[str, Any]) -> Any:
        """What is awaited."""

    def value(self, node: ast.expr, names: dict[str, Any]) -> Any:
        """What an expression gives."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._named(name, names)
            case ast.Attribute(value=owner, attr=attr):
                return getattr(self.value(owner, names), attr)
            case ast.Subscript():
                return self._element(self.value(node.value, names), node.slice, names)
            case ast.Call():
                return self._called(node, names)
            case ast.Await():
                return self.awaited(node, names)
            case ast.BinOp(left=left, op=op, right=right):
                return self._computed(type(op), self.value(left, names), self.value(right, names))
            case ast.UnaryOp():
                return self._unary(node, names)
            case ast.BoolOp(op=op, values=values):
                return self._both_or_either(isinstance(op, ast.And), values, names)
            case ast.Compare():
                return self._comparison(node, names)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._conditional(truth_of(self.value(test, names)), body, orelse, names)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                values = list(self._all(elements, names))
                return tuple(values) if isinstance(node, ast.Tuple) else values
            case ast.GeneratorExp() | ast.ListComp():
                return [v for v in self._comprehended(node, names)]  # noqa: C416
            case ast.JoinedStr():
                return ast.unparse(node)
            case _:
                raise LiftError(f"line {node.lineno}: {ast.unparse(node)} is not understood by lifted proofs")

    def _named(self, name: str, names: dict[str, Any]) -> Any:
        if name in names:
            return names[name]
        scope = names["__globals__"]
        if name in scope:
            return scope[name]
        builtins = scope["__builtins__"]
        found = builtins if isinstance(builtins, dict) else vars(builtins)
        if name not in found:
            raise LiftError(f"{name} is bound on some ways only")
        return found[name]

    def _all(self, nodes: Iterable[ast.expr], names: dict[str, Any]) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, ast.Starred):
                yield from self.value(node.value, names)
            else:
                yield self.value(node, names)

    def _computed(self, op: type[ast.operator], a: Any, b: Any) -> Any:
        """What an operator gives. Nothing is shifted by less than 0 places."""
        if op in (ast.LShift, ast.RShift) and isinstance(b, Number) and b.lo < 0:
            self.throw(b < 0, NEGATIVE_SHIFT)
            b = b.within(0, max(b.hi, 0))
        return BINARY[op](a, b)

    def _unary(self, node: ast.UnaryOp, names: dict[str, Any]) -> Any:
        operand = self.value(node.operand, names)
        match node.op:
            case ast.Not():
                return negated(truth_of(operand))
            case ast.USub():
                return -operand
            case ast.Invert():
                return ~operand
            case _:
                return operand

    def _both_or_either(self, both: bool, values: list[ast.expr], names: dict[str, Any]) -> Any:
        """The second operand is read where the first does not decide."""
        first = truth_of(self.value(values[0], names))
        if len(values) == 1 or (isinstance(first, bool) and first != both):
            return first
        go_on = first if both else negated(first)
        rest = self.under(go_on, lambda: self._both_or_either(both, values[1:], names))
        return all_of(first, rest) if both else any_of(first, rest)

    def under(self, condition: Guard, read: Callable[[], Any]) -> Any:
        """Read something where a condition holds; go on where it was not thrown."""
        before, thrown = self.guard, self.thrown
        self.guard = all_of(before, condition)
        result = read()
        inside, self.guard = self.guard, before
        if self.thrown != thrown:
            self.guard = any_of(all_of(before, negated(condition)), inside)
        return result

    def _comparison(self, node: ast.Compare, names: dict[str, Any]) -> Any:
        operands = [self.value(operand, names) for operand in (node.left, *node.comparators)]
        found: list[Any] = []
        for op, (a, b) in zip(node.ops, pairwise(operands), strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                among = any_of(*(_equal(a, one, unequal=False) for one in _members(b, node)))
                found.append(negated(among) if isinstance(op, ast.NotIn) else among)
            elif isinstance(op, ast.Eq | ast.NotEq):
                found.append(_equal(a, b, isinstance(op, ast.NotEq)))
            else:
                found.append(COMPARED[type(op)](a, b))
        return all_of(*found)

    def _conditional(self, condition: Guard, body: ast.expr, orelse: ast.expr, names: dict[str, Any]) -> Any:
        if isinstance(condition, bool):
            return self.value(body if condition else orelse, names)
        yes = self.under(condition, lambda: self.value(body, names))
        no = self.under(negated(condition), lambda: self.value(orelse, names))
        return merged(condition, yes, no)

    def _comprehended(self, node: ast.GeneratorExp | ast.ListComp, names: dict[str, Any]) -> Iterator[Any]:
        if len(node.generators) != 1:
            raise LiftError(f"line {node.lineno}: one loop at a time")
        over = node.generators[0]
        for item in self.value(over.iter, names):
            inner = bound(over.target, item, names)
            conditions = [truth_of(self.value(test, inner)) for test in over.ifs]
            if not all(isinstance(condition, bool) for condition in conditions):
                raise LiftError(f"line {node.lineno}: which items there are must be known")
            if all(conditions):
                yield self.value(node.elt, inner)

    def _element(self, owner: Any, place: ast.expr, names: dict[str, Any]) -> Any:
        if isinstance(place, ast.Slice):
            ends = (None if e is None else self.value(e, names) for e in (place.lower, place.upper, place.step))
            return owner[slice(*ends)]
        return self.element(owner, self.value(place, names))

    def element(self, owner: Any, i: Any) -> Any:
        """An element of a sequence. Go throws where there is none."""
        if not isinstance(owner, tuple | list):
            return owner[i]
        many: Sequence[Any] = owner
        if isinstance(i, int) and -len(many) <= i < len(many):
            return many[i]  # the text writes [-1] for the last
        self.throw(any_of(i < 0, i >= len(many)), OUT_OF_RANGE)
        if isinstance(i, int):
            return many[-1] if many else None  # any: nobody comes here
        lo, hi = bounds(i)
        places = range(max(lo, 0), min(hi, len(many) - 1) + 1)
        return first_of((i == k, many[k]) for k in places)

    def _called(self, node: ast.Call, names: dict[str, Any]) -> Any:
        function = self.value(node.func, names)
        args = list(self._all(node.args, names))
        named = {str(k.arg): self.value(k.value, names) for k in node.keywords}
        return self.called(function, args, named)

    def called(self, function: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """What a call gives."""
        plain = function.__func__ if isinstance(function, MethodType) else function
        if plain in self.instead:
            owner = (function.__self__,) if isinstance(function, MethodType) else ()
            return self.instead[plain](*owner, *args, **named)
        if isinstance(plain, FunctionType) and plain.__module__.startswith(READ):
            owner = (function.__self__,) if isinstance(function, MethodType) else ()
            return self.apply(plain, (*owner, *args), named)
        if plain in BUILT_IN:
            return BUILT_IN[plain](*args, **named)
        if inspect.isclass(plain) and plain.__module__.startswith("spanproof."):
            return plain(*args, **named)
        whose: Any = getattr(function, "__self__", None)
        if isinstance(whose, Row) and plain.__name__ == "get":
            self.throw(whose.outside(args[0]), FAULT)
        if isinstance(whose, Symbol | Row | int):
            return function(*args, **named)
        raise LiftError(f"{plain!r} is called, of which lifted proofs know nothing")


def _members(held: Any, node: ast.Compare) -> list[Any]:
    """What is in a set whose members are known."""
    if not isinstance(held, frozenset):
        raise LiftError(f"line {node.lineno}: `in` is understood of sets alone")
    return sorted(held)  # pyright: ignore[reportUnknownVariableType]


def _equal(a: Any, b: Any, unequal: bool) -> Any:
    """Whether two values are the same, or whether they are not: part by part."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        parts: list[Any] = [_equal(x, y, False) for x, y in zip(a, b, strict=True)]
        found = all_of(*parts) if len(a) == len(b) else False
    elif isinstance(a, Truth) or isinstance(b, Truth):
        if not isinstance(a, bool | Truth) or not isinstance(b, bool | Truth):
            raise LiftError("a claim is compared with a number")
        found = same(a, b)
    else:
        found = b == a if isinstance(b, Symbol) else a == b
    return negated(found) if unequal else found


def bound(target: ast.expr, value: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """The names with those of a target bound to a value."""
    if isinstance(target, ast.Name):
        return {**names, target.id: value}
    if not isinstance(target, ast.Tuple):
        raise LiftError(f"line {target.lineno}: {ast.unparse(target)} is bound")
    found = dict(names)
    for part, each in zip(target.elts, value, strict=True):
        found = bound(part, each, found)
    return found


def refined(x: Any, op: type[ast.cmpop], other: Any) -> Any:
    """A number, as it is where it compares so with another."""
    if not isinstance(x, Number) or isinstance(other, Integer) or not isinstance(other, int | Number):
        return x
    lo, hi = bounds(other)
    match op:
        case ast.Lt:
            return x.within(x.lo, hi - 1)
        case ast.LtE:
            return x.within(x.lo, hi)
        case ast.Gt:
            return x.within(lo + 1, x.hi)
        case ast.GtE:
            return x.within(lo, x.hi)
        case ast.Eq:
            return x.within(lo, hi)
        case ast.NotEq if lo == hi:
            return x.within(x.lo + (x.lo == lo), x.hi - (x.hi == hi))
        case _:
            return x
