"""setSpans maps the pages of its region, all of them and no others."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.owning_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "set_spans_maps_exactly_the_region",
    says="After setSpans every page of the region maps to the span, and no other page's entry was changed.",
    because="It walks the pages from arena to arena, and writes to entries of its own pages only.",
    source="mheap.go, setSpans",
    protocol=JOBS,
    parts=goals("every_page_of_the_region_maps_to_the_span", "no_page_outside_changes", "only_the_holder_maps_a_page"),
    claims=("published_span_is_mapped", "no_nil_dereference"),
)

if __name__ == "__main__":
    main(THEOREM)
