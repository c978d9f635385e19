"""A page comes into the heap once."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.growing_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "grow_hands_pages_over_once",
    says="grow gives the page allocator whole chunks of reserved memory that it was not given before, "
    "and as many pages as it says.",
    because="What is left of the newest arena was not given yet, and arenas are reserved upwards; the lock is held.",
    source="mheap.go, grow; malloc.go, sysAlloc",
    protocol=JOBS,
    parts=goals(
        "new_pages_were_never_given",
        "new_pages_were_reserved",
        "whole_chunks_are_given",
        "what_is_left_was_reserved",
        "what_is_left_is_not_given",
        "no_arena_is_reserved_twice",
        "the_next_arena_is_of_this_heap",
        "grow_gives_what_was_asked_for",
        "the_heap_lock_is_held",
    ),
    claims=("grown_pages_were_reserved", "refines_the_abstract_heap", "heap_never_throws", "lock_discipline_is_kept"),
)

if __name__ == "__main__":
    main(THEOREM)
