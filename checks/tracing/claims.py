"""What must hold of a recorded trace: one object a claim, in reading order.

The first five follow who owns each page; once one of them is violated nobody knows who does, so a trace is judged up to
that row only. The others compare a row with what is then known, and leave it as it is. Read next: planes.py.
"""

from dataclasses import dataclass

from spanproof.checks.tracing.kinds import Kind


@dataclass(frozen=True, slots=True)
class TraceClaim:
    """The name can be read aloud; `source` is the function of Go that makes it true."""

    name: str
    says: str
    because: str
    source: str
    looks_at: tuple[Kind, ...]
    """The kinds of rows that it is judged on."""
    owns: bool = False
    """It follows who owns a page: nothing can be judged after a row that violates it."""


NO_PAGE_IN_TWO_SPANS = TraceClaim(
    name="no_page_in_two_spans",
    says="A page is handed out only while it is free: grown, and owned by no span, no P's cache and no scavenger.",
    because="Two owners of one page overwrite each other.",
    source="mpagealloc.go, alloc, allocToCache; mheap.go, allocSpan",
    looks_at=(Kind.GROW, Kind.PADDING, Kind.PAGES_ALLOC, Kind.CACHE_REFILL, Kind.SCAVENGE_BEGIN, Kind.ALLOC_SPAN),
    owns=True,
)
SPANS_ARE_WHAT_WAS_TAKEN = TraceClaim(
    name="spans_are_what_was_taken",
    says="A span is exactly what its M took from the page allocator before, or pages of its own P's cache.",
    because="A span that nobody took is handed out again by the page allocator.",
    source="mheap.go, allocSpan; mpagecache.go, alloc",
    looks_at=(Kind.PAGES_ALLOC, Kind.ALLOC_SPAN),
    owns=True,
)
FREES_MATCH_ALLOCATIONS = TraceClaim(
    name="frees_match_allocations",
    says="A span is freed as it was allocated (base, npages, type and span class), and exactly its pages become free.",
    because="A free that names other pages takes them from their owner, or loses some for ever.",
    source="mheap.go, freeSpanLocked; mpagealloc.go, free",
    looks_at=(Kind.FREE_SPAN, Kind.PAGES_FREE),
    owns=True,
)
SCAVENGING_GIVES_BACK_WHAT_IT_TOOK = TraceClaim(
    name="scavenging_gives_back_what_it_took",
    says="The range that an M frees after it was returned to the OS is the range that this M had taken for it.",
    because="While its pages are being returned to the OS, a range is allocated; afterwards it is free again.",
    source="mgcscavenge.go, scavengeOne",
    looks_at=(Kind.SCAVENGE_END,),
    owns=True,
)
CACHES_HOLD_THE_FREE_PAGES_OF_A_BLOCK = TraceClaim(
    name="caches_hold_the_free_pages_of_a_block",
    says="An empty cache is refilled with all free pages of a block, and a flush gives back what is left in one cache.",
    because="A P allocates from its cache without the heap lock, so the pages must be its own.",
    source="mpagecache.go, allocToCache, flush",
    looks_at=(Kind.CACHE_REFILL, Kind.CACHE_FLUSH),
    owns=True,
)
THE_LOWEST_FREE_RUN_IS_TAKEN = TraceClaim(
    name="the_lowest_free_run_is_taken",
    says="The page allocator and the caches hand out the lowest free run that fits, and nothing only if none does.",
    because="Address-ordered first fit keeps the heap dense; zeroedBase is precise only with it.",
    source="mpagealloc.go, find; mpagecache.go, allocN",
    looks_at=(Kind.PAGES_ALLOC, Kind.CACHE_REFILL, Kind.ALLOC_SPAN),
)
SCAVENGED_BYTES_ARE_COUNTED = TraceClaim(
    name="scavenged_bytes_are_counted",
    says="The scavenged bytes of an allocation, and the scavenged bits of a cache, are those of its scavenged pages.",
    because="heapReleased is kept by these numbers, and from Go 1.26 needzero depends on them.",
    source="mpagealloc.go, allocRange; mpagecache.go, allocToCache",
    looks_at=(Kind.PAGES_ALLOC, Kind.ALLOC_SPAN, Kind.CACHE_REFILL, Kind.CACHE_FLUSH),
)
USED_PAGES_LIE_BELOW_ZEROED_BASE = TraceClaim(
    name="used_pages_lie_below_zeroed_base",
    says="Every page that was in a span before lies below the zeroedBase that allocNeedsZero loads for it.",
    because="Bytes at or above zeroedBase count as never used.",
    source="mheap.go, allocNeedsZero",
    looks_at=(Kind.ALLOC_NEEDS_ZERO,),
)
ZEROED_BASE_NEVER_FALLS = TraceClaim(
    name="zeroed_base_never_falls",
    says="zeroedBase, when loaded, is no lower than any allocation raised it that the loading M or P comes after.",
    because="Only a compare-and-swap to a higher value writes it. Rows of other Ms may stand in another order.",
    source="mheap.go, allocNeedsZero",
    looks_at=(Kind.ALLOC_NEEDS_ZERO,),
)
ZEROED_BASE_IS_A_LIMIT = TraceClaim(
    name="zeroed_base_is_a_limit",
    says="zeroedBase, when loaded, is 0 or the limit of a piece allocated in its arena before or at the same time.",
    because="Nothing but allocNeedsZero raises it, and only to the limit of what it was asked about.",
    source="mheap.go, allocNeedsZero",
    looks_at=(Kind.ALLOC_NEEDS_ZERO,),
)
ZEROED_BASE_DECIDES_NEED_ZERO = TraceClaim(
    name="zeroed_base_decides_need_zero",
    says="allocNeedsZero answers true exactly if a piece of the region begins below the zeroedBase loaded for it.",
    because="That is its rule, the same in every release.",
    source="mheap.go, allocNeedsZero",
    looks_at=(Kind.ALLOC_NEEDS_ZERO,),
)
USED_PAGES_ARE_NOT_CALLED_ZERO = TraceClaim(
    name="used_pages_are_not_called_zero",
    says="A span with needzero = 0 has no page that was in a span before; from Go 1.26 none used since last scavenged.",
    because="What its last user wrote would be handed out as zeroed memory.",
    source="mheap.go, allocNeedsZero, initSpan",
    looks_at=(Kind.ALLOC_SPAN,),
)
NEEDZERO_FOLLOWS_THE_RELEASE = TraceClaim(
    name="needzero_follows_the_release",
    says="A span's needzero is allocNeedsZero's answer for its pages; from Go 1.26 it is 0 if all are scavenged.",
    because="needzero tells the caller to clear (GODEBUG=madvdontneed=0, which keeps the old rule, is not modelled).",
    source="mheap.go, allocSpan, initSpan; CL 715160",
    looks_at=(Kind.ALLOC_SPAN,),
)

TRACE_CLAIMS = (
    NO_PAGE_IN_TWO_SPANS,
    SPANS_ARE_WHAT_WAS_TAKEN,
    FREES_MATCH_ALLOCATIONS,
    SCAVENGING_GIVES_BACK_WHAT_IT_TOOK,
    CACHES_HOLD_THE_FREE_PAGES_OF_A_BLOCK,
    THE_LOWEST_FREE_RUN_IS_TAKEN,
    SCAVENGED_BYTES_ARE_COUNTED,
    USED_PAGES_LIE_BELOW_ZEROED_BASE,
    ZEROED_BASE_NEVER_FALLS,
    ZEROED_BASE_IS_A_LIMIT,
    ZEROED_BASE_DECIDES_NEED_ZERO,
    USED_PAGES_ARE_NOT_CALLED_ZERO,
    NEEDZERO_FOLLOWS_THE_RELEASE,
)
"""Reading order. A row that violates several is charged to the first of them."""
CLAIMS_BY_NAME = {claim.name: claim for claim in TRACE_CLAIMS}

THE_REFERENCE_PREDICTS_EVERY_EVENT = TraceClaim(
    name="the_reference_predicts_every_event",
    says="The reference page allocator, called as Go's was, gives what Go gave: address, scavenged bytes, cache, run.",
    because="The text that is proved and searched is then the page allocator that real programs ran on.",
    source="mpagealloc.go, mpagecache.go, mgcscavenge.go; mheap.go, allocSpan",
    looks_at=(
        Kind.GROW, Kind.PADDING, Kind.PAGES_ALLOC, Kind.PAGES_FREE, Kind.CACHE_REFILL, Kind.CACHE_FLUSH,
        Kind.ALLOC_SPAN, Kind.SCAVENGE_BEGIN, Kind.SCAVENGE_END, Kind.GC_CYCLE,
    ),
)  # fmt: skip
"""Judged by itself: it runs the text (predicting.py), where the others look at the rows alone."""

SPANS_CALLED_ZERO_READ_ZERO = TraceClaim(
    name="spans_called_zero_read_zero",
    says="Every byte of a span with needzero = 0, read when allocSpan is done with it, is zero.",
    because="Nobody clears such a span before it is used.",
    source="mheap.go, allocSpan",
    looks_at=(Kind.ALLOC_SPAN,),
)
OBJECTS_ASKED_FOR_AS_ZERO_ARE_ZERO = TraceClaim(
    name="objects_asked_for_as_zero_are_zero",
    says="Every byte of an object that was asked for as zero, read when mallocgc is done with it, is zero.",
    because="make and new promise it.",
    source="malloc.go, mallocgc",
    looks_at=(Kind.ALLOC_SPAN,),
)
"""Of recordings whose process read the memory itself (reads.py)."""
