"""The words that threads share: the fields of Go's mheap, heapArena and memstats that the page heap reads.

No algorithm stands here. `HeapCells.fresh` is the heap as mheap.init leaves it. Read next: os_memory.py.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from spanproof.impl import os_memory, scavenge, scavenge_index
from spanproof.impl.access import Cell, Cells, Lock, World
from spanproof.impl.page_cache import EMPTY, PageCache
from spanproof.impl.span import ALLOC_HEAP, ALLOC_STACK, ALLOC_WORK_BUF, DEAD, FIELDS, Span
from spanproof.model.geometry import Geometry
from spanproof.model.releases import Release

HEAP_LOCK = "heap.lock"
RECLAIM_DONE = 1 << 63
SWEEP_DRAINED_MASK = 1 << 31
GC_OFF, GC_MARK = 0, 1
"""_GCoff, _GCmark."""


@dataclass(frozen=True, slots=True)
class CurArena:
    """curArena: the part [base, end) of the newest arena that has not been given to the page allocator."""

    base: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class ArenaList:
    """allArenas, sweepArenas: the arenas that exist, in the order in which they were made."""

    indices: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.indices)

    def at(self, n: int) -> int:
        """The arena index in place n."""
        return self.indices[n]


@dataclass(frozen=True, slots=True)
class SpanSet:
    """spanSet: a stack of spans that threads push to and pop from without the heap lock, one call one step."""

    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class MspanCache:
    """mspancache: mspans that a P keeps, the last one given first."""

    spans: tuple[Span, ...] = ()


class HeapCells:
    """Geometry, release and cells of one heap. Frozen after construction: all state lives in the cells.

    One object is the heap as one thread sees it: what Go reads from getg() stands here.
    """

    PageAlloc: ClassVar[type[scavenge.ScavengingPageAlloc]] = scavenge.ScavengingPageAlloc
    ScavengeIndex: ClassVar[type[scavenge_index.ScavengeIndex]] = scavenge_index.ScavengeIndex
    OsMemory: ClassVar[type[os_memory.OsMemory]] = os_memory.OsMemory
    _frozen = False

    def __init__(
        self,
        geometry: Geometry,
        release: Release,
        *,
        tracing: bool = False,
        preemptible: bool = False,
        has_p: bool = False,
        p: int = 0,
        memory_limit: int = scavenge.NO_LIMIT,
        gc_percent_goal: int = scavenge.NO_LIMIT,
        aligned_stacks: bool = False,
        reservations: int = os_memory.ALWAYS,
        mappings: int = os_memory.ALWAYS,
        unused_zeroes: bool = True,
    ) -> None:
        """Name the cells.

        tracing: reclaim_chunk tells an execution tracer what it swept.
        preemptible: collections happen, so threads mark off what a collection must not interrupt.
        has_p, p: the thread runs on this P, which has caches (getg().m.p).
        memory_limit, gc_percent_goal: the bytes above which an allocation scavenges (mgcpacer.go, mgcscavenge.go).
        aligned_stacks: stacks begin at a page of the system's, which is larger than the heap's (on OpenBSD).
        reservations, mappings, unused_zeroes: what the system gives before it refuses, and whether it clears what is
        returned to it (os_memory.py).
        """
        self.geometry, self.release, self.tracing, self.preemptible = geometry, release, tracing, preemptible
        self.has_p, self.p = has_p, p
        self.memory_limit, self.gc_percent_goal, self.aligned_stacks = memory_limit, gc_percent_goal, aligned_stacks
        self.reservations, self.mappings, self.unused_zeroes = reservations, mappings, unused_zeroes
        self.lock = Lock(HEAP_LOCK)
        self.world = World("world")
        self.memory: Cells[int] = Cells("memory")
        self.mapped_ready: Cell[int] = os_memory.MAPPED_READY
        """Bytes of the heap's that memory stands behind."""
        self.os = self.OsMemory(
            geometry, self.memory, reservations=reservations, mappings=mappings, unused_zeroes=unused_zeroes
        )
        cells = scavenge_index.index_cells(geometry, self.ScavengeIndex.Cursor)
        self.index = self.ScavengeIndex(geometry, self.os, *cells)
        self.heap_free: Cell[int] = scavenge.HEAP_FREE
        self.heap_released: Cell[int] = os_memory.HEAP_RELEASED
        tree: Cell[Any] = Cell("pages", guard=HEAP_LOCK)
        self.pages = self.PageAlloc(geometry, release, self.lock, tree, self.index, self.os)
        self.pcache: Cells[PageCache] = Cells("pcache")
        """Per P: the page cache. Its own, and of whoever flushes it while it is idle."""
        self.mspan_cache: Cells[MspanCache] = Cells("mspancache")
        """Per P: mspans that it need not lock the heap for."""
        self.heap_rand_seed: Cell[int] = Cell("heapRandSeed", guard=HEAP_LOCK)
        """Random bits that are left, to place the heap's first pages."""
        self.free_mspans: Cell[int] = Cell("spanalloc", guard=HEAP_LOCK)
        """spanalloc: a bit for every mspan that is not in use."""
        self.cur_arena: Cell[CurArena] = Cell("curArena", guard=HEAP_LOCK)
        self.arena_hint: Cell[int] = Cell("arenaHints", guard=HEAP_LOCK)
        """The arena that the system would give next."""
        self.all_arenas: Cell[ArenaList] = Cell("allArenas", guard=HEAP_LOCK)
        self.zeroed_base: Cells[int] = Cells("zeroedBase")
        """Per arena, bytes from its start: below it memory may be non-zero, at and above it memory was never used.

        Only grows, up to arena_size; loaded atomically and raised by compare-and-swap, without a lock.
        """
        self.page_in_use: Cells[int] = Cells("pageInUse")
        """Per (arena, byte): bit j is set while a heap span begins at page 8*byte+j. The last step of publication."""
        self.page_marks: Cells[int] = Cells("pageMarks")
        """Per (arena, byte): bit j is set when the span that begins there holds a marked object."""
        self.spans: Cells[Span | None] = Cells("spans")
        """Per page: the span it belongs to. Stale for free pages. Written without the lock by who owns the page."""
        self.sweepgen: Cell[int] = Cell("sweepgen")
        """A uint32. Plain; += 2 in each cycle, with the world stopped."""
        self.gcphase: Cell[int] = Cell("gcphase")
        """GC_OFF or GC_MARK; stored with the world stopped."""
        self.span_sets: Cells[SpanSet] = Cells("sweepSpans")
        """Two: swept spans stand in sweepgen/2%2, those to sweep in the other. All classes are in one set here."""
        self.sweepdone: Cell[int] = Cell("sweepdone")
        self.sweep_drained: Cell[int] = Cell("sweepDrained")
        self.sweepers: Cell[int] = Cell("sweepers")
        self.active: Cell[int] = Cell("sweep.active")
        self.sweep_arenas: Cell[ArenaList] = Cell("sweepArenas")
        self.reclaim_index: Cell[int] = Cell("reclaimIndex")
        self.reclaim_credit: Cell[int] = Cell("reclaimCredit")
        self.pages_in_use: Cell[int] = Cell("pagesInUse")
        self.in_use: Cells[int] = Cells("memstats.inUse")
        """Per kind of span: bytes in spans of that kind (heap_inuse, stacks_inuse, ...)."""
        self._frozen = True

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse any change after construction."""
        if self._frozen:
            raise AttributeError(f"a heap is frozen: {name} cannot be set; shared state belongs in cells")
        object.__setattr__(self, name, value)

    def fresh(self) -> dict[Cell[Any], Any]:
        """Every cell and its value in a heap that has no memory yet, swept (mheap.go, init; mgc.go, gcinit)."""
        g = self.geometry
        words = [(arena, byte) for arena in g.arena_indices for byte in range(-(-g.pages_per_arena // 8))]
        cells: dict[Cell[Any], Any] = {self.lock: 0, self.world: 0}
        cells |= {**self.pages.fresh(test=False), self.free_mspans: (1 << g.spans) - 1}
        cells |= self.index.fresh()
        cells |= {self.pcache.at(p): EMPTY for p in range(g.ps)}
        cells |= {self.mspan_cache.at(p): MspanCache() for p in range(g.ps)}
        cells |= {self.heap_rand_seed: g.heap_rand_seed, self.mapped_ready: 0}
        cells |= {self.heap_free: 0, self.heap_released: 0}
        cells |= {self.os.reservations_left: self.reservations, self.os.mappings_left: self.mappings}
        cells |= {self.cur_arena: CurArena(), self.arena_hint: g.first_arena, self.all_arenas: ArenaList()}
        cells |= {self.zeroed_base.at(arena): 0 for arena in g.arena_indices}
        cells |= {family.at(word): 0 for family in (self.page_in_use, self.page_marks) for word in words}
        cells |= {self.spans.at(page): None for page in g.pages}
        cells |= {self.memory.at(page): 0 for page in g.pages}
        for number in range(g.spans):
            cells |= {Cell(f"mspan.{field}", number): DEAD if field == "state" else 0 for field in FIELDS}
        cells |= {self.gcphase: GC_OFF, self.sweepgen: g.first_sweepgen}
        cells |= {self.span_sets.at(0): SpanSet(), self.span_sets.at(1): SpanSet()}
        cells |= {self.sweepdone: 1, self.sweep_drained: 1, self.sweepers: 0, self.active: SWEEP_DRAINED_MASK}
        cells |= {self.sweep_arenas: ArenaList(), self.reclaim_index: 0, self.reclaim_credit: 0, self.pages_in_use: 0}
        return cells | {self.in_use.at(typ): 0 for typ in (ALLOC_HEAP, ALLOC_STACK, ALLOC_WORK_BUF)}

    async def acquirem(self) -> None:
        """Begin what a collection must not interrupt (runtime, acquirem); no step where there are no collections."""
        if self.preemptible:
            await self.world.acquirem()

    async def releasem(self) -> None:
        """End what a collection must not interrupt (runtime, releasem)."""
        if self.preemptible:
            await self.world.releasem()

    def arena_index(self, address: int) -> int:
        """The arena that holds an address (mheap.go, arenaIndex)."""
        return (address - self.geometry.arena_base_offset) // self.geometry.arena_size

    def arena_spans(self, arena: int, page: int) -> Cell[Span | None]:
        """The entry of a page, counted from its arena's first (mheap.go, heapArena.spans)."""
        return self.spans.at(self.geometry.first_page(arena) + page)
