"""Sentinels: events that must have happened somewhere in a search, or its "holds" says nothing.

Each is a predicate on one step: the access, the value that its cell had, the calls and returns that followed. A
sentinel that never fired turns the verdict into unknown. Read next: scenarios.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from spanproof.checks.observe import Event
from spanproof.impl.access import Access
from spanproof.model.geometry import Geometry


@dataclass(frozen=True, slots=True)
class Witnessed:
    """One step as it was taken."""

    access: Access[Any]
    function: str
    before: Any
    """The value of the cell before the access."""
    events: tuple[Event, ...]
    geometry: Geometry

    def failed(self, word: str) -> bool:
        """A compare-and-swap of this word found another value than it expected."""
        access = self.access
        return access.kind == "compare_and_swap" and access.cell.name == word and self.before != access.args[0]

    def returned(self, function: str, accept: Callable[[Event], bool]) -> bool:
        """The function returned in this step, with a result that is accepted."""
        return any(event.returns and event.function == function and accept(event) for event in self.events)


def _crosses(w: Witnessed) -> bool:
    size, arena = w.geometry.page_size, w.geometry.arena_size

    def over(event: Event) -> bool:
        base, npage = event.args
        return bool(base // arena != (base + npage * size - 1) // arena)

    return w.returned("alloc_needs_zero", over)


def _asked(w: Witnessed, npage: int) -> int:
    """The bytes of the whole chunks that so many pages need."""
    return -(-npage // w.geometry.pages_per_chunk) * w.geometry.chunk_size


def _is(w: Witnessed, which: str) -> bool:
    return w.access.cell.name == f"scav.searchAddr{which}"


def _swapped(w: Witnessed) -> bool:
    return w.access.kind == "compare_and_swap" and w.before == w.access.args[0]


def _last_page(w: Witnessed) -> bool:
    """The load of zeroedBase in alloc_needs_zero found it at the very end of the region that begins below it."""
    return w.returned("alloc_needs_zero", lambda e: bool(e.result)) and (
        w.access.cell.name == "zeroedBase" and w.access.kind == "load" and _ends_at(w, w.before)
    )


def _ends_at(w: Witnessed, zeroed_base: int) -> bool:
    base, npage = next(e.args for e in w.events if e.function == "alloc_needs_zero" and e.returns)
    return bool((base + npage * w.geometry.page_size - 1) % w.geometry.arena_size + 1 == zeroed_base)


OUT_OF_MEMORY, NO_BITMAPS = "runtime: out of memory", "pageAlloc: out of memory"
"""How Go's throws end where the system refused memory."""

SENTINELS: dict[str, Callable[[Witnessed], bool]] = {
    "a compare-and-swap of zeroedBase failed": lambda w: w.failed("zeroedBase"),
    "a region crossed an arena": _crosses,
    "memory below zeroedBase was used again": lambda w: w.returned("alloc_needs_zero", lambda e: bool(e.result)),
    "exactly the last page below zeroedBase was used again": _last_page,
    "memory above zeroedBase was used": lambda w: w.returned("alloc_needs_zero", lambda e: not e.result),
    "a sweep race was lost": lambda w: w.failed("mspan.sweepgen"),
    "a span was swept free": lambda w: w.returned("sweep", lambda e: e.result is True),
    "a marked span was swept and stayed": lambda w: w.returned("sweep", lambda e: e.result is False),
    "reclaim_chunk freed pages": lambda w: w.returned("reclaim_chunk", lambda e: e.result > 0),
    "reclaim took credit": lambda w: (
        w.access.kind == "compare_and_swap" and w.access.cell.name == "reclaimCredit" and not w.failed("reclaimCredit")
    ),
    "the heap grew": lambda w: w.returned("grow", lambda e: e.result[1]),
    "memory ran out": lambda w: w.returned("alloc_span", lambda e: e.result is None),
    "the system refused addresses": lambda w: w.access.cell.name == "os.reservations" and w.before <= 0,
    "Go threw that it is out of memory": lambda w: w.returned("throw", lambda e: e.args[0].endswith(OUT_OF_MEMORY)),
    "Go threw that there is no memory for bitmaps": lambda w: (
        w.returned("throw", lambda e: e.args[0].endswith(NO_BITMAPS))
    ),
    "the world was stopped": lambda w: w.access.kind == "stop",
    "a stale cached span was taken back": lambda w: (
        w.function == "uncache_span"
        and w.access.kind == "store"
        and w.access.cell.name == "mspan.sweepgen"
        and w.access.args[0] % 2 == 1
    ),
    "the tracer was told": lambda w: w.function == "trace_gc_sweep_span",
    "a word led to a span": lambda w: w.returned("span_of_heap", lambda e: e.result is not None),
    "a word led to no span": lambda w: w.returned("span_of_heap", lambda e: e.result is None),
    "a page cache was filled": lambda w: w.returned("pages.alloc_to_cache", lambda e: not e.result.empty()),
    "a page cache gave pages": lambda w: w.returned("alloc_from_cache", lambda e: e.result[0] != 0),
    "a span was allocated without the heap lock": lambda w: (
        w.function == "try_alloc_mspan" and w.access.args[0].__name__ == "pull_mspan"
    ),
    "a page cache was flushed": lambda w: w.returned("pages.flush", lambda e: not e.args[0].empty()),
    "pages were scavenged": lambda w: w.returned("pages.scavenge_one", lambda e: e.result > 0),
    "a chunk had nothing to scavenge": lambda w: w.returned("pages.scavenge_one", lambda e: e.result == 0),
    "a free raised the cursor of forced scavenging": lambda w: w.function == "store_marked" and _is(w, "Force"),
    "a scavenger lowered a cursor": lambda w: w.function in {"store_min", "store_unmark"} and _swapped(w),
    "a cursor was cleared": lambda w: w.function == "clear" and _swapped(w),
    "a generation of the scavenge index began": lambda w: w.access.kind == "write" and w.access.cell.name == "scav.gen",
    "the rest of an arena was handed over": lambda w: w.returned("grow", lambda e: e.result[0] > _asked(w, e.args[0])),
    "an aligned stack was allocated": lambda w: w.returned("alloc_phys_page_aligned", lambda e: e.result[0] != 0),
    "padding pages were marked": lambda w: w.returned("pages.mark_random_padding_pages", bool),
}  # fmt: skip


class Watching:
    """Ticks off the sentinels that are still to fire."""

    def __init__(self, names: Iterable[str], geometry: Geometry) -> None:
        """Wait for these sentinels."""
        self.waiting = {name: SENTINELS[name] for name in names}
        self.geometry = geometry

    def see(self, access: Access[Any], function: str, before: Any, events: tuple[Event, ...]) -> None:
        """Look at one step."""
        if not self.waiting or (not events and access.kind in {"load", "read"}):
            return
        w = Witnessed(access, function, before, events, self.geometry)
        for name in [name for name, fires in self.waiting.items() if fires(w)]:
            del self.waiting[name]

    @property
    def silent(self) -> list[str]:
        """Those that have not fired."""
        return list(self.waiting)
