"""HeapState and HeapVars are parallel, and their arithmetic stays within the heap."""

from dataclasses import fields, replace

import pytest
import z3
from hypothesis import given
from hypothesis import strategies as st

from spanproof.model.claim import Invariant, Promise, StepInvariant
from spanproof.model.claims import CLAIMS
from spanproof.model.geometry import SMALL
from spanproof.model.invariants import INVARIANTS
from spanproof.model.state import (
    DEAD,
    FIELDS,
    NO_SPAN,
    OF_A_LIVING_SPAN,
    PER,
    VALUES,
    HeapState,
    HeapVars,
    extent,
    pages_within,
)

GEOMETRY = replace(SMALL, spans=3)


def test_both_have_the_same_fields_in_the_same_order() -> None:
    """A snapshot and its terms have the same fields in the same order."""
    assert [f.name for f in fields(HeapState)] == [f.name for f in fields(HeapVars)]


def test_every_field_says_what_it_is() -> None:
    """Every field says what it is indexed by and what its values are, and an extent is known for each index."""
    assert all(VALUES[name] for name in FIELDS)
    assert [extent(sort, GEOMETRY) for sort in sorted(set(PER.values()) - {""})] == [2, 2, 4, 3, 8, 3]


def test_terms_are_arrays_where_snapshots_are_tuples() -> None:
    """A field with an index is an array of Z3, any other an integer; a suffix makes the names of a second state."""
    v = HeapVars.named(GEOMETRY, "_later")
    for name in FIELDS:
        term = getattr(v, name)
        whole = term[0] if PER[name] else term
        same: z3.BoolRef = whole == whole  # noqa: PLR0124  # a term, not a truth value
        assert z3.is_true(z3.simplify(same))
        assert isinstance(term, z3.ArrayRef if PER[name] else z3.ArithRef)
        assert str(term) == name + "_later"


def test_claims_read_fields_that_exist() -> None:
    """Whatever a claim says that it reads is a field of the state, named once."""
    for claim in CLAIMS:
        if isinstance(claim, Invariant | StepInvariant | Promise):
            assert set(claim.reads) <= set(FIELDS)
            assert len(set(claim.reads)) == len(claim.reads)


def test_a_field_that_was_not_asked_for_is_none() -> None:
    """Reading a field that a snapshot does not hold fails loudly."""
    assert all(getattr(HeapState(GEOMETRY), name) is None for name in FIELDS)


@given(st.integers(0, 120), st.integers(0, 20))
def test_regions_are_cut_to_the_heap(base: int, npages: int) -> None:
    """The pages of a region are those of the heap whose number lies in it, by the definition."""
    first = base // GEOMETRY.page_size
    inside = [page - GEOMETRY.pages.start for page in GEOMETRY.pages if first <= page < first + npages]
    assert list(pages_within(GEOMETRY, base, npages)) == inside


@given(st.integers(0, 120), st.integers(0, 20), st.integers(0, 7))
def test_covers_is_pages_of(base: int, npages: int, page: int) -> None:
    """`HeapVars.covers` says of each page of the heap what `HeapState.pages_of` says."""
    state = HeapState(GEOMETRY, base=(0, base, 0), npages=(0, npages, 0))
    v = HeapVars.named(GEOMETRY)
    covers = v.covers(z3.IntVal(1), z3.IntVal(page))
    known = z3.substitute(covers, (v.base[1], z3.IntVal(base)), (v.npages[1], z3.IntVal(npages)))
    assert z3.is_true(z3.simplify(known)) == (page in state.pages_of(1))


LOOKING = [invariant for invariant in INVARIANTS if set(invariant.reads) & set(OF_A_LIVING_SPAN)]


@pytest.mark.parametrize("invariant", LOOKING, ids=lambda invariant: invariant.name)
def test_no_invariant_looks_at_what_a_dead_span_has(invariant: Invariant) -> None:
    """Of no two states that differ in that alone an invariant holds in one and not in the other."""
    geometry = replace(SMALL, spans=3, phys_page_size=2 * SMALL.page_size)
    v = HeapVars.named(geometry)
    later = {name: getattr(HeapVars.named(geometry, "_later"), name) for name in OF_A_LIVING_SPAN}
    other = replace(v, **later)
    same = [
        z3.Implies(z3.Or(v.state[s] != DEAD, v.returned[s] == 1), getattr(v, n)[s] == later[n][s])
        for n in later
        for s in range(geometry.spans)
    ]
    within = [z3.And(v.spans[page] >= NO_SPAN, v.spans[page] < geometry.spans) for page in range(len(geometry.pages))]
    solver = z3.Solver()
    solver.add(*within, *same, invariant.everywhere(v) != invariant.everywhere(other))
    assert solver.check() == z3.unsat


def test_invariants_do_look_at_what_a_living_span_has() -> None:
    """Said of living spans too it would be wrong: all of them look at some."""
    v = HeapVars.named(GEOMETRY)
    other = replace(v, base=HeapVars.named(GEOMETRY, "_later").base)
    for invariant in LOOKING:
        if "base" in invariant.reads:
            solver = z3.Solver()
            solver.add(invariant.everywhere(v) != invariant.everywhere(other))
            assert solver.check() == z3.sat, invariant.name
