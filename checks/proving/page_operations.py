"""Operations on the page allocator's tree and on page caches, judged by running them on every small one.

Proofs take from these that what is found is free, and that nothing else changes; how they find it, through summaries
and words of bits, is no matter of the proofs. They are pure. Read next: observed.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

from spanproof.impl.palloc_bits import PallocData
from spanproof.model.geometry import Geometry

SMALL = Geometry("judged", 8, 4, 8, arenas=1, pages_per_block=4)
"""One arena of two chunks of four pages."""
CHUNKS = (SMALL.chunk_index(SMALL.heap_base), SMALL.chunk_index(SMALL.heap_base) + 1)
PAGES = SMALL.pages_per_chunk
FREE, TAKEN, SCAVENGED = range(3)
"""What a page may be; padding, which is two of these, is as good as taken."""


@cache
def _grown(heap_class: Any, limit: int = SMALL.heap_limit) -> Any:
    """A tree that has the small heap's pages up to a limit, all free."""
    names = heap_class.PageAlloc.fresh.__globals__
    blank = names["fresh_tree"](SMALL, True)
    mapped, _ = blank.sys_grow(SMALL.heap_base, limit)
    return mapped.grow(SMALL.heap_base, limit)


def _tree(heap_class: Any, pages: tuple[int, ...]) -> Any:
    """The tree with pages like these; the search address as low as it may be."""
    p = _grown(heap_class)
    for n, ci in enumerate(CHUNKS):
        own, blank = pages[n * PAGES : (n + 1) * PAGES], p.chunk_of(ci)
        allocated, scavenged = (
            sum(1 << i for i, page in enumerate(own) if page == kind) for kind in (TAKEN, SCAVENGED)
        )
        bits = replace(blank.alloc, words=(allocated,)), replace(blank.scavenged, words=(scavenged,))
        p = p.with_chunk(ci, type(blank)(*bits))
    return p.update(SMALL.heap_base, len(pages), False, False)


@cache
def _trees(heap_class: Any) -> tuple[Any, ...]:
    """Every small tree."""
    return tuple(_tree(heap_class, pages) for pages in product(range(3), repeat=2 * PAGES))


def _pages(p: Any) -> tuple[tuple[int, int], ...]:
    """Per page of the small heap, whether it is allocated and whether it is scavenged."""
    data: Iterable[PallocData] = (p.chunk_of(ci) for ci in CHUNKS)
    return tuple((c.alloc.get(i), c.scavenged.get(i)) for c in data for i in range(PAGES))


def _numbers(base: int, npages: int) -> range:
    first = (base - SMALL.heap_base) // SMALL.page_size
    return range(first, first + npages)


def _leaves(*args: Iterable[Any]) -> Callable[[Any, Any], bool]:
    """Bitmaps stay as they are."""

    def judge(operation: Any, heap_class: Any) -> bool:
        some = _trees(heap_class)[::81]
        return all(_pages(operation(p, *given)[0]) == _pages(p) for p in some for given in product(*args))

    return judge


ADDRESSES = range(SMALL.heap_base, SMALL.heap_limit, SMALL.page_size)


def _updates(operation: Any, heap_class: Any) -> bool:
    some, truths = _trees(heap_class)[::81], (False, True)
    within = [(base, n) for base in ADDRESSES for n in range(1, (SMALL.heap_limit - base) // SMALL.page_size + 1)]
    given = product(within, truths, truths)
    cases = [(base, n, contig, alloc) for (base, n), contig, alloc in given]
    return all(_pages(operation(p, *args)[0]) == _pages(p) for p in some for args in cases)


def _finds(operation: Any, heap_class: Any) -> bool:
    """What is found is free, all of it, and nothing changes; more than half of the heap is not looked for."""
    for p, n in product(_trees(heap_class), (1, 2, 3, 5)):
        after, (addr, _) = operation(p, n)
        pages = _pages(p)
        if _pages(after) != pages:
            return False
        run = _numbers(addr, n)
        if addr != 0 and not (run.start >= 0 and run.stop <= len(pages) and not any(pages[q][0] for q in run)):
            return False
    return True


def _takes_candidate(operation: Any, heap_class: Any) -> bool:
    """What is taken was free and not scavenged, at or below the page of the search; where nothing is taken none is."""
    for p, ci, idx, low, most in product(_trees(heap_class)[::7], CHUNKS, range(PAGES), (1, 2), (1, 2, 4)):
        after, (base, n) = operation(p, ci, idx, low, most)
        first = (ci - CHUNKS[0]) * PAGES
        taken, before = range(first + base, first + base + n), _pages(p)
        expected = tuple((1, s) if q in taken else (a, s) for q, (a, s) in enumerate(before))
        if _pages(after) != expected or any(before[q] != (0, 0) for q in taken):
            return False
        if taken and not first <= taken.start < taken.stop <= first + PAGES:
            return False
    return True


def _finds_block(operation: Any, heap_class: Any) -> bool:
    """The block's free pages, and its scavenged ones."""
    for p in _trees(heap_class):
        after, c = operation(p)
        pages = _pages(p)
        if _pages(after) != pages:
            return False
        if c.cache == 0:
            continue
        block = [pages[q] for q in _numbers(c.base, SMALL.pages_per_block)]
        free, scavenged = (sum(1 << i for i, page in enumerate(block) if ok(page)) for ok in (_is_free, _is_scavenged))
        if c.base % (SMALL.pages_per_block * SMALL.page_size) or (c.cache, c.scav) != (free, scavenged):
            return False
    return True


def _is_free(page: tuple[int, int]) -> bool:
    return page[0] == 0


def _is_scavenged(page: tuple[int, int]) -> bool:
    return page[1] == 1


def _grows(operation: Any, heap_class: Any) -> bool:
    """New pages are free and scavenged; those that were there stay as they are."""
    border = SMALL.chunk_base(CHUNKS[1])
    for before in product(range(3), repeat=PAGES):
        whole = _tree(heap_class, (*before, *(FREE,) * PAGES))
        p = replace(_grown(heap_class, border), chunks=whole.chunks.delete(CHUNKS[1]))
        p, _ = p.sys_grow(border, SMALL.heap_limit)
        after, groups = operation(p, border, SMALL.heap_limit)
        if _pages(after) != (*_pages(whole)[:PAGES], *((0, 1),) * PAGES) or groups < 0:
            return False
    return True


def _bits(word: int) -> set[int]:
    return {i for i in range(SMALL.pages_per_block) if word >> i & 1}


def _cache_allocs(operation: Any, heap_class: Any) -> bool:  # noqa: ARG001  # one signature for all
    """Pages in a row leave the cache, and of them those are counted that are scavenged; or there is no such run."""
    page_cache, base, g = operation.__globals__["PageCache"], SMALL.heap_base, SMALL
    for free, scav, n in product(range(1 << PAGES), range(1 << PAGES), range(1, PAGES + 1)):
        left, (addr, nbytes) = operation(page_cache(base, free, scav), n, g)
        run = set(_numbers(addr, n)) if addr != 0 else set[int]()
        if not run <= _bits(free) or nbytes != len(run & _bits(scav)) * g.page_size:
            return False
        if (left.base, _bits(left.cache), _bits(left.scav)) != (base, _bits(free) - run, _bits(scav) - run):
            return False
    return True


JUDGES: Mapping[str, Callable[[Any, Any], bool]] = {
    "update_summaries": _updates,
    "lower_search_addr": _leaves(ADDRESSES),
    "raise_search_addr": _leaves(ADDRESSES),
    "leave_block": _leaves(ADDRESSES),
    "sys_grow": lambda operation, heap_class: all(_after_sys_grow(operation, heap_class)),
    "enable_huge_pages": _leaves(),
    "clone_in_use": _leaves(),
    "search": _finds,
    "find": _finds,
    "take_candidate": _takes_candidate,
    "find_block": _finds_block,
    "add_chunks": _grows,
    "cache_alloc": _cache_allocs,
}


def _after_sys_grow(operation: Any, heap_class: Any) -> Iterator[bool]:
    border = SMALL.chunk_base(CHUNKS[1])
    p = _grown(heap_class, border)
    after, needed = operation(p, border, SMALL.heap_limit)
    yield after.chunks == p.chunks
    yield needed.count >= 0


@cache
def finds_what_is_free(operation: Any, heap_class: Any) -> bool:
    """Whether an operation does what proofs take from it."""
    judge = JUDGES.get(operation.__name__)
    try:
        return judge is not None and judge(operation, heap_class)
    except Exception:  # noqa: BLE001  # an operation that fails, in whatever way, does not keep its word
        return False
