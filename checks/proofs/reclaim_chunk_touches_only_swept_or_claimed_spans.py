"""reclaimChunk looks at spans of pages in use only, and touches what it has won."""

from spanproof.checks.proofs.script import main
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.sweeping_jobs import JOBS
from spanproof.checks.proving.theorem import Part, Theorem, goals

FUNCTIONS = frozenset({"reclaim_chunk", "try_acquire", "reclaim", "trace_gc_sweep_span"})
GOALS = goals(
    "looks_up_only_pages_in_use",
    "touches_only_claimed_spans",
    "no_stale_copy_of_the_bits",
    "only_the_winner_sweeps",
    "heap.lock is not held",
    "heap.lock is held by this thread",
    "heap.lock is not held by this thread",
    "sweepgen_follows_the_protocol",
    "whole_bytes",
    "whole_chunks_are_claimed",
    functions=FUNCTIONS,
)

THEOREM = Theorem(
    "reclaim_chunk_touches_only_swept_or_claimed_spans",
    says="reclaimChunk looks up pages whose in-use bit it saw under the present hold of the lock, "
    "and touches spans it has won.",
    because="While it holds the lock no page goes out of use; when it had the lock down it reads the bits again.",
    source="mheap.go, reclaimChunk",
    protocol=JOBS,
    parts=(Part(kind=Kind.THROW, functions=FUNCTIONS), *GOALS),
    claims=("plain_accesses_are_ordered", "no_nil_dereference", "only_the_winner_sweeps", "no_deadlock"),
)

if __name__ == "__main__":
    main(THEOREM)
