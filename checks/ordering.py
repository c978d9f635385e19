"""Which accesses must not meet: two threads about to touch one word, one of them plainly, with nothing to order them.

The premise of every search and proof here is sequential consistency. Go's memory model grants it to programs without
data races, and a program has a data race exactly if some interleaving brings two conflicting accesses next to each
other: both pending, in one reachable state. So looking at pending accesses is exact where all states are reached, and
needs no clocks. Races that Go has on purpose are declared here, with its reason; all others are violations.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spanproof.impl.access import ATOMIC, PLAIN, WRITES, Access
from spanproof.model.releases import Release, SweepDone

ORDERED = "plain_accesses_are_ordered"
"""The claim."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A race that Go has knowingly: a plain access to `word` in `function` may meet any other."""

    word: str
    function: str
    reason: str
    source: str
    forms: tuple[SweepDone, ...]
    """In the releases whose sweep-done words have one of these forms."""

    def covers(self, word: str, functions: Iterable[str], release: Release) -> bool:
        """Whether plain accesses by these functions are this race."""
        return self.word == word and self.function in functions and release.sweep_done in self.forms


DECLARED = (
    Declared(
        "sweepdone",
        "is_sweep_done",
        "alloc and bgsweep only use it as a hint: a stale answer costs a useless look or leaves the work to others",
        "mheap.go, alloc; mgcsweep.go, isSweepDone (1.14 to 1.16)",
        (SweepDone.SWEEPDONE,),
    ),
    Declared(
        "mspan.sweepgen",
        "sweepone",
        "a plain look before the compare-and-swap, which decides; or the sanity check of a span that is not in use",
        "mgcsweep.go, sweepone (1.14 to 1.16: `s.sweepgen == sg-2`; all: the check behind 'non in-use span')",
        tuple(SweepDone),
    ),
    Declared(
        "mspan.sweepgen",
        "malloc_small",
        "refill writes h+3 over h; a sweeper that looks meanwhile finds neither to be h-2 and leaves the span alone",
        "mcache.go, refill: `s.sweepgen = mheap_.sweepgen + 3`",
        tuple(SweepDone),
    ),
    Declared(
        "spans",
        "span_of",
        "who follows a word that may be a pointer looks at an entry that may just be written; the state, loaded next, "
        "and the bounds decide",
        "mheap.go, spanOfHeap",
        tuple(SweepDone),
    ),
)


def writes(access: Access[Any], value: Any) -> bool:
    """Whether an access would change its cell's value to something: a compare-and-swap that fails only reads."""
    if access.kind == "compare_and_swap":
        return bool(value == access.args[0])
    return access.kind in WRITES


def conflict(a: Access[Any], b: Access[Any]) -> bool:
    """Whether two accesses to one word are of kinds that conflict; `writes` must then hold of one of them."""
    kinds = {a.kind, b.kind}
    return a.cell.guard is None and bool(kinds & WRITES) and bool(kinds & PLAIN) and kinds <= ATOMIC | PLAIN


def declared(word: str, plain: Iterable[str], release: Release) -> Declared | None:
    """The declaration that covers plain accesses to a word by these functions, or None."""
    functions = tuple(plain)
    return next((d for d in DECLARED if d.covers(word, functions, release)), None)
