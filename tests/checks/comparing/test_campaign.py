"""Campaigns: what they count, what they need to hold, and how a failure comes out."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from spanproof.checks.comparing.amounts import FEWEST_PROGRAMS
from spanproof.checks.comparing.campaign import FEWEST_SCHEDULES, compare
from spanproof.checks.comparing.walking import Counts, try_example
from spanproof.checks.faults.corpus import FAULTS
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import AllocManual, MallocLarge, Program, Thread
from spanproof.checks.running.replaying import replay
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.model.geometry import SMALL
from spanproof.model.releases import row

_FINDING = "Go breaks its claim too, so programs are judged by the others"
_SELDOM = "programs in which it shows are drawn seldom"
SEARCH_ONLY = {
    "in_use_not_reloaded": "it takes three threads and a reuse of one page at the right moment",
    **dict.fromkeys(("index_not_told_of_frees", "forced_cursor_not_raised", "forced_cursor_not_marked"), _FINDING),
    **dict.fromkeys(("rest_of_an_arena_lost", "rest_of_an_arena_not_counted"), _SELDOM),
    **dict.fromkeys(("second_byte_not_looked_at", "scavenger_parks_at_once"), _SELDOM),
    **dict.fromkeys(("sweeps_only_when_done", "chunk_not_capped", "cursor_not_lowered"), _SELDOM),
    "huge_pages_not_asked_for": "no drawn heap has bitmaps in several groups of one range",
    **dict.fromkeys(
        ("cached_generation_not_expected", "reclaimer_is_no_sweeper", "stack_grows_under_the_lock"), _SELDOM
    ),
}
"""What a thousand drawn programs hardly find, and why: the search does."""


def test_a_full_campaign_holds() -> None:
    """At least 300 programs and 20,000 schedules; all four sentinels fired, or it would be unknown."""
    result = compare(Subject()).result

    assert (result.verdict, result.reason) == (Verdict.HOLDS, "")
    assert result.counts["examples"] >= FEWEST_PROGRAMS
    assert result.counts["schedules"] >= FEWEST_SCHEDULES
    assert result.counts["searched"] > 0


def test_too_few_programs_are_unknown() -> None:
    """A campaign that drew too little is unknown, whatever it saw."""
    assert compare(Subject(), examples=5).result.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("fault", "switches"),
    [("plain_store_for_cas", 2), ("failed_cas_treated_as_done", 3), ("mspan_taken_after_unlock", 0)],
)
def test_a_failure_shrinks_to_few_switches(fault: str, switches: int) -> None:
    """The counterexample is a program of few operations with the fewest switches that the bug needs; it replays."""
    heap = subject(fault=fault)
    record = compare(heap).record

    assert record is not None
    assert record.switches == switches
    assert sum(len(thread) for thread in record.program["threads"]) <= 3
    assert replay(record, heap.heap_class).difference == ""


def test_what_search_alone_finds_is_planted() -> None:
    """The names above are of faults."""
    assert set(SEARCH_ONLY) <= {fault.name for fault in FAULTS}


@pytest.mark.long
@pytest.mark.parametrize("fault", [f for f in FAULTS if f.name not in SEARCH_ONLY], ids=lambda fault: fault.name)
def test_workloads_catch_every_fault(fault: Fault) -> None:
    """A thousand drawn programs are enough for each planted fault; the record replays."""
    heap = subject(fault=fault.name)
    record = compare(heap, examples=1000).record

    assert record is not None
    assert replay(record, heap.heap_class).difference == ""


def test_a_stop_is_unknown_with_its_reason() -> None:
    """A campaign that is told to stop says why, and keeps its counts."""
    result = compare(Subject(), hurry=lambda done: "enough" if done >= 7 else None).result

    assert (result.verdict, result.reason) == (Verdict.UNKNOWN, "enough")
    assert result.counts["examples"] == 14


def test_schedules_per_second(benchmark: BenchmarkFixture) -> None:
    """How fast one program's schedules are walked."""
    threads = (Thread((MallocLarge(1),)), Thread((AllocManual(2),)))
    program = Program(threads, SMALL, row("go1.27"))

    benchmark(lambda: try_example(program, b"", Subject(), Counts()))
