"""Histories as data: plans, campaigns, records that replay, and records that no history made."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanproof.checks.comparing.history_campaign import EXAMPLES, calls_of, judge_drawn, judge_seeded
from spanproof.checks.comparing.living import live, record_of, replay_history
from spanproof.checks.comparing.plans import REAL, SHAPES, SMALL_SHAPES, Plan, Shape, plan_of, plans, seeded
from spanproof.checks.faults.corpus import FAULTS
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.faults.history_faults import PAGE_BY_NAME
from spanproof.checks.faults.planting import subject
from spanproof.checks.record import RecordError, loads
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import GO_AMD64
from spanproof.model.releases import NEWEST, RELEASES, row

SMALL = SMALL_SHAPES[0]


@given(plans(releases=RELEASES))
@settings(max_examples=60)
def test_no_drawn_history_has_a_difference(plan: Plan) -> None:
    """Drawn with Hypothesis's own database, on every shape and release: all state agrees after every call."""
    assert live(plan, Runtime).broken is None


@given(plans(releases=RELEASES))
def test_a_plan_survives_being_written_down(plan: Plan) -> None:
    """`as_json` and `plan_of` are each other's inverse."""
    assert plan_of(json.loads(json.dumps(plan.as_json()))) == plan


def test_the_shapes_are_what_histories_need() -> None:
    """Go's constants with pages of the system's of 4, 16 and 64 KiB, huge pages or none; the ends; heaps with gaps."""
    real = [shape.geometry for shape in SHAPES if shape not in SMALL_SHAPES]

    assert {g.phys_page_size for g in real} == {4096, 16384, 65536}
    assert {g.phys_huge_page_size for g in real} == {0, GO_AMD64.phys_huge_page_size}
    assert any(g.heap_limit - 1 == g.max_off_addr for g in real)
    assert any(g.heap_limit - 1 == s.geometry.max_off_addr for s in SMALL_SHAPES for g in (s.geometry,))
    assert any(g.chunk_index(g.heap_base) < g.phys_page_size // 8 for g in real)
    assert any(shape.sparse for shape in SMALL_SHAPES)
    assert any(shape.sparse for shape in SHAPES if shape not in SMALL_SHAPES)
    assert replace(REAL, name=GO_AMD64.name, arenas=GO_AMD64.arenas) == GO_AMD64


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.geometry.name)
@pytest.mark.parametrize("release", [NEWEST.name, "go1.20"])
def test_seeded_histories_agree(shape: Shape, release: str) -> None:
    """On each shape, with all state after every call; every kind of call finds something to do."""
    made: dict[str, int] = {}
    for seed in range(3):
        assert live(seeded(shape, row(release), seed, 400), Runtime, made=made).broken is None

    assert {name for name, times in made.items() if times} == set(calls_of(row(release)))


def test_campaigns_hold() -> None:
    """On the reference; their counts are the calls that found something to do, and no difference."""
    drawn, seeded_ = judge_drawn(Subject()).result, judge_seeded(Subject(), calls=25_000).result

    assert (drawn.verdict, drawn.reason, drawn.counts["histories"]) == (Verdict.HOLDS, "", EXAMPLES)
    assert (seeded_.verdict, seeded_.reason, seeded_.counts["differences"]) == (Verdict.HOLDS, "", 0)
    assert 20_000 < seeded_.counts["calls"] <= 25_000
    assert seeded_.bound.startswith(f"25,000 calls, of which {seeded_.counts['calls']:,} found something to do, in")


def test_a_campaign_that_did_too_little_is_unknown() -> None:
    """Too few histories, a call that was never made, or a stop: unknown, with that reason."""
    assert judge_drawn(Subject(), examples=5).result.reason == f"fewer than {EXAMPLES} histories"
    assert judge_seeded(Subject(), calls=3).result.reason.startswith("never made: ")
    for judge in (judge_drawn, judge_seeded):
        stopped = judge(Subject(), hurry=lambda done: "enough" if done else None).result
        assert (stopped.verdict, stopped.reason) == (Verdict.UNKNOWN, "enough")


@pytest.mark.parametrize("fault", PAGE_BY_NAME.values(), ids=lambda fault: fault.name)
def test_every_bug_of_the_page_allocator_is_caught(fault: Any) -> None:
    """By a seeded campaign; its history is shrunk, and replays to the same bytes."""
    heap = subject(fault=fault.name)
    found = judge_seeded(heap)

    assert found.result.verdict is Verdict.VIOLATED
    assert found.record is not None
    assert found.record.violated.claim in (fault.claim, "heap_never_throws", "calls_are_defined")
    assert len(found.record.program["calls"]) < 300
    again = replay_history(loads(found.record.dumps(), "test"), heap)
    assert again.difference == ""
    assert live(plan_of(found.record.program), Runtime).broken is None


def test_names_of_faults_are_told_apart() -> None:
    """Those of the heap's corpus and those that histories show."""
    assert not set(PAGE_BY_NAME) & {fault.name for fault in FAULTS}


SHRINKS = {
    "search_addr_leaves_the_block": 6, "second_fit": 4, "bad_summary_is_not_seen": 30,
}  # fmt: skip


@pytest.mark.parametrize("fault", SHRINKS)
def test_drawn_histories_shrink(fault: str) -> None:
    """What Hypothesis leaves is a handful of calls with small numbers, and replays."""
    heap = subject(fault=fault)
    record = judge_drawn(heap).record

    assert record is not None
    assert len(record.program["calls"]) <= SHRINKS[fault]
    assert replay_history(record, heap).difference == ""


def test_the_same_seed_gives_the_same_record() -> None:
    """Byte for byte."""
    heap = subject(fault="second_fit")
    first, second = (judge_seeded(heap, seed_=5).record for _ in range(2))

    assert first is not None
    assert second is not None
    assert first.dumps() == second.dumps()


def test_a_replay_names_the_first_difference() -> None:
    """On another text nothing breaks, or it breaks otherwise; then the first line that differs is named."""
    record = judge_seeded(subject(fault="second_fit")).record
    assert record is not None

    assert replay_history(record, Subject()).record is None
    assert "nothing differs" in replay_history(record, Subject()).difference
    edit = Edit("PallocBits.find1", "complement(self.words[i], width)", "complement(self.words[i] | 3, width)")
    third = Subject(planted((edit,)), record.heap, record.fault)
    assert replay_history(record, third).difference == "was 'call 2: alloc(1): (1, 1)', is 'call 2: alloc(1): (2, 1)'"


FAILS = {
    "nothing is freed": (
        Edit("PallocBits.free", "self.clear_range(i, n)", "self"), "refines_the_abstract_heap", "pages of chunk"),
    "no end": (Edit("ScavengeIndex.set_empty", "sc.flags & ~HAS_FREE", "sc.flags"), "no_deadlock", "no end after"),
    "waits": (
        Edit("ScavengingPageAlloc.scavenge_one", "await self.index.set_empty(ci)\nawait self.lock.unlock()",
             "await self.index.set_empty(ci)"), "no_deadlock", "waits for ever"),
    "unlocks twice": (
        Edit("ScavengingPageAlloc.scavenge_one", "await self.index.set_empty(ci)\nawait self.lock.unlock()",
             "await self.index.set_empty(ci)\nawait self.lock.unlock()\nawait self.lock.unlock()"),
        "lock_discipline_is_kept", "unlock of a lock"),
    "an error of Python's": (
        Edit("PageTree.with_search_addr", "addr", "nobody"), "refines_the_abstract_heap", "NameError"),
    "asked for nothing": (
        Edit("CachingPageAlloc.flush", "await self.give(ci, pi + i, 1)", "await self.free(0, 0)"),
        "calls_are_defined", "0 pages at"),
}  # fmt: skip
"""Edits by how the text fails then, with the claim, and what is said."""


@pytest.mark.parametrize("name", FAILS)
def test_whatever_a_text_does_is_told(name: str) -> None:
    """It waits, does not end, calls what is not defined, or fails in Python's own way: a claim, with the call."""
    edit, claim, said = FAILS[name]
    heap = planted((edit,))
    plans_ = (seeded(SMALL, NEWEST, seed, 400) for seed in range(8))
    broken = [lived.broken for plan in plans_ if (lived := live(plan, heap)).broken is not None]

    assert any(found.claim == claim and said in found.detail for found in broken), broken


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda program: program.pop(name)


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no geometry": _without("geometry"),
    "no calls": _without("calls"),
    "calls that are none": lambda p: p.update(calls=[]),
    "calls that are a number": lambda p: p.update(calls=7),
    "an unknown call": lambda p: p.update(calls=[["__init__", 0, 0]]),
    "a call with a text": lambda p: p.update(calls=[["alloc", "0", 0]]),
    "a negative number": lambda p: p.update(calls=[["alloc", -1, 0]]),
    "a number without end": lambda p: p.update(calls=[["alloc", 1 << 90, 0]]),
    "too many calls": lambda p: p.update(calls=[["alloc", 0, 0]] * 100_001),
    "an unknown release": lambda p: p.update(release="go9"),
    "no room": lambda p: p.update(most_chunks=0),
    "endless allocations": lambda p: p.update(most_pages=1 << 60),
    "a geometry that is a list": lambda p: p.update(geometry=[]),
    "an address space without end": lambda p: p["geometry"].update(heap_addr_bits=1 << 40),
    "pages of no size": lambda p: p["geometry"].update(page_size=0),
    "a system without pages": lambda p: p["geometry"].update(phys_page_size=0),
    "a system of odd pages": lambda p: p["geometry"].update(phys_page_size=24),
    "levels that do not fit": lambda p: p["geometry"].update(summary_levels=7),
    "a truth for a number": lambda p: p["geometry"].update(arenas=True),
    "a fraction": lambda p: p["geometry"].update(pages_per_chunk=16.0),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_history_is_refused(name: str) -> None:
    """In one line, before anything is done."""
    record = record_of("made", Plan(SMALL, NEWEST, (("alloc", 0, 0),) * 3), subject(fault="second_fit"))
    assert record is not None
    program = json.loads(record.dumps())["program"]
    HOSTILE[name](program)

    with pytest.raises(RecordError, match="a damaged history") as raised:
        replay_history(replace(record, program=program), Subject())
    assert "\n" not in str(raised.value)


@given(st.data())
@settings(max_examples=200)
def test_a_geometry_that_was_tampered_with_does_no_harm(data: st.DataObject) -> None:
    """Any one number of it changed: refused, or a history that comes to an end."""
    plan = seeded(SMALL, NEWEST, 1, 20).as_json()
    geometry = plan["geometry"]
    name = data.draw(st.sampled_from(sorted(name for name in geometry if name != "name")))
    geometry[name] = data.draw(st.sampled_from((0, 1, 2, 3, 7, 8, 16, 64, 100, 4096, 1 << 16, 1 << 31, 1 << 64, -1)))
    try:
        made = plan_of(plan)
    except RecordError:
        return
    live(made, Runtime)
