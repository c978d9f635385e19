"""What may be asked of a state: a small language of conditions, read by Python's parser and by nothing evaluated.

Comparisons, `and`, `or`, `not`, indexing, integers, the fields of HeapState (see model/state.py; pages and arenas are
counted from the heap's first), and `pending(t, "function")`: the access that thread t does next is one of that
function's. A number is true if it is not 0. Read next: reaching.py.
"""

import ast
import difflib
import inspect
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from spanproof import impl
from spanproof.checks import programs
from spanproof.checks.exploring.tables import Tables
from spanproof.model.geometry import Geometry
from spanproof.model.state import FIELDS, PER, extent

PENDING = "pending"
MANUAL = f'comparisons, and, or, not, indexing, integers, fields of the heap and {PENDING}(thread, "function")'
LONGEST = 300
"""Parts of a condition."""

Value = Callable[[int], Any]
"""What a part of the expression is in a state."""

_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class ExpressionError(ValueError):
    """It is no condition on a state: one line with what is wrong, and the nearest name if a name is."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an expression: what it is in a state, and how many entries it has if it is no number."""

    value: Value
    entries: int | None = None


def compiled(text: str, tables: Tables) -> Callable[[int], bool]:
    """Whether the condition holds in a state of these tables.

    Raises:
        ExpressionError: it is none.

    """
    part = _Compiler(tables).part(parsed(text))
    if part.entries is not None:
        raise ExpressionError(f"{text!r} is a row of {part.entries} entries; give the index of one")
    return lambda state: bool(part.value(state))


def parsed(text: str) -> ast.expr:
    """The syntax tree.

    Raises:
        ExpressionError: Python's parser cannot read it, or it is too long.

    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        said = e.msg if isinstance(e, SyntaxError) else str(e)
        raise ExpressionError(f"{text[:80]!r} cannot be read: {said}; it may hold {MANUAL}") from e
    if sum(1 for _ in ast.walk(tree)) > LONGEST:
        raise ExpressionError(f"{text[:40]!r}...: a condition of more than {LONGEST} parts is too long")
    return tree


class _Compiler:
    """Makes functions of a state from a syntax tree."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.geometry: Geometry = tables.program.geometry

    def part(self, tree: ast.expr) -> _Part:
        match tree:
            case ast.Constant(value=bool()):
                raise _refused(tree)
            case ast.Constant(value=int() as number):
                return _Part(lambda _: number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
                return _Part(lambda _: -number)
            case ast.UnaryOp(op=ast.Not()):
                inner = self.number(tree.operand)
                return _Part(lambda state: not inner(state))
            case ast.BoolOp():
                return self._joined(tree)
            case ast.Compare():
                return self._compared(tree)
            case ast.Subscript():
                return self._indexed(tree)
            case ast.Name():
                return self._field(tree.id)
            case ast.Call(func=ast.Name(id=name)):
                return self._pending(tree, name)
            case _:
                raise _refused(tree)

    def number(self, tree: ast.expr) -> Value:
        """A part that must be a number."""
        part = self.part(tree)
        if part.entries is not None:
            raise ExpressionError(f"{ast.unparse(tree)!r} has {part.entries} entries; give the index of one")
        return part.value

    def _joined(self, tree: ast.BoolOp) -> _Part:
        parts = [self.number(value) for value in tree.values]
        if isinstance(tree.op, ast.And):
            return _Part(lambda state: all(part(state) for part in parts))
        return _Part(lambda state: any(part(state) for part in parts))

    def _compared(self, tree: ast.Compare) -> _Part:
        sides = [self.number(side) for side in (tree.left, *tree.comparators)]
        unknown = next((op for op in tree.ops if type(op) not in _COMPARISONS), None)
        if unknown is not None:
            raise _refused(tree)
        links = [(_COMPARISONS[type(op)], a, b) for op, a, b in zip(tree.ops, sides, sides[1:], strict=False)]
        return _Part(lambda state: all(holds(a(state), b(state)) for holds, a, b in links))

    def _indexed(self, tree: ast.Subscript) -> _Part:
        row, index, text = self.part(tree.value), self.number(tree.slice), ast.unparse(tree)
        entries = row.entries
        if entries is None:
            raise ExpressionError(f"{text!r}: {ast.unparse(tree.value)!r} is one number and has no index")

        def value(state: int) -> Any:
            at = index(state)
            if not 0 <= at < entries:
                raise ExpressionError(f"{text!r}: {at} is no index; there are {entries} entries, from 0 on")
            return row.value(state)[at]

        if isinstance(tree.slice, ast.Constant | ast.UnaryOp):
            value(self.tables.start)  # refuse it now, and not when it is reached
        return _Part(value)

    def _field(self, name: str) -> _Part:
        if name == PENDING:
            raise ExpressionError(f'{PENDING} is a question: write {PENDING}(thread, "function")')
        if name not in FIELDS:
            raise ExpressionError(f"no field {name!r}{_nearest(name, FIELDS)}")
        tables = self.tables
        entries = extent(PER[name], self.geometry) if PER[name] else None
        return _Part(lambda state: tables.field(tables.row_of(state), name), entries)

    def _pending(self, tree: ast.Call, name: str) -> _Part:
        if name != PENDING:
            raise ExpressionError(f"no function {name!r}{_nearest(name, (PENDING,))}")
        match tree.args:
            case [ast.Constant(value=int() as t), ast.Constant(value=str() as function)] if not tree.keywords:
                pass
            case _:
                raise ExpressionError(f'{ast.unparse(tree)!r}: write {PENDING}(thread, "function")')
        threads = len(self.tables.masks)
        if isinstance(t, bool) or not 0 <= t < threads:
            raise ExpressionError(f"{ast.unparse(tree)!r}: no thread {t}; there are {threads}, from 0 on")
        names = functions(self.tables)
        if function not in names:
            raise ExpressionError(f"{ast.unparse(tree)!r}: no function {function!r}{_nearest(function, names)}")
        tables = self.tables

        def value(state: int) -> bool:
            node = tables.nodes_of(state)[t]
            return node is not None and node.function == function

        return _Part(value)


def _refused(tree: ast.expr) -> ExpressionError:
    return ExpressionError(f"{ast.unparse(tree)!r} is not allowed here; only {MANUAL} are")


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), 1)
    return f": did you mean {near[0]}?" if near else f"; there is {', '.join(sorted(names))}"


def functions(tables: Tables) -> set[str]:
    """The names of the functions whose accesses threads may do: those of the heap, its parts and its users."""
    parts: list[Any] = [import_module(f"{impl.__name__}.{module.name}") for module in iter_modules(impl.__path__)]
    classes: list[Any] = [type(heap) for heap in tables.machine.heaps]
    return {name for place in (*parts, *classes, programs) for name in _coroutines(place)}


def _coroutines(place: Any) -> Iterator[str]:
    """The names of the coroutines in a module or class, and in the classes there."""
    members: Mapping[str, Any] = place.__dict__
    for value in members.values():
        if inspect.iscoroutinefunction(value):
            yield value.__code__.co_name
        elif inspect.isclass(value) and inspect.ismodule(place):
            yield from (name for cls in value.__mro__ for name in _coroutines(cls))
    if inspect.isclass(place) and place.__base__ is not None:
        yield from _coroutines(place.__base__)
