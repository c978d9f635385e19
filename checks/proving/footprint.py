"""Which cells a function may write, by its text and the text of what it calls: an over-approximation.

A family counts as written wherever the function names the heap's attribute for it, except where it only loads or reads
a cell of it. Read next: engine.py.
"""

import ast
import inspect
from functools import cache
from typing import Any

from spanproof.checks.proving.cuts import PARTS, LiftError
from spanproof.checks.text import tree_of
from spanproof.impl.access import WRITES, Cell, Cells
from spanproof.impl.span import Span
from spanproof.model.geometry import SMALL
from spanproof.model.releases import NEWEST

PART_CELLS = {"pages": {"bits": "pages"}, "os": {"memory": "memory"}}
"""The cells of the parts of a heap."""
READS = frozenset({"load", "read"})
ACCESSES = READS | WRITES


def _families(heap_class: Any) -> dict[str, str]:
    """The heap's attributes that are cells, with the names of these."""
    heap: object = heap_class(SMALL, NEWEST)
    return {name: cell.name for name, cell in vars(heap).items() if isinstance(cell, Cell | Cells)}


def _span_fields() -> dict[str, str]:
    """The attributes of a span that are cells, with the names of these."""
    s = Span(0)
    return {name: getattr(s, name).name for name, p in vars(Span).items() if isinstance(p, property)}


SPAN_FAMILIES = _span_fields()


class _Reader(ast.NodeVisitor):
    """The attributes and callees that a function names, and which of them it may write to.

    Written is what a method other than load and read is called on; and, where such a method is called on a local name,
    whatever may have been given that name; and what is handed to another function.
    """

    def __init__(self, coroutine: bool) -> None:
        self.coroutine = coroutine
        self.own: set[str] = set()
        self.calls: set[str] = set()
        self.of_release: set[str] = set()
        self.written: set[tuple[bool, str]] = set()
        """(whether of self, attribute)"""
        self.bare: set[tuple[bool, str]] = set()
        self.alias = False
        self.everything = False

    def visit_Call(self, node: ast.Call) -> None:  # ast's own name
        match node.func:
            case ast.Attribute(attr=method, value=cell) if method in ACCESSES:
                self._access(method, cell)
            case ast.Attribute(attr="at", value=ast.Attribute() as family):
                self._named(family, self.bare)
            case _:
                self.visit(node.func)
                for given in (*node.args, *(k.value for k in node.keywords)):
                    for part in ast.walk(given):
                        if isinstance(part, ast.Attribute):
                            self._named(part, self.written)
        for part in (*node.args, *(k.value for k in node.keywords)):
            self.visit(part)

    def visit_Name(self, node: ast.Name) -> None:  # ast's own name
        """The heap itself is handed on, or its attributes are reached by name: anything may be written."""
        self.everything |= node.id in {"self", "getattr", "setattr", "vars", "super", "locals"}

    def visit_Return(self, node: ast.Return) -> None:  # ast's own name
        """A cell that a coroutine returns may be written by who gets it; of a plain method, its callers tell."""
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        for value in values:
            cell = value.func.value if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) else value
            if self.coroutine and isinstance(cell, ast.Attribute):
                self._named(cell, self.written)
        self.generic_visit(node)

    def _access(self, method: str, cell: ast.expr) -> None:
        """A method of a cell is called."""
        if isinstance(cell, ast.Call) and isinstance(cell.func, ast.Attribute) and cell.func.attr == "at":
            for place in cell.args:
                self.visit(place)
            cell = cell.func.value
        if isinstance(cell, ast.Attribute):
            self._named(cell, set() if method in READS else self.written)
        else:
            self.alias |= method not in READS
            self.visit(cell)

    def _named(self, node: ast.Attribute, into: set[tuple[bool, str]]) -> None:
        own = isinstance(node.value, ast.Name) and node.value.id == "self"
        into.add((own, node.attr))
        if not own:
            self.visit(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:  # ast's own name
        match node.value:
            case ast.Name(id="self"):
                self.own.add(node.attr)
            case ast.Attribute(value=ast.Name(id="self"), attr="release"):
                self.of_release.add(node.attr)
            case ast.Attribute(value=ast.Name(id="self"), attr=part) if part in PARTS:
                self.calls.add(f"{part}.{node.attr}")
            case _:
                pass
        self.alias |= node.attr in WRITES  # a bound method, kept for later
        self._named(node, self.bare)

    @property
    def touched(self) -> set[tuple[bool, str]]:
        """What may be written."""
        return self.written | (self.bare if self.alias else set())


@cache
def _named(function: Any) -> _Reader:
    reader = _Reader(inspect.iscoroutinefunction(function))
    reader.visit(tree_of(function))
    return reader


def _function(heap_class: Any, name: str) -> Any:
    part, dot, method = name.rpartition(".")
    owner = getattr(heap_class, PARTS[part]) if dot else heap_class
    return inspect.getattr_static(owner, method, None)


def _callees(heap_class: Any, name: str) -> set[str]:
    """The coroutines and helpers of the heap that a function names, each by its name."""
    reader, part = _named(_function(heap_class, name)), name.rpartition(".")[0]
    own = {f"{part}.{n}" if part else n for n in reader.own}
    return {n for n in own | reader.calls if inspect.isfunction(_function(heap_class, n))}


@cache
def reaches(heap_class: Any, name: str, short_of: frozenset[str] = frozenset()) -> frozenset[str]:
    """The functions of the heap that a call of this one may reach, itself included, without going into some."""
    if not inspect.isfunction(_function(heap_class, name)):
        raise LiftError(f"{heap_class.__name__} has no function {name}")
    known, todo = {name}, [name]
    while todo:
        fresh = _callees(heap_class, todo.pop()) - known - short_of
        known |= fresh
        todo += fresh
    return frozenset(known)


def names_family(heap_class: Any, name: str) -> frozenset[str]:
    """The families of cells that this one function names other than to read them."""
    reader = _named(_function(heap_class, name))
    part = name.rpartition(".")[0]
    own = PART_CELLS[part] if part else _families(heap_class)
    if reader.everything:
        return frozenset({*own.values(), *SPAN_FAMILIES.values()})
    found: set[str] = set()
    for of_self, attribute in reader.touched:
        if not of_self:
            found |= {SPAN_FAMILIES[attribute]} if attribute in SPAN_FAMILIES else set()
        elif attribute in own:
            found.add(own[attribute])
        else:
            found |= {own[bare] for mine, bare in _helper(heap_class, attribute) if mine and bare in own}
    return frozenset(found)


def _helper(heap_class: Any, name: str) -> set[tuple[bool, str]]:
    """What a plain method names, which may give away a cell."""
    method = inspect.getattr_static(heap_class, name, None)
    method = method.fget if isinstance(method, property) else method
    return _named(method).bare if inspect.isfunction(method) and not inspect.iscoroutinefunction(method) else set()


@cache
def writes(heap_class: Any, name: str) -> frozenset[str]:
    """The families of cells that a call of this function may write: all that it and its callees name."""
    return frozenset(f for n in reaches(heap_class, name) for f in names_family(heap_class, n))


def columns(heap_class: Any, name: str, short_of: frozenset[str]) -> frozenset[str]:
    """The columns of the release table on which the text depends that a call of this function may reach."""
    read = (_named(_function(heap_class, n)).of_release for n in reaches(heap_class, name, short_of))
    return frozenset(column for columns_ in read for column in columns_)


def users(heap_class: Any, family: str) -> frozenset[str]:
    """The coroutines of the heap, and of its parts, that may write this family of cells themselves."""
    everything = [n for n, f in inspect.getmembers_static(heap_class) if inspect.iscoroutinefunction(f)]
    for part, attribute in PARTS.items():
        members = inspect.getmembers_static(getattr(heap_class, attribute))
        everything += [f"{part}.{n}" for n, f in members if inspect.iscoroutinefunction(f)]
    return frozenset(n for n in everything if family in names_family(heap_class, n))
