"""The corpus of faults says where each comes from, and leaves no known bug of Go's page heap unmentioned."""

import re
from itertools import pairwise

import pytest

from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.corpus import BY_NAME
from spanproof.checks.faults.fault import Fault, Origin
from spanproof.checks.faults.history_faults import HISTORY_FAULTS, PAGE_BY_NAME
from spanproof.checks.faults.left_out import LEFT_OUT
from spanproof.checks.faults.planting import PLANTABLE, subject
from spanproof.checks.faults.studied import EQUIVALENT
from spanproof.checks.scenarios import BY_NAME as SCENARIOS
from spanproof.checks.scenarios import CLEAN
from spanproof.model.releases import row

KNOWN = (
    *(f"A{n}" for n in (1, 3, 4, 6, 8, 9, 11, 12, 14, 16, 18, 19, 20)),
    *(f"B{n}" for n in (1, 2, *range(4, 13), 14, 15, 16, *range(18, 22), 23, 24)),
    *(f"C{n}" for n in (2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14)),
)
"""The numbers of the known bugs of Go's page heap."""
STUDIED_OF_ALLOC_NEEDS_ZERO = (
    "nocas", "no_recheck", "decrease", "free_lowers", "nocap", "skip_if_need", "only_if_need", "only_contig",
    "nomemclr", "memclr_short", "memclr_noshift", "noadvance", "need_overwrite", "throw_ge", "throw_plus", "weak_cas",
    "scav_partial", "overlap", "need_le", "throw_lt", "nothrow", "need_reeval", "loop_le",
)  # fmt: skip
STUDIED_OF_A_SMALL_HEAP = tuple(f"B{n} of the model-checked heap" for n in range(1, 9))
SHOWN = [f for f in BY_NAME.values() if f.origin in (Origin.HISTORY, Origin.STUDY)]


def number(fault: Fault) -> str | None:
    """The number of the known bug that a fault is."""
    found = re.match(r"([ABC]\d+)\b", fault.source)
    return None if found is None else found[1]


@pytest.mark.parametrize("known", KNOWN)
def test_every_known_bug_is_a_fault_or_left_out(known: str) -> None:
    """By its number."""
    assert known in {*map(number, PLANTABLE.values()), *(left.number for left in LEFT_OUT)}


def test_faults_of_history_have_a_number_and_a_release() -> None:
    """And no others have either."""
    for fault in PLANTABLE.values():
        historical = fault.origin is Origin.HISTORY
        assert (number(fault) in KNOWN) == historical, fault.name
        assert bool(fault.release) == historical, fault.name
        assert not fault.release or row(fault.release).name == fault.release


def test_what_is_left_out_is_known_and_has_a_reason() -> None:
    """Each entry is of a known bug, once."""
    assert {left.number for left in LEFT_OUT} <= set(KNOWN)
    assert len({left.number for left in LEFT_OUT}) == len(LEFT_OUT)
    assert all(left.name and left.reason for left in LEFT_OUT)


@pytest.mark.parametrize("mutant", [*STUDIED_OF_ALLOC_NEEDS_ZERO, *STUDIED_OF_A_SMALL_HEAP])
def test_every_studied_mutant_is_in_the_corpus(mutant: str) -> None:
    """By the name that it had there."""
    said = [f for f in PLANTABLE.values() if re.search(rf"studied: (?:.*; )?{mutant}\b", f.source)]
    assert said
    assert {f.origin for f in said} <= {Origin.STUDY, Origin.HISTORY}


def test_the_corpus_is_large_enough() -> None:
    """Bugs that Go had, and mutants that were studied; those that break nothing not counted."""
    found = [f for f in (*BY_NAME.values(), *PAGE_BY_NAME.values()) if f.origin in (Origin.HISTORY, Origin.STUDY)]
    assert len(found) >= 40
    assert len(PLANTABLE) == len(BY_NAME) + len(PAGE_BY_NAME) + len(EQUIVALENT)


@pytest.mark.parametrize("fault", SHOWN, ids=lambda f: f.name)
def test_a_scenario_shows_a_known_fault(fault: Fault) -> None:
    """On the fault's release, with the threads and the context switches that it says are the fewest."""
    heap, scenario = subject(fault=fault.name), SCENARIOS[fault.scenario]
    record = judge(scenario, heap, release=row(fault.release) if fault.release else None).record
    assert record is not None
    assert (fault.threads, fault.switches) == (threads_needed(record.schedule), record.switches)


def threads_needed(schedule: tuple[int, ...]) -> int:
    """One, if every thread that takes part runs in one piece: one thread could do it all."""
    pieces = sum(a != b for a, b in pairwise(schedule)) + 1
    taking_part = max(1, len(set(schedule)))
    return 1 if pieces <= taking_part else taking_part


@pytest.mark.parametrize("fault", [f for f in HISTORY_FAULTS if f.release], ids=lambda f: f.name)
def test_histories_need_one_thread(fault: Fault) -> None:
    """And no context switch."""
    assert (fault.threads, fault.switches, fault.scenario) == (1, 0, "")


@pytest.mark.parametrize("fault", EQUIVALENT, ids=lambda f: f.name)
def test_what_is_equivalent_breaks_nothing_small(fault: Fault) -> None:
    """It names no claim, says that it is equivalent, and the smallest scenarios hold with it."""
    heap = subject(fault=fault.name)
    assert fault.claim == fault.scenario == ""
    assert fault.says.startswith("equivalent")
    for scenario in sorted(CLEAN, key=lambda s: s.states)[:FEW]:
        assert judge(scenario, heap).record is None, scenario.name


FEW = 12
