"""What no path takes is not shown: branches on what proofs hold fixed, on the kind of words, on nothing."""

from typing import Any

import pytest

from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.proofs.catalogue import BY_NAME
from spanproof.checks.proofs.script import proved
from spanproof.checks.proving.arms import Arm, arms, never_taken
from spanproof.checks.proving.closed_world import covered
from spanproof.checks.proving.footprint import CURSOR
from spanproof.checks.proving.heaps import function_of
from spanproof.checks.proving.theorem import PROTOCOLS, prove, units
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.access import Throw
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import RELEASES

LOWERS = "await self.zeroed_base.at(self.arena_index(base)).store(0)\nreturn need_zero"
UNSEEN = {
    "on the geometry": f"if self.geometry.arenas < 3:\n    {LOWERS}",
    "in a value": "return need_zero and self.geometry.arenas > 2",
    "in a number": "npage += (self.geometry.arenas < 3) * 1\nreturn need_zero",
    "in an operand": f"if self.geometry.arenas < 3 and await self.zeroed_base.at(0).load() == 0:\n    {LOWERS}",
    "round a loop": f"while self.geometry.spans == 2:\n    {LOWERS}",
}


@pytest.mark.parametrize("name", UNSEEN)
def test_a_branch_that_no_path_takes_is_not_shown(name: str) -> None:
    """The lowering of zeroedBase is dead code to the proofs, and alive in a run on another geometry."""
    lines = UNSEEN[name].replace("\nreturn need_zero", "") + "\nreturn need_zero"
    heap = planted((Edit("Heap.alloc_needs_zero", "return need_zero", lines),))
    found, done = proved(BY_NAME["zeroed_base_never_decreases"], Subject(heap, "edited"))

    assert found.result.verdict is Verdict.UNKNOWN
    cut = any("has no invariant" in proof.error for _, proof in done)
    assert cut or "nothing is shown of what follows" in found.result.reason


@pytest.mark.long
def test_every_arm_of_the_reference_is_taken() -> None:
    """But for throws, in every protocol; so what proofs say, they say of all of the text that they cover."""
    for jobs in PROTOCOLS:
        taken = {arm for job in jobs for unit in units(job, Runtime) for arm in prove(unit, Runtime, "int").arms}
        functions = [function_of(Runtime, name) for name in covered(jobs, Runtime)]
        some = not all(any(job.applies(r) for job in jobs) for r in RELEASES)
        assert not list(never_taken(functions, taken, one_release=some))
        cursors = [function_of(Runtime, f"index.search_addr_bg.{name}") for name in CURSOR]  # run as one access is
        assert {a for f in (*functions, *cursors) for a in arms(f)} >= taken


class Texts:
    """Decisions."""

    release: Any = None

    async def throws(self, a: int, b: int) -> None:
        """One that only throws."""
        if a > 0 and b > 0:
            raise Throw("both")

    async def waits(self, a: int) -> None:
        """One whose second part does something."""
        if a > 0 and await self.more():
            raise Throw("both")

    async def more(self) -> bool:
        """True."""
        return True

    async def either(self, a: int, b: int) -> int:
        """Values, not tests."""
        return (1 if a else 2) + (a or b)

    async def by_release(self, a: int) -> int:
        """A decision that asks for the release, and one within."""
        if self.release == 1:
            while a > 0:
                a -= 1
        return a


def open_arms(function: Any) -> set[tuple[str, bool]]:
    """The arms that must be taken."""
    return {(arm.text, arm.way) for arm in arms(function) if not arm.may_be_closed}


def test_an_arm_that_only_throws_may_be_closed() -> None:
    """Unless a part of the decision on its way there waits for something."""
    assert open_arms(Texts.throws) == {("", True), ("a > 0", False), ("b > 0", False)}
    assert ("a > 0", True) in open_arms(Texts.waits)


def test_values_decide_too() -> None:
    """Both values of a conditional expression, and whether the second operand is looked at."""
    assert open_arms(Texts.either) == {("", True), ("a", True), ("a", False)}
    assert len([arm for arm in arms(Texts.either) if arm.text == "a"]) == 4


def test_of_one_release_other_releases_arms_are_not_asked_for() -> None:
    """Neither the decision nor what lies within it; of all releases together both are."""
    begun = {arm for arm in arms(Texts.by_release) if not arm.text}

    def asked(*, one_release: bool) -> list[Arm]:
        return list(never_taken([Texts.by_release], begun, one_release=one_release))

    assert not asked(one_release=True)
    assert "self.release == 1 is never" in str(asked(one_release=False)[0])
