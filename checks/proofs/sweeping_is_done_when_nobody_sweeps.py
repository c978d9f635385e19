"""Where the heap says that sweeping is done, nobody sweeps a span that it acquired. Up to 1.16 this is false."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.finishing_jobs import JOBS
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.theorem import Part, Theorem, goals

THEOREM = Theorem(
    "sweeping_is_done_when_nobody_sweeps",
    says="From 1.17 on, when isSweepDone looked and says yes, no thread had a span that it acquired and had not swept; "
    "from 1.18 on none has until the next cycle. Every begin has its end, and no cycle begins with a sweeper left.",
    because="Who acquires is counted, before it tries (1.17) or before it looks (from 1.18 on, and then only while the "
    "set to sweep is not drained), until it has swept. Up to 1.16 who reclaims is not counted: issue 45315, which the "
    "scenario finding_done_beside_a_reclaimer shows. Who takes a stale cached span back is not counted in any release.",
    source="mgcsweep.go, isSweepDone, activeSweep, sweepLocker.tryAcquire; issue 45315",
    protocol=JOBS,
    parts=(
        Part(kind=Kind.THROW, pruned=True),
        *goals(
            "done_means_that_nobody_sweeps",
            "done_means_that_all_is_drained",
            "and_nobody_will_in_this_cycle",
            "who_acquires_is_registered",
            "who_sweeps_is_counted",
            "it_is_not_registered",
            "who_has_a_span_is_registered",
            "nothing_swept_means_drained",
        ),
    ),
    claims=("sweeping_is_not_done_before_its_end", "sweeper_meets_what_it_may_sweep", "sweeping_goes_on"),
)

if __name__ == "__main__":
    main(THEOREM)
