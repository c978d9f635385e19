"""needzero = 0 means that the memory is zero, where Go says so: when allocNeedsZero and initSpan return."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.theorem import Theorem, goals
from spanproof.checks.proving.zeroing_jobs import JOBS

THEOREM = Theorem(
    "needzero_false_is_already_zero",
    says="When allocNeedsZero says that a region needs no zeroing, and when initSpan leaves needzero 0, "
    "every byte is zero.",
    because="Such a region lies at or above zeroedBase, where nothing was ever written; "
    "or all of it is as the system gave it.",
    source="mheap.go, allocNeedsZero and initSpan",
    protocol=JOBS,
    parts=goals("needzero_false_is_already_zero", "zero_so_far", "claimed_so_far"),
    claims=("unneeded_zeroing_is_already_zero", "non_zero_page_is_below_zeroed_base", "alloc_keeps_its_word"),
)

if __name__ == "__main__":
    main(THEOREM)
