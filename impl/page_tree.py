"""What the heap lock protects of the page allocator: bitmaps of chunks, and summaries of them in a radix tree.

Mirrors type pageAlloc of mpagealloc.go and mpagealloc_64bit.go, without the scavenge index, which threads also read
without the lock. The whole of it is one value in one cell; a function here is one step. Entries of a level are stored
once they are not 0, bitmaps once their chunk is the heap's. Read next: page_alloc.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from immutables import Map

from spanproof.impl.access import FAULT, Throw, Undefined
from spanproof.impl.palloc_bits import (
    NOT_FOUND,
    PageBits,
    PallocBits,
    PallocData,
    merge_summaries,
    pack_palloc_sum,
    unpack,
)
from spanproof.impl.ranges import AddrRange, AddrRanges, make_addr_range
from spanproof.model.geometry import Geometry
from spanproof.model.words import align_down, align_up

NOWHERE = AddrRanges()
PALLOC_SUM_BYTES = 8
"""pallocSumBytes."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of summaries: p.summary[level]."""

    blocks: Map[int, tuple[int, ...]]
    """What is stored: block b holds entries [b<<log_block, (b+1)<<log_block)."""
    log_block: int
    mapped: AddrRanges = NOWHERE
    """Where memory stands behind entries, as ranges of bytes from the first entry on."""

    def at(self, i: int) -> int:
        """Entry i.

        Raises:
            Throw: no memory stands behind it.

        """
        return self.block(i >> self.log_block)[i & (1 << self.log_block) - 1]

    def block(self, b: int) -> tuple[int, ...]:
        """A block of entries. Raises as `at` does."""
        stored = self.blocks.get(b)
        if stored is not None:
            return stored
        if not self.mapped.contains((b << self.log_block) * PALLOC_SUM_BYTES):
            raise Throw(FAULT)
        return (0,) * (1 << self.log_block)

    def entries(self, lo: int, hi: int) -> Iterator[tuple[int, int]]:
        """The entries from lo up to hi, each with its place; of blocks that are not stored only one entry, 0."""
        log, past = self.log_block, lo
        one = hi - lo <= 1 << log
        for b in (lo >> log,) if one else sorted(b for b in self.blocks if lo >> log <= b <= hi - 1 >> log):
            first = b << log
            if first > past:
                yield past, 0
            block = self.block(b)
            past = min(first + len(block), hi)
            for i in range(max(first, lo), past):
                yield i, block[i - first]
        if past < hi:
            yield past, 0

    def with_entry(self, i: int, total: int) -> "Level":
        """With another entry i. Raises as `at` does."""
        b, j = i >> self.log_block, i & (1 << self.log_block) - 1
        block = list(self.block(b))
        block[j] = total
        return Level(self.blocks.set(b, tuple(block)), self.log_block, self.mapped)

    def with_memory(self, need: AddrRange) -> "Level":
        """With memory behind more entries, which are 0 then, whatever they were (sysMap, sysUsed)."""
        lo, hi = need.base // PALLOC_SUM_BYTES >> self.log_block, need.limit // PALLOC_SUM_BYTES >> self.log_block
        blocks = self.blocks
        for b in [b for b in blocks if lo <= b < hi]:
            blocks = blocks.delete(b)
        return Level(blocks, self.log_block, self.mapped.add(need))


@dataclass(frozen=True, slots=True)
class Needed:
    """What has to be mapped for new summaries: bytes from the first entry of their level on."""

    ranges: tuple[AddrRange, ...]

    @property
    def count(self) -> int:
        """How many ranges there are, one of a level at most."""
        return len(self.ranges)

    def at(self, n: int) -> AddrRange:
        """The range in place n."""
        return self.ranges[n]


@dataclass(frozen=True, slots=True)
class PageTree:
    """The part of type pageAlloc that the heap lock protects."""

    geometry: Geometry = field(compare=False, repr=False)
    summary: tuple[Level, ...]
    """From the level whose entries sum up most to the one whose entries are chunks."""
    chunks: Map[int, PallocData]
    groups: frozenset[int] = frozenset()
    """The groups of chunks for whose bitmaps there is memory: places in p.chunks that are not nil."""
    search_addr: int = 0
    """All pages below it are allocated. It lies in `in_use`, or is the highest address."""
    start: int = 0
    end: int = 0
    """The chunks [start, end) are all that the heap ever had."""
    in_use: AddrRanges = NOWHERE
    """The ranges of addresses that were handed over."""
    arenas: frozenset[int] | None = None
    """The arenas that were reserved, as mheap_.arenas tells; None in a test, which has no heap (p.test)."""
    chunk_huge_pages: bool = False
    """Whether bitmaps of chunks may lie on huge pages of the system's."""

    def __str__(self) -> str:
        """The allocated and the scavenged pages, as runs of pages, counted from the heap's first chunk."""
        return f"alloc {self._runs('alloc')} of {self.in_use}, scavenged {self._runs('scavenged')}"

    def _runs(self, which: str) -> str:
        g, bits = self.geometry, 0
        first = self.start * g.pages_per_chunk
        for ci, chunk in self.chunks.items():
            bits |= getattr(chunk, which).number << ci * g.pages_per_chunk - first
        return str(PageBits((bits,), 0))

    def allocated(self, page: int) -> int:
        """Whether a page of the address space is allocated: 1 or 0. What the heap never had is not."""
        ci, i = divmod(page - self.geometry.page_index(self.geometry.min_off_addr), self.geometry.pages_per_chunk)
        chunk = self.chunks.get(ci)
        return 0 if chunk is None else chunk.alloc.get(i)

    # Chunks.

    def try_chunk_of(self, ci: int) -> PallocData | None:
        """The bitmaps of a chunk, or None if there is no memory for them (tryChunkOf)."""
        if ci >> self.geometry.chunks_l2_bits not in self.groups:
            return None
        stored = self.chunks.get(ci)
        return blank_chunk(self.geometry) if stored is None else stored

    def chunk_of(self, ci: int) -> PallocData:
        """The bitmaps of a chunk (chunkOf).

        Raises:
            Throw: there is no memory for them.

        """
        chunk = self.chunks.get(ci)
        if chunk is None:
            chunk = self.try_chunk_of(ci)
        if chunk is None:
            raise Throw(FAULT)
        return chunk

    def free_chunk(self, ci: int, si: int, npages: int) -> PallocData:
        """The bitmaps of a chunk whose pages [si, si+npages) are free; as chunk_of, which does not ask.

        Raises:
            Throw: there is no memory for them.
            Undefined: one of the pages is allocated, or the chunk is not the heap's.

        """
        chunk = self.chunk_of(ci)
        if self.chunks.get(ci) is None or chunk.alloc.popcnt_range(si, npages) != 0:
            raise Undefined(f"of {npages} pages of chunk {ci} from page {si} on, which are taken, one is not free")
        return chunk

    def with_chunk(self, ci: int, chunk: PallocData) -> "PageTree":
        """With other bitmaps of a chunk."""
        return self._with(self.summary, self.chunks.set(ci, chunk), self.search_addr)

    def _with(self, summary: tuple[Level, ...], chunks: Map[int, PallocData], search_addr: int) -> "PageTree":
        return PageTree(
            self.geometry, summary, chunks, self.groups, search_addr, self.start, self.end, self.in_use, self.arenas,
            self.chunk_huge_pages,
        )  # fmt: skip

    def with_search_addr(self, addr: int) -> "PageTree":
        """With another search address."""
        return self._with(self.summary, self.chunks, addr)

    # Growth.

    def add_arenas(self, first: int, narenas: int) -> "PageTree":
        """With more arenas that were reserved (a part of mheap.sysAlloc)."""
        known = self.arenas or frozenset()
        return replace(self, arenas=known.union(range(first, first + narenas)))

    def enable_huge_pages(self) -> "PageTree":
        """With bitmaps of chunks that may lie on huge pages."""
        return replace(self, chunk_huge_pages=True)

    def clone_in_use(self) -> AddrRanges:
        """A copy of the ranges of addresses that the heap has."""
        return self.in_use.clone_into(AddrRanges())

    def sys_grow(self, base: int, limit: int) -> tuple["PageTree", Needed]:
        """With memory behind the summaries of [base, limit): (the tree, what has to be mapped for it).

        See mpagealloc_64bit.go, sysGrow.

        Raises:
            Throw: the bounds are not those of chunks.
            Undefined: they leave the address space, or have its first chunk, of which nothing is ever found.

        """
        g = self.geometry
        if base < g.chunk_base(1) or limit > g.max_off_addr + 1:
            raise Undefined(f"[{base:#x}, {limit:#x}) is added, which no heap can have")
        if base % g.chunk_size != 0 or limit % g.chunk_size != 0:
            raise Throw("sysGrow bounds not aligned to pallocChunkBytes")
        levels = list(self.summary)
        needed: list[AddrRange] = []
        in_use_index = self.in_use.find_succ(base)
        for level in range(len(levels)):
            need = self._summary_bytes(level, make_addr_range(base, limit, g.arena_base_offset))
            # What the neighbours needed has memory already.
            if in_use_index > 0:
                need = need.subtract(self._summary_bytes(level, self.in_use.ranges[in_use_index - 1]))
            if in_use_index < len(self.in_use.ranges):
                need = need.subtract(self._summary_bytes(level, self.in_use.ranges[in_use_index]))
            if need.size() == 0:
                continue
            levels[level] = levels[level].with_memory(need)
            needed.append(need)
        return replace(self, summary=tuple(levels)), Needed(tuple(needed))

    def _summary_bytes(self, level: int, r: AddrRange) -> AddrRange:
        """The bytes of a level's summaries that a range of addresses needs, in whole pages of the system."""
        g = self.geometry
        lo, hi = g.addrs_to_summary_range(level, r.base, r.limit)
        block = 1 << g.level_bits[level]
        base = align_down(lo, block) * PALLOC_SUM_BYTES
        limit = align_up(hi, block) * PALLOC_SUM_BYTES
        return AddrRange(align_down(base, g.phys_page_size), align_up(limit, g.phys_page_size))

    def grow(self, base: int, limit: int) -> "PageTree":
        """With the chunks of [base, limit): free and scavenged, as no memory stands behind them (pageAlloc.grow).

        Summaries do not show them yet.

        Raises:
            Undefined: some of it is the heap's already.

        """
        g = self.geometry
        first_growth = self.start == 0
        start, end = g.chunk_index(base), g.chunk_index(limit)
        at = self.in_use.find_succ(limit - 1)
        if at > 0 and g.less_than(base, self.in_use.ranges[at - 1].limit):
            raise Undefined(f"[{base:#x}, {limit:#x}) grows over {self.in_use}")
        grown = replace(
            self,
            start=start if first_growth or start < self.start else self.start,
            end=max(end, self.end),
            in_use=self.in_use.add(make_addr_range(base, limit, g.arena_base_offset)),
            # What is new may be below what was searched.
            search_addr=base if g.less_than(base, self.search_addr) else self.search_addr,
        )
        chunks, groups = self.chunks, set(self.groups)
        for c in range(start, end):
            groups.add(c >> g.chunks_l2_bits)
            chunk = chunks.get(c, blank_chunk(g))
            chunks = chunks.set(c, replace(chunk, scavenged=chunk.scavenged.set_range(0, g.pages_per_chunk)))
        return replace(grown, chunks=chunks, groups=frozenset(groups))

    # Summaries.

    def update(self, base: int, npages: int, contig: bool, alloc: bool) -> "PageTree":
        """With summaries that show what the bitmaps of [base, base+npages*page_size) hold (pageAlloc.update).

        contig: all of these pages have just been allocated, or freed; alloc: which of the two.
        """
        g = self.geometry
        log_max = g.log_max_packed_value
        levels = list(self.summary)
        leaf = levels[-1]
        limit = base + npages * g.page_size - 1
        sc, ec = g.chunk_index(base), g.chunk_index(limit)
        if sc == ec:
            # In one chunk: if its summary stays, all others do.
            x = leaf.at(sc)
            y = self.chunk_of(sc).alloc.summarize(log_max)
            if x == y:
                return self
            leaf = leaf.with_entry(sc, y)
        elif contig:
            # Of the chunks between the first and the last we know the summaries.
            leaf = leaf.with_entry(sc, self.chunk_of(sc).alloc.summarize(log_max))
            whole = 0 if alloc else free_chunk_sum(g)
            for c in range(sc + 1, ec):
                leaf = leaf.with_entry(c, whole)
            leaf = leaf.with_entry(ec, self.chunk_of(ec).alloc.summarize(log_max))
        else:
            for c in range(sc, ec + 1):
                leaf = leaf.with_entry(c, self.chunk_of(c).alloc.summarize(log_max))
        levels[-1] = leaf
        # Walk up until nothing changes.
        changed, level = True, len(levels) - 2
        while level >= 0 and changed:
            changed = False
            lo, hi = g.addrs_to_summary_range(level, base, limit + 1)
            for i in range(lo, hi):
                total = merge_summaries(levels[level + 1].block(i), g.level_log_pages[level + 1], log_max)
                old = levels[level].at(i)
                if old != total:
                    changed = True
                    levels[level] = levels[level].with_entry(i, total)
            level -= 1
        return self._with(tuple(levels), self.chunks, self.search_addr)

    # Searching.

    def find_mapped_addr(self, addr: int) -> int:
        """The lowest address that is not below this one and is the heap's, or the highest (findMappedAddr).

        In a heap an address of an arena is taken to be the heap's; of the first arena it may not be (random_heap_base).
        """
        ai = self.geometry.arena_index(addr)
        if self.arenas is None or ai not in self.arenas:
            found, ok = self.in_use.find_addr_greater_equal(addr)
            if ok:
                return found
            return self.geometry.max_off_addr
        return addr

    def find(self, npages: int) -> tuple[int, int]:
        """The lowest npages free pages in a row: (their address or 0, a new search address) (pageAlloc.find).

        Raises:
            Throw: summaries and bitmaps do not agree.

        """
        g = self.geometry
        log_max = g.log_max_packed_value
        i = 0
        first_free = (g.min_off_addr, g.max_off_addr)
        for level in range(len(self.summary)):
            # i is the first entry of the block that belongs to the entry that was chosen one level up.
            log_max_pages = g.level_log_pages[level]
            i <<= g.level_bits[level]
            entries_per_block = 1 << g.level_bits[level]
            # Skip what lies below the search address.
            j0 = 0
            search_idx = g.off_addr_to_level_index(level, self.search_addr)
            if search_idx & ~(entries_per_block - 1) == i:
                j0 = search_idx & entries_per_block - 1
            base, size, chosen = 0, 0, NOT_FOUND
            for place, total in self.summary[level].entries(i + j0, i + entries_per_block):
                if total == 0:
                    # Nothing is free: a run ends here.
                    size = 0
                    continue
                # The first free page lies in here, unless one was found further down.
                pages = 1 << log_max_pages
                first_free = self._found_free(first_free, g.level_index_to_off_addr(level, place), pages * g.page_size)
                s, most, end = unpack(total, log_max)
                if size + s >= npages:
                    # It fits into what came before and the start of this one.
                    if size == 0:
                        base = place - i << log_max_pages
                    size += s
                    break
                if most >= npages:
                    # It lies inside: look there.
                    chosen = place
                    break
                if size == 0 or s < pages:
                    # Not all of it is free: only its end may go on.
                    size = end
                    base = (place - i + 1 << log_max_pages) - size
                    continue
                size += pages
            if chosen != NOT_FOUND:
                i = chosen
                continue
            if size >= npages:
                # It crosses a border, so it is known where it begins.
                addr = g.level_index_to_off_addr(level, i) + base * g.page_size
                return addr, self.find_mapped_addr(first_free[0])
            if level == 0:
                return 0, g.max_off_addr
            raise Throw("bad summary data")
        ci = i
        j, search_idx = self.chunk_of(ci).alloc.find(npages, 0)
        if j == NOT_FOUND:
            raise Throw("bad summary data")
        addr = g.chunk_base(ci) + j * g.page_size
        search_addr = g.chunk_base(ci) + search_idx * g.page_size
        first_free = self._found_free(first_free, search_addr, g.chunk_base(ci + 1) - search_addr)
        return addr, self.find_mapped_addr(first_free[0])

    def _found_free(self, first_free: tuple[int, int], addr: int, size: int) -> tuple[int, int]:
        """Narrow down where the first free page lies: in [base, bound], bound included (find's foundFree)."""
        g, (base, bound) = self.geometry, first_free
        if g.less_equal(base, addr) and g.less_equal(addr + size - 1, bound):
            return addr, addr + size - 1
        if not (g.less_than(addr + size - 1, base) or g.less_than(bound, addr)):
            raise Throw("range partially overlaps")
        return first_free


def blank_chunk(g: Geometry) -> PallocData:
    """The bitmaps of a chunk as memory comes from the system: all bits 0."""
    words = (0,) * (g.pages_per_chunk // g.pages_per_block)
    return PallocData(PallocBits(words, g.pages_per_block), PageBits(words, g.pages_per_block))


def free_chunk_sum(g: Geometry) -> int:
    """The summary of a chunk that is all free (freeChunkSum)."""
    n = g.pages_per_chunk
    return pack_palloc_sum(n, n, n, g.log_max_packed_value)


def fresh_tree(g: Geometry, test: bool) -> PageTree:
    """A page allocator that has no memory yet (pageAlloc.init).

    Raises:
        Throw: a summary of the first level cannot hold as many pages as an entry has.

    """
    if g.level_log_pages[0] > g.log_max_packed_value:
        raise Throw("root level max pages doesn't fit in summary")
    levels = tuple(Level(Map(), min(bits, g.summary_level_bits)) for bits in g.level_bits)
    return PageTree(g, levels, Map(), search_addr=g.max_off_addr, arenas=None if test else frozenset())
