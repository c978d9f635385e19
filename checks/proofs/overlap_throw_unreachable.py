"""allocNeedsZero does not throw on a heap that is right. The converse is false: see docs."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.theorem import Part, Theorem
from spanproof.checks.proving.zeroing_jobs import JOBS

THEOREM = Theorem(
    "overlap_throw_unreachable",
    says="While regions are disjoint, allocNeedsZero never finds zeroedBase inside the region that it claims.",
    because="zeroedBase is only ever raised to the end of somebody's region, and no other region ends inside this one.",
    source="mheap.go, allocNeedsZero",
    protocol=JOBS,
    parts=(Part(kind=Kind.THROW),),
    claims=("overlap_throw_is_not_reached",),
)

if __name__ == "__main__":
    main(THEOREM)
