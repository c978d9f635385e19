"""Sweepers and reclaimers do not go round for ever: each round takes something off, or is another thread's doing."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.retrying import JOBS as RETRYING
from spanproof.checks.proving.sweeping_jobs import JOBS as SWEEPING
from spanproof.checks.proving.theorem import Part, Theorem

THEOREM = Theorem(
    "no_retry_loop_runs_for_ever",
    says="No loop of the sweeper, of the reclaimer or of a scavenger's cursor is retried for ever by its own doing: "
    "a round takes a span off the set to sweep, pages off what is wanted, or a chunk off what is not claimed; "
    "or since the round before another thread has changed the word on which a compare-and-swap failed. "
    "ensureSwept looks again only while another thread has the span, to sweep it.",
    because="A strong compare-and-swap fails only if the word is not what was loaded, so each failure is paid for by "
    "a step of another thread that succeeded; within a cycle nobody adds to the set to sweep, or claims a chunk twice.",
    source="mgcsweep.go, activeSweep, sweepone, ensureSwept, finishsweep_m; mheap.go, reclaim; mranges.go, "
    "atomicOffAddr",
    protocol=(*SWEEPING, *RETRYING),
    parts=(
        *(
            Part(kind=Kind.RANK, functions=frozenset({name}))
            for name in (
                "begin_sweep",
                "end_sweep",
                "mark_drained",
                "sweepone",
                "bgsweep",
                "finishsweep_m",
                "ensure_swept",
                "reclaim",
                "reclaim_chunk",
                "clear",
                "store_min",
            )
        ),
    ),
    claims=("no_deadlock",),
)

if __name__ == "__main__":
    main(THEOREM)
