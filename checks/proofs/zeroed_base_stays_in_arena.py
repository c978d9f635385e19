"""zeroedBase does not leave its arena."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.theorem import Theorem, goals
from spanproof.checks.proving.zeroing_jobs import JOBS

THEOREM = Theorem(
    "zeroed_base_stays_in_arena",
    says="zeroedBase lies between 0 and the size of its arena.",
    because="It is raised to arenaLimit, which is capped at heapArenaBytes.",
    source="mheap.go, allocNeedsZero",
    protocol=JOBS,
    parts=goals("zeroed_base_stays_in_arena"),
    claims=("zeroed_base_stays_in_arena",),
)

if __name__ == "__main__":
    main(THEOREM)
