"""The fields of a snapshot that tell of the page allocator: bitmaps, summaries, caches, the scavenge index.

Read next: monitor.py.
"""

from collections.abc import Callable, Iterable
from typing import Any

from spanproof.checks.numbering import Field, Numbering
from spanproof.impl.page_tree import PageTree
from spanproof.impl.palloc_bits import unpack
from spanproof.impl.scavenge_index import HAS_FREE, unpack_scav_chunk_data
from spanproof.model.geometry import Geometry
from spanproof.model.spec import PADDED, SCAVENGERS, AbstractHeap
from spanproof.model.state import CACHE, NO_HOLDER, PADDING, SCAVENGER, chunks, entries

UNMAPPED = -1
HOLDERS = {SCAVENGERS: SCAVENGER, PADDED: PADDING}


def cursor_of(g: Geometry) -> Callable[[tuple[int]], int]:
    """A cursor of the index, its mark left out."""

    def cursor(values: tuple[int]) -> int:
        return abs(values[0]) + g.min_off_addr

    return cursor


def page_fields(n: Numbering) -> dict[str, Field]:
    """The fields, each with the cells behind it."""
    g, tree = n.heap.geometry, (n.of(n.heap.pages.tree),)
    caches = n.all("pcache", range(g.ps)) or tree  # a heap without Ps has no caches
    return {
        "exists": (tree, lambda values: tuple(exists(values[0], page) for page in g.pages)),
        "scavenged": (tree, lambda values: tuple(scavenged(values[0], page) for page in g.pages)),
        "sum_start": (tree, lambda values: _sums(values[0], 0)),
        "sum_max": (tree, lambda values: _sums(values[0], 1)),
        "sum_end": (tree, lambda values: _sums(values[0], 2)),
        "search_addr": (tree, lambda values: values[0].search_addr),
        "cached": (caches, lambda values: _in_caches(g, values, lambda c: c.cache)),
        # A cache also notes which pages of its block are scavenged that it does not own: padding is.
        "cached_scavenged": (
            caches,
            lambda values: tuple(map(bool, _in_caches(g, values, lambda c: c.cache & c.scav))),
        ),
        "holder": (n.all("ghost.abstract", [None]), lambda values: _holders(g, values[0])),
        "index_in_use": (n.index_words, lambda values: tuple(in_use for in_use, _ in _words(g, values))),
        "index_has_free": (n.index_words, lambda values: tuple(has_free for _, has_free in _words(g, values))),
    }


def exists(tree: PageTree, page: int) -> int:
    """Whether the page allocator was given a page: 1 or 0."""
    return int(tree.in_use.contains(tree.geometry.page_base(page)))


def scavenged(tree: PageTree, page: int) -> int:
    """Whether a page is marked scavenged: 1 or 0."""
    g = tree.geometry
    chunk = tree.chunks.get(g.chunk_index(g.page_base(page)))
    return 0 if chunk is None else chunk.scavenged.get(g.chunk_page_index(g.page_base(page)))


def _sums(tree: PageTree, part: int) -> tuple[int, ...]:
    """One number of each entry of the summaries; 0 of entries without memory, which sum up no page of the heap."""
    g = tree.geometry
    return tuple(_sum(tree, level, index)[part] for level, index, _, _ in entries(g))


def _sum(tree: PageTree, level: int, index: int) -> tuple[int, int, int]:
    stored = tree.summary[level].blocks.get(index >> tree.summary[level].log_block)
    if stored is None:
        return 0, 0, 0
    place = index & (1 << tree.summary[level].log_block) - 1
    return unpack(stored[place], tree.geometry.log_max_packed_value)


def _in_caches(g: Geometry, caches: Iterable[Any], which: Callable[[Any], int]) -> tuple[int, ...]:
    """Per page: in how many caches its bit is set; `which` gives the bits."""
    counts = [0] * len(g.pages)
    for c in caches if g.ps else ():
        first, bits = (c.base - g.heap_base) // g.page_size, which(c)
        for i in range(bits.bit_length()):
            if bits >> i & 1 and 0 <= first + i < len(counts):
                counts[first + i] += 1
    return tuple(counts)


def _holders(g: Geometry, heap: AbstractHeap | None) -> tuple[int, ...]:
    holders = [NO_HOLDER] * len(g.pages)
    for page, who in heap.held if heap is not None else ():
        holders[page] = HOLDERS.get(who, CACHE)
    return tuple(holders)


def _words(g: Geometry, words: tuple[Any, ...]) -> list[tuple[int, int]]:
    """Per chunk what its word says: (pages in use, whether there may be something to scavenge)."""
    per_page = g.phys_page_size // 8
    first = chunks(g).start // per_page
    said: list[tuple[int, int]] = []
    for ci in chunks(g):
        page = words[ci // per_page - first]
        if page is None:
            said.append((UNMAPPED, 0))
            continue
        data = unpack_scav_chunk_data(page.get(ci % per_page, 0), g)
        said.append((data.in_use, int(data.flags & HAS_FREE != 0)))
    return said
