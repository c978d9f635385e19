"""Each claim stands twice in model, as a formula and by hand: here the two are compared."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from spanproof.impl.heap_cells import ArenaList
from spanproof.impl.span import LARGE, Span
from spanproof.model.claim import Invariant, Moment, Promise, StepInvariant
from spanproof.model.claims import PROMISES
from spanproof.model.geometry import BYTES, CACHED, CHUNKED, SMALL, Geometry
from spanproof.model.invariants import INVARIANTS, STEP_INVARIANTS
from spanproof.model.releases import row
from spanproof.model.state import HeapState, HeapVars
from tests.model.drawing import arbitrary_states, bounded, decoded, differs, one_entry_away
from tests.model.reaching import reached, reached_with, steps_reached
from tests.model.terms_in_python import SUFFIXES, by_z3, compiled, formula, names_in

TEN = 10
SEEDS = 20
STRIDE = 3
"""Of the states reached every third is judged by both forms."""
WORK = 3_000_000
"""Of one question to z3, in its own count: most take a tenth."""
GEOMETRY = replace(SMALL, spans=3, phys_page_size=2 * SMALL.page_size)
V, AFTER = (HeapVars.named(GEOMETRY, suffix) for suffix in SUFFIXES)
FORMAL = tuple(promise for promise in PROMISES if promise.formula is not None)


@cache
def all_invariants_but(name: str, v: HeapVars) -> z3.BoolRef:
    """The conjunction of the invariants with other names."""
    return z3.And([invariant.everywhere(v) for invariant in INVARIANTS if invariant.name != name])


def solutions(formulas: Iterable[z3.BoolRef], reads: tuple[str, ...], *states: HeapVars) -> Iterator[list[HeapState]]:
    """Ten ways to satisfy the formulas, which differ in the fields that are read."""
    claims = [*formulas, *(bounded(v) for v in states)]
    for _ in range(TEN):
        model = satisfied(claims)
        found = [decoded(model, v) for v in states]
        yield found
        claims.append(z3.Or([differs(v, state, reads) for v, state in zip(states, found, strict=True)]))


def satisfied(claims: Iterable[z3.BoolRef]) -> z3.ModelRef:
    """A model of claims. Now and then a seed leads nowhere, and which does differs with what z3 was asked before."""
    for seed in range(1, SEEDS):
        solver = z3.Solver()
        solver.set(random_seed=seed, rlimit=WORK)
        solver.add(*claims)
        result = solver.check()
        assert result != z3.unsat
        if result == z3.sat:
            return solver.model()
    raise AssertionError(f"no model was found with {SEEDS} seeds")


def names_broken(*states: HeapState) -> set[str]:
    """The invariants, or with two states the step invariants, that do not hold by hand."""
    claims: Any = INVARIANTS if len(states) == 1 else STEP_INVARIANTS
    return {claim.name for claim in claims if not claim.holds(*states)}


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda i: i.name)
def test_ten_states_break_an_invariant_alone(invariant: Invariant) -> None:
    """Z3 finds ten states that break this invariant and no other, and the concrete forms say the same of each."""
    alone = [z3.Not(invariant.everywhere(V)), all_invariants_but(invariant.name, V)]
    found = [state for (state,) in solutions(alone, invariant.reads, V)]
    assert len(set(found)) == TEN
    for state in found:
        assert names_broken(state) == {invariant.name}


@pytest.mark.parametrize("invariant", STEP_INVARIANTS, ids=lambda i: i.name)
def test_ten_steps_break_a_step_invariant_alone(invariant: StepInvariant) -> None:
    """Z3 finds ten steps between good states that break this step invariant and no other, and so say the hands."""
    others = [i.everywhere(V, AFTER) for i in STEP_INVARIANTS if i is not invariant]
    good = [all_invariants_but("", v) for v in (V, AFTER)]
    alone = [z3.Not(invariant.everywhere(V, AFTER)), *others, *good]
    found = [(before, after) for before, after in solutions(alone, invariant.reads, V, AFTER)]
    assert len(set(found)) == TEN
    for before, after in found:
        assert names_broken(before) == names_broken(after) == set()
        assert names_broken(before, after) == {invariant.name}


def test_enough_states_were_reached() -> None:
    """The comparison rests on 10,000 distinct states of four geometries, and on a thousand steps."""
    assert len(reached()) >= 10_000
    assert len(steps_reached()) >= 1_000
    assert {state.geometry.name for state in reached()} == {g.name for g in (SMALL, BYTES, CHUNKED, CACHED)}


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda i: i.name)
def test_forms_agree_on_what_the_heap_reached(invariant: Invariant) -> None:
    """Both forms of an invariant hold in every state that the heap really reached."""
    for state in sorted(reached_with(invariant.column, invariant.reads), key=str)[::STRIDE]:
        assert formula(invariant, state.geometry)(state)
        assert invariant.holds(state)


@pytest.mark.parametrize("invariant", STEP_INVARIANTS, ids=lambda i: i.name)
def test_forms_agree_on_steps_that_the_heap_took(invariant: StepInvariant) -> None:
    """Both forms of a step invariant hold of the heap's own steps, and agree on them taken backwards."""
    for before, after in steps_reached():
        holds = formula(invariant, before.geometry)
        assert holds(before, after)
        assert invariant.holds(before, after)
        assert holds(after, before) == invariant.holds(after, before)


@pytest.mark.parametrize("geometry", [GEOMETRY, replace(BYTES, spans=2)], ids=lambda g: g.name)
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_forms_agree_on_arbitrary_states(geometry: Geometry, data: st.DataObject) -> None:
    """Both forms of every invariant say the same of any state, ill-formed ones included, and of any two."""
    before = data.draw(arbitrary_states(geometry))
    after = data.draw(arbitrary_states(geometry) | st.just(before))
    for invariant in INVARIANTS:
        assert formula(invariant, geometry)(before) == invariant.holds(before), invariant.name
    for step_invariant in STEP_INVARIANTS:
        said = formula(step_invariant, geometry)(before, after)
        assert said == step_invariant.holds(before, after), step_invariant.name


@cache
def some_reached() -> list[HeapState]:
    """A hundred of the states reached, of all geometries."""
    return sorted(reached(), key=str)[:: len(reached()) // 100]


def test_forms_agree_one_entry_away_from_what_was_reached() -> None:
    """Both forms of every invariant say the same of reached states in which one entry is replaced by any other."""
    broken: set[str] = set()
    for state in some_reached():
        for field, changed in one_entry_away(state):
            for invariant in INVARIANTS:
                if field in invariant.reads:
                    holds = formula(invariant, state.geometry)(changed)
                    assert holds == invariant.holds(changed), invariant.name
                    broken |= set() if holds else {invariant.name}
            for step_invariant in STEP_INVARIANTS:
                if field in step_invariant.reads:
                    said = formula(step_invariant, state.geometry)(state, changed)
                    assert said == step_invariant.holds(state, changed), step_invariant.name
                    broken |= set() if said else {step_invariant.name}
    assert broken == {claim.name for claim in (*INVARIANTS, *STEP_INVARIANTS)}


@pytest.mark.parametrize("claim", [*INVARIANTS, *STEP_INVARIANTS], ids=lambda i: i.name)
def test_reads_names_nothing_else(claim: Invariant | StepInvariant) -> None:
    """The fields that occur in a formula are those that the claim says it reads."""
    term = claim.everywhere(V) if isinstance(claim, Invariant) else claim.everywhere(V, AFTER)
    assert names_in(term) == set(claim.reads)


@pytest.mark.parametrize("invariant", [*INVARIANTS, *STEP_INVARIANTS], ids=lambda i: i.name)
@settings(max_examples=8, deadline=None)
@given(st.data())
def test_evaluator_is_as_z3(invariant: Invariant | StepInvariant, data: st.DataObject) -> None:
    """The evaluator of terms in plain Python says what Z3 itself says of the same states."""
    before, after = data.draw(arbitrary_states(GEOMETRY)), data.draw(arbitrary_states(GEOMETRY))
    term = invariant.everywhere(V) if isinstance(invariant, Invariant) else invariant.everywhere(V, AFTER)
    assert formula(invariant, GEOMETRY)(before, after) == by_z3(term, before, after)


@pytest.mark.parametrize("claim", [*INVARIANTS, *STEP_INVARIANTS, *PROMISES], ids=lambda i: i.name)
def test_reads_names_all_that_is_read(claim: Invariant | StepInvariant | Promise) -> None:
    """A claim judged on a state that holds nothing but the fields it `reads` gives the same answer."""
    for state in some_reached():
        sparse = HeapState(state.geometry, **{name: getattr(state, name) for name in claim.reads})
        if isinstance(claim, Invariant):
            assert claim.holds(sparse) == claim.holds(state)
        elif isinstance(claim, StepInvariant):
            assert claim.holds(sparse, sparse)
        else:
            moment = example_moments(claim)[0]
            assert claim.holds(sparse, moment) == claim.holds(state, moment)


def moment(
    function: str,
    args: tuple[Any, ...],
    result: Any,
    release: str = "go1.16",
    *,
    calm: bool = True,
    aligned: bool = True,
) -> Moment:
    """A call or return of thread 0, which holds the lock and has acquired every span; a stack must be aligned.

    No span is named among those to sweep; the last one is sought.
    """
    none, last = (0,) * GEOMETRY.spans, GEOMETRY.spans - 1
    return Moment(
        function, True, 0, args, result, row(release), 0, none, calm, aligned=aligned, to_sweep=none, sought=last
    )


def example_moments(promise: Promise) -> list[Moment]:
    """Moments at which something is promised, on GEOMETRY."""
    base, size, span = GEOMETRY.heap_base, GEOMETRY.page_size, Span(1)
    alloc = (1, LARGE, True)
    return {
        "unneeded_zeroing_is_already_zero": [moment("alloc_needs_zero", (base + 3 * size, 2), False)],
        "asked_for_zero_gets_zero": [
            moment("malloc_large", (2, True, True), span), moment("malloc_small", (1, True), span),
        ],
        "alloc_keeps_its_word": [
            moment("alloc", alloc, (span, True)), moment("alloc", alloc, (span, True), "go1.17"),
            moment("alloc", alloc, (span, False), "go1.18"),
        ],
        "only_the_winner_sweeps": [moment("sweep", (span,), None)],
        "sweeping_is_not_done_before_its_end": [moment("sweep", (span,), True, "go1.18")],
        "reclaimers_are_waited_for": [moment("sweep", (span,), True, "go1.18")],
        "freed_pages_were_owned": [moment("pages.free", (base + 3 * size, 2), None)],
        "heap_lock_is_held": [moment("grow", (1,), None)],
        "grown_pages_were_reserved": [moment("pages.grow", (base, 4 * size), None)],
        "forced_scavenge_leaves_nothing": [moment("scavenge_all", (), None)],
        "find_lowers_its_cursor": [moment("index.find", (True,), (GEOMETRY.chunk_index(base), 0))],
        "huge_pages_are_asked_for": [moment("pages.enable_chunk_huge_pages", (), None)],
        "every_unswept_span_is_listed": [moment("gc_cycle", (), None)],
        "span_found_is_built": [moment("span_of_heap", (base + 3 * size + 1,), span)],
        "live_memory_is_found": [moment("span_of_heap", (base,), None), moment("span_of_heap", (base,), Span(0))],
        "only_a_tracer_that_runs_is_told": [moment("trace_gc_sweep_span", (0,), None)],
        "reclaimed_spans_begin_in_the_chunk": [
            replace(moment("free_span_locked", (span, 0), None), chunk=(ArenaList((1,)), 0, 2)),
        ],
        "sweeping_goes_on": [moment("sweepone", (), 0)],
        "empty_caches_are_filled": [moment("alloc_from_cache", (1,), (0, 0))],
        "alloc_reclaims_first": [moment("alloc_span", (1, 0, 0), None)],
        "stacks_begin_at_system_pages": [moment("alloc_manual", (1, 1), span)],
        "reclaim_keeps_its_word": [moment("reclaim", (1,), None)],
        "reclaimed_pages_were_freed": [moment("reclaim_chunk", (ArenaList((1,)), 0, 4), 0)],
        "who_frees_gives_pages_back": [
            moment("free_manual", (span, 1), None), replace(moment("free_span", (span,), None), freed=2),
            replace(moment("free_span", (span,), None), chunk=(ArenaList((1,)), 0, 2)),
        ],
        "reclaim_chunk_leaves_nothing": [moment("reclaim_chunk", (ArenaList((1,)), 0, 4), 0)],
        "background_scavenger_keeps_its_word": [moment("bgscavenge", (1,), None)],
        "cycle_ends_a_generation": [moment("gc_cycle", (), None, "go1.27")],
        "caches_give_few_pages": [moment("alloc_from_cache", (1,), None)],
        "mspans_are_kept_by_halves": [moment("free_mspan_locked", (span,), None)],
        "ready_memory_was_released": [moment("os.sys_used", (base, size, 2 * size), None)],
    }[promise.name]  # fmt: skip


def quiet_moments(promise: Promise) -> list[Moment]:
    """Moments at which nothing is promised, on GEOMETRY."""
    span = Span(1)
    return {
        "unneeded_zeroing_is_already_zero": [moment("alloc_needs_zero", (GEOMETRY.heap_base, 1), True)],
        "asked_for_zero_gets_zero": [
            moment("malloc_large", (2, False, True), span), moment("malloc_large", (2, True, True), None),
        ],
        "alloc_keeps_its_word": [
            moment("alloc", (1, LARGE, True), (None, False)), moment("alloc", (1, LARGE, False), (span, False)),
            moment("alloc", (1, LARGE, True), (None, False), "go1.27"),
        ],
        "forced_scavenge_leaves_nothing": [moment("scavenge_all", (), None, calm=False)],
        "reclaimed_spans_begin_in_the_chunk": [moment("free_span_locked", (span, 0), None)],
        "stacks_begin_at_system_pages": [
            moment("alloc_manual", (1, 1), None), moment("alloc_manual", (1, 1), span, "go1.15"),
            moment("alloc_manual", (1, 1), span, aligned=False),
        ],
        "every_unswept_span_is_listed": [replace(moment("gc_cycle", (), None), to_sweep=(1,) * GEOMETRY.spans)],
        "span_found_is_built": [moment("span_of_heap", (GEOMETRY.heap_base,), None)],
        "live_memory_is_found": [replace(moment("span_of_heap", (GEOMETRY.heap_base,), None), sought=None)],
        "reclaim_chunk_leaves_nothing": [replace(moment("reclaim_chunk", (ArenaList((1,)), 0, 4), 0), drained=True)],
    }.get(promise.name, [])  # fmt: skip


def term_of(promise: Promise, moment: Moment, v: HeapVars) -> z3.BoolRef:
    """The promise's Z3 form at a moment."""
    assert promise.formula is not None
    return promise.formula(v, moment)


@pytest.mark.parametrize("promise", FORMAL, ids=lambda p: p.name)
def test_ten_states_break_a_promise_alone(promise: Promise) -> None:
    """For each example moment Z3 finds ten states, good ones, in which the promise is broken, and so says the hand."""
    for example in example_moments(promise):
        broken = [z3.Not(term_of(promise, example, V)), all_invariants_but("", V)]
        for (state,) in solutions(broken, promise.reads, V):
            assert names_broken(state) == set()
            assert not promise.holds(state, example)


@pytest.mark.parametrize("promise", FORMAL, ids=lambda p: p.name)
def test_nothing_is_promised_at_quiet_moments(promise: Promise) -> None:
    """Where a promise does not apply, no state breaks it."""
    for quiet in quiet_moments(promise):
        solver = z3.Solver()
        solver.add(z3.Not(term_of(promise, quiet, V)))
        assert solver.check() == z3.unsat


def arguments(promise: Promise) -> st.SearchStrategy[tuple[Any, ...]]:
    """What the functions of a promise may be called with; regions may lie outside of the heap."""
    npages = st.integers(0, 9)
    if promise.name in {"unneeded_zeroing_is_already_zero", "freed_pages_were_owned"}:
        return st.tuples(st.integers(0, GEOMETRY.heap_limit + GEOMETRY.arena_size), npages)
    if promise.name == "span_found_is_built":
        return st.tuples(st.integers(GEOMETRY.heap_base, GEOMETRY.heap_limit - 1))
    if promise.name == "grown_pages_were_reserved":
        return st.tuples(st.integers(0, GEOMETRY.heap_limit), st.integers(0, 2 * GEOMETRY.arena_size))
    if promise.name == "reclaim_chunk_leaves_nothing":
        return st.tuples(st.just(ArenaList((1, 2))), st.integers(0, 3), st.integers(0, 4))
    if promise.name == "find_lowers_its_cursor":
        return st.tuples(st.booleans())
    if promise.name == "reclaimed_spans_begin_in_the_chunk":
        return st.tuples(st.integers(0, GEOMETRY.spans - 1).map(Span), st.just(0))
    return st.tuples(npages, st.booleans(), st.booleans())


def results(promise: Promise) -> st.SearchStrategy[Any]:
    """What the functions of a promise may return."""
    spans = st.none() | st.integers(0, GEOMETRY.spans - 1).map(Span)
    if promise.name in {"asked_for_zero_gets_zero", "span_found_is_built", "stacks_begin_at_system_pages"}:
        return spans
    if promise.name == "find_lowers_its_cursor":
        return st.tuples(st.integers(0, GEOMETRY.chunk_index(GEOMETRY.heap_limit)), st.just(0))
    return st.tuples(spans, st.booleans()) if promise.name == "alloc_keeps_its_word" else st.booleans()


@pytest.mark.parametrize("promise", FORMAL, ids=lambda p: p.name)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_forms_of_a_promise_agree(promise: Promise, data: st.DataObject) -> None:
    """Both forms of a promise say the same of any moment in any state, and so does Z3 where it is asked."""
    release = data.draw(st.sampled_from(("go1.14", "go1.16", "go1.17", "go1.18", "go1.27")))
    drawn = moment(promise.functions[0], data.draw(arguments(promise)), data.draw(results(promise)), release)
    state = data.draw(arbitrary_states(GEOMETRY))
    term = term_of(promise, drawn, V)
    assert compiled(term)(state) == promise.holds(state, drawn) == by_z3(term, state)
