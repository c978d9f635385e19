"""allocNeedsZero ends, whatever other threads do."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.overflow import rounds
from spanproof.checks.proving.theorem import Part, Theorem
from spanproof.checks.proving.zeroing_jobs import JOBS

THEOREM = Theorem(
    "alloc_needs_zero_terminates",
    says="Both loops of allocNeedsZero end: each round of the outer one takes pages off, "
    "each retry finds zeroedBase a page higher, or more. So of one arena there are no more retries than it has pages.",
    because="A failed compare-and-swap means that another thread raised zeroedBase, which is bounded by the arena.",
    source="mheap.go, allocNeedsZero",
    protocol=JOBS,
    parts=(Part(kind=Kind.RANK, functions=frozenset({"alloc_needs_zero"})),),
    claims=("no_deadlock",),
    excludes=rounds,
)

if __name__ == "__main__":
    main(THEOREM)
