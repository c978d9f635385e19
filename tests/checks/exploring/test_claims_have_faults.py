"""No claim is idle: each names a planted fault that breaks it, and each planted fault breaks the claim it names."""

import pytest

from spanproof.checks.exploring.tables import Tables
from spanproof.checks.faults.corpus import BY_NAME, FAULTS
from spanproof.checks.faults.edit import planted
from spanproof.checks.faults.fault import Fault
from spanproof.checks.scenarios import BY_NAME as SCENARIOS
from spanproof.impl.malloc import Runtime
from spanproof.model import claims
from spanproof.model.claim import Claim
from spanproof.model.claims import CLAIMS
from tests.checks.exploring.judging import broken_in, first_scenario_that_breaks


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_every_claim_names_a_fault_that_names_it(claim: Claim) -> None:
    """The fault that a claim names is in the corpus, and is filed under that claim."""
    assert BY_NAME[claim.fault].claim == claim.name


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_every_fault_breaks_its_claim_judged_alone(fault: Fault) -> None:
    """With the fault planted its claim breaks in some scenario; without it the claim holds there."""
    scenario = first_scenario_that_breaks(planted(fault.edits), fault.claim)
    assert scenario is not None
    assert broken_in(scenario, Runtime, fault.claim) is None


def test_faults_are_filed_under_claims() -> None:
    """Names of faults are unique, and each is filed under a claim that exists."""
    assert len(BY_NAME) == len(FAULTS)
    assert {fault.claim for fault in FAULTS} == set(claims.BY_NAME)


def test_judging_one_claim_leaves_all_others_aside() -> None:
    """A heap that breaks one claim everywhere passes when another one alone is judged."""
    heap = planted(BY_NAME["in_use_bit_not_set"].edits)
    scenario = SCENARIOS["two_allocs_one_arena"]
    assert broken_in(scenario, heap, "in_use_span_has_its_bit") == "in_use_span_has_its_bit"
    assert broken_in(scenario, heap, "zeroed_base_stays_in_arena") is None
    assert not Tables(scenario.program, heap, only="zeroed_base_stays_in_arena").monitor.judges("no_deadlock")
