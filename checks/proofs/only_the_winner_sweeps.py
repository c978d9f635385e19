"""A span is swept by the thread that won it, and by nobody else."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.sweeping_jobs import JOBS
from spanproof.checks.proving.theorem import Part, Theorem, goals

GOALS = goals(
    "only_the_winner_sweeps", "sweepgen_follows_the_protocol", "a_claimed_span_is_in_use", "the_span_is_swept"
)

THEOREM = Theorem(
    "only_the_winner_sweeps",
    says="sweep is called for a span only by the thread that moved its sweepgen to h-1, "
    "and that sweepgen moves as it should.",
    because="The compare-and-swap from h-2 to h-1 has one winner; a stale cached span belongs to who cached it.",
    source="mgcsweep.go, sweepLocker.tryAcquire and sweepLocked.sweep",
    protocol=JOBS,
    parts=(Part(kind=Kind.THROW), *GOALS),
    claims=("only_the_winner_sweeps", "sweepgen_follows_the_protocol", "sweeper_meets_what_it_may_sweep"),
)

if __name__ == "__main__":
    main(THEOREM)
