"""The bugs of Go's page heap that no edit of the text can say, and why; by their numbers in the list of known bugs.

Some numbers stand here and in a fault's source too: one half of the bug can be said. Read next: fault.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A bug that is no fault of the corpus."""

    number: str
    name: str
    reason: str


LEFT_OUT = (
    LeftOut("A8", "scavengeOne does not look whether an address is the heap's", "the scavenge index names no chunk that the heap has not"),
    LeftOut("A14", "a forced scavenge of everything begins at an exhausted cursor", "no address is reset since the scavenge index: each free raises the cursor; forced_cursor_not_raised is the like of it"),
    LeftOut("A18", "an empty range is accepted", "only a direct caller can add one: the rest of a full arena touches the range before it, and vanishes"),
    LeftOut("A19", "test helpers walk chunks that do not exist; huge pages of 4 MiB or more (issues 42053, 35431)", "they are Go's tests; a huge page here may have any size, and the candidate's theorem takes all"),
    LeftOut("A20", "a first growth passes the end of its arena, or its padding takes what was asked", "it is in Go, and so in the text: finding_first_growth_leaves_its_arena, finding_first_growth_is_padded_away"),
    LeftOut("B4", "a block of a span set is never freed", "spanSet.push and pop are one step each; its blocks are not there"),
    LeftOut("B6", "no publication barrier after setSpans", "atomics are sequentially consistent here: what a barrier prevents does not happen"),
    LeftOut("B7", "mspan.limit is set late", "limit is not there: one object fills a span"),
    LeftOut("B8", "freeindex is read before the object is ready", "freeindex is not there: one object fills a span"),
    LeftOut("B9", "a span is freed and used again between spanOfHeap and isFree", "no span in use is freed while the collector marks (proved: nothing_is_freed_while_marking), and allocBits is not there"),
    LeftOut("B12", "a span that is not in use in the unswept list, its generation one behind", "no cause is known; the one suspected needs weak memory"),
    LeftOut("B14", "the heap lock on a growable stack up to 1.12 (issue 32105), and sbrk's own lock, never let go (issue 74339)", "the first is stack_grows_under_the_lock in another place; sbrk and its lock are not there"),
    LeftOut("B15", "lock cycles through the heap lock", "the heap lock is the only lock; the tracer's, which takes it, is B1"),
    LeftOut("B16", "a racy scavenger misses memory", "the scavengers before the scavenge index are not there; forced_cursor_not_marked is the like of it"),
    LeftOut("B18", "the target of sweep assists goes below zero", "pacing is not there; its sibling is growth_counts_what_was_asked"),
    LeftOut("B20", "memory is cleared where the mcache may change; largeType is set without order (issue 72991)", "mcache and largeType are not there; cleared_while_preemptible is the like of the first"),
    LeftOut("B21", "gcstoptheworld=2 sweeps everything with caches not flushed", "sweeping without concurrency is not there"),
    LeftOut("B23", "the block of a span set is nil for its readers", "spanSet.push and pop are one step each; its blocks are not there"),
    LeftOut("B24", "pages stay in the cache of an idle P", "that pages come back some day is no claim: a cache may keep them"),
    LeftOut("C2", "mTreap.find does not give the lowest address", "the treap was before 1.14; second_fit is the like of it"),
    LeftOut("C4", "free spans that are scavenged and that are not become one", "spans of free pages were before 1.14; and it was a matter of how much is scavenged"),
    LeftOut("C6", "reclaimList stops at the first span that is swept already", "the list of spans was before 1.12, and the chunks that came in its place have no such end; giving less than was asked is reclaim_keeps_its_word"),
    LeftOut("C11", "64-bit totals in words of 32 bits", "numbers do not wrap around here, and no geometry has 32-bit words"),
    LeftOut("C12", "an address space wider than assumed, a reservation of summaries refused", "the address space is the geometry's, and summaries are not reserved; that arenas are refused is a dimension of scenarios"),
    LeftOut("C14", "pacing divides by zero, or forgets", "pacing is not there"),
)  # fmt: skip
