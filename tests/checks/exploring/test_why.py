"""Why a run breaks its claim: true of the runs, and about what the planted fault has changed."""

import ast
import json
import re
import textwrap
from dataclasses import replace
from functools import cache
from typing import Any

import jsonschema
import pytest

from spanproof.checks.again import judged, replayed
from spanproof.checks.exploring.explaining.accesses import Described
from spanproof.checks.exploring.explaining.why import Why, explained, why
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.corpus import BY_NAME
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import program_of
from spanproof.checks.record import Record, RecordError, loads
from spanproof.checks.reporting.lanes import lanes
from spanproof.checks.reporting.page import render_page
from spanproof.checks.reporting.shipped import shipped
from spanproof.checks.running.replaying import record_of, run
from spanproof.checks.scenarios import BY_NAME as SCENARIOS
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Report, Result, Verdict
from spanproof.impl.access import WRITES
from spanproof.model.releases import row

pytestmark = pytest.mark.xdist_group("why")  # what they find is found once, in one process

DOZEN = (
    "plain_store_for_cas", "failed_cas_treated_as_done", "failed_cas_not_reloaded", "throw_on_equal_base",
    "sweep_without_acquiring", "in_use_not_reloaded", "forced_cursor_not_marked", "pages_read_after_sweep",
    "reclaimer_is_no_sweeper", "failed_cas_not_compared_again", "cached_generation_not_expected",
    "state_looked_at_last",
)  # fmt: skip
"""Faults that need a second thread at the right moment."""
ALONE = ("need_zero_skips_zeroed_base", "in_use_bit_not_set")
"""Faults that one thread shows."""
MANY = 20
"""At least so many of the corpus are interleavings."""
BESIDE = {
    "marked_while_spans_are_unswept": "within gc_start after step 1: load of sweepDrained in sweepone (called from "
    "finishsweep_m) instead of locking of heap.lock in sweep_arenas_now (called from gc_reset_mark_state)",
    "too_few_random_chunks": " after step 6: update of heapRandSeed by next_heap_rand_bits in grow with 1 instead of 0",
    "need_zero_skips_zeroed_base": " after step 15: compare-and-swap of zeroedBase[1] in alloc_needs_zero instead of "
    "write of mspan[0].needzero in init_span",
    "second_fit": " within find1 at step 13: update of pages by search in alloc with (32, 32) instead of (40, 40)",
    "search_address_beyond_a_block": " within leave_block at step 66: update of pages by leave_block in alloc_to_cache "
    "with another outcome",
    "aligned_stack_in_a_short_hole": " before the first step: update of pages by find in find (called from "
    "alloc_phys_page_aligned) with 8 instead of 7",
    "no_page_freed": " within free_span_locked after step 45: update of pages by lower_search_addr in free instead of "
    "breaking off in free",
    "scavenger_parks_at_once": " after step 18: load of scav.searchAddrBg in load (called from bgscavenge) instead of "
    "nothing more",
    "growth_not_rounded": " after step 7: write of curArena in grow with CurArena(base=160, end=256) instead of "
    "CurArena(base=136, end=256)",
}
"""What the reference does otherwise, as it is said at the end."""
FARTHER: dict[str, str] = {}
"""Faults whose sentence names nothing that the edit concerns, with the reason: none."""


@cache
def record_with(fault: str) -> Record:
    """The counterexample of a fault in its own scenario, made small, with its sentence."""
    found = BY_NAME[fault]
    release = row(found.release) if found.release else None
    record = judge(SCENARIOS[found.scenario], subject(fault=fault), release=release).record
    assert record is not None
    return record


@cache
def why_of(fault: str) -> Why:
    """Why it breaks its claim."""
    return why(record_with(fault), subject(fault=fault))


def is_interleaving(fault: str) -> bool:
    """Whether another order of the threads avoids it."""
    return why_of(fault).flip is not None


def plain(name: str) -> str:
    """A name without how Go or Python write it."""
    return name.replace("_", "").lower()


def concerned(edits: tuple[Edit, ...]) -> tuple[set[str], set[str]]:
    """What a fault's edits concern: the edited functions and those called there, then all names in its text."""
    functions, names = set[str](), set[str]()
    for edit in edits:
        functions.add(edit.function.rpartition(".")[2])
        for text in (edit.old, edit.new):
            for node in ast.walk(ast.parse(textwrap.dedent(text))):
                match node:
                    case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
                        functions.add(name)
                    case ast.Attribute(attr=name) | ast.Name(id=name):
                        names.add(plain(name))
                    case _:
                        pass
    return functions, names


def named_in(sentence: str) -> tuple[set[str], set[str]]:
    """The functions and operations that a sentence names, and its cells: their last parts, without an index."""
    cells = (cell.rpartition(".")[2] for cell in re.findall(r"(?: of| for) (\S+) (?:in|by) ", sentence))
    return set(re.findall(r"\b(?:in|by|within|from) (\w+)", sentence)), {
        plain(re.sub(r"\[.*", "", cell)) for cell in cells
    }


def names_the_fault(fault: str) -> bool:
    """Whether the sentence names an access that the fault's edit concerns, by its function or its cell."""
    functions, names = concerned(BY_NAME[fault].edits)
    named, cells = named_in(why_of(fault).sentence)
    return bool(functions & named) or any(cell == name or f"{cell}of" in name for cell in cells for name in names)


@pytest.mark.parametrize("fault", DOZEN)
def test_the_sentence_names_what_the_fault_has_changed(fault: str) -> None:
    """An access of an edited function, or of a cell that the edit speaks of."""
    assert is_interleaving(fault)
    assert names_the_fault(fault), why_of(fault).sentence


@pytest.mark.parametrize("fault", BESIDE)
def test_the_sentence_names_what_the_reference_does_otherwise(fault: str) -> None:
    """Where another access notices it, one thread is enough, or the order of the threads does not say it."""
    assert names_the_fault(fault), why_of(fault).sentence
    assert why_of(fault).sentence.endswith(BESIDE[fault])


@pytest.mark.long
@pytest.mark.parametrize("fault", [fault.name for fault in BY_NAME.values() if fault.scenario])
def test_every_sentence_names_what_the_fault_has_changed(fault: str) -> None:
    """Over the corpus; one that does not is written down with the reason, and no other is."""
    assert names_the_fault(fault) == (fault not in FARTHER), why_of(fault).sentence


@pytest.mark.long
def test_many_of_the_corpus_are_interleavings() -> None:
    """For those the order is told."""
    assert sum(map(is_interleaving, BY_NAME)) >= MANY


@pytest.mark.long
@pytest.mark.parametrize("fault", BY_NAME)
def test_every_counterexample_is_explained(fault: str) -> None:
    """By a flip that was run, or by saying that no order avoids it."""
    found = why_of(fault)
    unavoidable = (
        "no order of the threads avoids it: " in found.sentence or "changed orders avoids it" in found.sentence
    )
    assert (found.flip is None) == unavoidable


@pytest.mark.parametrize("fault", DOZEN)
def test_the_changed_schedule_keeps_the_claim(fault: str) -> None:
    """It runs to the end of every thread and breaks nothing, where the record's own breaks its claim."""
    record, flip = record_with(fault), why_of(fault).flip
    assert flip is not None
    heap, program = subject(fault=fault).heap_class, program_of(record.program)
    only = record.violated.claim if flip.alone or record.alone else None
    assert run(program, heap, flip.schedule, only).broken is None
    assert run(program, heap, record.schedule, only).broken is not None
    assert flip.moved in record.why


@pytest.mark.parametrize("fault", DOZEN)
def test_the_two_accesses_are_in_conflict(fault: str) -> None:
    """Two threads, one cell, one of them writes; both are steps of the record, or come after its last."""
    record, conflict = record_with(fault), why_of(fault).conflict
    assert conflict is not None
    first, second = conflict
    assert first.thread != second.thread
    assert first.cell == second.cell
    assert {first.access, second.access} & WRITES
    assert first.step > 0
    assert second.step == 0 or first.step < second.step
    assert all(is_step(access, record) for access in conflict if access.step)


def is_step(access: Described, record: Record) -> bool:
    """Whether a described access is the step of a record that it says it is."""
    step = record.steps[access.step - 1]
    said = access.thread, access.function, access.access, access.cell
    return said == (step.thread, step.function, step.access, step.cell)


def test_the_sentence_of_a_lost_update() -> None:
    """It says what happened between the two accesses of the thread that lost."""
    said, _, change = why_of("plain_store_for_cas").sentence.partition("; ")
    assert said == (
        "T1's store of zeroedBase[1] in alloc_needs_zero comes between T0's load of zeroedBase[1] in "
        "alloc_needs_zero and its store"
    )
    assert re.fullmatch(r"with 1 step of T0 moved before step \d+ \(T1's store of [^()]*\), nothing breaks", change)


def test_the_sentence_of_a_look_at_the_wrong_moment() -> None:
    """What comes between is the second access of the pair, and the first thread's next one to the cell ends it."""
    said, where, change = why_of("cached_generation_not_expected").sentence.split("; ")
    assert said == (
        "T1's load of mspan[0].state in sweepone comes between T0's store of mspan[0].state in mspan_init "
        "and its store in init_span"
    )
    assert where == "the claim breaks after T1's read of mspan[0].sweepgen in sweepone"
    assert change.endswith(", nothing breaks")


def test_a_race_is_told_by_its_two_accesses() -> None:
    """Those that the claim's detail names."""
    record = record_with("state_looked_at_last")
    assert record.violated.claim == "plain_accesses_are_ordered"
    found = why_of("state_looked_at_last").conflict
    assert found is not None
    assert all(f"{a.access} in {a.function} (T{a.thread})" in record.violated.detail for a in found)
    assert "meet, and nothing orders them" in record.why


@pytest.mark.parametrize("fault", ALONE)
def test_where_one_thread_is_enough_the_sentence_says_so(fault: str) -> None:
    """And names the last access with the function whose text it is, then what the reference does otherwise."""
    record, found = record_with(fault), why_of(fault)
    last = record.steps[-1]
    alone, _, otherwise = found.sentence.partition("; ")
    assert alone.startswith("no order of the threads avoids it: ")
    assert f"T{last.thread} alone breaks it" in alone
    assert last.cell in alone
    assert alone.endswith(f" in {last.function}")
    assert otherwise.startswith("the reference first does otherwise ")
    assert (found.conflict, found.flip) == (None, None)


def test_who_waits_for_whom() -> None:
    """A thread that takes a lock which it holds waits for itself."""
    (waits,) = why_of("traced_under_the_lock").waits
    assert (waits.thread, waits.cell, waits.holder) == (0, "heap.lock", 0)
    assert record_with("traced_under_the_lock").why.startswith("T0 waits for heap.lock in ")
    assert "which it holds" in record_with("traced_under_the_lock").why


def test_a_thread_that_waits_for_ever_is_told_of_what_it_missed() -> None:
    """A compare-and-swap that cannot succeed any more is no step, and still one of the two accesses."""
    found = why_of("failed_cas_not_reloaded")
    assert found.conflict is not None
    assert [access.access for access in found.conflict] == ["compare_and_swap", "compare_and_swap"]
    assert (found.conflict[0].step > 0, found.conflict[1].step) == (True, 0)
    assert [waits.cell for waits in found.waits] == [found.conflict[0].cell]


def test_a_record_of_a_larger_run_is_explained_too() -> None:
    """Before it is made small."""
    fault = "plain_store_for_cas"
    heap = subject(fault=fault)
    record = judge(SCENARIOS[BY_NAME[fault].scenario], heap, small=False).record
    assert record is not None
    assert record.why == ""
    assert explained(record, heap).why == record_with(fault).why


def test_records_hold_the_sentence_and_old_ones_none() -> None:
    """It is read back; a record without it is the same bytes as ever, and replays."""
    record, heap = record_with("plain_store_for_cas"), subject(fault="plain_store_for_cas")
    assert loads(record.dumps(), "here") == record
    assert json.loads(record.dumps())["why"] == record.why
    old = replace(record, why="", flip=None)
    assert not {"why", "flip"} & set(json.loads(old.dumps()))
    again = replayed(loads(old.dumps(), "here"), heap)
    assert (again.difference, again.record) == ("", old)


def test_a_replay_and_a_pin_say_why() -> None:
    """The same sentence for the same run; one that was tampered with is found anew."""
    record, heap = record_with("plain_store_for_cas"), subject(fault="plain_store_for_cas")
    again = replayed(replace(record, why="because"), heap)
    assert again.record is not None
    assert again.record.why == record.why
    assert replayed(record, heap).record == record
    _, pinned = judged(replace(record, why=""), heap, "x.json")
    assert pinned is not None
    assert pinned.why == record.why


def test_the_sentence_is_printed_and_stands_in_the_page() -> None:
    """Behind "why:" in the terminal, and escaped beside the claim; without a sentence there is no such line."""
    record = replace(record_with("plain_store_for_cas"), why="T1 <frees> page 3")
    report = Report("explore", "go1.16", 0, (Result("explore", record.name, Verdict.VIOLATED),))
    assert "why: T1 <frees> page 3" in lanes(record, "again")
    assert "<dt>why</dt><dd>T1 &lt;frees&gt; page 3</dd>" in render_page(report, {"x.json": record}, "0")
    silent = replace(record, why="")
    assert "why:" not in lanes(silent, "again")
    assert "<dt>why</dt>" not in render_page(report, {"x.json": silent}, "0")


def test_a_record_with_a_sentence_is_valid() -> None:
    """By the schema; so is an old one, and a sentence that is no text is not."""
    schema = json.loads(shipped("record.schema.json"))
    record = record_with("plain_store_for_cas")
    jsonschema.validate(record.as_json(), schema)
    jsonschema.validate(replace(record, why="").as_json(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record.as_json() | {"why": 1}, schema)
    with pytest.raises(RecordError):
        loads(json.dumps(record.as_json() | {"why": 1}), "here")


def test_nothing_is_said_of_other_kinds() -> None:
    """Nor of a text that goes round without an access."""
    record = record_with("plain_store_for_cas")
    heap = subject(fault="plain_store_for_cas")
    assert why(replace(record, kind="trace"), heap) == Why("")
    own: dict[str, Any] = {**record.program, "threads": [[["MyOwn", 1]]], "before": [[]]}
    assert why(replace(record, program=own), heap) == Why("")
    endless = replace(record.violated, claim="no_deadlock", detail="grow goes round without an access: growth.py")
    assert why(replace(record, violated=endless), heap) == Why("")


def test_a_run_before_the_program_begins() -> None:
    """It has no schedule, and no order of the threads avoids it."""
    record = record_with("large_span_not_listed")
    assert record.schedule == ()
    assert "alone breaks it, before the program begins" in record.why
    heap = subject(fault="large_span_not_listed")
    program = program_of(record.program)
    assert record_of("x", program, heap.heap_class, (), heap.heap, heap.fault) is not None


def test_a_write_that_only_the_claim_looks_at() -> None:
    """No thread reads that the span is dead; it comes too late all the same."""
    locked = "await s.state.store(DEAD)"
    early = Edit("Heap.free_span_locked", locked, f"await self.lock.unlock()\n{locked}\nawait self.lock.lock()")
    heap = Subject(planted((early,)), "early.py:Early")
    record = judge(SCENARIOS["free_against_alloc"], heap).record
    assert record is not None
    assert record.violated.claim == "no_page_in_two_spans"
    said = record.why.split("; ")
    assert said[0] == (
        "T0's store of mspan[1].state in init_span comes before T1's store of mspan[0].state in free_span_locked, "
        "and the claim looks at both"
    )
    assert re.fullmatch(
        r"with T1 running on for 1 step after step \d+ \(T1's unlocking of .*\), nothing breaks", said[1]
    )
    assert record.flip is not None
    assert [access.step for access in record.flip.pair] == [len(record.steps), 0]
    assert "mspan[0].state" in render_page(
        Report("explore", "go1.14", 0, ()), {"r.json": record}, "1", folder="there", reproducible=True
    )


@pytest.mark.parametrize(("scenario", "past"), [("free_against_alloc", False), ("dirty_and_fresh", True)])
def test_who_is_done_has_let_go_of_the_lock(scenario: str, past: bool) -> None:
    """Alone it would block nobody; in a past, the first who takes the lock would be blamed. It is said who holds it."""
    kept = Edit(
        "Heap.free_manual",
        "await self.free_span_locked(s, typ)\nawait self.lock.unlock()",
        "await self.free_span_locked(s, typ)",
    )
    record = judge(SCENARIOS[scenario], Subject(planted((kept,)), "kept.py:Kept")).record
    assert record is not None
    assert (record.violated.claim, record.violated.detail) == (
        "lock_discipline_is_kept",
        "T0 is done, and holds heap.lock",
    )
    assert record.why.endswith(": unlocking of heap.lock in free_manual instead of nothing more")
    assert ("before the program begins" in record.why) == past
    assert "after its update of spanalloc" in record.why or "after its unlocking" in record.why or past
