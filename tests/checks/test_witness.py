"""Of what an invariant does not hold: the first spans, page or arena for which its formula is false."""

from dataclasses import replace

import pytest

from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.edit import planted
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import Subject
from spanproof.checks.witness import witness
from spanproof.model.invariants import INVARIANTS
from spanproof.model.state import IN_USE
from tests.model.drawing import one_entry_away
from tests.model.reaching import reached_in

EVERY = 11
"""One of so many changed states is judged: each takes a question to Z3 for every index."""
BY_CLAIM = {invariant.name: invariant for invariant in INVARIANTS}
STATES = sorted(reached_in("free_against_alloc"), key=str)[::25]


def test_two_spans_and_a_page_are_named() -> None:
    """As cells are named: spans by their number, pages and arenas from address 0."""
    state = STATES[0]
    g = state.geometry
    alive = replace(state, state=(IN_USE,) * g.spans, base=(g.heap_base,) * g.spans, npages=(1,) * g.spans)
    assert witness(BY_CLAIM["no_page_in_two_spans"], alive) == "mspan[0] and mspan[1]"
    too_high = replace(state, zeroed_base=(0, 1 << 20))
    assert witness(BY_CLAIM["zeroed_base_stays_in_arena"], too_high) == f"arena {g.arena_indices[1]}"


def test_it_names_something_exactly_where_the_claim_breaks() -> None:
    """Of states one entry away from reached ones: nothing where the claim holds, an index of its own where not."""
    named = set[str]()
    for field, changed in list(one_entry_away(STATES[0]))[::EVERY]:
        for invariant in (i for i in INVARIANTS if field in i.reads and i.over):
            of = witness(invariant, changed)
            assert bool(of) != invariant.holds(changed), (invariant.name, of)
            named |= {invariant.name} if of else set()
    assert len(named) > 8


@pytest.mark.parametrize(
    ("fault", "scenario", "seen"),
    [
        ("span_not_killed", "free_against_alloc", "after spanalloc = 1: not so of mspan[0] and page 4"),
        ("span_one_page_too_long", "two_allocs_one_arena", ": not so of mspan[0] and "),
    ],
)
def test_a_counterexample_says_of_what(fault: str, scenario: str, seen: str) -> None:
    """Beside the cells that its last step changed."""
    judged = judge(BY_NAME[scenario], Subject(planted(FAULTS[fault].edits), fault=fault))
    assert judged.record is not None
    assert seen in judged.record.violated.detail
