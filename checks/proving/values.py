"""What the cells of the heap hold, made up: for cells of which a protocol knows nothing.

Read next: protocol.py.
"""

from dataclasses import dataclass
from typing import Any

from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.engine import Engine
from spanproof.checks.proving.terms import Domain, unknown_function
from spanproof.impl.access import Access, perform
from spanproof.impl.heap_cells import CurArena
from spanproof.impl.span import Span

THREAD = 0
"""No access but those to locks asks who makes it."""
ARENAS = 1 << 24
"""More than any address space has."""


@dataclass(frozen=True, slots=True)
class Arenas:
    """Some list of arenas."""

    domain: Domain
    name: str
    count: Any

    @staticmethod
    def any(engine: Engine) -> "Arenas":
        """Any list, of no more arenas than the address space has."""
        count = engine.fresh("arenas")
        engine.assume(count <= engine.geometry.arenas)
        return Arenas(engine.domain, f"arena of {count.term}", count)

    def at(self, n: Any) -> Any:
        """Some arena, the same each time for the same place."""
        return self.domain.word(unknown_function(self.name, self.domain.sort, n.term)) % ARENAS


def value_of(engine: Engine, family: str) -> Any:
    """Anything that a cell of this family may hold."""
    match family:
        case "spans":
            return engine.span_or_none("spans entry")
        case "sweepArenas" | "allArenas":
            return Arenas.any(engine)
        case "curArena":
            return CurArena(engine.fresh("curArena.base"), engine.fresh("curArena.end"))  # type: ignore[arg-type]  # words
        case "pageInUse" | "pageMarks":
            return engine.fresh_bits(engine.view.place[2], family)
        case "sweepSpans" | "spanalloc" | "pages" | "mspancache" | "pcache":
            raise LiftError(f"{engine.where()}: {family} is only known by its operations")
        case _:
            return engine.fresh(family)


def result_of(engine: Engine, operation: str) -> Any:
    """Anything that an operation on a frozen structure may give."""
    match operation:
        case "take_mspan" | "pull_mspan":
            return Span(engine.fresh("mspan"))  # type: ignore[arg-type]  # a word
        case "pop":
            return engine.span_or_none("popped span")
        case "push" | "give_mspan" | "append_arenas" | "add_arenas" | "push_mspan":
            return None
        case "grant":
            return engine.fresh_truth("granted")
        case "take_arenas":
            return engine.fresh("first arena")
        case "cached_mspans" | "next_heap_rand_bits":
            return engine.fresh(operation)
        case _:
            raise LiftError(f"{engine.where()}: nothing is known of the operation {operation}")


def performed(access: Access[Any], value: Any) -> tuple[Any, Any]:
    """(new value, result) of an access to a cell with this value: as it is whenever the heap is run."""
    return perform(access, value, THREAD)


def unknown(engine: Engine, access: Access[Any]) -> Any:
    """The result of an access to a cell of which nothing is known."""
    match access.kind:
        case "store" | "write" | "or8" | "and8":
            return None
        case "compare_and_swap":
            return engine.fresh_truth("swapped")
        case "add":
            return engine.fresh(access.cell.name)
        case "update":
            return result_of(engine, access.args[0].__name__)
        case "load" | "read":
            return performed(access, value_of(engine, access.cell.name))[1]
        case _:
            raise LiftError(f"{engine.where()}: {access.kind} is not understood by proofs")
