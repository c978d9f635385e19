"""zeroedBase only grows, whoever races for it."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.theorem import Theorem, goals
from spanproof.checks.proving.zeroing_jobs import JOBS

THEOREM = Theorem(
    "zeroed_base_never_decreases",
    says="zeroedBase of an arena never goes down.",
    because="It is raised by compare-and-swap, to a larger value only.",
    source="mheap.go, heapArena.zeroedBase",
    protocol=JOBS,
    parts=goals("zeroed_base_never_decreases"),
    claims=("zeroed_base_never_decreases",),
)

if __name__ == "__main__":
    main(THEOREM)
