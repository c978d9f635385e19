"""Without its premises and relies a proof fails: none of them is there for show."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from spanproof.checks.proving import jobs
from spanproof.checks.proving.obligations import Kind, Proof
from spanproof.checks.proving.overflow import rounds
from spanproof.checks.proving.theorem import JOBS
from spanproof.checks.proving.zeroing import ZeroingProtocol
from spanproof.impl.access import Access
from spanproof.impl.malloc import Runtime
from spanproof.model.contracts import owning, sweeping, zeroing
from spanproof.model.logic import Claims
from spanproof.model.releases import NEWEST


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


def without(rely: Callable[..., Claims], goal: str) -> Callable[..., Claims]:
    """The rely without one conjunct."""

    def weaker(old: Any, new: Any) -> Claims:
        return ((name, claim) for name, claim in rely(old, new) if name != goal)

    return weaker


ZEROING = (
    "zeroed_base_never_decreases", "zeroed_base_stays_in_arena", "zeroed_base_ends_in_the_raiser's_region",
    "only_the_holder_writes", "non_zero_is_below_zeroed_base",
)  # fmt: skip


@pytest.mark.parametrize("goal", ZEROING)
def test_each_conjunct_of_the_rely_on_zeroing_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it an obligation of alloc_needs_zero or of memclr fails."""
    monkeypatch.setattr(zeroing, "rely", without(zeroing.rely, goal))

    assert run("alloc_needs_zero").failed or run("memclr").failed


OWNING = (
    "only_the_holder_gives_a_page_away", "nobody_touches_a_span_in_hand", "only_the_holder_maps_a_page",
    "only_the_holder_marks_a_page_in_use", "pages_are_allocated_and_freed_under_the_lock",
    "pages_are_taken_and_given_back_under_the_lock", "living_span_owns_its_pages", "span_owns_nothing_else",
    "in_use_bit_marks_a_built_span",
)  # fmt: skip
"""in_use_bit_marks_a_mapped_page is not among them: it is a claim of its own, which no other obligation rests on."""


@pytest.mark.parametrize("goal", OWNING)
def test_each_conjunct_of_the_rely_on_owning_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it an obligation of some function fails."""
    monkeypatch.setattr(owning, "rely", without(owning.rely, goal))

    assert any(run(name).failed for name in ("init_span", "alloc_span", "free_span_locked", "free_manual"))


SWEEPING = (
    "sweepgen_follows_the_protocol", "an_unswept_span_is_not_freed", "only_the_winner_sweeps",
    "nobody_touches_a_claimed_span", "nobody_frees_a_span_kept_alive", "pages_in_use_are_freed_under_the_lock",
)  # fmt: skip


@pytest.mark.parametrize("goal", SWEEPING)
def test_each_conjunct_of_the_rely_on_sweeping_is_needed(goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it an obligation of some function fails."""
    monkeypatch.setattr(sweeping, "rely", without(sweeping.rely, goal))

    names = ("sweep", "reclaim_chunk", "sweepone", "ensure_swept", "uncache_span", "init_span: sweepgen")
    assert any(run(name).failed for name in names)


def test_what_overflow_does() -> None:
    """At 2^51 pages the loop never moves; of ordinary sizes it takes a round for each arena."""
    assert rounds(Runtime).endless
    assert [rounds(Runtime, pages).count for pages in (1, 8192, 8193, 3 * 8192)] == [1, 1, 2, 3]
    assert "2251799813685248" in str(rounds(Runtime))
