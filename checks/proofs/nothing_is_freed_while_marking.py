"""No span in use is freed while the collector marks: what who follows a word rests on."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.sweeping_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "nothing_is_freed_while_marking",
    says="From when marking begins to when the next cycle does, a span in use stays in use, and nobody sweeps it; the "
    "collector may touch it.",
    because="Marking begins with the world stopped, every span swept and none claimed; only a span that is not swept "
    "can be claimed, and only one that was claimed is freed.",
    source="mgc.go, gcStart; mgcsweep.go, sweepLocker.tryAcquire",
    protocol=JOBS,
    parts=goals(
        "what_is_settled_stays_settled",
        "no_span_in_use_is_freed_while_marking",
        "a_settled_span_is_swept",
        "marking_begins_with_the_world_stopped",
        "touches_only_claimed_spans",
    ),
    claims=("span_found_is_built", "only_the_winner_sweeps", "plain_accesses_are_ordered"),
)

if __name__ == "__main__":
    main(THEOREM)
