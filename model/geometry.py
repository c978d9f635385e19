"""The shape of the address space: page, chunk and arena sizes, and the arithmetic between addresses and pages.

Mirrors the constants of malloc.go and mpagealloc.go. The real shape and small ones are values of one class, so every
other module runs the same code on both. Read next: releases.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
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

    def __post_init__(self) -> None:
        """Refuse shapes that Go's own constants exclude."""
        if min(self.page_size, self.pages_per_chunk, self.pages_per_arena, self.arenas, self.first_arena) < 1:
            raise ValueError(f"geometry {self.name}: sizes must be positive")
        if self.arena_base_offset % self.arena_size or self.heap_base < 1:
            raise ValueError(f"geometry {self.name}: the heap must begin at an arena's border above address 0")
        if self.pages_per_arena % self.pages_per_chunk:
            raise ValueError(f"geometry {self.name}: an arena must be whole chunks")

    @property
    def arena_size(self) -> int:
        """Bytes of one arena (malloc.go, heapArenaBytes)."""
        return self.page_size * self.pages_per_arena

    @property
    def chunk_size(self) -> int:
        """Bytes of one chunk (mpagealloc.go, pallocChunkBytes)."""
        return self.page_size * self.pages_per_chunk

    @property
    def heap_base(self) -> int:
        """The lowest address of the heap."""
        return self.arena_base(self.first_arena)

    @property
    def heap_limit(self) -> int:
        """The first address after the heap."""
        return self.arena_base(self.first_arena + self.arenas)

    @property
    def arena_indices(self) -> range:
        """Every arena of the heap, as arena_index names them."""
        return range(self.first_arena, self.first_arena + self.arenas)

    @property
    def pages(self) -> range:
        """Every page of the heap, as page_index names them."""
        return range(self.heap_base // self.page_size, self.heap_limit // self.page_size)

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
)
"""The real constants of linux/amd64; two arenas of its address space, from 0xc000000000 on."""

SMALL = Geometry("2x4", 8, 4, 4, arenas=2)
"""Two arenas of four pages: the smallest in which regions cross arenas and are reused."""

BYTES = Geometry("2x8", 8, 8, 8, arenas=2)
"""Two arenas of eight pages: one byte of page_in_use each, so the page reclaimer can run."""

CHUNKED = Geometry("1x16", 8, 4, 16, arenas=1)
"""One arena of four chunks and two bytes of page_in_use: grows step by step."""

GEOMETRIES = (SMALL, BYTES, CHUNKED, GO_AMD64)
