"""Of what an invariant does not hold: which spans, which page, which arena. Its formula is asked, index by index.

Only where one is broken, so it may take a while. Read next: monitor.py.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import z3

from spanproof.model.claim import Invariant, indices
from spanproof.model.geometry import Geometry
from spanproof.model.state import PER, HeapState, HeapVars

Z: Any = z3
OUTSIDE = 0
"""What stands in an array outside of its range."""


@lru_cache(maxsize=256)
def witness(invariant: Invariant, state: HeapState) -> str:
    """In words, the first of which it does not hold: mspan[0] and mspan[1]; empty if it is about the heap as a whole.

    state: has the fields that the invariant reads.
    """
    v = HeapVars.named(state.geometry, "")
    known = terms(v, state, invariant.reads)
    for index in indices(invariant.over, state.geometry):
        if Z.is_false(Z.simplify(Z.substitute(invariant.formula(v, *index), *known))):
            numbers = [int(str(term)) for term in index]
            return " and ".join(_named(*each, state.geometry) for each in zip(invariant.over, numbers, strict=True))
    return ""


def terms(v: HeapVars, state: HeapState, fields: Iterable[str]) -> list[tuple[Any, Any]]:
    """Each field of the variables with what it is in the state."""
    return [(getattr(v, name), _constant(name, getattr(state, name))) for name in fields]


def _constant(name: str, value: Any) -> Any:
    if not PER[name]:
        return Z.IntVal(value)
    array = Z.K(Z.IntSort(), Z.IntVal(OUTSIDE))
    for index, entry in enumerate(value):
        array = Z.Store(array, index, entry)
    return array


def _named(sort: str, number: int, geometry: Geometry) -> str:
    """As cells and reports name it: pages and arenas are counted from address 0."""
    match sort:
        case "span":
            return f"mspan[{number}]"
        case "page":
            return f"page {geometry.pages[number]}"
        case "arena":
            return f"arena {geometry.arena_indices[number]}"
        case _:
            return f"{sort} {number}"
