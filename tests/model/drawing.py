"""States of the heap out of thin air: the values that each field may have, for Z3 and for Hypothesis."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import z3
from hypothesis import strategies as st

from spanproof.model.geometry import Geometry
from spanproof.model.state import FIELDS, NO_HOLDER, PADDING, PER, VALUES, HeapState, HeapVars, chunks, extent


@dataclass(frozen=True)
class Bounds:
    """The values low, low+step, ... up to high."""

    low: int
    high: int
    step: int = 1

    def formula(self, term: z3.ArithRef) -> z3.BoolRef:
        """The same for Z3."""
        return z3.And(self.low <= term, term <= self.high, (term - self.low) % self.step == 0)


def bounds_of(field: str, g: Geometry) -> Bounds:
    """What the entries of a field may be."""
    return {
        "generation": Bounds(0, 8),
        "count": Bounds(0, 2),
        "grants": Bounds(-16, 16),
        "offset": Bounds(-g.page_size, g.arena_size + g.page_size),
        "bit": Bounds(0, 1),
        "span": Bounds(-1, g.spans - 1),
        "mark": Bounds(0, 2),
        "state": Bounds(0, 2),
        "address": Bounds(g.heap_base, g.heap_limit - g.page_size, g.page_size),
        "pages": Bounds(0, g.pages_per_arena),
        "bytes": Bounds(0, g.spans * g.arena_size),
        "holder": Bounds(NO_HOLDER, PADDING),
        "search address": Bounds(g.min_off_addr, g.max_off_addr),
        "chunks": Bounds(0, chunks(g).stop),
    }[VALUES[field]]


def entries(v: HeapVars, field: str) -> list[z3.ArithRef]:
    """The terms that a field consists of."""
    term = getattr(v, field)
    return [term[n] for n in range(extent(PER[field], v.geometry))] if PER[field] else [term]


def bounded(v: HeapVars) -> z3.BoolRef:
    """Every field has values of its kind."""
    return z3.And([bounds_of(field, v.geometry).formula(term) for field in FIELDS for term in entries(v, field)])


def decoded(model: z3.ModelRef, v: HeapVars) -> HeapState:
    """The state that a model of Z3 speaks of."""
    seen: dict[str, Any] = {}
    for field in FIELDS:
        values = tuple(model.eval(term, model_completion=True).as_long() for term in entries(v, field))
        seen[field] = values if PER[field] else values[0]
    return HeapState(v.geometry, **seen)


def differs(v: HeapVars, state: HeapState, fields: tuple[str, ...]) -> z3.BoolRef:
    """Some entry of these fields is not what it is in the state."""
    terms = [term for field in fields for term in entries(v, field)]
    values = [
        value for field in fields for value in (getattr(state, field) if PER[field] else (getattr(state, field),))
    ]
    return z3.Or([term != value for term, value in zip(terms, values, strict=True)])


def ill_formed_values(field: str, g: Geometry) -> st.SearchStrategy[int]:
    """A value of its kind, or a base and length that no span of this heap could have."""
    bounds = bounds_of(field, g)
    good = st.integers(0, (bounds.high - bounds.low) // bounds.step).map(lambda n: bounds.low + n * bounds.step)
    wrong = {
        "address": st.integers(-g.page_size, g.heap_limit + g.arena_size),
        "pages": st.integers(0, len(g.pages) + 3),
        "bytes": st.integers(-g.arena_size, g.spans * g.arena_size),
    }.get(VALUES[field])
    return good if wrong is None else good | wrong


def arbitrary_field(field: str, g: Geometry) -> st.SearchStrategy[Any]:
    """Any value of one field."""
    values = ill_formed_values(field, g)
    return st.tuples(*[values] * extent(PER[field], g)) if PER[field] else values


@cache
def arbitrary_states(g: Geometry) -> st.SearchStrategy[HeapState]:
    """Any state at all, most of them states that no heap can be in."""
    return st.builds(HeapState, st.just(g), **{field: arbitrary_field(field, g) for field in FIELDS})


def one_entry_away(state: HeapState) -> Iterator[tuple[str, HeapState]]:
    """The state with one entry of one field replaced, by every value of its kind: (the field, the state)."""
    size = state.geometry.page_size
    for field in FIELDS:
        bounds = bounds_of(field, state.geometry)
        step = {"offset": size // 2, "bytes": size, "search address": size // 2}.get(VALUES[field], bounds.step)
        for other in range(bounds.low, bounds.high + 1, step):
            yield from ((field, changed) for changed in _with_entry(state, field, other))


def _with_entry(state: HeapState, field: str, other: int) -> Iterator[HeapState]:
    """The state with one entry of the field replaced, each in turn."""
    value: Any = getattr(state, field)
    changed: list[Any] = [other]
    if PER[field]:
        changed = [(*value[:n], other, *value[n + 1 :]) for n in range(len(value))]
    return (replace(state, **{field: new}) for new in changed)
