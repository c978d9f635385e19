"""Judges what the sets of pages tell: who owns a page, what is scavenged in it, and whether it was ever used.

Mirrors nothing in Go: it is the bookkeeping that Go's page allocator must agree with. Read next: threads.py.
"""

import numpy as np

from spanproof.checks.tracing import claims
from spanproof.checks.tracing.kinds import NEEDZERO_SHIFT, PAGE_SIZE, PAGES_PER_ARENA, Kind
from spanproof.checks.tracing.planes import FREE, GROWN, PADDED, SCAVENGED, SPAN, USED, Touches
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.tally import Tally
from spanproof.checks.tracing.words import between, count


def judge_owners(t: Touches, tally: Tally) -> None:
    """Nobody is handed what is not free, and what becomes free was not."""
    grows, spans, refills = t.of(Kind.GROW), t.of(Kind.ALLOC_SPAN), t.of(Kind.CACHE_REFILL)
    taking = t.of(Kind.PADDING, Kind.PAGES_ALLOC, Kind.CACHE_REFILL, Kind.SCAVENGE_BEGIN)
    tally.bad(claims.NO_PAGE_IN_TWO_SPANS, t.row[grows], t.pages[grows] & t.before(GROWN, grows))
    tally.bad(claims.NO_PAGE_IN_TWO_SPANS, t.row[taking], t.pages[taking] & ~t.before(FREE, taking))
    tally.bad(
        claims.NO_PAGE_IN_TWO_SPANS, t.row[spans], t.pages[spans] & (t.before(SPAN, spans) | ~t.before(GROWN, spans))
    )
    tally.bad(claims.SPANS_ARE_WHAT_WAS_TAKEN, t.row[spans], t.pages[spans] & t.before(FREE, spans))
    left_out = t.before(FREE, refills) & ~t.pages[refills]
    tally.bad(claims.CACHES_HOLD_THE_FREE_PAGES_OF_A_BLOCK, t.row[refills], left_out)


def judge_scavenged(trace: Trace, t: Touches, tally: Tally) -> None:
    """Bytes and bits reported as scavenged are those of the pages."""
    at = t.of(Kind.PAGES_ALLOC, Kind.ALLOC_SPAN)
    first = int(t.row[at].min(initial=len(trace)))
    pages = np.bincount(t.row[at] - first, count(t.pages[at] & t.before(SCAVENGED, at))).astype(np.uint64)
    row = t.row[at]
    said = np.where(t.kind[at] == Kind.ALLOC_SPAN, trace.b[row], trace.a[row])
    tally.bad(claims.SCAVENGED_BYTES_ARE_COUNTED, row, said != pages[row - first] * PAGE_SIZE)
    at = t.of(Kind.CACHE_REFILL, Kind.CACHE_FLUSH)
    # Padding is allocated and scavenged at once, and allocToCache copies the scavenged bits of the whole block.
    in_bitmap = (t.pages[at] | t.before(PADDED, at)) & t.before(SCAVENGED, at)
    tally.bad(claims.SCAVENGED_BYTES_ARE_COUNTED, t.row[at], in_bitmap != trace.b[t.row[at]])


def judge_used(trace: Trace, t: Touches, tally: Tally) -> None:
    """What was used lies below zeroedBase, and is not called zero."""
    at = t.of(Kind.ALLOC_NEEDS_ZERO)
    zeroed = np.minimum(trace.a[t.row[at]] // PAGE_SIZE, PAGES_PER_ARENA).astype(np.int64)
    offset = t.start[at] % PAGES_PER_ARENA
    beyond = t.pages[at] & t.before(USED, at) & ~between(np.zeros_like(offset), zeroed - offset)
    tally.bad(claims.USED_PAGES_LIE_BELOW_ZEROED_BASE, t.row[at], beyond)
    at = t.of(Kind.ALLOC_SPAN)
    called_zero = (trace.a[t.row[at]] >> NEEDZERO_SHIFT) & 1 == 0
    written = ~t.before(SCAVENGED, at) if trace.release.scavenged_is_zero else t.before(USED, at)
    tally.bad(claims.USED_PAGES_ARE_NOT_CALLED_ZERO, t.row[at][called_zero], (t.pages[at] & written)[called_zero])
