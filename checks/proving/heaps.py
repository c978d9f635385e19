"""A heap class as proofs see it: its functions by name, its cells, and an access held against both.

Read next: footprint.py.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from typing import Any

from spanproof.checks.proving.cuts import PARTS, LiftError, part_class
from spanproof.impl.access import Access, Cell, Cells, Lock
from spanproof.impl.ranges import AtomicOffAddr
from spanproof.model.geometry import SMALL
from spanproof.model.releases import NEWEST

READS = frozenset({"load", "read"})


def function_of(heap_class: Any, name: str) -> Any:
    """The function of a heap with this name (`alloc`, `pages.alloc`), or None."""
    part, dot, method = name.rpartition(".")
    owner = part_class(heap_class, part) if dot else heap_class
    return inspect.getattr_static(owner, method, None)


def members(heap_class: Any) -> list[tuple[str, Any]]:
    """What the heap's class and the classes of its parts have, by name, without what every object has."""
    owners = [("", heap_class), *((f"{part}.", part_class(heap_class, part)) for part in PARTS)]
    return [
        (f"{prefix}{name}", member)
        for prefix, owner in owners
        for name, member in inspect.getmembers_static(owner)
        if not name.startswith("__")
    ]


@cache
def coroutines(heap_class: Any) -> tuple[str, ...]:
    """All coroutines of the heap and of its parts, by name."""
    return tuple(name for name, member in members(heap_class) if inspect.iscoroutinefunction(member))


@cache
def made(heap_class: Any) -> Any:
    """A heap of this class.

    Raises:
        LiftError: it cannot be made.

    """
    try:
        return heap_class(replace(SMALL, spans=1, ps=1), NEWEST, tracing=False, preemptible=False)
    except Exception as e:
        raise LiftError(f"{heap_class.__name__} cannot be made: {type(e).__name__}: {e}") from e


def attributes(owner: Any) -> set[str]:
    """The names of an object's own attributes, slots of its classes included."""
    slots = (slot for cls in type(owner).__mro__ for slot in getattr(cls, "__slots__", ()))
    return {*getattr(owner, "__dict__", ()), *slots}


@cache
def cells(heap_class: Any, part: str) -> Mapping[str, str]:
    """The attributes of the heap, or of one of its parts, that are cells, with the names of these."""
    heap = made(heap_class)
    owner: Any = attrgetter(part)(heap) if part else heap
    found = {name: getattr(owner, name, None) for name in attributes(owner)}
    found = {name: cell.a if isinstance(cell, AtomicOffAddr) else cell for name, cell in found.items()}
    return {name: cell.name for name, cell in found.items() if isinstance(cell, Cell | Cells)}


@cache
def cursors(heap_class: Any) -> frozenset[str]:
    """The names of the cells that are cursors of the scavenge index."""
    index = made(heap_class).index
    found = (getattr(index, name, None) for name in attributes(index))
    return frozenset(cursor.a.name for cursor in found if isinstance(cursor, AtomicOffAddr))


@dataclass(frozen=True, slots=True)
class Declared:
    """What a heap declares of a family of cells."""

    kind: Any
    guard: str | None
    alone: bool
    """The family is one cell, with no index."""


@cache
def declared(heap_class: Any) -> Mapping[str, Declared]:
    """The families of cells."""
    cells_: list[Any] = list(made(heap_class).fresh())
    names: dict[str, list[Any]] = {}
    for cell in cells_:
        names.setdefault(cell.name, []).append(cell)
    return {n: Declared(of[0].__class__, of[0].guard, [c.index for c in of] == [None]) for n, of in names.items()}


def undeclared(heap_class: Any, access: Access[Any]) -> str | None:
    """Why an access is to no cell that the heap declares, or None."""
    cell: Any = access.cell
    if Declared(cell.__class__, cell.guard, cell.index is None) == declared(heap_class).get(cell.name):
        return None
    guarded = f" guarded by {cell.guard}" if cell.guard else ""
    indexed = "" if cell.index is None else " with an index"
    return f"the heap has no {type(cell).__name__} {cell.name}{indexed}{guarded}"


def locks(heap_class: Any) -> frozenset[str]:
    """The names of the heap's locks."""
    return frozenset(name for name, family in declared(heap_class).items() if family.kind is Lock)


@cache
def name_of(heap_class: Any, file: str, name: str, line: int) -> str | None:
    """The function of the heap whose code stands there, or None."""
    for function in coroutines(heap_class):
        code = function_of(heap_class, function).__code__
        if (code.co_filename, code.co_name, code.co_firstlineno) == (file, name, line):
            return function
    return None


@cache
def of_cursor(heap_class: Any, file: str, name: str, line: int) -> bool:
    """Whether the code that stands there is a cursor's: what it does is an access to the one cell that a cursor is."""
    code = getattr(inspect.getattr_static(heap_class.ScavengeIndex.Cursor, name, None), "__code__", None)
    return code is not None and (code.co_filename, code.co_firstlineno) == (file, line)
