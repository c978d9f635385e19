"""What a claim is: one object with all its forms, on one screen.

Four kinds. An `Invariant` is about every state, a `StepInvariant` about every two consecutive states, a `Promise` about
the moment at which a function is called or returns, a `RunClaim` about a whole run. Each names a planted fault that
breaks it. Read next: invariants.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import z3

from spanproof.model.geometry import Geometry
from spanproof.model.releases import Release
from spanproof.model.state import HeapState, HeapVars, extent


@dataclass(frozen=True, slots=True)
class Claim:
    """The name can be read aloud; `source` is where Go's authors say it."""

    name: str
    says: str
    because: str
    source: str
    fault: str
    """A planted fault that breaks it (checks/faults)."""

    @property
    def finding(self) -> bool:
        """Whether Go itself is known to break it: then it is judged only where a scenario asks for it."""
        return self.name in FINDINGS


FINDINGS = frozenset(
    {
        "empty_chunk_has_nothing_to_scavenge",
        "forced_cursor_is_above_what_is_free",
        "forced_scavenge_leaves_nothing",
        "reclaimers_are_waited_for",
    }
)
"""Claims that the text of Go breaks (docs/findings): when scavengers run beside each other or beside those who free,
and up to 1.16 when somebody reclaims."""


def indices(over: tuple[str, ...], geometry: Geometry) -> list[tuple[z3.ArithRef, ...]]:
    """Every index of these sorts, as terms."""
    tuples: list[tuple[z3.ArithRef, ...]] = [()]
    for sort in over:
        tuples = [(*t, z3.IntVal(n)) for t in tuples for n in range(extent(sort, geometry))]
    return tuples


@dataclass(frozen=True, slots=True)
class Invariant(Claim):
    """Holds in every state."""

    reads: tuple[str, ...]
    """The fields of the state that it looks at."""
    over: tuple[str, ...]
    """What it is quantified over: arena, page, span."""
    formula: Callable[..., z3.BoolRef]
    """Of HeapVars and one index for each entry of `over`."""
    holds: Callable[[HeapState], bool]
    """The same, written by hand on a snapshot, for all indices."""
    column: str = ""
    """The column of the release table without which there is nothing to judge."""
    switch: str = ""
    """The switch of the heap without which there is nothing to judge."""

    def everywhere(self, v: HeapVars) -> z3.BoolRef:
        """The formula for every index of a finite geometry."""
        return z3.And([self.formula(v, *index) for index in indices(self.over, v.geometry)])


@dataclass(frozen=True, slots=True)
class StepInvariant(Claim):
    """Holds of every two consecutive states."""

    reads: tuple[str, ...]
    over: tuple[str, ...]
    formula: Callable[..., z3.BoolRef]
    """Of HeapVars before, HeapVars after, and the indices."""
    holds: Callable[[HeapState, HeapState], bool]
    column: str = ""
    """The column of the release table without which there is nothing to judge."""

    def everywhere(self, before: HeapVars, after: HeapVars) -> z3.BoolRef:
        """The formula for every index of a finite geometry."""
        return z3.And([self.formula(before, after, *index) for index in indices(self.over, after.geometry)])


@dataclass(frozen=True, slots=True)
class Moment:
    """A call or a return: what a promise is judged on, apart from the state."""

    function: str
    """`alloc_span`, `pages.alloc`: the function of the heap, or of the page allocator in it."""
    returns: bool
    thread: int
    args: tuple[Any, ...]
    result: Any
    release: Release
    lock_holder: int
    """The number of the thread that holds the heap lock, or -1."""
    acquired_by: tuple[int, ...] = ()
    """Per span: the number of the thread that acquired it for sweeping, or -1."""
    calm: bool = False
    """Nobody else was at work in the heap since the call."""
    done: bool = False
    """The heap says that all spans are swept."""
    large: bool = True
    """The span that is swept holds a large object, so nobody had it cached."""
    owes: bool = False
    """The thread is in alloc and has reclaimed nothing yet."""
    given_out: bool = False
    """All spans to sweep were given out, at the call of alloc_span or the return of sweepone."""
    unfilled: bool = False
    """The P's page cache gave nothing and is empty, and nobody has tried to fill it since the call."""
    aligned: bool = False
    """What is allocated is a stack, and the system wants stacks to begin at pages of its own."""
    wanted: int = 0
    """Pages that the thread in reclaim has not got yet; less than none if it got more and gave none back."""
    nothing_left: bool = False
    """All chunks of this cycle were claimed by somebody who reclaims."""
    freed: int = 0
    """Pages that the thread has freed since it called reclaim_chunk, or else free_span or free_manual."""
    chunk: tuple[Any, int, int] | None = None
    """What the thread called reclaim_chunk with, if it is in it."""
    drained: bool = False
    """All spans to sweep were given out; who still holds one may not have begun."""
    tracing: bool = True
    """The execution tracer wants to know what is reclaimed."""
    moved: bool = False
    """Somebody else has moved a cursor of the scavenge index since the thread called find."""
    unasked: int = 0
    """Groups of bitmaps that the thread was to ask huge pages for, and has not yet."""
    released: int | None = None
    """Bytes that the thread has returned since it called bgscavenge; None once it has found nothing."""
    cycles: int = 0
    """Collections that have ended before."""
    generation: int = 0
    """Of the scavenge index."""
    to_sweep: tuple[int, ...] = ()
    """Per span: how often the sets name it among those to sweep, when a collection returns."""
    sought: int | None = None
    """The span that somebody owned at the address when span_of_heap was called, or None."""
    kept: tuple[int, int] | None = None
    """Mspans that the thread's P keeps, at the call and now; None without a P."""


@dataclass(frozen=True, slots=True)
class Promise(Claim):
    """Holds whenever one of the functions is called (`at_return` False) or returns (True)."""

    functions: tuple[str, ...]
    at_return: bool
    reads: tuple[str, ...]
    formula: Callable[[HeapVars, Moment], z3.BoolRef] | None
    """None for a promise about the moment alone, which has nothing for Z3 to decide."""
    holds: Callable[[HeapState, Moment], bool]


@dataclass(frozen=True, slots=True)
class RunClaim(Claim):
    """Holds of every run; the engine that runs it sees whether it does."""

    throws: tuple[str, ...] = ()
    """The texts of Go's throws that break it."""
