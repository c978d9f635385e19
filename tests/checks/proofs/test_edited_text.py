"""One text, three readings: an edit of impl's text alone turns all of them red, or leaves all of them green."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spanproof.checks.comparing.amounts import FEWEST_PROGRAMS
from spanproof.checks.comparing.campaign import compare
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.proofs.catalogue import BY_NAME
from spanproof.checks.proofs.script import proved
from spanproof.checks.running.replaying import replay
from spanproof.checks.scenarios import BY_NAME as SCENARIOS
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict

ROOT = Path(__file__).parents[3]
CLAIM = """
if await zeroed_base_of_arena.compare_and_swap(zeroed_base, arena_limit):
    break
"""
RED: dict[str, tuple[Edit, str, str | None]] = {
    "store for CAS": (
        Edit("Heap.alloc_needs_zero", CLAIM, "await zeroed_base_of_arena.store(arena_limit)\nbreak"),
        "zeroed_base_never_decreases",
        "two_allocs_one_arena",
    ),
    "throw when zeroedBase ends where the region begins": (
        Edit("Heap.alloc_needs_zero", "zeroed_base > arena_base", "zeroed_base >= arena_base"),
        "overlap_throw_unreachable",
        "two_allocs_one_arena",
    ),
    "cap dropped": (
        Edit("Heap.alloc_needs_zero", "arena_limit = self.geometry.arena_size", ""),
        "zeroed_base_stays_in_arena",
        "region_across_arenas",
    ),
    "memclr dropped": (
        Edit("Heap.clear", "await self.os.memclr(base, npages * self.geometry.page_size)", ""),
        "asked_for_zero_gets_zero",
        "dirty_and_fresh",
    ),
    "small objects are not cleared up to 1.17": (
        Edit("Runtime.malloc_small", "await self.alloc(npages, SMALL, True)", "await self.alloc(npages, SMALL, False)"),
        "asked_for_zero_gets_zero",
        None,
    ),
}
GREEN = {
    "memory at zeroedBase itself is taken for used": Edit(
        "Heap.alloc_needs_zero", "arena_base < zeroed_base", "arena_base <= zeroed_base"
    ),
    "no throw when zeroedBase ends where the region ends": Edit(
        "Heap.alloc_needs_zero", "zeroed_base <= arena_limit", "zeroed_base < arena_limit"
    ),
}
"""The second is no weaker a heap: on disjoint regions zeroedBase ends nowhere inside, its end included."""
WATERMARK = (
    "zeroed_base_never_decreases", "zeroed_base_stays_in_arena", "overlap_throw_unreachable",
    "alloc_needs_zero_terminates", "needzero_false_is_already_zero", "asked_for_zero_gets_zero",
)  # fmt: skip


@pytest.mark.parametrize(
    "name", [*list(RED)[:2], *(pytest.param(name, marks=pytest.mark.long) for name in list(RED)[2:])]
)
def test_an_edit_turns_all_three_readings_red(name: str) -> None:
    """The proof fails and its counterexample is reached; the search finds a record, and so do drawn programs.

    No scenario of the catalogue shows the last one: the program is made from the counterexample.
    """
    edit, theorem, scenario = RED[name]
    heap = Subject(planted((edit,)), "edited text")

    found, _ = proved(BY_NAME[theorem], heap)
    assert found.result.verdict is Verdict.VIOLATED
    assert "reached: " in found.result.reason
    assert found.record is not None
    assert replay(found.record, heap.heap_class).difference == ""
    if scenario is not None:
        assert judge(SCENARIOS[scenario], heap).result.verdict is Verdict.VIOLATED
    assert compare(heap, examples=1000).result.verdict is Verdict.VIOLATED


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long) for name in GREEN])
def test_an_equivalent_edit_stays_green(name: str) -> None:
    """Where the heap is as right as before, proofs hold, and neither search nor drawn programs find anything."""
    heap = Subject(planted((GREEN[name],)), "edited text")

    for theorem in WATERMARK:
        assert proved(BY_NAME[theorem], heap)[0].result.verdict is Verdict.HOLDS, theorem
    for scenario in ("two_allocs_one_arena", "region_across_arenas", "dirty_and_fresh"):
        assert judge(SCENARIOS[scenario], heap).result.verdict is Verdict.HOLDS, scenario
    assert compare(heap, examples=FEWEST_PROGRAMS).result.verdict is Verdict.HOLDS


def spanproof(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command from a copy of the sources."""
    env = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "spanproof.checks", *arguments]
    done = subprocess.run(  # noqa: S603  # our own
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout


def test_whoever_edits_the_file_sees_it(tmp_path: Path) -> None:
    """In a copy of the sources, impl/heap.py alone is changed by hand: prove names that line, and all three exit 1."""
    for name in ("model", "impl", "checks", "src"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "impl" / "heap.py"
    swap = "await zeroed_base_of_arena.compare_and_swap(zeroed_base, arena_limit)"
    old = f"{' ' * 16}if {swap}:\n{' ' * 20}break\n"
    new = f"{' ' * 16}await zeroed_base_of_arena.store(arena_limit)\n{' ' * 16}break\n"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    line = text[: text.index(old)].count("\n") + 1

    code, said = spanproof(tmp_path, "prove", "zeroed_base_never_decreases")
    assert code == 1
    assert f"fails: heap.py:{line} alloc_needs_zero" in said
    assert spanproof(tmp_path, "explore", "two_allocs_one_arena")[0] == 1
    assert spanproof(tmp_path, "compare")[0] == 1
