"""The text with a cut at the head of every while loop, and with contracts in place of some callees.

    while C: body    becomes    while True:
                                    changed = await Cut(function, loop, locals(), ("a", ...)) or {}
                                    if "a" in changed: a = changed["a"]
                                    ...
                                    if not C: break
                                    body

for each name that the loop assigns and that may be bound before it. Answered with None the text runs as the original
does; the proof answers with fresh values. Loops are numbered in source order. The rewritten text keeps its file and its
lines, and nothing in the original marks it. Read next: obligations.py.
"""

import ast
import inspect
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from spanproof.checks.local_state import has_closure
from spanproof.checks.proving import arms
from spanproof.checks.text import compiled, tree_of


class LiftError(Exception):
    """The text cannot be read with symbols: one line with the place and the reason."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A loop head is reached. Answered with new values by name, or with None: go on as you are.

    `names` are assigned in the loop. Of those that are not in `bound`, no value reaches this head from before the loop.
    """

    function: str
    loop: int
    bound: Mapping[str, Any]
    names: tuple[str, ...]

    def __await__(self) -> Generator["Cut", Any, Any]:
        """Hand this to the engine."""
        return (yield self)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is answered by its contract."""

    function: str
    args: tuple[Any, ...]

    def __await__(self) -> Generator["Call", Any, Any]:
        """Hand this to the engine."""
        return (yield self)


@dataclass(frozen=True, slots=True)
class Returned:
    """A function is about to return this value; the answer is not looked at."""

    function: str
    value: Any

    def __await__(self) -> Generator["Returned", Any, Any]:
        """Hand this to the engine."""
        return (yield self)


_NAMES = {"_Cut": Cut, "_Returned": Returned}


def _assigned(nodes: list[ast.stmt]) -> list[str]:
    names = [n.id for s in nodes for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return list(dict.fromkeys(names))


class _Cuts(ast.NodeTransformer):
    """Rewrites one function."""

    def __init__(self, function: ast.AsyncFunctionDef, place: str) -> None:
        self.function, self.place, self.loops = function, place, 0
        a = function.args
        self.before = [x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs)]

    def refuse(self, node: ast.stmt, why: str) -> Any:
        raise LiftError(f"{self.place}:{node.lineno}: {self.function.name}: {why}")

    def visit_For(self, node: ast.For | ast.AsyncFor) -> Any:  # ast's own name
        return self.refuse(node, "a for loop cannot be cut at an invariant; write while")

    visit_AsyncFor = visit_For  # noqa: N815  # ast's own name

    def _binds(self, node: ast.stmt) -> ast.stmt:
        self.before += _assigned([node])
        return node

    visit_Assign = visit_AnnAssign = visit_AugAssign = _binds  # noqa: N815  # ast's own names

    def visit_Return(self, node: ast.Return) -> Any:  # ast's own name
        new = _statements(f"_value = 0\nawait _Returned({self.function.name!r}, _value)\nreturn _value")
        assert isinstance(new[0], ast.Assign)
        new[0].value = node.value or ast.Constant(None)
        return _at(new, node)

    def visit_While(self, node: ast.While) -> Any:  # ast's own name
        if node.orelse:
            self.refuse(node, "while .. else cannot be cut")
        number, self.loops = self.loops, self.loops + 1
        names = [n for n in _assigned(node.body) if n in self.before]
        body = [b for s in node.body for b in _listed(self.visit(s))]
        lines = [f"_changed = await _Cut({self.function.name!r}, {number}, {{**locals()}}, {tuple(names)!r}) or {{}}"]
        lines += [f"if {name!r} in _changed: {name} = _changed[{name!r}]" for name in names]
        first = _statements("\n".join(lines))
        test = ast.If(ast.UnaryOp(ast.Not(), node.test), [ast.Break()], [])
        _at([test.body[0]], node)
        ast.copy_location(test, node)
        ast.copy_location(test.test, node.test)
        return ast.copy_location(ast.While(ast.Constant(value=True), [*_at(first, node), test, *body], []), node)


def _statements(text: str) -> list[ast.stmt]:
    """Statements with an await in them."""
    wrapped = ast.parse("async def f():\n" + "".join(f"    {line}\n" for line in text.splitlines())).body[0]
    assert isinstance(wrapped, ast.AsyncFunctionDef)
    return wrapped.body


def _listed(found: ast.stmt | list[ast.stmt]) -> list[ast.stmt]:
    return found if isinstance(found, list) else [found]


def _at(statements: list[ast.stmt], node: ast.stmt) -> list[ast.stmt]:
    """The statements, all on the line of `node`."""
    for statement in statements:
        for n in ast.walk(statement):
            if isinstance(n, ast.expr | ast.stmt):
                ast.copy_location(n, node)
    return statements


@cache
def cut(function: Any) -> Any:
    """The function with cuts and with its returns told. Its globals are those of the original.

    Raises:
        LiftError: it has a closure, a loop that cannot be cut, or is no plain coroutine.

    """
    place = function.__code__.co_filename.rpartition("/")[2]
    if function.__closure__:
        raise LiftError(f"{place}: {function.__qualname__} {has_closure(function.__code__)}")
    tree = tree_of(function)
    body = tree.body[0]
    if not isinstance(body, ast.AsyncFunctionDef):
        raise LiftError(f"{place}: {function.__qualname__} is no coroutine")
    body.decorator_list = []
    last = ast.copy_location(ast.Return(ast.Constant(None)), body.body[-1])
    if not isinstance(body.body[-1], ast.Return):
        last.lineno = last.end_lineno or last.lineno
        body.body.append(last)
    cuts, teller = _Cuts(body, place), arms.Teller(place, function.__code__.co_name)
    body.body = [b for s in teller.tell(body.body) for b in _listed(cuts.visit(s))]
    return compiled(tree, function, {**_NAMES, arms.NAME: teller.took, arms.COMPARED: teller.compared})


BINDS = ast.Global | ast.Nonlocal | ast.Import | ast.ImportFrom | ast.NamedExpr | ast.Match | ast.Delete
UNSEEN = BINDS | ast.With | ast.AsyncWith | ast.Try | ast.List | ast.Dict | ast.Set
"""What binds or changes something that no assignment shows."""


@cache
def _refuse_unseen(name: str, function: Any) -> None:
    """Refuse a text that changes what a cut would not make fresh: it could be proved of values that it has left."""
    place = function.__code__.co_filename.rpartition("/")[2]
    for node in ast.walk(tree_of(function)):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, UNSEEN) or any(isinstance(t, ast.Attribute | ast.Subscript) for t in targets):
            kind, line = type(node).__name__, getattr(node, "lineno", 0)
            raise LiftError(f"{place}:{line}: {name}: {kind} changes what no assignment to a name shows")


def _coroutines(cls: type) -> dict[str, Any]:
    found = {name: inspect.getattr_static(cls, name) for name in dir(cls)}
    return {name: method for name, method in found.items() if inspect.iscoroutinefunction(method)}


def _stub(name: str, arity: int) -> Any:
    async def call(self: Any, *args: Any) -> Any:  # noqa: ARG001  # a method
        if len(args) != arity:
            raise LiftError(f"{name} takes {arity} arguments, and is called with {len(args)}")
        return await Call(name, args)

    return call


def _lifted_part(cls: type, prefix: str, contracts: Collection[str]) -> type:
    """The class with each coroutine cut, or replaced by its contract if it has one."""
    for name, method in _coroutines(cls).items():
        if prefix + name not in contracts:
            _refuse_unseen(name, method)
    methods = {
        name: _stub(prefix + name, method.__code__.co_argcount - 1) if prefix + name in contracts else cut(method)
        for name, method in _coroutines(cls).items()
    }
    return type(cls.__name__, (cls,), {"__slots__": (), **methods})


STUB = _stub("", 0).__code__
"""The code of every stub: no part of the text."""

A_CURSOR = "index.search_addr_bg"
"""The cursor whose functions are read for both."""
PARTS = {
    "pages": "PageAlloc",
    "os": "OsMemory",
    "index": "ScavengeIndex",
    A_CURSOR: "ScavengeIndex.Cursor",
}
"""The parts of a heap that have coroutines of their own: the attribute, and where its class stands."""


def part_class(heap_class: Any, part: str) -> Any:
    """The class of a part."""
    return attrgetter(PARTS[part])(heap_class)


def lifted(heap_class: Any, contracts: Collection[str] = ()) -> Any:
    """The heap with every loop cut; the named functions (`alloc`, `pages.alloc`) are replaced by their contracts.

    Raises:
        LiftError: a function cannot be lifted, or there is none of that name.

    """
    known = set(_coroutines(heap_class))
    parts: dict[str, Any] = {}
    for attribute, name in PARTS.items():
        part = part_class(heap_class, attribute)
        known |= {f"{attribute}.{method}" for method in _coroutines(part)}
        parts[name] = _lifted_part(part, f"{attribute}.", contracts)
    unknown = sorted(set(contracts) - known)
    if unknown:
        raise LiftError(f"{heap_class.__name__} has no coroutine {unknown[0]}, which a contract stands for")
    for name in [name for name in parts if "." in name]:
        owner, _, inner = name.rpartition(".")
        setattr(parts[owner], inner, parts.pop(name))
    return type(heap_class.__name__, (_lifted_part(heap_class, "", contracts),), parts)
