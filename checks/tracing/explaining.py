"""Says of one violation what was seen: which page, who owns it, what the row should have said.

The heap is brought to the moment before the row; then each claim has its own few lines. Read next: findings.py.
"""

from collections.abc import Callable, Mapping

import numpy as np

from spanproof.checks.tracing import claims
from spanproof.checks.tracing.checking import Checker, parts
from spanproof.checks.tracing.claims import TraceClaim
from spanproof.checks.tracing.kinds import NEEDZERO_SHIFT, NO_P, PAGE_SIZE, PAGES_PER_ARENA, PAGES_PER_BLOCK, Kind
from spanproof.checks.tracing.moment import Moment, Seen
from spanproof.checks.tracing.planes import FREE, GROWN, PADDED, SCAVENGED, SPAN, USED
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.story import address, interval, pages_of, row_pages, runs

OWNERS = {
    Kind.ALLOC_SPAN: "in the span of",
    Kind.FREE_SPAN: "not free yet: its span is being freed by",
    Kind.CACHE_REFILL: "in the cache filled by",
    Kind.SCAVENGE_BEGIN: "being returned to the OS since",
    Kind.PADDING: "padding, by",
    Kind.PAGES_ALLOC: "taken by",
    Kind.PAGES_FREE: "free since",
    Kind.SCAVENGE_END: "free since",
    Kind.CACHE_FLUSH: "free since",
    Kind.GROW: "free since",
}


def _ownership(m: Moment, page: int) -> tuple[str, tuple[int, ...]]:
    row = m.last(page, *OWNERS)
    if row is None:
        return f"page {page} at {address(page)} was never grown", ()
    if m.trace.kind[m.row] == Kind.GROW:
        row = m.last(page, Kind.GROW) or row
        return f"page {page} at {address(page)} was grown by {m.named(row)} already", (row,)
    return f"page {page} at {address(page)} is {OWNERS[Kind(int(m.trace.kind[row]))]} {m.named(row)}", (row,)


def _two_spans(m: Moment) -> Seen:
    if m.trace.kind[m.row] == Kind.ALLOC_SPAN:
        page = m.first_page(lambda p: m.has(SPAN, p) or not m.has(GROWN, p))
    elif m.trace.kind[m.row] == Kind.GROW:
        page = m.first_page(lambda p: m.has(GROWN, p))
    else:
        page = m.first_page(lambda p: not m.has(FREE, p))
    detail, rows = _ownership(m, page)
    return Seen(page, detail, rows)


def _taken(m: Moment) -> Seen:
    trace, row = m.trace, m.row
    took = m.last_of_m(Kind.PAGES_ALLOC, Kind.ALLOC_SPAN)
    who = f"M{int(trace.m[row])}"
    if took is not None and trace.kind[took] == Kind.PAGES_ALLOC and trace.page[took] > 0:
        if trace.kind[row] == Kind.PAGES_ALLOC:
            return Seen(
                int(trace.page[took]), f"{who} took {row_pages(trace, took)} in {m.named(took)}: no span yet", (took,)
            )
        page = m.first_page(lambda p: not trace.page[took] <= p < trace.page[took] + trace.npages[took])
        return Seen(
            page, f"{who} took {row_pages(trace, took)} in {m.named(took)}, not {row_pages(trace, row)}", (took,)
        )
    p = int(trace.p[row])
    base, word = int(m.heap.caches.base[p]), int(m.heap.caches.word[p])
    page = m.first_page(lambda q: not 0 <= q - base < PAGES_PER_BLOCK or not word >> q - base & 1)
    held = f"P{p}'s cache at {address(base)} holds pages {runs(word)}" if word else f"P{p}'s cache is empty"
    held = "it has no P and so no cache" if p == NO_P else held
    return Seen(page, f"{who} took nothing from the page allocator for it, and {held}")


def _frees(m: Moment) -> Seen:
    trace, page = m.trace, int(m.trace.page[m.row])
    if trace.kind[m.row] == Kind.PAGES_FREE:
        freed = m.last_of_m(Kind.FREE_SPAN, Kind.PAGES_FREE)
        if freed is None or trace.kind[freed] != Kind.FREE_SPAN:
            return Seen(page, f"M{int(trace.m[m.row])} freed no span before")
        return Seen(page, f"the span that {m.named(freed)} frees is {row_pages(trace, freed)}", (freed,))
    started = m.last_of_m(Kind.FREE_SPAN, Kind.PAGES_FREE)
    if started is not None and trace.kind[started] == Kind.FREE_SPAN:
        return Seen(page, f"the pages of {m.named(started)} were not freed before", (started,))
    built = m.last(page, Kind.ALLOC_SPAN, Kind.FREE_SPAN)
    if built is None or trace.kind[built] == Kind.FREE_SPAN:
        return Seen(page, f"no span lives at {address(page)}", () if built is None else (built,))
    a = int(trace.a[built])
    what = f"{row_pages(trace, built)}, type {a & 0xFF}, spanclass {a >> 8 & 0xFF}"
    return Seen(page, f"the span built by {m.named(built)} is {what}", (built,))


def _scavenging(m: Moment) -> Seen:
    begun = m.last_of_m(Kind.SCAVENGE_BEGIN, Kind.SCAVENGE_END)
    page = int(m.trace.page[m.row])
    if begun is None or m.trace.kind[begun] == Kind.SCAVENGE_END:
        return Seen(page, f"M{int(m.trace.m[m.row])} had taken no range to scavenge")
    return Seen(page, f"M{int(m.trace.m[m.row])} had taken {row_pages(m.trace, begun)} in {m.named(begun)}", (begun,))


def _caches(m: Moment) -> Seen:
    trace, row, page = m.trace, m.row, int(m.trace.page[m.row])
    if trace.kind[row] == Kind.CACHE_FLUSH:
        held = [int(p) for p in np.flatnonzero(m.heap.caches.word) if m.heap.caches.base[p] == page]
        what = "; ".join(f"P{p}'s holds pages {runs(int(m.heap.caches.word[p]))}" for p in held) or "no cache is there"
        return Seen(page, f"no cache at {address(page)} holds exactly pages {runs(int(trace.a[row]))}: {what}")
    p, free = int(trace.p[row]), m.word(FREE, page)
    if int(trace.c[row]) != p:
        return Seen(page, f"it is recorded on P{p} but for the cache of P{int(trace.c[row])}")
    if free & ~int(trace.a[row]):
        left = page + pages_of(free & ~int(trace.a[row]))[0]
        return Seen(left, f"page {left} at {address(left)} is free and not in it; free are pages {runs(free)}")
    if not int(trace.a[row]):
        return Seen(page, f"nothing in the block at {address(page)} is free")
    word = int(m.heap.caches.word[p])
    return Seen(page, f"P{p}'s cache at {address(int(m.heap.caches.base[p]))} still held pages {runs(word)}")


def _lowest(m: Moment) -> Seen:
    trace, row = m.trace, m.row
    wanted = 1 if trace.kind[row] == Kind.CACHE_REFILL else int(trace.npages[row])
    if trace.kind[row] == Kind.ALLOC_SPAN:
        p = int(trace.p[row])
        lower, where = _first_run(m.heap.caches.word[p : p + 1], wanted), f"of P{p}'s cache"
        page = int(m.heap.caches.base[p]) + lower
    else:
        lower, where = _first_run(m.heap.planes.now[FREE], wanted), "of the heap"
        page = m.heap.layout.page_of(lower)
    freed = m.last(page, Kind.GROW, Kind.PAGES_FREE, Kind.CACHE_FLUSH, Kind.SCAVENGE_END, Kind.CACHE_REFILL)
    since = "" if freed is None else f", free since {m.named(freed)}" if "heap" in where else f", by {m.named(freed)}"
    answer = row_pages(trace, row) if trace.page[row] else "nothing"
    detail = f"the lowest free run {where} is {interval(page, wanted)}{since}; handed out was {answer}"
    return Seen(page, detail, () if freed is None else (freed,))


def _first_run(words: np.ndarray[tuple[int], np.dtype[np.uint64]], npages: int) -> int:
    """The first page of the lowest run in consecutive words."""
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little").tobytes()
    return bits.find(b"\x01" * npages)


def _scavenged(m: Moment) -> Seen:
    trace, row = m.trace, m.row
    page = int(trace.page[row])
    if trace.kind[row] in {Kind.CACHE_REFILL, Kind.CACHE_FLUSH}:
        said = int(trace.b[row])
        truth = (int(trace.a[row]) | m.word(PADDED, page)) & m.word(SCAVENGED, page)
        first = page + pages_of(said ^ truth)[0]
        return Seen(first, f"scavenged are pages {runs(truth)}, not {runs(said)}")
    number = sum(m.has(SCAVENGED, p) for p in m.pages)
    said = int(trace.b[row] if trace.kind[row] == Kind.ALLOC_SPAN else trace.a[row])
    return Seen(page, f"{number} of its pages are scavenged, {number * PAGE_SIZE} bytes, not {said}")


def _used_below(m: Moment) -> Seen:
    loaded, arena = int(m.trace.a[m.row]), int(m.trace.page[m.row]) // PAGES_PER_ARENA * PAGES_PER_ARENA
    page = m.first_page(lambda p: m.has(USED, p) and (p - arena) * PAGE_SIZE >= loaded)
    user = m.last(page, Kind.ALLOC_SPAN)
    rows = () if user is None else (user,)
    by = "" if user is None else f", by the span of {m.named(user)}"
    return Seen(page, f"page {page} at {address(page)} was used{by}; zeroedBase is {loaded:#x}", rows)


def _raised(m: Moment, limit: int) -> int | None:
    """The row that raised zeroedBase of the row's arena highest, of the rows before `limit`."""
    page = m.trace.page[:limit]
    same = page // PAGES_PER_ARENA == int(m.trace.page[m.row]) // PAGES_PER_ARENA
    rows = np.flatnonzero(same & (m.trace.kind[:limit] == Kind.ALLOC_NEEDS_ZERO))
    return int(rows[np.argmax(page[rows] + m.trace.npages[:limit][rows])]) if len(rows) else None


def _offset(m: Moment, row: int) -> int:
    """The limit of an allocNeedsZero row, in bytes from its arena's start."""
    return (int(m.trace.page[row]) % PAGES_PER_ARENA + int(m.trace.npages[row])) * PAGE_SIZE


def _fell(m: Moment) -> Seen:
    trace, row = m.trace, m.row
    same = trace.m[:row] == trace.m[row]
    if trace.p[row] != NO_P:
        same |= trace.p[:row] == trace.p[row]
    seen = int(np.flatnonzero(same)[-1]) if same.any() else 0
    raised = _raised(m, seen + 1)
    page = int(trace.page[row])
    if raised is None:
        return Seen(page, f"zeroedBase is {int(trace.a[row]):#x}")
    detail = f"{m.named(raised)} raised zeroedBase to {_offset(m, raised):#x}, before {m.named(seen)}"
    return Seen(page, f"{detail} of the same M or P; loaded was {int(trace.a[row]):#x}", (raised, seen))


def _limit(m: Moment) -> Seen:
    raised = _raised(m, m.row)
    page, loaded = int(m.trace.page[m.row]), int(m.trace.a[m.row])
    if raised is None:
        return Seen(page, f"loaded was {loaded:#x}, and nothing had been allocated in the arena")
    highest = f"the highest limit until then is {_offset(m, raised):#x}, of {m.named(raised)}"
    return Seen(page, f"loaded was {loaded:#x}, to which no allocation raised it; {highest}", (raised,))


def _decides(m: Moment) -> Seen:
    trace, row = m.trace, m.row
    begins = int(trace.page[row]) % PAGES_PER_ARENA * PAGE_SIZE
    answer = f"the piece begins at {begins:#x} of its arena, zeroedBase is {int(trace.a[row]):#x}"
    return Seen(int(trace.page[row]), f"{answer}, the answer {int(trace.c[row])}")


def _called_zero(m: Moment) -> Seen:
    if m.trace.release.scavenged_is_zero:
        page, since = m.first_page(lambda p: not m.has(SCAVENGED, p)), " and not scavenged since"
    else:
        page, since = m.first_page(lambda p: m.has(USED, p)), ""
    user = m.last(page, Kind.ALLOC_SPAN)
    by = "" if user is None else f" by the span of {m.named(user)}"
    return Seen(page, f"page {page} at {address(page)} was used{by}{since}", () if user is None else (user,))


def _needzero(m: Moment) -> Seen:
    trace, row = m.trace, m.row
    answered = m.last_of_m(Kind.ALLOC_NEEDS_ZERO)
    page, needzero = int(trace.page[row]), int(trace.a[row]) >> NEEDZERO_SHIFT & 1
    if answered is None:
        return Seen(page, "allocNeedsZero was not asked about it")
    said = f"allocNeedsZero was asked about {row_pages(trace, answered)} in {m.named(answered)}"
    rule = ", and a wholly scavenged span needs no zeroing" if trace.release.scavenged_is_zero else ""
    answer = f"its answer is {int(trace.c[answered])}, {int(trace.b[row])} bytes are scavenged, needzero={needzero}"
    return Seen(page, f"{said}; {answer}; in {trace.release.name} needzero is the answer{rule}", (answered,))


EXPLAINED_BY: Mapping[str, Callable[[Moment], Seen]] = {
    claims.NO_PAGE_IN_TWO_SPANS.name: _two_spans,
    claims.SPANS_ARE_WHAT_WAS_TAKEN.name: _taken,
    claims.FREES_MATCH_ALLOCATIONS.name: _frees,
    claims.SCAVENGING_GIVES_BACK_WHAT_IT_TOOK.name: _scavenging,
    claims.CACHES_HOLD_THE_FREE_PAGES_OF_A_BLOCK.name: _caches,
    claims.THE_LOWEST_FREE_RUN_IS_TAKEN.name: _lowest,
    claims.SCAVENGED_BYTES_ARE_COUNTED.name: _scavenged,
    claims.USED_PAGES_LIE_BELOW_ZEROED_BASE.name: _used_below,
    claims.ZEROED_BASE_NEVER_FALLS.name: _fell,
    claims.ZEROED_BASE_IS_A_LIMIT.name: _limit,
    claims.ZEROED_BASE_DECIDES_NEED_ZERO.name: _decides,
    claims.USED_PAGES_ARE_NOT_CALLED_ZERO.name: _called_zero,
    claims.NEEDZERO_FOLLOWS_THE_RELEASE.name: _needzero,
}


def explain(trace: Trace, claim: TraceClaim, row: int) -> Seen:
    """What was seen at the row that violates a claim. The rows before it must violate no claim about owners."""
    heap = Checker(trace)
    for first, limit in parts(trace, row):
        heap.judge(first, limit)
    return EXPLAINED_BY[claim.name](Moment(trace, row, heap))
