"""A violated claim with its story, and the few rows that still show it.

The rows are found by leaving out: a first choice of rows near the violation, halves and smaller pieces of it then left
out as long as the last row still violates the claim for the same reason. Read next: replaying.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from spanproof.checks.tracing import claims
from spanproof.checks.tracing.checking import Checked, check_trace
from spanproof.checks.tracing.claims import TRACE_CLAIMS, TraceClaim
from spanproof.checks.tracing.explaining import explain
from spanproof.checks.tracing.kinds import NO_P, PAGE_SIZE, PAGES_PER_ARENA, WITH_PAGES, Kind, flags
from spanproof.checks.tracing.moment import Seen
from spanproof.checks.tracing.planes import ADDS, FREE, TAKES
from spanproof.checks.tracing.raw import Read
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.story import pages_of, tell, touching
from spanproof.checks.tracing.words import Numbers, distinct

TRIES = 200
"""How often leaving out rows is tried."""
PAGES_LIMIT = 2**22
"""Rows are looked for page by page in heaps up to this size."""
NEAR = 12
"""How many rows of the page, of the M and of the P are looked at first, and how many rows a story tells at most."""
_SEARCHES = flags(Kind.PAGES_ALLOC, Kind.PAGES_FREE, Kind.CACHE_REFILL)
"""Kinds of rows that move the search address."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim violated at one row."""

    claim: TraceClaim
    row: int
    """Its number in the file."""
    page: int
    """The page (address / 8192) that the story is about."""
    detail: str
    story: tuple[str, ...]
    """The rows that concern the page, in order, one line each; the last is the row that violates the claim."""
    excerpt: Trace
    """Rows that show the violation by themselves; the last is the row that violates the claim."""
    read: Read | None = None
    """What violates the claim where no row does: memory that was read. The rows are those before it."""


def shows(excerpt: Trace, claim: TraceClaim) -> Seen | None:
    """What is seen at the last row of an excerpt if that row violates the claim, else None."""
    last = len(excerpt) - 1
    if last < 0 or check_trace(excerpt, judged_from=last).violated.get(claim.name) != last:
        return None
    return explain(excerpt, claim, last)


def story_of(excerpt: Trace, seen: Seen) -> tuple[str, ...]:
    """The rows of an excerpt that concern the page, those that the detail names, and the last row."""
    last = len(excerpt) - 1
    rows = touching(excerpt, seen.page, 1, last).tolist()
    told = sorted({*rows[:1], *rows[1 - NEAR :], *seen.rows, last})
    return tuple(tell(excerpt, row) for row in told)


def _newest(trace: Trace, row: int, column: str) -> Numbers:
    """The last rows before a row with the same m or p."""
    values = getattr(trace, column)
    rows: Numbers = np.flatnonzero(values[:row] == values[row])
    return rows[-NEAR:]


def _newest_of_pages(trace: Trace, rows: Numbers, *kinds: Kind) -> Numbers:
    """Of the rows, which ascend: for every page and kind the newest that names the page; of caches, holds it."""
    newest: dict[tuple[int, int], int] = {}
    for row in rows[flags(*kinds)[trace.kind[rows]]].tolist():
        page, kind = int(trace.page[row]), int(trace.kind[row])
        if kind in {Kind.CACHE_REFILL, Kind.CACHE_FLUSH}:
            newest.update(((page + bit, kind), row) for bit in pages_of(int(trace.a[row])))
        else:
            newest.update(((at, kind), row) for at in range(page, page + int(trace.npages[row])))
    return np.array(sorted(set(newest.values())), np.int64)


def _holders(trace: Trace, row: int) -> Numbers:
    """For every page, the last row before `row` that made it free or took it."""
    changes = np.flatnonzero(flags(*ADDS[FREE], *TAKES[FREE])[trace.kind[:row]] & (trace.page[:row] > 0))
    last: dict[int, int] = {}
    for change in changes.tolist():
        page = int(trace.page[change])
        if trace.kind[change] in {Kind.CACHE_REFILL, Kind.CACHE_FLUSH}:
            last.update((page + bit, change) for bit in pages_of(int(trace.a[change])))
        else:
            last.update(dict.fromkeys(range(page, page + int(trace.npages[change])), change))
    return np.array(sorted(set(last.values())), np.int64)


def _raising(trace: Trace, row: int) -> Numbers:
    """The last allocation that raised zeroedBase to what the row loaded: without it, the value is no limit."""
    limit = int(trace.page[row]) // PAGES_PER_ARENA * PAGES_PER_ARENA + int(trace.a[row]) // PAGE_SIZE
    pieces = (trace.kind[:row] == Kind.ALLOC_NEEDS_ZERO) & (trace.page[:row] + trace.npages[:row] == limit)
    rows: Numbers = np.flatnonzero(pieces)
    return rows[-1:]


def _cache_rows(trace: Trace, row: int) -> Numbers:
    """What filled and emptied the cache of the row's P; for a flush, of every P that had a cache there."""
    ps = {int(trace.p[row])} - {NO_P}
    refills = trace.kind[:row] == Kind.CACHE_REFILL
    if trace.kind[row] == Kind.CACHE_FLUSH:
        ps = {int(p) for p in trace.p[:row][refills & (trace.page[:row] == trace.page[row])]}
    rows = [np.zeros(0, np.int64)]
    for p in ps:
        filled = np.flatnonzero(refills & (trace.p[:row] == p))
        if len(filled):
            since = np.flatnonzero(trace.p[filled[-1] : row] == p) + filled[-1]
            rows.append(since)
            base = int(trace.page[filled[-1]])
            rows.append(np.flatnonzero((trace.kind[:row] == Kind.CACHE_FLUSH) & (trace.page[:row] == base)))
    return np.concatenate(rows)


def _choices(trace: Trace, claim: TraceClaim, row: int, seen: Seen) -> Iterator[Numbers]:
    """Rows before `row` that may be enough, the fewest first; at the end all of them."""
    if int(trace.npages[trace.kind == Kind.GROW].sum()) > PAGES_LIMIT:
        yield np.arange(row)
        return
    page, npages = int(trace.page[row]), int(trace.npages[row])
    own = touching(trace, page, npages, row) if page else np.zeros(0, np.int64)
    about = touching(trace, seen.page, 1, row)
    grows = np.flatnonzero(trace.kind[:row] == Kind.GROW)
    around = [about[-NEAR:], grows, np.array(seen.rows, np.int64), _newest(trace, row, "m"), _cache_rows(trace, row)]
    around += [_raising(trace, row)] if trace.kind[row] == Kind.ALLOC_NEEDS_ZERO else []
    if claim is not claims.THE_LOWEST_FREE_RUN_IS_TAKEN:
        yield np.concatenate([*around, _newest_of_pages(trace, own, *WITH_PAGES)])
    if claim in {claims.THE_LOWEST_FREE_RUN_IS_TAKEN, claims.THE_REFERENCE_PREDICTS_EVERY_EVENT}:
        around += [_holders(trace, row), np.flatnonzero(_SEARCHES[trace.kind[:row]])[-NEAR:]]
    arena = trace.page[:row] // PAGES_PER_ARENA == page // PAGES_PER_ARENA
    pieces = np.flatnonzero(arena & (trace.kind[:row] == Kind.ALLOC_NEEDS_ZERO))
    yield np.concatenate([*around, own, about, _newest(trace, row, "p"), pieces[-NEAR:]])
    yield np.arange(row)


def _leave_out(rows: Numbers, enough: Callable[[Numbers], bool]) -> Numbers:
    """Fewer rows that are still enough: pieces are left out, halves first, then smaller ones (delta debugging)."""
    size, tries = max(1, len(rows) // 2), 0
    while tries < TRIES:
        at = 0
        while at < len(rows) and tries < TRIES:
            fewer = np.delete(rows, np.s_[at : at + size])
            tries += 1
            if enough(fewer):
                rows = fewer
            else:
                at += size
        if size == 1:
            break
        size //= 2
    return rows


def excerpt_of(trace: Trace, claim: TraceClaim, row: int) -> Trace:
    """The rows that still show, by themselves, that `row` violates the claim, for the same reason."""
    return cut_out(trace, claim, row, explain(trace, claim, row), lambda part: shows(part, claim))


def cut_out(trace: Trace, claim: TraceClaim, row: int, seen: Seen, again: Callable[[Trace], Seen | None]) -> Trace:
    """The rows up to `row` that show what was seen there; `again` says what is seen at the last row of an excerpt."""

    def cut(rows: Numbers) -> Trace:
        return trace.excerpt(distinct(np.append(rows, row)))

    def same(part: Trace) -> bool:
        found = again(part)
        return found is not None and (found.page, found.detail) == (seen.page, seen.detail)

    choices = (distinct(rows) for rows in _choices(trace, claim, row, seen))
    enough = next((rows for rows in choices if same(cut(rows))), np.arange(row))
    few = _leave_out(enough, lambda rows: same(cut(rows)))
    about = touching(trace, seen.page, 1, row)
    told = np.concatenate([few, about[:1], about[-NEAR:]])
    return cut(told) if same(cut(told)) else cut(few)


def findings(checked: Checked) -> tuple[Finding, ...]:
    """Every violated claim of a checked trace, in reading order, told."""
    found: list[Finding] = []
    for claim in TRACE_CLAIMS:
        if claim.name in checked.violated:
            row = checked.violated[claim.name]
            found.append(finding_of(excerpt_of(checked.trace, claim, row), claim))
    return tuple(found)


def finding_of(excerpt: Trace, claim: TraceClaim) -> Finding:
    """The finding that an excerpt shows at its last row."""
    last = len(excerpt) - 1
    seen = explain(excerpt, claim, last)
    return Finding(claim, excerpt.number(last), seen.page, seen.detail, story_of(excerpt, seen), excerpt)
