"""Programs whose threads are identical, small enough for all their states to be looked at twice."""

from dataclasses import replace

from spanproof.checks.programs import AllocManual, FreeManual, Program, Reclaim, Thread
from spanproof.checks.scenarios import BY_NAME
from spanproof.model.releases import row

LARGE = replace(BY_NAME["scavenged_is_zero"].program, release=row("go1.27"))
"""Its heap has spans enough for four threads."""
OPS = AllocManual(1), FreeManual(0), AllocManual(1)


def alike(threads: int, operations: int) -> Program:
    """So many threads that each do so many operations."""
    return replace(LARGE, threads=(Thread(OPS[:operations]),) * threads)


TWO_AND_ONE = replace(LARGE, threads=(Thread(OPS[:1]), Thread((Reclaim(1),)), Thread(OPS[:1])))
"""The first and the last are alike, with another one between them."""
