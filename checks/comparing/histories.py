"""Long histories of one thread: the page allocator against the abstract one, after every call.

Calls are drawn at random from a seed. What is compared: results always; bitmaps, summaries, the search address and the
scavenge index as well when a history is looked at closely. Read next: campaign.py.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.impl.malloc import Runtime
from spanproof.impl.page_cache import EMPTY, PageCache
from spanproof.impl.palloc_bits import unpack
from spanproof.impl.scavenge import NO_LIMIT
from spanproof.impl.scavenge_index import HAS_FREE
from spanproof.model.geometry import Geometry
from spanproof.model.pages import AbstractPages
from spanproof.model.releases import NEWEST, Release

Call = tuple[str, int, int]
"""Its name, and two numbers that say on what; a call that does not apply is left out."""
CACHES = 3


class DifferenceError(Exception):
    """The two do not agree: what was called, what each gives."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How often each call is drawn, and of what size."""

    alloc: int = 350
    free: int = 310
    refill: int = 50
    cache_alloc: int = 220
    flush: int = 40
    scavenge: int = 4
    scavenge_some: int = 10
    next_gen: int = 16
    background: bool = False
    """Half of scavenge_some is the background scavenger's. It may call a chunk empty of which it saw a part."""
    most_pages: int = 600
    most_chunks: int = 24


def drawn(seed: int, calls: int, mix: Mix) -> Iterator[Call]:
    """So many calls."""
    rng = random.Random(seed)  # noqa: S311  # a seed gives a history again
    names = ("alloc", "free", "refill", "cache_alloc", "flush", "scavenge", "scavenge_some", "next_gen")
    chosen = rng.choices(names, [getattr(mix, name) for name in names], k=calls)
    for name in chosen:
        yield name, int(rng.random() * 1_000_003), int(rng.random() * 1_000_003)


class History:
    """One history in progress: the text, and the abstract allocator beside it."""

    def __init__(
        self, geometry: Geometry, heap_class: type[Runtime] = Runtime, release: Release = NEWEST, mix: Mix | None = None
    ) -> None:
        """Begin with no memory. heap_class: whose page allocator it is."""
        self.geometry, self.mix = geometry, mix or Mix()
        self.heap = StandingAlone(geometry, release, heap_class)
        self.model = AbstractPages(geometry.pages_per_block)
        self.base = geometry.heap_base
        self.next_chunk = 0
        self.live: list[tuple[int, int]] = []
        """What was allocated: (its first page, pages), counted from `base`."""
        self.caches: list[PageCache] = [EMPTY] * CACHES
        self.model_caches = [(-1, 0, 0)] * CACHES
        self.calls = 0
        self.kinds: dict[str, Callable[[int, int], None]] = {
            name: getattr(self, f"_{name}") for name in ("alloc", "free", "refill", "cache_alloc", "flush", "next_gen")
        } | {"scavenge": self._scavenge, "scavenge_some": self._scavenge_some}

    def call(self, call: Call) -> None:
        """Make one call on both.

        Raises:
            DifferenceError: the two do not agree.

        """
        name, a, b = call
        self.calls += 1
        self.kinds[name](a, b)

    def _same(self, said: str, found: object, expected: object) -> None:
        if found != expected:
            raise DifferenceError(f"call {self.calls}: {said} gives {found}, the abstract allocator {expected}")

    def _address(self, page: int) -> int:
        return self.base + page * self.geometry.page_size

    def _page(self, address: int) -> int:
        return (address - self.base) // self.geometry.page_size if address else -1

    def _size(self, a: int, b: int) -> int:
        """Mostly few pages, now and then many."""
        if a % 10 < 8:
            return b % min(16, self.mix.most_pages) + 1
        return b % self.mix.most_pages + 1

    def _alloc(self, a: int, b: int) -> None:
        npages, g = self._size(a, b), self.geometry
        addr, scav = self.heap.alloc(npages)
        page, expected = self.model.alloc(npages)
        self._same(f"alloc({npages})", (self._page(addr), scav), (page, expected * g.page_size))
        if page >= 0:
            self.live.append((page, npages))
        elif self.next_chunk + npages // g.pages_per_chunk < self.mix.most_chunks:
            self._grow(npages, gap=a % 7 == 0)

    def _grow(self, npages: int, *, gap: bool) -> None:
        """As the heap does: whole chunks, now and then not where the last ones end."""
        g = self.geometry
        self.next_chunk += gap
        chunks = -(-npages // g.pages_per_chunk)
        first = self.next_chunk * g.pages_per_chunk
        self.heap.grow(self._address(first), chunks * g.chunk_size)
        self.model.grow(first, chunks * g.pages_per_chunk)
        self.next_chunk += chunks

    def _free(self, a: int, _: int) -> None:
        if self.live:
            place = a % len(self.live)
            self.live[place], self.live[-1] = self.live[-1], self.live[place]
            page, npages = self.live.pop()
            self.heap.free(self._address(page), npages)
            self.model.free(page, npages)

    def _refill(self, a: int, _: int) -> None:
        k, g = a % CACHES, self.geometry
        if self.caches[k].empty():
            c = self.caches[k] = self.heap.alloc_to_cache()
            self.model_caches[k] = self.model.to_cache()
            self._same("alloc_to_cache", (self._page(c.base), c.cache, c.scav), self.model_caches[k])
            if c.empty() and self.next_chunk < self.mix.most_chunks:
                self._grow(g.pages_per_chunk, gap=False)

    def _cache_alloc(self, a: int, b: int) -> None:
        k, g = a % CACHES, self.geometry
        npages = b % max(g.pages_per_block // 4, 1) + 1
        self.caches[k], addr, scav = self.caches[k].alloc(npages, g)
        first, mine, marked = self.model_caches[k]
        one = AbstractPages(g.pages_per_block)
        one.exist, one.scavenged = mine, marked
        page, expected = one.alloc(npages)
        self.model_caches[k] = (first, mine & ~one.owned, one.scavenged)
        at = page + first if page >= 0 else -1
        self._same(f"cache.alloc({npages})", (self._page(addr), scav), (at, expected * g.page_size))
        if page >= 0:
            self.live.append((at, npages))

    def _flush(self, a: int, _: int) -> None:
        k = a % CACHES
        if not self.caches[k].empty():
            self.caches[k] = self.heap.flush(self.caches[k])
            self.model.flush(*self.model_caches[k])
        self.model_caches[k] = (-1, 0, 0)
        self.caches[k] = EMPTY

    def _scavenge(self, _a: int, _b: int) -> None:
        """All of it, by force: then nothing is left of what can be scavenged."""
        pages = self.model.to_scavenge(max(self.geometry.phys_page_size // self.geometry.page_size, 1))
        released = self.heap.scavenge(NO_LIMIT, force=True)
        self._same("scavenge of everything", released, pages.bit_count() * self.geometry.page_size)
        self.model.scavenged |= pages

    def _scavenge_some(self, a: int, b: int) -> None:
        """A part, in the background or by force: pages that can be scavenged, as many as it says."""
        g = self.geometry
        can = self.model.to_scavenge(max(g.phys_page_size // g.page_size, 1))
        released = self.heap.scavenge((b % 40 + 1) * g.page_size, force=not self.mix.background or a % 2 == 0)
        now = self.bits("scavenged")
        new = now & ~self.model.scavenged
        self._same("scavenge", released, new.bit_count() * g.page_size)
        self._same("pages scavenged that could not be", new & ~can, 0)
        self.model.scavenged |= new

    def _next_gen(self, _a: int, _b: int) -> None:
        self.heap.alone.run(self.heap.pages.index.next_gen())

    # Looking closely.

    def bits(self, which: str) -> int:
        """A bitmap of all chunks as one number, counted from `base`."""
        g, tree = self.geometry, self.heap.tree
        shift = g.chunk_index(self.base) * g.pages_per_chunk
        return sum(getattr(c, which).number << ci * g.pages_per_chunk - shift for ci, c in tree.chunks.items())

    def look(self) -> None:
        """Compare all state.

        Raises:
            DifferenceError: some of it does not agree.

        """
        g, tree, model = self.geometry, self.heap.tree, self.model
        self._same("the allocated pages", self.bits("alloc"), model.owned)
        self._same("the scavenged pages", self.bits("scavenged"), model.scavenged)
        free = model.exist & ~model.owned
        for level in range(g.summary_levels if model.exist else 0):
            pages = 1 << g.level_log_pages[level]
            first = g.off_addr_to_level_index(level, self.base)
            last = g.off_addr_to_level_index(level, self._address(max(free.bit_length(), 1) - 1))
            offset = self.base - g.level_index_to_off_addr(level, first)
            shifted = free << offset // g.page_size
            for i in range(first, last + 1):
                part = shifted >> (i - first) * pages & (1 << pages) - 1
                found = unpack(tree.summary[level].at(i), g.log_max_packed_value)
                self._same(f"summary[{level}][{i}]", found, runs(part, pages))
        lowest = self._address((free & -free).bit_length() - 1) if free else g.max_off_addr
        if tree.search_addr > lowest:
            raise DifferenceError(f"search_addr {tree.search_addr:#x} is above the free page at {lowest:#x}")
        if tree.search_addr != g.max_off_addr and not tree.in_use.contains(tree.search_addr):
            raise DifferenceError(f"search_addr {tree.search_addr:#x} is not in {tree.in_use}")
        self._look_at_index(model.to_scavenge(max(g.phys_page_size // g.page_size, 1)))

    def _look_at_index(self, can: int) -> None:
        g, index = self.geometry, self.heap.pages.index
        first = g.chunk_index(self.base)
        for ci in self.heap.tree.chunks:
            data, shift = self.heap.alone.run(index.load(ci)), (ci - first) * g.pages_per_chunk
            whole = (1 << g.pages_per_chunk) - 1
            self._same(f"in_use of chunk {ci}", data.in_use, (self.model.owned >> shift & whole).bit_count())
            if not data.flags & HAS_FREE and can >> shift & whole:
                raise DifferenceError(f"chunk {ci} says that it has nothing to scavenge")


def runs(bits: int, pages: int) -> tuple[int, int, int]:
    """How many ones stand at the start, in the longest run, and at the end."""
    digits = f"{bits:b}"[::-1]
    if len(digits) < pages:
        digits += "0"  # what follows is no longer looked at: it is not free
    pieces = digits.split("0")
    return len(pieces[0]), max(map(len, pieces)), len(pieces[-1])
