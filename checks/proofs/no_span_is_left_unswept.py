"""No span is forgotten by the sweeper: when marking or a cycle begins, every span in use is swept or cached."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.sweeping_jobs import JOBS
from spanproof.checks.proving.theorem import Theorem, goals

THEOREM = Theorem(
    "no_span_is_left_unswept",
    says="A span that waits to be swept stands in the set to sweep, or a thread has it; one that is swept and not "
    "cached stands among the swept ones, or a thread has it. So when marking or a cycle begins every span is swept or "
    "cached.",
    because="Who takes a span from the set sweeps it, or finds that another has it; who has swept, built or uncached "
    "one pushes or frees it; a word says that the set is empty only when it is; a stopped world waits for all who "
    "have a span.",
    source="mgcsweep.go, sweepone, sweepLocked.sweep, finishsweep_m; mcentral.go, uncacheSpan; mgc.go, gcStart",
    protocol=JOBS,
    parts=goals(
        "every_span_is_swept_or_cached",
        "a_span_to_sweep_is_listed_or_in_hand",
        "a_span_being_swept_is_in_hand",
        "a_swept_span_is_pushed_or_in_hand",
        "a_listed_span_is_in_the_set",
        "a_drained_set_is_empty",
        "nothing_swept_means_that_nothing_is_left",
        "nothing_is_given",
        "the_span_is_handed_on",
    ),
    claims=(
        "every_unswept_span_is_listed",
        "sweepgen_is_one_of_five",
        "sweeper_meets_what_it_may_sweep",
        "sweeping_goes_on",
        "span_found_is_built",
    ),
)

if __name__ == "__main__":
    main(THEOREM)
