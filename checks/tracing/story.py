"""Tells rows of a trace in words, one line a row, and which rows concern a page. Read next: explaining.py."""

import numpy as np

from spanproof.checks.tracing.kinds import (
    NEEDZERO_SHIFT,
    NO_P,
    PAGE_SIZE,
    PAGES_PER_BLOCK,
    WITH_PAGES,
    Kind,
    flags,
)
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.words import Numbers

WIDTH = max(len(kind.word) for kind in Kind)


def address(page: int) -> str:
    """The address of a page's first byte, in hex."""
    return f"{page * PAGE_SIZE:#x}"


def interval(page: int, npages: int) -> str:
    """The half-open interval of addresses of some pages, and how many there are."""
    return f"[{address(page)}, {address(page + npages)}) {npages} page{'s' if npages != 1 else ''}"


def pages_of(word: int) -> list[int]:
    """The pages of a block that a word holds."""
    return [bit for bit in range(PAGES_PER_BLOCK) if word >> bit & 1]


def runs(word: int) -> str:
    """A word as runs: pages {[3, 5), [9, 10)} of a block."""
    begins, ends = pages_of(word & ~(word << 1)), pages_of(word & ~(word >> 1))
    return "{" + ", ".join(f"[{begin}, {end + 1})" for begin, end in zip(begins, ends, strict=True)) + "}"


def row_pages(trace: Trace, row: int) -> str:
    """The interval that a row names."""
    return interval(int(trace.page[row]), int(trace.npages[row]))


def _span(trace: Trace, row: int) -> str:
    a = int(trace.a[row])
    kind = {0: "heap", 1: "stack"}.get(a & 0xFF, f"type {a & 0xFF}")
    return f"{row_pages(trace, row)}, {kind}, spanclass {a >> 8 & 0xFF}, needzero={a >> NEEDZERO_SHIFT & 1}"


def _what(trace: Trace, row: int) -> str:
    """What a row says, without its number and kind."""
    kind, page = Kind(int(trace.kind[row])), int(trace.page[row])
    a, b, c = int(trace.a[row]), int(trace.b[row]), int(trace.c[row])
    match kind:
        case Kind.ALLOC_SPAN:
            return f"{_span(trace, row)}, scav={b}"
        case Kind.FREE_SPAN:
            return _span(trace, row)
        case Kind.ALLOC_NEEDS_ZERO:
            return f"{row_pages(trace, row)}, zeroedBase {a:#x}, needZero={c}"
        case Kind.PAGES_ALLOC | Kind.CACHE_REFILL if page == 0:
            return "no room" if kind is Kind.CACHE_REFILL else f"no room for {int(trace.npages[row])} pages"
        case Kind.CACHE_REFILL | Kind.CACHE_FLUSH:
            of = f" of P{c}" if kind is Kind.CACHE_REFILL else ""
            return f"cache{of} at {address(page)}: pages {runs(a)}, scavenged {runs(b)}"
        case Kind.PAGES_ALLOC:
            return f"{row_pages(trace, row)}, scav={a}"
        case Kind.RECLAIM_CHUNK:
            return f"from page index {page}, {a} pages freed"
        case Kind.GC_CYCLE:
            return f"sweepgen {a}"
        case _:
            return row_pages(trace, row)


def tell(trace: Trace, row: int) -> str:
    """One line: the row's number in the file, its kind, what it says, and who did it."""
    p = int(trace.p[row])
    who = f"M{int(trace.m[row])}" + ("" if p == NO_P else f" P{p}")
    return f"row {trace.number(row):<8} {Kind(int(trace.kind[row])).word:<{WIDTH}}  {_what(trace, row)}  ({who})"


def touching(trace: Trace, page: int, npages: int, limit: int) -> Numbers:
    """The rows before `limit` that concern any of the pages [page, page + npages); caches: those that hold one."""
    part = slice(0, limit)
    near = flags(*WITH_PAGES)[trace.kind[part]] & (trace.page[part] > 0)
    near &= (trace.page[part] < page + npages) & (trace.page[part] + trace.npages[part] > page)
    rows = np.flatnonzero(near)
    cache = flags(Kind.CACHE_REFILL, Kind.CACHE_FLUSH)[trace.kind[rows]]
    for at in np.flatnonzero(cache).tolist():
        base = int(trace.page[rows[at]])
        mask = sum(1 << p - base for p in range(max(page, base), min(page + npages, base + PAGES_PER_BLOCK)))
        cache[at] = not int(trace.a[rows[at]]) & mask
    return rows[~cache]
