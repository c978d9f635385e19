"""A page allocator without a heap around it, with its methods as plain calls.

Read next: alone.py, which runs them.
"""

from types import SimpleNamespace
from typing import Any

from spanproof.checks.running.alone import Alone
from spanproof.impl.access import Cell, Cells, Lock
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.impl.malloc import Runtime
from spanproof.impl.os_memory import OsMemory
from spanproof.impl.page_cache import PageCache
from spanproof.impl.page_tree import PageTree
from spanproof.impl.scavenge import NO_LIMIT
from spanproof.impl.scavenge_index import index_cells
from spanproof.model.geometry import Geometry
from spanproof.model.releases import NEWEST, Release


class PagesAlone:
    """type pageAlloc, held by one thread. Sizes are bytes, npages pages."""

    def __init__(
        self,
        geometry: Geometry,
        release: Release = NEWEST,
        heap_class: type[Runtime] = Runtime,
        os_class: type[OsMemory] = OsMemory,
        *,
        test: bool = False,
    ) -> None:
        """Begin with no memory.

        heap_class: whose page allocator it is; os_class: the memory it is on; test: it knows of no arenas (p.test).
        """
        self.geometry, self.test = geometry, test
        self.alone = Alone(self._fresh)
        own = self.alone.own
        self.tree_cell: Cell[PageTree] = own(Cell("pages", guard=HEAP_LOCK))
        memory = own(os_class(geometry, Cells("memory")))
        cursor = heap_class.ScavengeIndex.Cursor
        index = heap_class.ScavengeIndex(geometry, memory, *map(own, index_cells(geometry, cursor)))
        self.pages = heap_class.PageAlloc(geometry, release, Lock(HEAP_LOCK), self.tree_cell, index, memory)

    def _fresh(self, cell: Cell[Any]) -> Any:
        if cell == self.tree_cell:
            return self.pages.fresh(self.test)[cell]
        return fresh_index_word(cell, self.geometry)

    @property
    def tree(self) -> PageTree:
        """What the heap lock protects."""
        return self.alone.value(self.tree_cell)  # type: ignore[no-any-return]  # a cell's value

    @tree.setter
    def tree(self, tree: PageTree) -> None:
        self.alone.put(self.tree_cell, tree)

    def add_arenas(self, first: int, narenas: int) -> None:
        """See PageAlloc.add_arenas."""
        self.alone.run(self.pages.add_arenas(first, narenas))

    def grow(self, base: int, size: int) -> None:
        """See PageAlloc.grow."""
        self.alone.run(self.pages.grow(base, size))

    def alloc(self, npages: int) -> tuple[int, int]:
        """See PageAlloc.alloc."""
        return self.alone.run(self.pages.alloc(npages))

    def free(self, base: int, npages: int) -> None:
        """See PageAlloc.free."""
        self.alone.run(self.pages.free(base, npages))

    def mark_random_padding_pages(self, base: int, npages: int) -> None:
        """See PageAlloc.mark_random_padding_pages."""
        self.alone.run(self.pages.mark_random_padding_pages(base, npages))

    def alloc_to_cache(self) -> PageCache:
        """See CachingPageAlloc.alloc_to_cache."""
        return self.alone.run(self.pages.alloc_to_cache())

    def flush(self, c: PageCache) -> PageCache:
        """See CachingPageAlloc.flush."""
        return self.alone.run(self.pages.flush(c))

    def enable_chunk_huge_pages(self) -> None:
        """See PageAlloc.enable_chunk_huge_pages."""
        self.alone.run(self.pages.enable_chunk_huge_pages())

    def scavenge(self, nbytes: int = NO_LIMIT, *, force: bool = True) -> int:
        """See ScavengingPageAlloc.scavenge."""
        return self.alone.run(self.pages.scavenge(nbytes, force))


def fresh_index_word(cell: Cell[Any], g: Geometry) -> Any:
    """The value of a word of the index before the first growth."""
    if cell.name == "scav.chunks":
        return None
    return g.min_off_addr if cell.name == "scav.freeHWM" else 0


def page_text(heap_class: type[Runtime]) -> SimpleNamespace:
    """The functions and values of the page allocator that a heap runs, by name, and what has it scavenge.

    With a fault they are other ones.
    """
    names: dict[str, Any] = {}
    for cls in (Runtime.PageAlloc, heap_class.PageAlloc):
        found: dict[str, Any] = {n: getattr(cls, n) for n in ("fresh", "alloc", "alloc_to_cache", "scavenge_one")}
        names |= (
            found["fresh"].__globals__["fresh_tree"].__globals__ if "fresh_tree" in found["fresh"].__globals__ else {}
        )
        for function in found.values():
            names |= function.__globals__
    names |= heap_class.ScavengeIndex.load.__globals__
    names["scavenge_for"] = heap_class.scavenge_for
    return SimpleNamespace(**names["PallocBits"].summarize.__globals__ | names)
