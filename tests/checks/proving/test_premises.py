"""Without its premises and relies a proof fails: none of them is there for show."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from spanproof.checks.proofs.catalogue import BY_NAME
from spanproof.checks.proofs.script import proved
from spanproof.checks.proving import jobs
from spanproof.checks.proving.cursors import CursorsProtocol
from spanproof.checks.proving.engine import WORLD, Engine
from spanproof.checks.proving.finishing import FinishingProtocol
from spanproof.checks.proving.obligations import Kind, Proof
from spanproof.checks.proving.overflow import rounds
from spanproof.checks.proving.owning import OwningProtocol
from spanproof.checks.proving.scavenging import ScavengingProtocol
from spanproof.checks.proving.sweeping import SweepingProtocol
from spanproof.checks.proving.telling import story
from spanproof.checks.proving.theorem import JOBS, REMOVABLE, prove, units
from spanproof.checks.proving.zeroing import ZeroingProtocol
from spanproof.checks.running.replaying import replay
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.access import Access
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.impl.malloc import Runtime
from spanproof.model.contracts import (
    cursors,
    finishing,
    following,
    owning,
    owning_calls,
    scavenging,
    scavenging_calls,
    sweeping,
    sweeping_calls,
    zeroing,
)  # fmt: skip
from spanproof.model.geometry import GO_AMD64
from spanproof.model.logic import Claims
from spanproof.model.releases import NEWEST, RELEASES


def run(name: str, **changed: Any) -> Proof:
    """One proof in integers, of a job that was changed."""
    return jobs.run(replace(JOBS[name], **changed), Runtime, NEWEST)


class Weak(ZeroingProtocol):
    """A compare-and-swap that may fail though the word is as expected."""

    def access(self, access: Access[Any]) -> Any:
        """Fail now and then."""
        if access.kind == "compare_and_swap" and self.engine.choose("fails for no reason"):
            self.engine.about = access.cell.index == self.engine.geometry.arena_index(self.engine.view.byte)
            return False
        return super().access(access)


def test_the_overlap_throw_needs_a_strong_compare_and_swap() -> None:
    """If it may fail spuriously, the throw is reached on a heap that is right."""
    failed = run("alloc_needs_zero", protocol=Weak).failed

    assert Kind.THROW in {o.kind for o in failed}


def test_the_rule_of_1_26_needs_that_sys_unused_zeroes(monkeypatch: pytest.MonkeyPatch) -> None:
    """If scavenged memory may hold anything, needzero = 0 is no longer the truth, and nothing else fails."""
    asks = zeroing.init_span_requires

    def without(*args: Any) -> Claims:
        return ((name, claim) for name, claim in asks(*args) if name != "scavenged_is_zero")

    monkeypatch.setattr(zeroing, "init_span_requires", without)

    assert {o.goal for o in run("init_span: needzero, scavenged").failed} == {"needzero_false_is_already_zero"}


def test_without_that_premise_it_fails_where_it_is_taken() -> None:
    """The premise can be left out: that obligation fails, from 1.26 on alone, and no proof says that it takes it."""
    job = JOBS["init_span: needzero, scavenged"]
    says = REMOVABLE["sys_unused_zeroes"].says
    proof = jobs.run(job, Runtime, NEWEST, without="sys_unused_zeroes")

    assert {o.goal for o in proof.failed} == {"needzero_false_is_already_zero"}
    assert says not in proof.premises
    assert says in run(job.name).premises
    assert {r.name for r in RELEASES if job.applies(r)} == {"go1.26", "go1.27"}


@pytest.mark.parametrize("name", ["needzero_false_is_already_zero", "asked_for_zero_gets_zero"])
def test_without_that_premise_its_counterexample_runs(name: str) -> None:
    """What the search knows as a finding refutes the theorem, by a record that replays."""
    theorem = BY_NAME[name]
    found, done = proved(theorem, Subject(), without="sys_unused_zeroes")

    assert found.result.verdict is Verdict.VIOLATED, found.result.reason
    assert {unit.rows for unit, proof in done if proof.failed} == {("go1.26", "go1.27")}
    assert found.record is not None
    assert found.record.violated.claim in theorem.claims
    assert replay(found.record, Runtime).difference == ""
    assert "sys_unused zeroes" not in story(theorem, found.result, done)


def test_before_1_26_nothing_depends_on_it() -> None:
    """Who clears what is not known to be zero needs no word of the system."""
    proofs = [
        prove(u, Runtime, "int", without="sys_unused_zeroes") for u in units(JOBS["init_span: needzero"], Runtime)
    ]

    assert not any(proof.failed or proof.error for proof in proofs)


CALLS_OF: dict[Any, Any] = {owning: owning_calls, sweeping: sweeping_calls, scavenging: scavenging_calls}


def drop(contracts: Any, goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a conjunct out of what a thread relies on, wherever that is used: at accesses, loops and calls.

    A loop that still kept the whole rely would fail for want of the conjunct, needed or not.
    """
    weaker: dict[Any, Callable[..., Claims]] = {}
    calls: Any = CALLS_OF.get(contracts, contracts)
    for name in ("rely", "sweeps", "moves", "pads", "flushes", "clears_only", "looks"):
        for module in (contracts, calls):
            whole = getattr(module, name, None)
            if whole is not None and whole not in weaker.values():
                weaker.setdefault(whole, _without(whole, goal))
                monkeypatch.setattr(module, name, weaker[whole])
    for table in (calls.LOOPS, calls.CALLS):
        for place, contract in list(table.items()):
            if contract.keeps in weaker:
                monkeypatch.setitem(table, place, replace(contract, keeps=weaker[contract.keeps]))


def _without(relation: Callable[..., Claims], goal: str) -> Callable[..., Claims]:
    def weaker(old: Any, new: Any) -> Claims:
        return ((name, claim) for name, claim in relation(old, new) if name != goal)

    return weaker


def failing(names: Iterable[str]) -> set[str]:
    """The goals that fail in these proofs."""
    return {o.goal for name in names for o in run(name).failed}


ZEROING = (
    "zeroed_base_never_decreases", "zeroed_base_stays_in_arena", "zeroed_base_is_at_a_page",
    "zeroed_base_ends_in_the_raiser's_region", "only_the_holder_writes", "non_zero_is_below_zeroed_base",
)  # fmt: skip


@pytest.mark.parametrize("goal", ZEROING)
def test_each_conjunct_of_the_rely_on_zeroing_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it something else fails in alloc_needs_zero."""
    drop(zeroing, goal, monkeypatch)

    assert failing(["alloc_needs_zero"]) - {goal}


FEW = 4


def some(goals: tuple[str, ...]) -> list[Any]:
    """A few of them in every run, the others behind the long marker."""
    return [*goals[:FEW], *(pytest.param(goal, marks=pytest.mark.long) for goal in goals[FEW:])]


OWNING = (
    "only_the_holder_gives_a_page_away", "nobody_touches_a_span_in_hand", "only_the_holder_maps_a_page",
    "only_the_holder_marks_a_page_in_use", "pages_are_allocated_and_freed_under_the_lock",
    "pages_are_taken_and_given_back_under_the_lock", "spans_are_taken_and_given_back_under_the_lock",
    "pooled_span_is_dead", "only_its_p_keeps_a_span_or_pulls_it", "a_span_kept_for_later_is_dead",
)  # fmt: skip
OWNING_ALONE = (
    "living_span_owns_its_pages", "span_owns_nothing_else", "in_use_bit_marks_a_mapped_page",
    "in_use_bit_marks_a_built_span", "a_living_span_lies_in_the_address_space",
)  # fmt: skip
"""Invariants that no other obligation of these functions rests on, in integers: they are what is to be shown."""
OWNING_JOBS = ("alloc_span", "init_span", "free_span_locked", "free_manual")


@pytest.mark.parametrize("goal", some(OWNING))
def test_each_conjunct_of_the_rely_on_owning_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it something else fails in some function."""
    drop(owning, goal, monkeypatch)

    assert any(failing([name]) - {goal} for name in OWNING_JOBS)


@pytest.mark.parametrize("goal", OWNING_ALONE)
def test_invariants_of_owning_that_stand_alone(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it as a premise it can itself no longer be shown, and all else can."""
    drop(owning, goal, monkeypatch)

    assert failing(OWNING_JOBS) == {goal}


FOLLOWING = ("no_span_in_use_is_freed_while_marking", "a_page_in_use_stays_mapped_while_marking")


@pytest.mark.parametrize("goal", FOLLOWING)
def test_each_conjunct_that_a_reader_relies_on_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a word may lead to a span that is being freed, or to none though there is one."""
    monkeypatch.setattr(following, "rely", _without(following.rely, goal))

    assert failing(("span_of_heap", "scan_conservative")) - {goal}


SWEEPING = (
    "sweepgen_follows_the_protocol", "a_swept_span_stays_swept", "an_unswept_span_is_not_freed",
    "only_the_winner_sweeps", "nobody_adds_to_the_set_to_sweep", "chunks_are_claimed_once",
    "nobody_touches_a_claimed_span", "pages_in_use_are_freed_under_the_lock", "in_use_bit_marks_a_mapped_page",
    "in_use_bit_marks_a_built_span", "sweepgen_is_one_of_five", "nobody_frees_a_span_kept_alive",
    "nobody_takes_from_the_swept_spans", "nobody_else_is_given_what_i_was", "a_span_to_sweep_is_listed_or_in_hand",
    "a_span_being_swept_is_in_hand", "a_swept_span_is_pushed_or_in_hand", "a_listed_span_is_in_the_set",
    "a_drained_set_is_empty", "what_is_settled_stays_settled", "no_span_in_use_is_freed_while_marking",
    "a_settled_span_is_swept", "nobody_else_runs",
)  # fmt: skip
SWEEPING_UNUSED = (
    "a_span_that_was_given_waits", "a_held_span_is_not_unswept", "a_claimed_span_is_being_swept",
    "a_claimed_span_is_in_use",
)  # fmt: skip
"""Redundant in the rely: the others imply them. They say what theorems are about."""
SWEEPING_JOBS = (
    "reclaim_chunk",
    "sweepone",
    "sweep",
    "ensure_swept",
    "uncache_span",
    "alloc_span: sweepgen",
    "gc_cycle",
    "reclaim",
    "gc_mark_termination",
    "scan_conservative: sweepgen",
)
EVERY_SWEEPING_JOB = (*SWEEPING_JOBS, "malloc_small: sweepgen", "gc_cycle", "sweeping: rely")


@pytest.mark.parametrize("goal", some(SWEEPING))
def test_each_conjunct_of_the_rely_on_sweeping_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it something else fails in some function."""
    drop(sweeping, goal, monkeypatch)

    assert any(failing([name]) - {goal} for name in SWEEPING_JOBS)


@pytest.mark.parametrize("goal", SWEEPING_UNUSED)
def test_conjuncts_of_the_rely_on_sweeping_that_nothing_uses(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fails without it: whoever makes use of it moves it up, whoever takes it out deletes it here."""
    drop(sweeping, goal, monkeypatch)

    assert failing(EVERY_SWEEPING_JOB) == set()


FINISHING = (
    "drained_until_the_next_cycle", "nobody_registers_when_all_is_drained", "nobody_else_registers_me",
    "nobody_else_sweeps_what_i_acquired", "the_count_has_my_registrations", "so_is_every_other_thread",
    "nobody_else_runs",
)  # fmt: skip
FINISHING_UNUSED = ("who_has_a_span_is_registered",)
"""Redundant in the rely: what this thread has, and where it is registered, stays."""
FINISHING_JOBS = tuple(name for name, job in JOBS.items() if job.protocol is FinishingProtocol)


@pytest.mark.parametrize("goal", some(FINISHING))
def test_each_conjunct_of_the_rely_on_finishing_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it something else fails in some function."""
    drop(finishing, goal, monkeypatch)

    assert failing(FINISHING_JOBS) - {goal}


@pytest.mark.parametrize("goal", FINISHING_UNUSED)
def test_conjuncts_of_the_rely_on_finishing_that_nothing_uses(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fails without it."""
    drop(finishing, goal, monkeypatch)

    assert failing(FINISHING_JOBS) == set()


SCAVENGING = (
    "only_the_holder_gives_a_page_away", "only_its_p_touches_a_cache", "padding_is_for_good", "what_was_noted_stays",
    "only_the_holder_writes", "scavenged_page_is_zero", "scavenged_page_is_in_no_use", "what_is_not_the_heap's_is_zero",
    "padding_is_allocated_for_good", "only_this_thread_tells_what_it_owes", "bitmaps_change_under_the_lock",
    "pages_are_taken_and_given_back_under_the_lock", "nobody_writes_to_a_free_page",
)  # fmt: skip
SCAVENGING_ALONE = ("there_is_an_owner",)
SCAVENGING_JOBS = ("alloc_range", "alloc_from_cache", "pages.grow", "flush_pcache")


@pytest.mark.parametrize("goal", some(SCAVENGING))
def test_each_conjunct_of_the_rely_on_scavenging_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it something else fails in some function."""
    drop(scavenging, goal, monkeypatch)

    assert any(failing([name]) - {goal} for name in SCAVENGING_JOBS)


CURSORS = (
    "the_heap_keeps_its_chunks", "the_heap_has_a_chunk_where_a_cursor_stands", "what_was_freed_is_an_address",
    "the_heap_has_a_chunk_where_pages_were_freed", "what_was_seen_was_seen", "words_change_under_the_lock",
    "forced_cursor_rises_under_the_lock", "background_cursor_rises_in_a_cycle",
)  # fmt: skip
CURSORS_ALONE = ("a_cursor_is_an_address", "pages_fit_into_their_chunk")
CURSORS_JOBS = ("index.find", "index.alloc", "index.free", "index.next_gen")


@pytest.mark.parametrize("goal", some(CURSORS))
def test_each_conjunct_of_the_rely_on_cursors_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it something else fails in some function."""
    drop(cursors, goal, monkeypatch)

    assert any(failing([name]) - {goal} for name in CURSORS_JOBS)


@pytest.mark.parametrize(
    ("contracts", "goal", "names"),
    [
        (scavenging, "there_is_an_owner", SCAVENGING_JOBS),
        *((cursors, goal, CURSORS_JOBS) for goal in CURSORS_ALONE),
    ],
)
def test_invariants_of_pages_and_cursors_that_stand_alone(
    contracts: Any, goal: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it as a premise it can itself no longer be shown, and all else can."""
    drop(contracts, goal, monkeypatch)

    assert failing(names) == {goal}


@pytest.mark.parametrize(
    ("protocol", "known"),
    [
        (ZeroingProtocol, ZEROING),
        (OwningProtocol, (*OWNING, *OWNING_ALONE, *FOLLOWING)),
        (FinishingProtocol, (*FINISHING, *FINISHING_UNUSED)),
        (SweepingProtocol, (*SWEEPING, *SWEEPING_UNUSED)),
        (ScavengingProtocol, (*SCAVENGING, *SCAVENGING_ALONE)),
        (CursorsProtocol, (*CURSORS, *CURSORS_ALONE)),
    ],
)
def test_every_conjunct_of_a_rely_is_in_one_of_these_lists(protocol: type[Any], known: tuple[str, ...]) -> None:
    """With the lock and without it: a new conjunct has to be looked at."""
    p = protocol(Engine(GO_AMD64, None), Runtime, NEWEST)
    p.begin()
    ways = (frozenset[str](), frozenset({HEAP_LOCK}), frozenset({WORLD}))
    views = [p.holding(p.engine.view, held, True) for held in ways]
    if protocol is OwningProtocol:
        views.append(replace(p.engine.view, marking=True))

    assert {name for v in views for name, _ in p.rely(v, v)} == set(known)


def test_what_overflow_does() -> None:
    """At 2^51 pages the loop never moves; of ordinary sizes it takes a round for each arena."""
    assert rounds(Runtime).endless
    assert [rounds(Runtime, pages).count for pages in (1, 8192, 8193, 3 * 8192)] == [1, 1, 2, 3]
    assert "2251799813685248" in str(rounds(Runtime))
