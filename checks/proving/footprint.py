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
from spanproof.impl.access import Cell, Cells
from spanproof.model.geometry import SMALL
from spanproof.model.releases import NEWEST

SPAN_FIELDS = "mspan."
READS = frozenset({"load", "read"})


def _families(heap_class: Any) -> dict[str, str]:
    """The heap's attributes that are cells, with the names of these."""
    heap = heap_class(SMALL, NEWEST)
    found = {name: cell.name for name, cell in vars(heap).items() if isinstance(cell, Cell | Cells)}
    return found


def _span_family(attribute: str) -> str:
    """The family of a span's field."""
    head, *rest = attribute.split("_")
    special = {"gcmark_bits": "gcmarkBits", "alloc_count": "allocCount"}
    return SPAN_FIELDS + special.get(attribute, head + "".join(part.capitalize() for part in rest))


class _Reader(ast.NodeVisitor):
    """The attributes and callees that a function names, other than to read a cell."""

    def __init__(self) -> None:
        self.own: set[str] = set()
        self.fields: set[str] = set()
        self.calls: set[str] = set()
        self.read: set[str] = set()

    def visit_Attribute(self, node: ast.Attribute) -> None:  # noqa: N802  # ast's own name
        if node.attr in READS and self._only_read(node.value):
            return
        match node.value:
            case ast.Name(id="self"):
                self.own.add(node.attr)
            case ast.Attribute(value=ast.Name(id="self"), attr=part) if part in PARTS:
                self.calls.add(f"{part}.{node.attr}")
            case _:
                self.fields.add(node.attr)
        self.generic_visit(node)

    def _only_read(self, cell: ast.expr) -> bool:
        """Pass over a cell that is read, and visit what its place is computed from."""
        if isinstance(cell, ast.Call) and isinstance(cell.func, ast.Attribute) and cell.func.attr == "at":
            family, places = cell.func.value, cell.args
        else:
            family, places = cell, []
        if not isinstance(family, ast.Attribute):
            return False
        self.read.add(family.attr)
        for part in (family.value, *places):
            self.visit(part)
        return True


@cache
def _named(function: Any) -> _Reader:
    reader = _Reader()
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
def reaches(heap_class: Any, name: str) -> frozenset[str]:
    """The functions of the heap that a call of this one may reach, itself included."""
    if not inspect.isfunction(_function(heap_class, name)):
        raise LiftError(f"{heap_class.__name__} has no function {name}")
    known, todo = {name}, [name]
    while todo:
        fresh = _callees(heap_class, todo.pop()) - known
        known |= fresh
        todo += fresh
    return frozenset(known)


def names_family(heap_class: Any, name: str) -> frozenset[str]:
    """The families of cells that this one function names other than to read them."""
    reader = _named(_function(heap_class, name))
    part = name.rpartition(".")[0]
    own = {} if part else _families(heap_class)
    found = {own[n] for n in reader.own if n in own} | {_span_family(f) for f in reader.fields}
    if part == "os" and "memory" in reader.own:
        found.add("memory")
    if part == "pages" and "bits" in reader.own:
        found.add("pages")
    return frozenset(found)


@cache
def writes(heap_class: Any, name: str) -> frozenset[str]:
    """The families of cells that a call of this function may write: all that it and its callees name."""
    return frozenset(f for n in reaches(heap_class, name) for f in names_family(heap_class, n))


def users(heap_class: Any, family: str) -> frozenset[str]:
    """The coroutines of the heap, and of its parts, that may write this family of cells themselves."""
    everything = [n for n, f in inspect.getmembers_static(heap_class) if inspect.iscoroutinefunction(f)]
    for part, attribute in PARTS.items():
        members = inspect.getmembers_static(getattr(heap_class, attribute))
        everything += [f"{part}.{n}" for n, f in members if inspect.iscoroutinefunction(f)]
    return frozenset(n for n in everything if family in names_family(heap_class, n))
