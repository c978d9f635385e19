"""Judges one claim, and no other, on all interleavings of a scenario."""

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.races import races
from spanproof.checks.exploring.search import explore
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import SCENARIOS
from spanproof.impl.malloc import Runtime
from spanproof.model.claim import FINDINGS

ORDERED = "plain_accesses_are_ordered"
MOST_STATES = 30_000
SMALL_SCENARIOS = sorted((s for s in SCENARIOS if not s.finding and s.states <= MOST_STATES), key=lambda s: s.states)


def broken_in(scenario: Scenario, heap: type[Runtime], claim: str) -> str | None:
    """The claim that breaks when this one is judged alone, or None."""
    try:
        tables = Tables(scenario.program, heap, only=claim)
    except BrokenError as broken:
        return broken.claim
    found = explore(tables, hurry=lambda states: "too many" if states > 10 * MOST_STATES else None)
    assert not found.reason, f"{scenario.name} with the fault has no end"
    if found.broken is not None:
        return found.broken.claim
    unordered = claim == ORDERED and any(race.declared is None for race in races(tables, found.parents or {}))
    return ORDERED if unordered else None


def first_scenario_that_breaks(heap: type[Runtime], claim: str) -> Scenario | None:
    """The smallest scenario in which the claim, judged alone, breaks; not one that is there for another claim.

    A claim that Go itself is known to break is judged where a scenario asks for it.
    """
    asked = (claim,) if claim in FINDINGS else (None, claim)
    for scenario in (s for s in SMALL_SCENARIOS if s.only in asked):
        broken = broken_in(scenario, heap, claim)
        assert broken in (None, claim), f"{broken} breaks in {scenario.name}, where {claim} alone is judged"
        if broken is not None:
            return scenario
    return None
