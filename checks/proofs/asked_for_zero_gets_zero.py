"""Who asks for zeroed memory gets it, in each release's way."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.theorem import Theorem, goals
from spanproof.checks.proving.zeroing_jobs import JOBS

THEOREM = Theorem(
    "asked_for_zero_gets_zero",
    says="Who asks for zeroed memory gets zero bytes: from alloc up to 1.17, from malloc in every release.",
    because="alloc clears (1.14 to 1.16), alloc or its caller does (1.17), the caller does (from 1.18), "
    "unless needzero is 0.",
    source="mheap.go, alloc; malloc.go, mallocgcLarge and mallocgc",
    protocol=JOBS,
    parts=goals(
        "asked_for_zero_gets_zero",
        "alloc_keeps_its_word",
        "asked_for_zero_is_told_so",
        "the_span_has_the_pages_asked_for",
        "the_region_is_held",
    ),
    claims=("asked_for_zero_gets_zero", "alloc_keeps_its_word"),
)

if __name__ == "__main__":
    main(THEOREM)
