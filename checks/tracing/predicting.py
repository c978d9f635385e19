"""Steps the reference page allocator through a recorded trace, and compares what it gives with what Go gave.

One thread makes the calls that the rows tell of, in their order. From the trace come growth, padding, what is freed,
how many pages are asked for, the chunk and place at which a scavenger looks, and how much it wants; all else is
predicted. What allocSpan does without the heap lock (mheap.go) stands here: a span of few pages comes from its P's
cache if it fits there. Read next: putting_right.py.
"""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from spanproof.checks.broken import EndlessError
from spanproof.checks.running.pages_alone import PagesAlone, page_text
from spanproof.checks.tracing.caches import CACHED_PAGES_LIMIT
from spanproof.checks.tracing.claims import THE_REFERENCE_PREDICTS_EVERY_EVENT
from spanproof.checks.tracing.kinds import NO_P, PAGE_SIZE, Kind, flags
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.story import address, interval, runs
from spanproof.impl.access import Misuse, Throw, Undefined
from spanproof.impl.malloc import Runtime
from spanproof.impl.os_memory import OsMemory
from spanproof.impl.page_cache import PageCache
from spanproof.model.geometry import GO_AMD64 as G

STEPPED = flags(*THE_REFERENCE_PREDICTS_EVERY_EVENT.looks_at)
"""Whether rows of a kind are stepped."""
ROWS_AT_ONCE = 2**14
SEARCHED = frozenset({Kind.PAGES_ALLOC, Kind.PAGES_FREE})
"""Kinds whose column b is the search address, as a page: after the call, and before it."""


class Event(NamedTuple):
    """One row, as plain numbers."""

    row: int
    kind: Kind
    page: int
    npages: int
    m: int
    p: int
    a: int
    b: int

    @property
    def base(self) -> int:
        """The address of its first page."""
        return self.page * PAGE_SIZE

    @property
    def cache(self) -> tuple[int, int, int]:
        """Of a refill or a flush: base, free and scavenged bits of the cache that Go had."""
        return self.base, self.a, self.b


class Returning(NamedTuple):
    """A range that a scavenger has taken and not given back yet."""

    page: int
    npages: int
    call: Coroutine[Any, Any, int] | None
    """scavenge_one, between its two times under the lock; None where the text had chosen another range."""


class NoContents(OsMemory):
    """The system's memory, whose contents nobody looks at."""

    __slots__ = ()

    async def sys_unused(self, base: int, size: int) -> None:
        """Nothing."""


def events(trace: Trace, limit: int) -> Iterator[Event]:
    """The rows before `limit` that concern the page allocator, in order."""
    for first in range(0, limit, ROWS_AT_ONCE):
        rows = np.flatnonzero(STEPPED[trace.kind[first : min(first + ROWS_AT_ONCE, limit)]]) + first
        columns = (getattr(trace, name)[rows].tolist() for name in ("kind", "page", "npages", "m", "p", "a", "b"))
        for row, kind, *numbers in zip(rows.tolist(), *columns, strict=True):
            yield Event(row, Kind(kind), *numbers)


def asked_for(trace: Trace) -> dict[int, int]:
    """For each grow row: how many pages its M asked for, as its next pages_alloc tells; those alone that have one.

    Go grows only where it found no room, and asks again afterwards.
    """
    rows = np.flatnonzero((trace.kind == Kind.GROW) | (trace.kind == Kind.PAGES_ALLOC))
    wanted: dict[int, int] = {}
    by_m: dict[int, int] = {}
    columns = (getattr(trace, name)[rows][::-1].tolist() for name in ("kind", "m", "npages"))
    for row, kind, m, npages in zip(rows[::-1].tolist(), *columns, strict=True):
        if kind == Kind.PAGES_ALLOC:
            by_m[m] = npages
        elif m in by_m:
            wanted[row] = by_m[m]
    return wanted


def records_search(trace: Trace) -> bool:
    """Whether the trace tells search addresses: no search address is 0."""
    return bool(np.any(trace.b[flags(*SEARCHED)[trace.kind]]))


class Predictor:
    """The text, and what it has been called with so far."""

    def __init__(self, trace: Trace, heap_class: type[Runtime] = Runtime) -> None:
        """Begin with no memory. heap_class: whose page allocator is stepped."""
        system = replace(G, phys_huge_page_size=trace.huge_page)
        self.text = PagesAlone(system, trace.release, heap_class, NoContents)
        self.names = page_text(heap_class)
        """The text's functions and classes, which may be edited ones."""
        self.caches: dict[int, PageCache] = {}
        """By P."""
        self.took: dict[int, tuple[int, int, int]] = {}
        """By M: address, pages and scavenged bytes of what the page allocator gave it, until its span is built."""
        self.returning: dict[int, Returning] = {}
        """By M."""
        self.growing: set[int] = set()
        """Ms that have found no room, and not asked again."""
        self.grew_early: dict[int, str] = {}
        """By M: what the text would have given before Go grew, told when the M asks again."""
        self.wanted = asked_for(trace)
        self.searched = records_search(trace)
        self._predict: dict[Kind, Callable[[Event], str]] = {
            kind: getattr(self, f"_{kind.word}") for kind in THE_REFERENCE_PREDICTS_EVERY_EVENT.looks_at
        }

    def cache(self, p: int) -> PageCache:
        """The cache of a P."""
        return self.caches.get(p) or self.names.EMPTY

    def step(self, e: Event) -> str:
        """Make the call of one event: "" if it gave what Go gave, else what differs. Then the text is where it got.

        Raises:
            EndlessError: the text does not come to an end.

        """
        try:
            return self._predict[e.kind](e)
        except EndlessError:
            raise
        except Throw as error:
            return f"the reference throws: {error}"
        except (Undefined, Misuse) as error:
            return f"the reference says: {error}"
        except Exception as error:  # noqa: BLE001  # whatever an edited text, or a heap of the user's, raises
            return f"the reference fails: {type(error).__name__}: {error}"

    def _grow(self, e: Event) -> str:
        npages = self.wanted.get(e.row, 0)
        if npages and e.m not in self.growing:
            self._find_no_room(e.m, npages)
        self.growing.add(e.m)
        first = G.arena_index(e.base)
        self.text.add_arenas(first, G.arena_index(e.base + e.npages * PAGE_SIZE - 1) + 1 - first)
        self.text.grow(e.base, e.npages * PAGE_SIZE)
        return ""

    def _find_no_room(self, m: int, npages: int) -> None:
        """The search before Go grew, which leaves no row."""
        before = self.text.alone.values.copy()
        addr, _ = self.text.alloc(npages)
        if addr != 0:
            self.text.alone.values = before
            self.grew_early[m] = f"Go grew as it found no room; the reference had {_given(addr, npages)}"

    def _padding(self, e: Event) -> str:
        self.text.mark_random_padding_pages(e.base, e.npages)
        return ""

    def _pages_alloc(self, e: Event) -> str:
        if e.p != NO_P and e.npages < CACHED_PAGES_LIMIT:
            _, addr, _ = self.cache(e.p).alloc(e.npages, G)
            if addr != 0:
                return f"Go asked the page allocator; P{e.p}'s cache has {_given(addr, e.npages)}"
        if e.m in self.grew_early:
            return self.grew_early.pop(e.m)
        addr, scav = self.text.alloc(e.npages)
        if e.page == 0:
            self.growing.add(e.m)
        else:
            self.growing.discard(e.m)
            self.took[e.m] = addr, e.npages, scav
        return _unlike((e.base, e.a), (addr, scav), e.npages) or self._other_search(e, "after it")

    def _pages_free(self, e: Event) -> str:
        other = self._other_search(e, "before it")
        if not other:
            self.text.free(e.base, e.npages)
        return other

    def _other_search(self, e: Event, when: str) -> str:
        page = self.text.tree.search_addr // PAGE_SIZE
        if not self.searched or page == e.b:
            return ""
        return f"Go's search address {when} is {address(e.b)}; the reference's is {address(page)}"

    def _cache_refill(self, e: Event) -> str:
        held = self.cache(e.p)
        if held.cache != 0:
            return f"Go filled P{e.p}'s cache; the reference's still holds {_held(*parts(held))}"
        c = self.text.alloc_to_cache()
        self.caches[e.p] = c
        return "" if parts(c) == e.cache else f"Go's cache is {_held(*e.cache)}; the reference's is {_held(*parts(c))}"

    def _cache_flush(self, e: Event) -> str:
        p = next((p for p, c in self.caches.items() if parts(c) == e.cache), None)
        if p is None:
            there = [f"P{p}'s {_held(*parts(c))}" for p, c in self.caches.items() if c.base == e.base and c.cache != 0]
            return f"Go's cache is {_held(*e.cache)}; the reference has {'; '.join(there[:4]) or 'none there'}"
        self.caches[p] = self.text.flush(self.caches[p])
        return ""

    def _alloc_span(self, e: Event) -> str:
        if e.m in self.took:
            addr, npages, scav = self.took.pop(e.m)
            if npages != e.npages:
                return f"Go's span has {e.npages} pages; taken were {npages} at {addr:#x}"
        elif e.p == NO_P or e.npages >= CACHED_PAGES_LIMIT:
            return f"Go has {_given(e.base, e.npages)}; the reference gave nothing for it"
        else:
            self.caches[e.p], addr, scav = self.cache(e.p).alloc(e.npages, G)
        return _unlike((e.base, e.b), (addr, scav), e.npages)

    def _scavenge_begin(self, e: Event) -> str:
        ci, pi = G.chunk_index(e.base), G.chunk_page_index(e.base)
        if pi + e.npages > G.pages_per_chunk:
            return f"Go returns {interval(e.page, e.npages)}; the reference keeps within a chunk"
        before = self.text.tree.chunk_of(ci).alloc.number
        call = self.text.pages.scavenge_one(ci, pi + e.npages - 1, e.npages * PAGE_SIZE)
        self.text.alone.run_past(call, "unlock")
        taken = self.text.tree.chunk_of(ci).alloc.number & ~before
        self.returning[e.m] = Returning(e.page, e.npages, call)
        if taken == (1 << e.npages) - 1 << pi:
            return ""
        chunk = G.chunk_base(ci) // PAGE_SIZE
        first = chunk + (taken & -taken).bit_length() - 1
        other = interval(first, taken.bit_count()) if taken else "nothing"
        return f"Go returns {interval(e.page, e.npages)}; the reference returns {other}"

    def _scavenge_end(self, e: Event) -> str:
        begun = self.returning.pop(e.m, None)
        if begun is None or begun[:2] != (e.page, e.npages):
            what = interval(*begun[:2]) if begun else "nothing"
            return f"Go gives back {interval(e.page, e.npages)}; the reference has taken {what} for M{e.m}"
        if begun.call is None:
            return "the reference had taken another range"
        released = self.text.alone.run(begun.call)
        size = e.npages * PAGE_SIZE
        return "" if released == size else f"Go returned {size} bytes; the reference {released}"

    def _gc_cycle(self, e: Event) -> str:  # noqa: ARG002  # as every kind
        if self.text.pages.release.scavenge_index:
            self.text.alone.run(self.text.pages.index.next_gen())
        return ""


def _unlike(go: tuple[int, int], reference: tuple[int, int], npages: int) -> str:
    """What differs between two answers: (address or 0, scavenged bytes)."""
    if go == reference:
        return ""
    return f"Go gives {_given(go[0], npages, go[1])}; the reference {_given(reference[0], npages, reference[1])}"


def _given(addr: int, npages: int, scav: int | None = None) -> str:
    if addr == 0:
        return "no room"
    return interval(addr // PAGE_SIZE, npages) + ("" if scav is None else f", scav={scav}")


def parts(c: PageCache) -> tuple[int, int, int]:
    """Base, free and scavenged bits: those of an edited text are of another class."""
    return c.base, c.cache, c.scav


def _held(base: int, cache: int, scav: int) -> str:
    return f"at {base:#x}, pages {runs(cache)}, scavenged {runs(scav)}" if cache else "empty"
