"""What allocations and frees give and take are steps of the abstract heap, one each, inside of the operation."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.owning_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "operations_refine_the_abstract_heap",
    says="An allocation that gives a span is one step of the abstract heap, of the pages that were asked for, and one "
    "that gives none is no step; a free is one step, of all that the span had. What is allocated is owned there.",
    because="Pages are taken and freed once in each operation, and the span is built on what was taken.",
    source="mheap.go, allocSpan and freeSpanLocked",
    protocol=JOBS,
    parts=goals(
        "an_allocation_is_one_step",
        "the_step_is_of_what_was_asked",
        "the_span_is_what_the_step_gave",
        "no_memory_is_no_step",
        "an_allocation_gives_nothing_back",
        "a_free_is_one_step",
        "the_step_is_of_all_that_the_span_had",
        "a_free_takes_nothing",
        "the_abstract_heap_owns_what_is_allocated",
        "freed_pages_were_owned",
    ),
    claims=("refines_the_abstract_heap", "freed_pages_were_owned", "allocated_page_has_a_span"),
)

if __name__ == "__main__":
    main(THEOREM)
