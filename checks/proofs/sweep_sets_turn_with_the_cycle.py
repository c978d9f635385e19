"""Spans wait for the next sweep in the set where it will look for them."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.sweeping_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "sweep_sets_turn_with_the_cycle",
    says="A span is put among the swept ones only when it is swept, in the set of this cycle; "
    "spans to sweep come from the other set; a cycle begins with the world stopped, two generations on.",
    because="sweep, uncacheSpan and initSpan store the heap's sweepgen before they push; "
    "only gcSweep moves it, and by two.",
    source="mgcsweep.go, sweepLocked.sweep and nextSpanForSweep; mgc.go, gcSweep",
    protocol=JOBS,
    parts=goals(
        "only_a_swept_span_is_pushed",
        "swept_spans_are_in_the_set_of_this_cycle",
        "spans_to_sweep_are_in_the_other_set",
        "a_cycle_begins_with_the_world_stopped",
        "a_cycle_is_two_generations",
    ),
    claims=("sweepgen_follows_the_protocol", "sweepgen_is_one_of_five", "sweeper_meets_what_it_may_sweep"),
)

if __name__ == "__main__":
    main(THEOREM)
