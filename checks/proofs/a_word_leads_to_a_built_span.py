"""Who follows a word that may be a pointer finds a whole span, or none: what the order of publication is for."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.following_jobs import JOBS as FOLLOWING
from spanproof.checks.proving.owning_jobs import JOBS as OWNING
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "a_word_leads_to_a_built_span",
    says="While the collector marks, a word leads to the span in use that has its address, with all fields set, or to "
    "none; to none only if no mapped span in use has it. Of a span the state is loaded before all else.",
    because="The state is stored after all fields and loaded before them, and no span in use is freed meanwhile.",
    source="mheap.go, spanOfHeap and initSpan",
    protocol=(*OWNING, *FOLLOWING),
    parts=goals(
        "span_found_is_built",
        "live_memory_is_found",
        "the_state_is_loaded_first",
        "the_class_is_set_before_the_state",
        "no_span_in_use_is_freed_while_marking",
        "a_page_in_use_stays_mapped_while_marking",
        "a_span_begins_at_a_page",
    ),
    claims=("span_found_is_built", "live_memory_is_found", "plain_accesses_are_ordered"),
)

if __name__ == "__main__":
    main(THEOREM)
