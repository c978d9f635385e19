"""The abstract heap beside the real one: what it gives, owns and takes back at each call, and whether that agrees.

Read next: ghosts.py.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from spanproof.checks.broken import BrokenError
from spanproof.checks.numbering import Numbering, Reading, Update, page_of
from spanproof.checks.observe import Event
from spanproof.impl.access import Access, Cell
from spanproof.impl.heap_cells import HeapCells
from spanproof.impl.os_memory import ALWAYS
from spanproof.model.spec import PADDED, SCAVENGERS, AbstractHeap, RefusedError


class AbstractSide:
    """Follows every call of the page allocator with a call of the abstract heap, which is a ghost."""

    def __init__(self, heap: HeapCells, numbering: Numbering, *, judged: bool) -> None:
        """Find the ghost. judged: whether a difference breaks refines_the_abstract_heap, or passes."""
        self.heap, self._judged = heap, judged
        self._abstract = numbering.of(Cell("ghost.abstract"))
        self._no_heap = AbstractHeap(grants=None if heap.reservations == ALWAYS else heap.reservations)
        self.follows: dict[tuple[str, bool], Callable[[Event, int, Reading], list[Update]]] = {
            ("grow", False): self._growth_begins,
            ("grow", True): self._growth_ends,
            ("sys_alloc", True): self._arenas_reserved,
            ("pages.alloc", True): self._pages_alloc,
            ("pages.free", False): self._pages_free,
            ("pages.grow", True): self._pages_grow,
            ("pages.mark_random_padding_pages", True): self._pages_padded,
            ("pages.alloc_to_cache", True): self._cache_filled,
            ("pages.flush", True): self._cache_flushed,
            ("alloc_from_cache", True): self._cache_alloc,
            ("alloc_phys_page_aligned", True): self._aligned_alloc,
        }
        """What follows a call (False) or a return (True) of these functions."""

    def borrowed(self, access: Access[Any], change: tuple[Any, Any], read: Reading) -> list[Update]:
        """What a scavenger takes so that nobody else is given it, and gives back."""
        name = access.args[0].__name__ if access.kind == "update" else ""
        if name not in {"take_candidate", "give_back"}:
            return []
        ci: int = access.args[1]
        before, after = (tree.chunk_of(ci).alloc.number for tree in change)
        first = page_of(self.heap, self.heap.geometry.chunk_base(ci))
        pages = [first + i for i in range(self.heap.geometry.pages_per_chunk) if (before ^ after) >> i & 1]
        if name == "take_candidate":
            return self._stepped(lambda heap: heap.own(pages, SCAVENGERS), read)
        return self._stepped(lambda heap: heap.give_back(pages, SCAVENGERS), read)

    def _now(self, read: Reading) -> AbstractHeap:
        return read(self._abstract) or self._no_heap

    def _gave(self, event: Event, base: int, page: int | None) -> None:
        """Judge the address that was given against the page that the abstract heap gives."""
        given = None if base == 0 else page_of(self.heap, base)
        if given != page and self._judged:
            said = f"{event.function}({event.args[0]}) gave {_address(base)}, the abstract heap page {page} of the heap"
            raise BrokenError("refines_the_abstract_heap", said)

    def _pages_alloc(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        heap, page = self._now(read).alloc(event.args[0])
        self._gave(event, event.result[0], page)
        return [(self._abstract, heap)]

    def _aligned_alloc(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        """Pages found with some to spare, and of these those that begin at a page of the system's."""
        npages, g, heap = event.args[0], self.heap.geometry, self._now(read)
        spare = g.phys_page_size // g.page_size
        found = heap.first_fit(npages + spare)
        page = None if found is None else -(-found // spare) * spare
        self._gave(event, event.result[0], page)
        return [] if page is None else self._stepped(lambda heap: heap.own(range(page, page + npages)), read)

    def _cache_alloc(self, event: Event, thread: int, read: Reading) -> list[Update]:
        heap, page = self._now(read).from_cache(event.args[0], thread)
        self._gave(event, event.result[0], page)
        return [(self._abstract, heap)]

    def _cache_filled(self, event: Event, thread: int, read: Reading) -> list[Update]:
        g, c = self.heap.geometry, event.result
        heap, pages = self._now(read).to_cache(g.pages_per_block, thread)
        given = frozenset(page_of(self.heap, c.base) + i for i in range(c.cache.bit_length()) if c.cache >> i & 1)
        if given != pages and self._judged:
            said = f"pages.alloc_to_cache gave pages {sorted(given)}, the abstract heap {sorted(pages)}"
            raise BrokenError("refines_the_abstract_heap", said)
        return [(self._abstract, heap)]

    def _cache_flushed(self, event: Event, thread: int, read: Reading) -> list[Update]:
        c = event.args[0]
        pages = [page_of(self.heap, c.base) + i for i in range(c.cache.bit_length()) if c.cache >> i & 1]
        return self._stepped(lambda heap: heap.give_back(pages, thread), read)

    def _pages_free(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        base, npages = event.args
        return self._stepped(lambda heap: heap.free(page_of(self.heap, base), npages), read)

    def _pages_grow(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        base, size = event.args
        return self._stepped(
            lambda heap: heap.grow(page_of(self.heap, base), size // self.heap.geometry.page_size), read
        )

    def _growth_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return self._stepped(lambda heap: replace(heap, grown=0), read)

    def _growth_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        """It says how many bytes came."""
        grown = self._now(read).grown * self.heap.geometry.page_size
        if event.result[0] != grown and self._judged:
            said = f"grow({event.args[0]}) says {event.result[0]} bytes, the abstract heap grew by {grown}"
            raise BrokenError("refines_the_abstract_heap", said)
        return self._stepped(lambda heap: replace(heap, grown=0), read)

    def _arenas_reserved(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        """The next arenas, or none where the address space ends or the system refuses."""
        g, nbytes = self.heap.geometry, event.args[0]
        narenas = -(-nbytes // g.arena_size)
        left = self._now(read).left(g.arena_gap, g.pages_per_arena) * g.page_size
        if left >= nbytes and self._judged:
            said = f"sys_alloc({nbytes}) is asked, in the abstract heap {left} bytes are left"
            raise BrokenError("refines_the_abstract_heap", said)
        heap, first = self._now(read).reserve(narenas, g.arena_gap, g.arenas)
        expected = (0, 0) if first is None else (g.arena_base(g.first_arena + first), narenas * g.arena_size)
        if event.result != expected and self._judged:
            said = f"sys_alloc({nbytes}) gave {event.result}, the abstract heap {expected}"
            raise BrokenError("refines_the_abstract_heap", said)
        return [(self._abstract, heap)]

    def _pages_padded(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        base, npages = event.args
        pages = range(page_of(self.heap, base), page_of(self.heap, base) + npages)
        return self._stepped(lambda heap: heap.own(pages, PADDED), read)

    def _stepped(self, step: Callable[[AbstractHeap], AbstractHeap], read: Reading) -> list[Update]:
        """The abstract heap after a step that it may refuse."""
        try:
            return [(self._abstract, step(self._now(read)))]
        except RefusedError as e:
            if self._judged:
                raise BrokenError("refines_the_abstract_heap", str(e)) from None
            return []


def _address(base: int) -> str:
    return "no memory" if base == 0 else hex(base)
