"""Whoever takes pages of a chunk or gives them back tells the scavenge index so."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.scavenging_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "pages_are_told_to_the_index",
    says="Whoever allocates or frees pages of a chunk tells its word so before the heap lock is released, but "
    "for those that a scavenger has; a chunk is called empty by who has just found nothing in it, and by nobody else.",
    because="Each change of a bitmap is followed by a call of index.alloc or index.free with as many pages, under "
    "the same hold of the lock.",
    source="mpagealloc.go, allocRange, free; mpagecache.go, allocToCache, flush; mgcscavenge.go, scavengeOne",
    protocol=JOBS,
    parts=goals(
        "pages_are_told_to_the_index",
        "the_freed_pages_are_told_to_the_index",
        "a_chunk_is_called_empty_where_nothing_was_found",
        "a_chunk_that_gives_nothing_is_called_empty",
    ),
    claims=(
        "index_counts_the_pages",
        "empty_chunk_has_nothing_to_scavenge",
    ),
)

if __name__ == "__main__":
    main(THEOREM)
