"""Scavenging: free pages go back to the system, from the highest addresses down.

Mirrors the page-level part of mgcscavenge.go (1.21 and later): what to scavenge and how, not when. A scavenger holds
the heap lock to choose pages and to give them back; in between they are allocated, so that nobody else is given them.
Read next: sweep.py.
"""

from dataclasses import dataclass

from spanproof.impl.access import OUT_OF_RANGE, Cell, Throw
from spanproof.impl.os_memory import HEAP_RELEASED
from spanproof.impl.page_alloc import lower_search_addr, update_summaries
from spanproof.impl.page_cache import CachingPageAlloc, mark_scavenged
from spanproof.impl.page_tree import PageTree
from spanproof.impl.palloc_bits import PallocData, sum_max
from spanproof.model.geometry import Geometry
from spanproof.model.words import align_down, align_up, complement, leading_zeros

NO_LIMIT = (1 << 64) - 1
"""^uintptr(0): scavenge all that there is."""
HEAP_FREE: Cell[int] = Cell("gcController.heapFree")
MAX_PAGES_PER_PHYS_PAGE = 64
"""maxPagesPerPhysPage: 512 KiB."""


def fill_aligned(x: int, m: int, width: int) -> int:
    """x with every aligned group of m bits set that has a bit set (fillAligned).

    m: a power of two up to the width.
    """
    if m == 1:
        return x
    if m < 1 or m & m - 1 != 0 or m > width:
        raise Throw("bad m value")
    # In c all bits but the highest of each group are set: adding it to a group carries into the highest bit.
    ones = complement(0, width)
    highest = ones // ((1 << m) - 1) << m - 1
    c = complement(highest, width)
    x = complement((x & c) + c | x | c, width)
    # Now the highest bit of each group is set exactly if the group has none; spread it down.
    return complement(x - (x >> m - 1) | x, width)


def find_scavenge_candidate(m: PallocData, search_idx: int, minimum: int, most: int, g: Geometry) -> tuple[int, int]:
    """The highest run of pages at or below search_idx that are free and not scavenged: (its first page, pages).

    (0, 0) if there is none. Runs are whole groups of `minimum` pages, and of at most `most` pages, rounded up, unless
    a huge page of the system's would be broken (pallocData.findScavengeCandidate).
    """
    width = g.pages_per_block
    if minimum & minimum - 1 != 0 or minimum == 0:
        raise Throw("min must be a non-zero power of 2")
    if minimum > MAX_PAGES_PER_PHYS_PAGE:
        raise Throw("min too large")
    if not 0 <= search_idx < g.pages_per_chunk:
        raise Throw(OUT_OF_RANGE)
    # Work in whole groups, so that no alignment has to be looked at.
    most = minimum if most == 0 else align_up(most, minimum)
    blocks = [fill_aligned(s | a, minimum, width) for s, a in zip(m.scavenged.words, m.alloc.words, strict=True)]
    ones = complement(0, width)

    i = search_idx // width
    while i >= 0 and blocks[i] == ones:
        i -= 1
    if i < 0:
        return 0, 0
    # The highest zero of this word ends the run; see how far down it goes.
    x = blocks[i]
    z1 = leading_zeros(complement(x, width), width)
    end = i * width + (width - z1)
    rest = x << z1 & ones
    if rest != 0:
        run = leading_zeros(rest, width)
    else:
        run = width - z1
        for j in range(i - 1, -1, -1):
            x = blocks[j]
            run += leading_zeros(x, width)
            if x != 0:
                break

    size = min(run, most)
    start = end - size
    # Rather take a whole huge page than break it, if it is free and begins in the run.
    if g.phys_huge_page_size > g.page_size and g.phys_huge_page_size > g.phys_page_size:
        pages_per_huge_page = g.phys_huge_page_size // g.page_size
        huge_page_above = align_up(start, pages_per_huge_page)
        if huge_page_above <= end:
            huge_page_below = align_down(start, pages_per_huge_page)
            if huge_page_below >= end - run:
                size = size + (start - huge_page_below)
                start = huge_page_below
    return start, size


def take_candidate(p: PageTree, ci: int, search_idx: int, low: int, high: int) -> tuple[PageTree, tuple[int, int]]:
    """Allocate what is to be scavenged of a chunk, if there is any: (its first page, pages)."""
    g = p.geometry
    if sum_max(p.summary[-1].at(ci), g.log_max_packed_value) < low:
        return p, (0, 0)
    base, npages = find_scavenge_candidate(p.chunk_of(ci), search_idx, low, high, g)
    if npages == 0:
        return p, (0, 0)
    # While they are allocated nobody else is given them, and the lock can be let go.
    return p.with_chunk(ci, p.chunk_of(ci).alloc_range(base, npages)), (base, npages)


def give_back(p: PageTree, ci: int, base: int, npages: int) -> tuple[PageTree, None]:
    """Free pages of a chunk that were scavenged."""
    chunk = p.chunk_of(ci)
    return p.with_chunk(ci, PallocData(chunk.alloc.free(base, npages), chunk.scavenged)), None


@dataclass(frozen=True, slots=True)
class ScavengingPageAlloc(CachingPageAlloc):
    """type pageAlloc, whole."""

    heap_free: Cell[int] = HEAP_FREE
    """Bytes of free pages that were not returned to the system, those in page caches included."""
    heap_released: Cell[int] = HEAP_RELEASED
    """Bytes of free pages that were returned, or never had memory."""

    async def scavenge(self, nbytes: int, force: bool) -> int:
        """Return at least nbytes to the system, if there are so many: the bytes returned. No lock (pageAlloc.scavenge).

        force: take what the background scavenger leaves for later.
        """
        released = 0
        while released < nbytes:
            more, found = await self.scavenge_next(nbytes - released, force)
            if not found:
                break
            released += more
        return released

    async def scavenge_next(self, nbytes: int, force: bool) -> tuple[int, bool]:
        """Look for a chunk and scavenge it: (the bytes returned, whether there was one). A part of scavenge.

        No Go counterpart: between two chunks Go asks a function whether to stop.
        """
        ci, page_idx = await self.index.find(force)
        if ci == 0:
            return 0, False
        more = await self.scavenge_one(ci, page_idx, nbytes)
        return more, True

    async def scavenge_one(self, ci: int, search_idx: int, most: int) -> int:
        """Return pages of a chunk at or below search_idx to the system: the bytes returned, or 0 if there is nothing.

        The heap lock must not be held (pageAlloc.scavengeOne).
        """
        g = self.geometry
        # In pages, rounded up, and in whole pages of the system.
        max_pages = most // g.page_size
        if most % g.page_size != 0:
            max_pages += 1
        min_pages = g.phys_page_size // g.page_size
        if min_pages < 1:
            min_pages = 1

        await self.lock.lock()
        base, npages = await self.tree.update(take_candidate, ci, search_idx, min_pages, max_pages)
        if npages != 0:
            addr = g.chunk_base(ci) + base * g.page_size
            await self.tree.update(update_summaries, addr, npages, True, True)
            await self.lock.unlock()

            # The pages are ours: the system may take its time.
            await self.os.sys_unused(addr, npages * g.page_size)
            await self.heap_released.add(npages * g.page_size)
            await self.heap_free.add(-npages * g.page_size)

            await self.lock.lock()
            # Nobody else can have looked below without finding them allocated.
            await self.tree.update(lower_search_addr, addr)
            await self.tree.update(give_back, ci, base, npages)
            await self.tree.update(update_summaries, addr, npages, True, False)
            await self.tree.update(mark_scavenged, ci, base, npages)
            await self.lock.unlock()
            return npages * g.page_size
        # Nothing is left here; say so, that nobody else looks.
        await self.index.set_empty(ci)
        await self.lock.unlock()
        return 0
