"""From cells to what the model speaks of: snapshots, moments at which functions are called and return, ghosts.

The heap's text carries no mark of any of this. `watched` wraps its functions so that each call and return is told to
the engine as an `Event`, which belongs to the step before it. Ghosts are cells that only the monitor writes: what the
abstract heap owns, which spans were returned, what users wrote. Read next: monitor.py.
"""

import inspect
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from spanproof.checks.broken import EndlessError
from spanproof.checks.failing import exits
from spanproof.checks.numbering import Field, Numbering, Reading
from spanproof.checks.observe_pages import cursor_of, page_fields
from spanproof.impl.access import Access
from spanproof.impl.heap_cells import HeapCells
from spanproof.model.state import OF_A_LIVING_SPAN, HeapState

WATCHED = (
    "alloc",
    "alloc_from_cache",
    "alloc_manual",
    "alloc_mspan_locked",
    "alloc_needs_zero",
    "alloc_phys_page_aligned",
    "alloc_span",
    "bgscavenge",
    "free_manual",
    "free_mspan_locked",
    "free_span",
    "free_span_locked",
    "gc_cycle",
    "gc_mark_termination",
    "grow",
    "init_span",
    "malloc_large",
    "malloc_small",
    "reclaim",
    "reclaim_chunk",
    "scavenge_all",
    "span_of_heap",
    "sweep",
    "sweepone",
    "sys_alloc",
    "trace_gc_sweep_span",
    "try_alloc_mspan",
)
MOST_EVENTS = 10_000
"""Calls and returns between two accesses; no text of Go's has a hundred."""
WATCHED_INDEX = ("find",)
WATCHED_OS = ("sys_huge_page", "sys_used")
WATCHED_PAGES = (
    "alloc",
    "alloc_to_cache",
    "enable_chunk_huge_pages",
    "flush",
    "free",
    "grow",
    "mark_random_padding_pages",
    "scavenge_next",
    "scavenge_one",
)


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A function is called or returns. Not an access: the engine takes it in the same step as the access before it."""

    function: str
    returns: bool
    args: tuple[Any, ...]
    result: Any = None

    def __await__(self) -> Generator["Event", None, None]:
        """Tell the engine."""
        yield self


if TYPE_CHECKING:  # _wrapper gives these to the function below
    FUNCTION: str
    ORIGINAL: Callable[..., Coroutine[Any, Any, Any]]


async def _watch(self: Any, *args: Any) -> Any:
    await Event(FUNCTION, False, args)  # noqa: F821  # ruff does not see a name that is only annotated
    result = await ORIGINAL(self, *args)  # noqa: F821
    await Event(FUNCTION, True, args, result)  # noqa: F821
    return result


def _wrapper(original: Any, name: str) -> Any:
    """The function, telling of its call and return. No closure: local states are keyed by code and locals."""
    scope = {"Event": Event, "ORIGINAL": original, "FUNCTION": name}
    code = _watch.__code__.replace(co_name=original.__name__)
    return FunctionType(code, scope, original.__name__)


def _watched(cls: type, names: Iterable[str], prefix: str = "") -> type:
    methods = {name: _wrapper(getattr(cls, name), prefix + name) for name in names}
    return type(cls.__name__, (cls,), {"__slots__": (), **methods} if prefix else methods)


def _there(cls: type, names: Iterable[str]) -> Iterator[str]:
    """Those of these functions that a class has: a heap of a user's may do without some."""
    return (name for name in names if inspect.iscoroutinefunction(getattr(cls, name, None)))


def watched(heap_class: type[HeapCells]) -> type[HeapCells]:
    """The heap with its calls and returns told to the engine."""
    pages = _watched(heap_class.PageAlloc, _there(heap_class.PageAlloc, WATCHED_PAGES), "pages.")
    index = _watched(heap_class.ScavengeIndex, _there(heap_class.ScavengeIndex, WATCHED_INDEX), "index.")
    os_memory = _watched(heap_class.OsMemory, _there(heap_class.OsMemory, WATCHED_OS), "os.")
    cls = _watched(heap_class, _there(heap_class, WATCHED))
    cls.PageAlloc = pages  # type: ignore[attr-defined]
    cls.ScavengeIndex = index  # type: ignore[attr-defined]
    cls.OsMemory = os_memory  # type: ignore[attr-defined]
    return cls


def _identity(values: tuple[Any, ...]) -> Any:
    return values


def _only(values: tuple[Any, ...]) -> Any:
    return values[0]


def _is_positive(values: tuple[Any, ...]) -> int:
    return int(values[0] > 0)


def _is_negative(values: tuple[Any, ...]) -> int:
    return int(values[0] < 0)


def _sum(values: tuple[Any, ...]) -> int:
    return sum(values)


class Observer:
    """Builds snapshots of the fields that are asked for."""

    def __init__(self, numbering: Numbering) -> None:
        """Find the cells behind each field of HeapState."""
        g, n = numbering.heap.geometry, numbering
        self.geometry = g
        spans = range(g.spans)
        words = [(arena, byte) for arena in g.arena_indices for byte in range(-(-g.pages_per_arena // 8))]
        counts = len(g.pages)

        per_arena = len(words) // g.arenas

        def bits(values: tuple[int, ...]) -> tuple[int, ...]:
            places = (divmod(page, g.pages_per_arena) for page in range(counts))
            return tuple(values[arena * per_arena + page // 8] >> page % 8 & 1 for arena, page in places)

        def numbers(values: tuple[Any, ...]) -> tuple[int, ...]:
            return tuple(-1 if s is None else s.number for s in values)

        def allocated(values: tuple[Any, ...]) -> tuple[int, ...]:
            return tuple(values[0].allocated(page) for page in g.pages)

        def reserved(values: tuple[Any, ...]) -> tuple[int, ...]:
            return tuple(int(arena in values[0].indices) for arena in g.arena_indices)

        self.fields: dict[str, Field] = {
            "sweepgen": (n.all("sweepgen", [None]), _only),
            "inside_init_or_free": (n.all("ghost.inside", ("init_span", "free_span_locked")), _sum),
            "inside_alloc_or_free": (n.all("ghost.inside", ("alloc_span", "free_span_locked")), _sum),
            "reserved": ((n.of(numbering.heap.all_arenas),), reserved),
            "zeroed_base": (n.all("zeroedBase", g.arena_indices), _identity),
            "page_in_use": (n.all("pageInUse", words), bits),
            "page_marks": (n.all("pageMarks", words), bits),
            "spans": (n.all("spans", g.pages), numbers),
            "contents": (n.all("memory", g.pages), _identity),
            "expected": (n.all("ghost.expected", g.pages), _identity),
            "allocated": ((n.of(numbering.heap.pages.tree),), allocated),
            "state": (n.all("mspan.state", spans), _identity),
            "base": (n.all("mspan.base", spans), _identity),
            "npages": (n.all("mspan.npages", spans), _identity),
            "needzero": (n.all("mspan.needzero", spans), _identity),
            "span_sweepgen": (n.all("mspan.sweepgen", spans), _identity),
            "returned": (n.all("ghost.returned", spans), _identity),
            "in_use_bytes": (n.all("memstats.inUse", range(3)), _identity),
            "locked": ((n.of(numbering.heap.lock),), _is_positive),
            "stopped": ((n.of(numbering.heap.world),), _is_negative),
            "scavenging": (n.all("ghost.inside", ("pages.scavenge_one",)), _sum),
            "min_heap_idx": ((n.of(numbering.heap.index.min_heap_idx),), _only),
            "cursor_force": ((n.of(numbering.heap.index.search_addr_force.a),), cursor_of(g)),
            "cursor_bg": ((n.of(numbering.heap.index.search_addr_bg.a),), cursor_of(g)),
            "heap_free": ((n.of(numbering.heap.heap_free),), _only),
            "heap_released": ((n.of(numbering.heap.heap_released),), _only),
            "mapped_ready": ((n.of(numbering.heap.mapped_ready),), _only),
            "mappings_left": ((n.of(numbering.heap.os.mappings_left),), _only),
            **page_fields(numbering),
        }

        self.of_the_living = {
            cell: alive
            for name in OF_A_LIVING_SPAN
            for cell, *alive in zip(*(self.fields[field][0] for field in (name, "state", "returned")), strict=True)
        }
        """Cells of a span that no invariant looks at while these cells of it are both 0: dead, and given to nobody."""

    def cells(self, fields: Iterable[str]) -> tuple[int, ...]:
        """The numbers of the cells behind these fields, each once."""
        return tuple(dict.fromkeys(n for name in fields for n in self.fields[name][0]))

    def state(self, read: Reading, fields: Iterable[str]) -> HeapState:
        """A snapshot of these fields. A reading that knows fields of its own accord (`field`) is asked for them."""
        by_field: Callable[[str], Any] | None = getattr(read, "field", None)
        if by_field is not None:
            return HeapState(self.geometry, **{name: by_field(name) for name in fields})
        seen: dict[str, Any] = {}
        for name in fields:
            numbers, convert = self.fields[name]
            seen[name] = convert(tuple(read(n) for n in numbers))
        return HeapState(self.geometry, **seen)


def advance(coroutine: Any, answer: Any) -> tuple[Access[Any] | None, tuple[Event, ...], Any]:
    """Send the result of an access and run on to the next: (it or None at the end, the events between, the result).

    Raises:
        EndlessError: it calls and calls, and comes to no access.
        ExitsError: it asks to end the process.

    """
    events: list[Event] = []
    try:
        reached = coroutine.send(answer)
        while isinstance(reached, Event):
            events.append(reached)
            if len(events) > MOST_EVENTS:
                raise EndlessError(f"{reached.function} is called again and again without an access")
            reached = coroutine.send(None)
    except StopIteration as end:
        return None, tuple(events), end.value
    except SystemExit as e:
        raise exits(e) from None
    return reached, tuple(events), None
