"""Where there may be memory to scavenge: a word for each chunk, and two cursors that move down.

Mirrors the scavenge index of mgcscavenge.go (1.21 and later). Who allocates and frees changes the words under the heap
lock; scavengers read them without it. Read next: scavenge.py.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from immutables import Map

from spanproof.impl.access import FAULT, Cell, Cells, Throw
from spanproof.impl.os_memory import OsMemory
from spanproof.impl.ranges import AddrRange, AtomicOffAddr
from spanproof.model.geometry import Geometry
from spanproof.model.words import align_down, align_up

HAS_FREE = 1
"""scavChunkHasFree: there may be free pages that are not scavenged."""
MAX_FLAGS = 6
"""scavChunkMaxFlags."""
GENERATIONS = 1 << 32
"""After so many the count begins anew: Go's is a uint32."""
SC_SIZE = 8
"""Bytes of a word."""
Words = Map[int, int]
"""The words of chunks that lie in one page of the system's, those that are 0 left out."""


def store_word(words: Words | None, place: int, word: int) -> tuple[Words, None]:
    """Store one word of a page; None is a page that is not mapped."""
    if words is None:
        raise Throw(FAULT)
    return words.set(place, word), None


@dataclass(frozen=True, slots=True)
class ScavChunkData:
    """type scavChunkData: what one word says of a chunk."""

    in_use: int
    """Pages that are allocated now; those that are just being scavenged do not count."""
    last_in_use: int
    """in_use when the last generation ended in which it changed."""
    gen: int
    """The generation in which it changed last."""
    flags: int

    def pack(self, g: Geometry) -> int:
        """As a word."""
        log = g.log_scav_chunk_in_use_max
        return self.in_use | self.last_in_use << 16 | self.flags << 16 + log | self.gen << 32

    def should_scavenge(self, g: Geometry, curr_gen: int, force: bool) -> bool:
        """Whether the chunk is worth a look (shouldScavenge)."""
        if self.flags & HAS_FREE == 0:
            return False
        if force:
            return True
        if self.gen == curr_gen:
            return self.in_use < g.scav_chunk_hi_occ_pages and self.last_in_use < g.scav_chunk_hi_occ_pages
        # Nothing changed since the last generation, so in_use is what it was then.
        return self.in_use < g.scav_chunk_hi_occ_pages

    def alloc(self, g: Geometry, npages: int, new_gen: int) -> "ScavChunkData":
        """After npages of it were allocated."""
        if self.in_use + npages > g.pages_per_chunk:
            raise Throw("too many pages allocated in chunk?")
        data = self._in_gen(new_gen)
        in_use = data.in_use + npages
        flags = data.flags & ~HAS_FREE if in_use == g.pages_per_chunk else data.flags
        return ScavChunkData(in_use, data.last_in_use, data.gen, flags)

    def free(self, npages: int, new_gen: int) -> "ScavChunkData":
        """After npages of it were freed."""
        if self.in_use < npages:
            raise Throw("allocated pages below zero?")
        data = self._in_gen(new_gen)
        return ScavChunkData(data.in_use - npages, data.last_in_use, data.gen, data.flags | HAS_FREE)

    def _in_gen(self, new_gen: int) -> "ScavChunkData":
        if self.gen != new_gen:
            return ScavChunkData(self.in_use, self.in_use, new_gen, self.flags)
        return self


def unpack_scav_chunk_data(sc: int, g: Geometry) -> ScavChunkData:
    """What a word says (unpackScavChunkData)."""
    log = g.log_scav_chunk_in_use_max
    last_in_use = sc >> 16 & 0xFFFF & (1 << log) - 1
    return ScavChunkData(sc & 0xFFFF, last_in_use, sc >> 32, sc >> 16 + log & 0xFF & (1 << MAX_FLAGS) - 1)


def index_cells(
    g: Geometry, cursor: type[AtomicOffAddr] = AtomicOffAddr
) -> tuple[Cells[Words | None], Cell[int], Cell[int], Cell[int], AtomicOffAddr, AtomicOffAddr, Cell[int], Cell[int]]:
    """The cells of an index, in the order of its fields. cursor: what cursors are, in a copy of this module."""
    bg, force = (cursor(Cell(f"scav.searchAddr{name}"), g.min_off_addr) for name in ("Bg", "Force"))
    words: Cells[Words | None] = Cells("scav.chunks")
    low: Cell[int] = Cell("scav.min")
    high: Cell[int] = Cell("scav.max")
    least: Cell[int] = Cell("scav.minHeapIdx")
    return words, low, high, least, bg, force, Cell("scav.freeHWM"), Cell("scav.gen")


@dataclass(frozen=True, slots=True)
class ScavengeIndex:
    """type scavengeIndex."""

    Cursor: ClassVar[type[AtomicOffAddr]] = AtomicOffAddr
    geometry: Geometry
    os: OsMemory
    chunks: Cells[Words | None]
    """Per page of the system's: for each chunk a packed ScavChunkData. Changed under the heap lock, loaded without."""
    low: Cell[int]
    high: Cell[int]
    """Memory stands behind the words of the chunks [low, high): Go's min and max."""
    min_heap_idx: Cell[int]
    """The lowest chunk that the heap ever had; 0 before it had one."""
    search_addr_bg: AtomicOffAddr
    """Where the background scavenger goes on, downwards. Raised by next_gen alone."""
    search_addr_force: AtomicOffAddr
    """Where forced scavenging goes on, downwards. Raised by each free above it."""
    free_hwm: Cell[int]
    """The highest address that was freed in this generation. Under the heap lock, or with the world stopped."""
    gen: Cell[int]
    """The generation: += 1 in each cycle, with the world stopped; a uint32."""

    def fresh(self) -> dict[Cell[Any], Any]:
        """Its cells and their values before the heap has memory, those that the heap's arenas need (init)."""
        g, per_page = self.geometry, self.per_page
        pages = range(g.chunk_index(g.heap_base) // per_page, -(-g.chunk_index(g.heap_limit) // per_page))
        words: tuple[Cell[int], ...] = (self.low, self.high, self.min_heap_idx, self.gen)
        cells: dict[Cell[Any], Any] = {word: 0 for word in words}  # noqa: C420  # as all cells are made
        cells |= {self.search_addr_bg.a: 0, self.search_addr_force.a: 0, self.free_hwm: g.min_off_addr}
        return cells | {self.chunks.at(page): None for page in pages}

    @property
    def per_page(self) -> int:
        """How many words lie in one page of the system's."""
        return self.geometry.phys_page_size // SC_SIZE

    async def grow(self, base: int, limit: int) -> None:
        """Note new chunks. The heap lock must be held (scavengeIndex.grow)."""
        min_heap_idx = await self.min_heap_idx.load()
        base_idx = self.geometry.chunk_index(base)
        if min_heap_idx == 0 or base_idx < min_heap_idx:
            await self.min_heap_idx.store(base_idx)
        await self.sys_grow(base, limit)

    async def sys_grow(self, base: int, limit: int) -> None:
        """Have memory behind the words of new chunks, which are 0 then, whatever they were (mpagealloc_64bit.go)."""
        g = self.geometry
        if base % g.chunk_size != 0 or limit % g.chunk_size != 0:
            raise Throw("sysGrow bounds not aligned to pallocChunkBytes")
        have_min = await self.low.load()
        have_max = await self.high.load()
        need_min = align_down(g.chunk_index(base), self.per_page)
        need_max = align_up(g.chunk_index(limit), self.per_page)
        # What lies between the new part and what there is comes along.
        if need_max < have_min:
            need_max = have_min
        if have_max != 0 and need_min > have_max:
            need_min = have_max
        have = AddrRange(have_min * SC_SIZE, have_max * SC_SIZE)
        need = AddrRange(need_min * SC_SIZE, need_max * SC_SIZE).subtract(have)
        if need.size() != 0:
            await self.os.sys_map_os(need.base, need.size())
            page = need.base // SC_SIZE // self.per_page
            while page * self.per_page * SC_SIZE < need.limit:
                await self.chunks.at(page).write(Map())
                page += 1
            if have_max == 0 or need_min < have_min:
                await self.low.store(need_min)
            if need_max > have_max:
                await self.high.store(need_max)

    async def find(self, force: bool) -> tuple[int, int]:
        """The highest chunk worth scavenging: (its index, the page from which on to look down), or (0, 0).

        No lock (scavengeIndex.find).
        """
        g = self.geometry
        cursor = self.search_addr_bg
        if force:
            cursor = self.search_addr_force
        search_addr, marked = await cursor.load()
        if search_addr == g.min_off_addr:
            # It was cleared: nothing is left.
            return 0, 0
        gen = await self.gen.read()
        low = await self.min_heap_idx.load()
        start = g.chunk_index(search_addr)
        i = start
        while i >= low:
            sc = await self.load(i)
            if sc.should_scavenge(g, gen, force):
                if i == start:
                    return i, g.chunk_page_index(search_addr)
                # The cursor moves down to the end of this chunk. A marked one was raised since we began, or before.
                new_search_addr = g.chunk_base(i) + g.chunk_size - g.page_size
                if marked:
                    await cursor.store_unmark(search_addr, new_search_addr)
                else:
                    await cursor.store_min(new_search_addr)
                return i, g.pages_per_chunk - 1
            i -= 1
        # The whole heap was looked at, and nothing is there.
        await cursor.clear()
        return 0, 0

    async def alloc(self, ci: int, npages: int) -> None:
        """Note that npages of a chunk were allocated. The heap lock must be held (scavengeIndex.alloc)."""
        sc = await self.load(ci)
        gen = await self.gen.read()
        await self.store(ci, sc.alloc(self.geometry, npages, gen))

    async def free(self, ci: int, page: int, npages: int) -> None:
        """Note that npages of a chunk from `page` on were freed. The heap lock must be held (scavengeIndex.free)."""
        g = self.geometry
        sc = await self.load(ci)
        gen = await self.gen.read()
        await self.store(ci, sc.free(npages, gen))

        addr = g.chunk_base(ci) + (page + npages - 1) * g.page_size
        free_hwm = await self.free_hwm.read()
        if g.less_than(free_hwm, addr):
            await self.free_hwm.write(addr)
        # Forced scavenging must find it. Racing with find is fine: the mark keeps find from lowering it again.
        search_addr, _ = await self.search_addr_force.load()
        if g.less_than(search_addr, addr):
            await self.search_addr_force.store_marked(addr)

    async def next_gen(self) -> None:
        """Begin a generation. The world must be stopped (scavengeIndex.nextGen)."""
        gen = await self.gen.read()
        await self.gen.write((gen + 1) % GENERATIONS)
        search_addr, _ = await self.search_addr_bg.load()
        free_hwm = await self.free_hwm.read()
        if self.geometry.less_than(search_addr, free_hwm):
            await self.search_addr_bg.store_marked(free_hwm)
        await self.free_hwm.write(self.geometry.min_off_addr)

    async def set_empty(self, ci: int) -> None:
        """Note that nothing of a chunk can be scavenged. The heap lock must be held (scavengeIndex.setEmpty)."""
        sc = await self.load(ci)
        await self.store(ci, replace(sc, flags=sc.flags & ~HAS_FREE))

    async def load(self, ci: int) -> ScavChunkData:
        """What the word of a chunk says (mgcscavenge.go, atomicScavChunkData.load).

        Raises:
            Throw: no memory stands behind it.

        """
        words = await self.chunks.at(ci // self.per_page).load()
        if words is None:
            raise Throw(FAULT)
        return unpack_scav_chunk_data(words.get(ci % self.per_page, 0), self.geometry)

    async def store(self, ci: int, sc: ScavChunkData) -> None:
        """Have the word of a chunk say something else (mgcscavenge.go, its store)."""
        await self.chunks.at(ci // self.per_page).update(store_word, ci % self.per_page, sc.pack(self.geometry))
