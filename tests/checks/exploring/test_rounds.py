"""A thread that goes round for ever, access after access, while nobody else can go on, is found by every engine."""

from spanproof.checks.comparing.campaign import draw
from spanproof.checks.exploring.search import explore, rounds
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.running.replaying import replay, survey
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime

ROUND = Edit("Heap.reclaim", "credit > 0", "credit >= 0")
"""Where there is no credit, nothing is taken of it, again and again."""
HEAP = Subject(planted((ROUND,)))


def test_search_finds_a_round_with_a_record_that_replays() -> None:
    """And a pin of it stays red."""
    judged = judge(BY_NAME["two_cycles"], HEAP)
    assert judged.result.verdict is Verdict.VIOLATED
    assert judged.result.reason == "no_deadlock: T0 goes round for ever, and no other thread can go on"
    assert judged.record is not None
    assert replay(judged.record, HEAP.heap_class).difference == ""
    assert replay(judged.record, Runtime).record is None
    result, _ = survey(judged.record, HEAP, "x.json")
    assert result.verdict is Verdict.VIOLATED


def test_workloads_find_a_round() -> None:
    """They do not walk on for ever."""
    part = draw(HEAP, 0, examples=120, shrink_seconds=0.5)
    assert part.broken.startswith("no_deadlock: T")
    assert part.record is not None
    assert replay(part.record, HEAP.heap_class).difference == ""


def test_who_waits_for_another_goes_no_round() -> None:
    """The reference spins in ensure_swept while another sweeps: that is no round, as the other can go on."""
    tables = Tables(BY_NAME["ensure_swept_before_1_17"].program, Runtime)
    assert explore(tables).broken is None
    assert not tables.rounds


def test_rounds_are_cycles_of_lone_states() -> None:
    """The states on a cycle, not those that lead to it; none where there is no cycle."""
    tables = Tables(BY_NAME["two_cycles"].program, HEAP.heap_class)
    explore(tables)
    assert len(tables.rounds) >= 2
    assert set(tables.rounds.values()) == {0}
    assert rounds(tables, {1: 2, 2: 3}) == {}
