"""No page lies in two spans, from pages.alloc through publication to free."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.owning_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "no_overlapping_spans",
    says="No page belongs to two spans that are alive.",
    because="A page has one owner: a span is built on pages that its thread was given, and dies when they are freed.",
    source="mheap.go, allocSpan, initSpan and freeSpanLocked",
    protocol=JOBS,
    parts=goals(
        "no_page_in_two_spans",
        "living_span_owns_its_pages",
        "span_owns_nothing_else",
        "a_span_is_built_on_pages_in_hand",
        "the_region_is_held",
        "a_span_dies_when_its_pages_are_freed",
        "freed_pages_were_owned",
        "free_page_has_no_owner",
        "allocated_page_has_an_owner",
        "a_span_given_back_is_dead",
        "the_heap_lock_is_held",
        "heap.lock is held",
    ),
    claims=(
        "no_page_in_two_spans",
        "freed_pages_were_owned",
        "span_pages_are_allocated",
        "allocated_page_has_a_span",
        "heap_lock_is_held",
        "lock_discipline_is_kept",
    ),
)

if __name__ == "__main__":
    main(THEOREM)
