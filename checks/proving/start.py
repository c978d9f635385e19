"""Where induction begins: what is true in every state is true of the heap as `fresh` gives it.

The contracts are judged on its values, of every page, arena and span of a small heap; all pages begin alike, and so do
all spans. Read next: theorem.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from spanproof.checks.proving.jobs import Start
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.protocol import Protocol
from spanproof.impl.access import Cell
from spanproof.impl.span import Span
from spanproof.model.contracts import cursors, finishing, growing, owning, scavenging, sweeping, zeroing
from spanproof.model.contracts.contract import nothing
from spanproof.model.geometry import BYTES, Geometry
from spanproof.model.logic import Claims

SHAPE = replace(BYTES, spans=2, ps=1)
Cells = Mapping[Cell[Any], Any]


def _fresh(p: Protocol) -> Cells:
    return p.heap_class(SHAPE, p.release).fresh()  # type: ignore[no-any-return]  # as HeapCells says


def _entry(cells: Cells, page: int) -> int:
    s = cells[Cell("spans", page)]
    return 0 if s is None else s.number + owning.FIRST_SPAN


def _place(g: Geometry, page: int) -> tuple[int, int, int]:
    in_arena = page % g.pages_per_arena
    return g.arena_index(g.page_base(page)), in_arena // 8, in_arena % 8


def _in_use(cells: Cells, g: Geometry, page: int) -> bool:
    arena, byte, bit = _place(g, page)
    return bool(cells[Cell("pageInUse", (arena, byte))] >> bit & 1)


def _zeroing_views(cells: Cells, g: Geometry) -> Iterator[zeroing.View]:
    for page in g.pages:
        dirty = cells[Cell("memory", page)] != 0
        base = cells[Cell("zeroedBase", g.arena_index(g.page_base(page)))]
        yield zeroing.View(g, g.page_base(page), zeroing.World(base, dirty))


def _owning_views(cells: Cells, g: Geometry) -> Iterator[owning.View]:
    pages, pool = next(v for c, v in cells.items() if c.name == "pages"), cells[Cell("spanalloc", guard="heap.lock")]
    for page, n in product(g.pages, range(g.spans)):
        allocated = bool(pages.allocated(page))
        fields = [cells[Cell(f"mspan.{name}", n)] for name in ("state", "base", "npages")]
        state, base, npages = fields
        world = owning.World(
            allocated,
            owning.NOBODY,
            _entry(cells, page),
            _in_use(cells, g, page),
            bool(pool >> n & 1),
            any(Span(n) in c.spans for cell, c in cells.items() if cell.name == "mspancache"),
            len(cells[Cell("mspancache", 0)].spans),
            state,
            base // g.page_size,
            npages,
        )
        yield owning.View(g, _place(g, page), page, n, world, owning.Hand())


def _sweeping_views(cells: Cells, g: Geometry) -> Iterator[sweeping.View]:
    sg = cells[Cell("sweepgen")]
    for page, n in product(g.pages, range(g.spans)):
        state, generation = (cells[Cell(f"mspan.{name}", n)] for name in ("state", "sweepgen"))
        sets = sum(len(spans.spans) for cell, spans in cells.items() if cell.name == "sweepSpans")
        shared = (_in_use(cells, g, page), _entry(cells, page), sets, cells[Cell("reclaimIndex")])
        drained = bool(cells[Cell("sweepdone")] and cells[Cell("sweepDrained")] and cells[Cell("sweep.active")])
        world = sweeping.World(generation, state, False, *shared, False, False, False, drained, False, False)
        yield sweeping.View(g, sg, 0, n, _place(g, page), page, world, sweeping.Hand())


def _begin(p: Protocol, claims: Iterator[Claims]) -> Start:
    for each in claims:
        p.engine.prove_all(Kind.LEMMA, "the heap as it begins", each)
    return Start((), nothing)


def zeroing_starts(p: Protocol) -> Start:
    """Memory is zero, and zeroedBase lies in its arena."""
    return _begin(p, (p.rely(v, v) for v in _zeroing_views(_fresh(p), SHAPE)))


def owning_starts(p: Protocol) -> Start:
    """Nobody owns a page, and all spans are in the pool."""
    views = list(_owning_views(_fresh(p), SHAPE))
    return _begin(p, (claims for v in views for claims in (owning.sound(v), owning.lock_invariant(v), _pooled(v))))


def _pooled(v: owning.View) -> Claims:
    yield "every_span_is_pooled", v.world.pooled


def growing_starts(p: Protocol) -> Start:
    """Nothing is given, and nothing reserved."""
    cells, g = _fresh(p), SHAPE
    pages, left = (next(v for c, v in cells.items() if c.name == name) for name in ("pages", "curArena"))
    hint = cells[Cell("arenaHints", guard="heap.lock")]
    world = (left.base, left.end, hint)
    views = [
        growing.View(g, g.page_base(page), growing.World(pages.in_use.contains(g.page_base(page)), *world))
        for page in g.pages
    ]
    return _begin(p, (growing.lock_invariant(v) for v in views))


def finishing_starts(p: Protocol) -> Start:
    """All is drained, and nobody sweeps."""
    cells = _fresh(p)
    active = cells[Cell("sweep.active")]
    said = [
        (active % sweeping.DRAINED, bool(active & sweeping.DRAINED), False),
        (cells[Cell("sweepers")], bool(cells[Cell("sweepDrained")]), True),
    ]
    worlds = [(finishing.World(count, drained, False, 0, False), late) for count, drained, late in said]
    views = [finishing.View(SHAPE, 0, (0, 0, 0), world, late) for world, late in worlds]
    return _begin(p, (claims for v in views for claims in (finishing.sound(v), finishing.idle(v))))


def sweeping_starts(p: Protocol) -> Start:
    """No span is in use, none is claimed, and reclaiming begins with a whole chunk."""
    cells = _fresh(p)
    whole = ("whole_chunks_are_claimed", cells[Cell("reclaimIndex")] % SHAPE.pages_per_reclaimer_chunk == 0)
    return _begin(p, (claims for v in _sweeping_views(cells, SHAPE) for claims in (sweeping.sound(v), iter([whole]))))


def _scavenging_views(cells: Cells, g: Geometry) -> Iterator[scavenging.View]:
    pages = next(v for c, v in cells.items() if c.name == "pages")
    names = (f"gcController.{name}" for name in ("heapReleased", "heapFree", "mappedReady"))
    told = {name: sum(v for c, v in cells.items() if c.name == name) for name in (*names, "memstats.inUse")}
    released, free, ready, spans = told.values()
    owed = scavenging.Owed(0 - released, 0 - released - free, 0 - spans, free - ready)
    cache = cells[Cell("pcache", 0)]
    for page in g.pages:
        ci, i = g.chunk_index(g.page_base(page)), g.chunk_page_index(g.page_base(page))
        place = (ci, i // g.pages_per_block, i % g.pages_per_block)
        bits = bool(pages.allocated(page)), ci in pages.chunks, cells[Cell("memory", page)] != 0
        world = scavenging.World(*bits, scavenging.NOWHERE, False, owed)
        yield scavenging.View(g, place, 0, True, world, scavenging.Cache(cache.base, cache.cache != 0, cache.scav != 0))


def scavenging_starts(p: Protocol) -> Start:
    """No page is the heap's, all memory is zero, and nothing is counted."""
    views = list(_scavenging_views(_fresh(p), SHAPE))
    rules = (scavenging.sound, scavenging.lock_invariant, scavenging.cache_is_whole, scavenging.is_at_rest)
    return _begin(p, (rule(v) for v in views for rule in rules))


def cursors_starts(p: Protocol) -> Start:
    """The cursors are cleared, and no word says anything."""
    cells, g = _fresh(p), SHAPE
    bg, force, hwm, low, gen = (
        next(v for c, v in cells.items() if c.name == f"scav.{name}")
        for name in ("searchAddrBg", "searchAddrForce", "freeHWM", "minHeapIdx", "gen")
    )
    nothing_said = all(words is None for c, words in cells.items() if c.name == "scav.chunks")
    data = cursors.Data(0, 0, 0, not nothing_said)
    views = [
        cursors.View(g, chunk, True, cursors.World(bg, force, hwm - g.min_off_addr, low, gen, data, False))
        for chunk in range(g.chunk_index(g.heap_base), g.chunk_index(g.heap_limit))
    ]
    said = ("no_word_says_anything", nothing_said)
    return _begin(p, (claims for v in views for claims in (cursors.sound(v), iter([said]))))
