"""The shape of the address space: page, chunk and arena sizes, and the arithmetic between addresses and pages.

Mirrors the constants of malloc.go and mpagealloc.go. The real shape and small ones are values of one class, so every
other module runs the same code on both. Read next: releases.py.
"""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)  # no slots: what is computed from the sizes is computed once
class Geometry:
    """Sizes of one heap. Addresses and `*_size` are bytes; everything named pages is a number of pages.

    The first arena begins at `heap_base`, never at 0: address 0 stands for "no memory", as in Go.
    """

    name: str
    page_size: int
    pages_per_chunk: int
    pages_per_arena: int
    arenas: int
    spans: int = 0
    """How many mspan structures the pool holds. A program gives each of its allocations one."""
    pages_per_reclaimer_chunk: int = 8
    """Pages that one claim of the page reclaimer covers (mheap.go, pagesPerReclaimerChunk)."""
    first_arena: int = 1
    """The index of the heap's first arena."""
    arena_base_offset: int = 0
    """The address at which arena 0 would begin, in bytes (malloc.go, arenaBaseOffset)."""
    pages_per_block: int = 4
    """Pages that one word of a bitmap covers, and one page cache: 64 in Go (mpagecache.go, pageCachePages)."""
    heap_addr_bits: int = 8
    """The address space is 1 << heap_addr_bits bytes (malloc.go, heapAddrBits)."""
    summary_levels: int = 2
    """Levels of summaries, the bitmaps below them not counted (mpagealloc_64bit.go, summaryLevels)."""
    summary_level_bits: int = 1
    """An entry of a level above the last sums up 1 << summary_level_bits of the next (mpagealloc.go)."""
    chunks_l1_bits: int = 0
    """The bitmaps of chunks are allocated in groups, 1 << chunks_l1_bits at most (pallocChunksL1Bits)."""
    phys_page_size: int = 8
    """Bytes of a page of the system's (malloc.go, physPageSize); may be less than a page of the heap's, or more."""
    phys_huge_page_size: int = 0
    """Bytes of a huge page of the system's, or 0 if it has none (malloc.go, physHugePageSize)."""
    ps: int = 0
    """How many Ps there are. A program whose threads run on Ps gives each of them one."""
    mspan_cache: int = 2
    """How many mspans a P keeps: 128 in Go (runtime2.go, p.mspancache)."""
    arena_gap: int = 0
    """Arenas between two reservations that are not the heap's: the system gives no neighbours then."""
    first_sweepgen: int = 0
    """The sweep generation with which the heap begins, an even number: 0 in Go. A uint32; near 2**32 it soon wraps."""
    heap_rand_seed: int = 0
    """The random number that places the first pages of the heap, lowest bits first (malloc.go, heapRandSeed)."""

    def __post_init__(self) -> None:
        """Refuse shapes that Go's own constants exclude."""
        sizes = (self.page_size, self.pages_per_block, self.pages_per_chunk, self.pages_per_arena)
        if min(*sizes, self.arenas, self.first_arena, self.summary_levels) < 1:
            raise ValueError(f"geometry {self.name}: sizes must be positive")
        if self.arena_base_offset % self.arena_size or self.heap_base < 1:
            raise ValueError(f"geometry {self.name}: the heap must begin at an arena's border above address 0")
        if self.pages_per_arena % self.pages_per_chunk:
            raise ValueError(f"geometry {self.name}: an arena must be whole chunks")
        if self.pages_per_chunk % self.pages_per_block:
            raise ValueError(f"geometry {self.name}: a chunk must be whole blocks of pages")
        if any(size & size - 1 for size in (self.chunk_size, self.page_size, self.pages_per_block)):
            raise ValueError(f"geometry {self.name}: the sizes of a page, a block and a chunk must be powers of two")
        if self.heap_limit > self.arena_base_offset + (1 << self.heap_addr_bits) or self.summary_l0_bits < 1:
            raise ValueError(f"geometry {self.name}: the heap must lie in its address space")

    @cached_property
    def arena_size(self) -> int:
        """Bytes of one arena (malloc.go, heapArenaBytes)."""
        return self.page_size * self.pages_per_arena

    @cached_property
    def chunk_size(self) -> int:
        """Bytes of one chunk (mpagealloc.go, pallocChunkBytes)."""
        return self.page_size * self.pages_per_chunk

    @cached_property
    def heap_base(self) -> int:
        """The lowest address of the heap."""
        return self.arena_base(self.first_arena)

    @cached_property
    def heap_limit(self) -> int:
        """The first address after the heap."""
        return self.arena_base(self.first_arena + self.arenas)

    @cached_property
    def arena_indices(self) -> range:
        """Every arena of the heap, as arena_index names them."""
        return range(self.first_arena, self.first_arena + self.arenas)

    @cached_property
    def pages(self) -> range:
        """Every page of the heap, as page_index names them."""
        return range(self.heap_base // self.page_size, self.heap_limit // self.page_size)

    # Chunks and summaries (mpagealloc.go).

    @cached_property
    def log_chunk_size(self) -> int:
        """Binary logarithm of chunk_size (logPallocChunkBytes)."""
        return self.chunk_size.bit_length() - 1

    @cached_property
    def summary_l0_bits(self) -> int:
        """Binary logarithm of the number of entries of the first level (summaryL0Bits)."""
        return self.heap_addr_bits - self.log_chunk_size - (self.summary_levels - 1) * self.summary_level_bits

    @cached_property
    def chunks_l2_bits(self) -> int:
        """Binary logarithm of the chunks whose bitmaps are allocated together (pallocChunksL2Bits)."""
        return self.heap_addr_bits - self.log_chunk_size - self.chunks_l1_bits

    @cached_property
    def level_bits(self) -> tuple[int, ...]:
        """Per level: binary logarithm of the entries that belong to one entry of the level above (levelBits)."""
        return (self.summary_l0_bits,) + (self.summary_level_bits,) * (self.summary_levels - 1)

    @cached_property
    def level_shift(self) -> tuple[int, ...]:
        """Per level: binary logarithm of the bytes that an entry sums up (levelShift)."""
        below = range(self.summary_levels - 1, -1, -1)
        return tuple(self.log_chunk_size + level * self.summary_level_bits for level in below)

    @cached_property
    def level_log_pages(self) -> tuple[int, ...]:
        """Per level: binary logarithm of the pages that an entry sums up (levelLogPages)."""
        log_page_size = self.page_size.bit_length() - 1
        return tuple(shift - log_page_size for shift in self.level_shift)

    @cached_property
    def log_max_packed_value(self) -> int:
        """Binary logarithm of the largest number that a summary holds (logMaxPackedValue)."""
        return self.pages_per_chunk.bit_length() - 1 + (self.summary_levels - 1) * self.summary_level_bits

    @cached_property
    def log_scav_chunk_in_use_max(self) -> int:
        """Bits that hold any number of pages of a chunk, all of them included (logScavChunkInUseMax)."""
        return self.pages_per_chunk.bit_length()

    @cached_property
    def scav_chunk_hi_occ_pages(self) -> int:
        """Pages from which on a chunk counts as densely used (scavChunkHiOccPages: 0.96875 of them)."""
        return self.pages_per_chunk * 31 // 32

    @cached_property
    def min_off_addr(self) -> int:
        """The lowest address (mranges.go, minOffAddr)."""
        return self.arena_base_offset

    @cached_property
    def max_off_addr(self) -> int:
        """The highest address (mranges.go, maxOffAddr)."""
        return self.arena_base_offset + (1 << self.heap_addr_bits) - 1

    def chunk_index(self, address: int) -> int:
        """The chunk that holds an address (chunkIndex)."""
        return (address - self.arena_base_offset) // self.chunk_size

    def chunk_base(self, chunk: int) -> int:
        """The address of a chunk's first byte (chunkBase)."""
        return chunk * self.chunk_size + self.arena_base_offset

    def chunk_page_index(self, address: int) -> int:
        """The page within its chunk that holds an address (chunkPageIndex)."""
        return address % self.chunk_size // self.page_size

    def off_addr_to_level_index(self, level: int, address: int) -> int:
        """The entry of a level that covers an address (offAddrToLevelIndex)."""
        return address - self.arena_base_offset >> self.level_shift[level]

    def level_index_to_off_addr(self, level: int, index: int) -> int:
        """The first address that an entry of a level covers (levelIndexToOffAddr)."""
        return (index << self.level_shift[level]) + self.arena_base_offset

    def addrs_to_summary_range(self, level: int, base: int, limit: int) -> tuple[int, int]:
        """The entries [lo, hi) of a level that cover [base, limit) (addrsToSummaryRange)."""
        shift = self.level_shift[level]
        return base - self.arena_base_offset >> shift, (limit - 1 - self.arena_base_offset >> shift) + 1

    def less_than(self, a: int, b: int) -> bool:
        """Whether an address is below another, from the lowest address on (mranges.go, offAddr.lessThan)."""
        return a - self.arena_base_offset < b - self.arena_base_offset

    def less_equal(self, a: int, b: int) -> bool:
        """Whether an address is below another or the same (mranges.go, offAddr.lessEqual)."""
        return a - self.arena_base_offset <= b - self.arena_base_offset

    # Arenas and pages (mheap.go).

    def arena_index(self, address: int) -> int:
        """The arena that holds an address (mheap.go, arenaIndex)."""
        return (address - self.arena_base_offset) // self.arena_size

    def arena_base(self, arena: int) -> int:
        """The address of an arena's first byte (mheap.go, arenaBase)."""
        return arena * self.arena_size + self.arena_base_offset

    def first_page(self, arena: int) -> int:
        """The page with which an arena begins, counted from address 0."""
        return arena * self.pages_per_arena + self.arena_base_offset // self.page_size

    def page_index(self, address: int) -> int:
        """The page that holds an address, counted from address 0."""
        return address // self.page_size

    def page_base(self, page: int) -> int:
        """The address of a page's first byte."""
        return page * self.page_size


AMD64_OFFSET = -(1 << 47)
"""amd64's 0xffff800000000000: addresses are signed there, and arena 0 begins at the lowest (malloc.go)."""

GO_AMD64 = Geometry(
    "go-amd64",
    8192,
    512,
    8192,
    arenas=2,
    pages_per_reclaimer_chunk=512,
    first_arena=(0xC000000000 - AMD64_OFFSET) >> 26,
    arena_base_offset=AMD64_OFFSET,
    pages_per_block=64,
    heap_addr_bits=48,
    summary_levels=5,
    summary_level_bits=3,
    chunks_l1_bits=13,
    phys_page_size=4096,
    phys_huge_page_size=2 << 20,
    mspan_cache=128,
)
"""The real constants of linux/amd64; two arenas of its address space, from 0xc000000000 on."""

SMALL = Geometry("2x4", 8, 4, 4, arenas=2)
"""Two arenas of four pages: the smallest in which regions cross arenas and are reused."""

BYTES = Geometry("2x8", 8, 8, 8, arenas=2)
"""Two arenas of eight pages: one byte of page_in_use each, so the page reclaimer can run."""

CHUNKED = Geometry("1x16", 8, 4, 16, arenas=1)
"""One arena of four chunks and two bytes of page_in_use: grows step by step."""

CACHED = Geometry("2x8, cached", 8, 8, 8, arenas=2, pages_per_block=8)
"""Two arenas of one chunk, which is one block of eight pages: a P allocates single pages from its cache."""

WIDE = Geometry("1x32, cached", 8, 16, 32, arenas=1, pages_per_block=8, heap_addr_bits=9)
"""One arena of two chunks, each two blocks of eight pages."""

GEOMETRIES = (SMALL, BYTES, CHUNKED, CACHED, WIDE, GO_AMD64)
