"""Every claim by its name, and those about a run as a whole, which the engine that runs it judges.

Read next: spec.py.
"""

from spanproof.model.claim import Claim, RunClaim
from spanproof.model.invariants import INVARIANTS, STEP_INVARIANTS
from spanproof.model.page_promises import PAGE_PROMISES
from spanproof.model.promises import SPAN_PROMISES
from spanproof.model.reader_promises import READER_PROMISES

REFUSAL = "out_of_memory_only_where_refused"
"""The claim on the throws that end a run rightly where the system has refused memory."""

RUN_CLAIMS = (
    RunClaim(
        "overlap_throw_is_not_reached",
        "allocNeedsZero never finds zeroedBase inside the region that it claims.",
        "Regions are disjoint, and zeroedBase is only ever raised to the end of somebody's region.",
        "mheap.go, allocNeedsZero",
        "throw_on_equal_base",
        ("potentially overlapping in-use allocations detected",),
    ),
    RunClaim(
        "freed_span_may_be_freed",
        "free_span_locked meets a span that is in use, swept and empty, or manual and empty.",
        "A span is freed once, by its owner or by the sweeper that won it.",
        "mheap.go, freeSpanLocked (its fourth throw, for user arenas from 1.20 on, is left out)",
        "alloc_count_not_cleared",
        (
            "mheap.freeSpanLocked - invalid stack free",
            "mheap.freeSpanLocked - invalid free",
            "mheap.freeSpanLocked - invalid span state",
        ),
    ),
    RunClaim(
        "sweeper_meets_what_it_may_sweep",
        "The sweeper only meets spans in the states that its checks allow.",
        "What is acquired stays acquired until it is swept, and sweeping ends before the next cycle begins.",
        "mgcsweep.go",
        "sweeper_not_deregistered",
        (
            "mspan.sweep: bad span state",
            "mspan.sweep: bad span state after sweep",
            "non in-use span in unswept list",
            "sweep increased allocation count",
            "sweeper left outstanding across sweep generations",
            "mismatched begin/end of activeSweep",
            "active sweepers found at start of mark phase",
            "use of invalid sweepLocker",
        ),
    ),
    RunClaim(
        "no_nil_dereference",
        "No thread follows a nil span.",
        "The in-use bit of a page is set after its entry in spans.",
        "mheap.go, initSpan",
        "spans_entry_missing",
        ("invalid memory address or nil pointer dereference",),
    ),
    RunClaim(
        REFUSAL,
        "Go says that it is out of memory only where the system has just refused some.",
        "Where addresses alone are refused, the allocation gives no span, and its caller says so.",
        "mem_linux.go, sysMapOS; mpagealloc.go, pageAlloc.grow",
        "granted_memory_refused",
        ("runtime: out of memory", "pageAlloc: out of memory"),
    ),
    RunClaim(
        "heap_never_throws",
        "None of Go's other throws is reached.",
        "Each of them states an invariant of its authors.",
        "mheap.go",
        "grow_forgets_the_pages",
        (),
    ),
    RunClaim(
        "calls_are_defined",
        "The page allocator is asked only for what Go says it does.",
        "It does not check what it frees: a page that is freed twice is given out twice.",
        "mpagealloc.go, free, grow; mpagecache.go, flush",
        "no_page_freed",
    ),
    RunClaim(
        "plain_accesses_are_ordered",
        "Of two accesses to one word, one of them a plain write or both not atomic, one happens before the other.",
        "Locks, atomics and the stopped world order them; what is left is declared, with Go's reason.",
        "The Go Memory Model; checks/exploring/races.py",
        "in_use_not_reloaded",
    ),
    RunClaim(
        "lock_discipline_is_kept",
        "What the heap lock protects is touched by its holder, and who took it lets go of it before it is done.",
        "The page allocator's state is plain memory.",
        "mheap.go, mheap.lock",
        "mspan_taken_after_unlock",
    ),
    RunClaim(
        "no_deadlock",
        "Some thread can always go on until all are done.",
        "There is one lock; whoever holds it never waits for it again.",
        "mheap.go, mheap.lock",
        "traced_under_the_lock",
    ),
    RunClaim(
        "refines_the_abstract_heap",
        "Every page allocation gives the address that the abstract heap gives, and frees what it holds.",
        "The page allocator is a lowest-address first fit.",
        "mpagealloc.go; model/spec.py",
        "second_fit",
    ),
)

PROMISES = (*SPAN_PROMISES, *READER_PROMISES, *PAGE_PROMISES)
CLAIMS: tuple[Claim, ...] = (*INVARIANTS, *STEP_INVARIANTS, *PROMISES, *RUN_CLAIMS)
BY_NAME = {claim.name: claim for claim in CLAIMS}
THROWS = {text: claim.name for claim in RUN_CLAIMS for text in claim.throws}


def claim_of_throw(text: str) -> str:
    """The claim that a throw with this text breaks."""
    return THROWS.get(text, "heap_never_throws")
