"""A word of the scavenge index counts what it is told."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.cursors_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "index_words_follow_what_they_are_told",
    says="The word of a chunk counts the pages that are taken and given back; it says that there may be free "
    "pages from each free on, until all are in use or the chunk is called empty; it changes under the "
    "heap lock alone.",
    because="It is loaded, changed and stored under one hold of the lock.",
    source="mgcscavenge.go, scavengeIndex.alloc, free, setEmpty",
    protocol=JOBS,
    parts=goals(
        "so_many_pages_are_in_use",
        "it_is_said_whether_there_may_be_free_pages",
        "words_of_other_chunks_stay",
        "words_change_under_the_lock",
    ),
    claims=(
        "index_counts_the_pages",
        "empty_chunk_has_nothing_to_scavenge",
    ),
)

if __name__ == "__main__":
    main(THEOREM)
