"""A page in use begins a span that is built and mapped: publication in initSpan, and its undoing in freeSpanLocked."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.owning_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "in_use_bit_marks_a_built_span",
    says="A set in-use bit marks the first page of a span that is in use and wholly mapped; "
    "an in-use span has its bit.",
    because="Setting the bit is the last step of publication, and clearing it the first of freeing.",
    source="mheap.go, initSpan and freeSpanLocked",
    protocol=JOBS,
    parts=goals(
        "in_use_bit_marks_a_mapped_page",
        "in_use_bit_marks_a_built_span",
        "spans_are_set_before_page_in_use",
        "published_at_its_first_page",
        "the_in_use_bit_is_cleared_first",
        "in_use_span_has_its_bit",
        "published_span_is_mapped",
    ),
    claims=("in_use_bit_marks_a_built_span", "published_span_is_mapped", "in_use_span_has_its_bit"),
)

if __name__ == "__main__":
    main(THEOREM)
