"""What a function does to shared memory, read off its text: the accesses that it awaits, and the functions it calls.

Memory changes only where something is awaited. So each await must have one of a few shapes, from which the cell or the
callee can be told; any other shape is `strange`, and then nothing is claimed of the heap. Read next: closed_world.py.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from spanproof.checks.proving.cuts import A_CURSOR, PARTS, LiftError
from spanproof.checks.proving.heaps import READS, cells, cursors, function_of, members
from spanproof.checks.text import tree_of
from spanproof.impl.access import KINDS
from spanproof.impl.ranges import AtomicOffAddr
from spanproof.impl.span import Span

SPAN_FAMILIES = {n: getattr(Span(0), n).name for n, p in vars(Span).items() if isinstance(p, property)}
"""The attributes of a span that are cells, with the names of these."""
CURSOR = frozenset(name for name, member in vars(AtomicOffAddr).items() if inspect.iscoroutinefunction(member))
"""What is awaited of a cursor: reads and changes of the one cell that it is."""
SUSPENDS = ast.AsyncFor | ast.AsyncWith | ast.Yield | ast.YieldFrom
WITHIN = ast.AsyncFunctionDef | ast.FunctionDef | ast.Lambda
"""Other ways to wait than `await`, and functions within a function."""


@dataclass(frozen=True, slots=True)
class Text:
    """One function, by its text."""

    written: frozenset[str]
    """The families of cells that it does more with than to look."""
    calls: frozenset[str]
    """The functions of the heap that it awaits, by name: `alloc`, `pages.alloc`."""
    cursors: frozenset[str]
    """The functions of cursors that it awaits, by name."""
    columns: frozenset[str]
    """The columns of the release table that it names, and its plain helpers name."""
    strange: tuple[str, ...]
    """Places where it cannot be told what is awaited, each with the place and the text."""


class _Reader(ast.NodeVisitor):
    """Reads one function."""

    def __init__(self, heap_class: Any, part: str, function: Any) -> None:
        self.heap_class, self.part, self.function = heap_class, part, function
        self.written: set[str] = set()
        self.calls: set[str] = set()
        self.cursors: set[str] = set()
        self.columns: set[str] = set()
        self.strange: list[str] = []
        self.tree: Any = tree_of(function).body[0]
        self.bound = _bound(self.tree)
        self.awaited: set[int] = set()

    def read(self) -> Text:
        """Read it."""
        for statement in self.tree.body:
            self.visit(statement)
        written, calls, columns = frozenset(self.written), frozenset(self.calls), frozenset(self.columns)
        return Text(written, calls, frozenset(self.cursors), columns, tuple(self.strange))

    def visit(self, node: ast.AST) -> None:
        """Visit a node; of a function within this one, or another way to wait, nothing can be told."""
        if isinstance(node, SUSPENDS | WITHIN):
            self.refuse(node)
        super().visit(node)

    def refuse(self, node: ast.AST) -> None:
        code = self.function.__code__
        file, line = code.co_filename.rpartition("/")[2], getattr(node, "lineno", code.co_firstlineno)
        self.strange.append(f"{file}:{line} {code.co_name}: {ast.unparse(node).splitlines()[0]}")

    def visit_Await(self, node: ast.Await) -> None:  # ast's own name
        match node.value:
            case ast.Call(func=ast.Attribute(value=receiver, attr=method) as named):
                self.awaited.add(id(named))
                families = self.families(receiver) if method in KINDS | CURSOR else None
                callee = self.callee(receiver, method)
                if families and families <= cursors(self.heap_class) and self.part != A_CURSOR:
                    self.cursors.add(f"{A_CURSOR}.{method}")
                if families is not None:
                    self.written |= families if method not in READS else set()
                elif callee is not None:
                    self.calls.add(callee)
                else:
                    self.refuse(node)
            case _:
                self.refuse(node)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:  # ast's own name
        if node.id == "self":  # it is handed on, or gets another name
            self.refuse(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:  # ast's own name
        if id(node) not in self.awaited and self.callee(node.value, node.attr) is not None:
            self.refuse(node)  # an await is missing, or the coroutine is kept for later
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in PARTS:
                self.refuse(node)
            case ast.Attribute(value=ast.Name(id="self"), attr="release"):
                self.columns.add("name")  # the whole row is used: each release is another text
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                self.columns |= self.helper_columns(name)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="release"), attr=column):
                self.columns.add(column)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr=name)) if name in PARTS:
                pass
            case _:
                self.visit(node.value)

    def families(self, node: ast.expr, seen: frozenset[str] = frozenset()) -> set[str] | None:
        """The families that an expression may be a cell of, or None if that cannot be told."""
        match node:
            case ast.Call(func=ast.Attribute(value=family, attr="at")):
                return self.families(family, seen)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=helper)):
                return self.helper_families(helper)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                own = cells(self.heap_class, self.part)
                return {own[name]} if name in own else self.helper_families(name)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr=part), attr=name) if part in PARTS:
                of_part = cells(self.heap_class, part)
                return {of_part[name]} if name in of_part and not self.part else None
            case ast.Attribute(value=ast.Name(id=span), attr=field) if span != "self" and field in SPAN_FAMILIES:
                return {SPAN_FAMILIES[field]}
            case ast.Name(id=name) if name in self.bound and name not in seen:
                each = [self.families(value, seen | {name}) for value in self.bound[name]]
                return None if None in each else {f for families in each for f in families or ()}
            case _:
                return None

    def callee(self, receiver: ast.expr, method: str) -> str | None:
        """The function of the heap that is called, by name, or None."""
        match receiver:
            case ast.Name(id="self"):
                name = f"{self.part}.{method}" if self.part else method
            case ast.Attribute(value=ast.Name(id="self"), attr=part) if part in PARTS:
                name = f"{part}.{method}"
            case _:
                return None
        return name if inspect.iscoroutinefunction(function_of(self.heap_class, name)) else None

    def helper(self, name: str) -> Any:
        """A plain method or property of the same class, or None."""
        found = function_of(self.heap_class, f"{self.part}.{name}" if self.part else name)
        found = found.fget if isinstance(found, property) else found
        return found if inspect.isfunction(found) and not inspect.iscoroutinefunction(found) else None

    def helper_families(self, name: str) -> set[str] | None:
        """What a plain method gives if all it does is to return a cell."""
        function = self.helper(name)
        if function is None or function is self.function:
            return None
        inner = _Reader(self.heap_class, self.part, function)
        match [s for s in inner.tree.body if not _is_docstring(s)]:
            case [ast.Return(value=ast.expr() as value)]:
                return inner.families(value)
            case _:
                return None

    def helper_columns(self, name: str) -> frozenset[str]:
        """The columns that a plain method names."""
        function = self.helper(name)
        return frozenset() if function is None or function is self.function else _columns(function)


@cache
def _columns(function: Any) -> frozenset[str]:
    found, inner = set[str](), set[int]()
    for node in ast.walk(tree_of(function)):  # what is around a node comes before it
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="release"), attr=column):
                found.add(column)
                inner.add(id(node.value))
            case ast.Attribute(value=ast.Name(id="self"), attr="release") if id(node) not in inner:
                found.add("name")
            case _:
                pass
    return frozenset(found)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _bound(tree: Any) -> dict[str, list[ast.expr]]:
    """The local names that only plain assignments bind, with what is assigned to each."""
    values: dict[str, list[ast.expr]] = {}
    elsewhere = {a.arg for a in ast.walk(tree.args) if isinstance(a, ast.arg)}
    single: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, []).append(node.value)
            single.add(id(node.targets[0]))
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) if id(node) not in single:
                elsewhere.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
                elsewhere.add(name)
            case _:
                pass
    return {name: given for name, given in values.items() if name not in elsewhere}


def accesses(heap_class: Any) -> Iterator[str]:
    """Plain functions and properties that give away an access, which whoever awaits it makes."""
    for name, member in members(heap_class):
        found = member.fget if isinstance(member, property) else member
        if not inspect.isfunction(found) or inspect.iscoroutinefunction(found):
            continue
        reader = _Reader(heap_class, name.rpartition(".")[0], found)
        for node in ast.walk(reader.tree):
            if isinstance(node, ast.Attribute) and node.attr in KINDS and reader.families(node.value) is not None:
                yield f"{name} gives away an access: {ast.unparse(node)}"


@cache
def text_of(heap_class: Any, name: str) -> Text:
    """What the text of one function shows.

    Raises:
        LiftError: the heap has no such function.

    """
    function = function_of(heap_class, name)
    if not inspect.isfunction(function):
        raise LiftError(f"{heap_class.__name__} has no function {name}")
    return _Reader(heap_class, name.rpartition(".")[0], function).read()


@cache
def reaches(heap_class: Any, name: str, short_of: frozenset[str] = frozenset()) -> frozenset[str]:
    """The functions of the heap that a call of this one may reach, itself included, without going into some."""
    known, todo = {name}, [name]
    while todo:
        new = text_of(heap_class, todo.pop()).calls - known - short_of
        known |= new
        todo += new
    return frozenset(known)


def recursion(heap_class: Any, name: str, short_of: frozenset[str]) -> tuple[str, ...]:
    """A chain of calls that comes back to where it was, or nothing."""

    def walk(chain: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for callee in sorted(text_of(heap_class, chain[-1]).calls - short_of):
            if callee in chain:
                yield (*chain[chain.index(callee) :], callee)
            else:
                yield from walk((*chain, callee))

    return next(walk((name,)), ())


@cache
def writes(heap_class: Any, name: str) -> frozenset[str]:
    """The families of cells that a call of this function may write.

    Raises:
        LiftError: something is awaited on the way of which that cannot be told.

    """
    texts = [text_of(heap_class, each) for each in sorted(reaches(heap_class, name))]
    strange = [place for text in texts for place in text.strange]
    if strange:
        raise LiftError(f"{strange[0]}: it cannot be told which cell is meant")
    return frozenset(family for text in texts for family in text.written)


def columns(heap_class: Any, name: str, short_of: frozenset[str]) -> frozenset[str]:
    """The columns of the release table on which the text depends that a call of this function may reach."""
    return frozenset(c for n in reaches(heap_class, name, short_of) for c in text_of(heap_class, n).columns)
