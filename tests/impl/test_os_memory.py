"""The system that refuses, at every place of a growth, and that leaves what is returned to it as it was."""

from dataclasses import dataclass
from typing import Any

import pytest

from spanproof.checks.programs import AllocManual, FreeManual, MallocLarge, Op, Program, ScavengeAll, Thread
from spanproof.checks.running.machine import HeapError, Machine
from spanproof.checks.shapes import BITMAP_GROUPS
from spanproof.impl.malloc import Runtime
from spanproof.impl.os_memory import ALWAYS, grant
from spanproof.model.geometry import CACHED
from spanproof.model.releases import row

TWO_GROWTHS = (AllocManual(1), AllocManual(9))
"""The second hands over the rest of the first arena and begins another."""
PAGES, SUMMARIES, INDEX = "sys_map", "grow", "sys_grow"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a thread alone ended."""

    machine: Machine
    asked: tuple[str, ...]
    """Who asked the system for memory, one after the other."""


def ran(*ops: Op, before: tuple[Op, ...] = (), release: str = "go1.27", **switches: Any) -> Ran:
    """Run operations on a system that behaves as the switches say."""
    geometry = BITMAP_GROUPS if "mappings" in switches else CACHED
    machine = Machine(Program((Thread(ops, before),), geometry, row(release), **switches), Runtime)
    machine.start()
    asked: list[str] = []
    while machine.enabled():
        access = machine.pending[0]
        if access is not None and access.cell == machine.heap.os.mappings_left:
            asked.append(asker(machine.threads[0]))
        machine.step(0)
    return Ran(machine, tuple(asked))


def asker(coroutine: Any) -> str:
    """The function that called sys_map_os, or sys_alloc itself."""
    names: list[str] = []
    while getattr(coroutine, "cr_code", None) is not None:
        names.append(coroutine.cr_code.co_name)
        coroutine = coroutine.cr_await
    return names[-1] if names[-1] == "sys_alloc" else names[-2]


GROWTH = (PAGES, SUMMARIES, SUMMARIES, INDEX, "sys_alloc")
REST = (PAGES, INDEX)
ASKED = (*GROWTH, *REST, PAGES, SUMMARIES, INDEX, "sys_alloc")


def test_whoever_needs_memory_asks_for_it() -> None:
    """Pages, both levels of summaries, the index and the bitmaps; the rest of an arena needs no new ones of some."""
    done = ran(*TWO_GROWTHS, mappings=1000)

    assert done.asked == ASKED
    assert done.machine.refused == ""


@pytest.mark.parametrize("granted", range(len(ASKED)))
def test_a_refusal_ends_the_run_at_every_place(granted: int) -> None:
    """Wherever it comes, Go throws at once, with its own words, and no claim breaks before."""
    done = ran(*TWO_GROWTHS, mappings=granted)

    assert done.asked == ASKED[: granted + 1]
    text = "pageAlloc: out of memory" if ASKED[granted] == "sys_alloc" else "runtime: out of memory"
    assert done.machine.refused == f"throw: {text}"
    assert done.machine.enabled() == []
    assert not done.machine.deadlocked()


def test_just_enough_is_enough() -> None:
    """After the last that is needed nothing is asked for, so nothing is refused."""
    assert ran(*TWO_GROWTHS, mappings=len(ASKED)).machine.refused == ""


def test_a_past_that_is_refused_is_no_verdict() -> None:
    """A program that cannot even begin is not judged."""
    with pytest.raises(HeapError, match="before the program begins: throw: runtime: out of memory"):
        ran(before=TWO_GROWTHS, mappings=3)


def test_refused_addresses_give_no_span() -> None:
    """The second arena is refused: the allocation gives nothing, and the heap goes on with what it has."""
    done = ran(AllocManual(5), AllocManual(5), AllocManual(3), reservations=1)
    machine = done.machine

    assert machine.refused == ""
    held = [
        machine.values[machine.numbering.of(cell)] for cell in machine.numbering.cells if cell.name == "mspan.npages"
    ]
    assert sorted(held) == [0, 3, 5]


@pytest.mark.parametrize(("zeroes", "left"), [(True, {0}), (False, {1})])
def test_unused_clears_or_leaves_memory(zeroes: bool, left: set[int]) -> None:
    """What is returned to a system that fails holds what it held."""
    done = ran(AllocManual(8), FreeManual(0), ScavengeAll(), unused_zeroes=zeroes)
    machine = done.machine
    first = machine.heap.geometry.pages.start

    assert {machine.values[machine.numbering.of(machine.heap.memory.at(first + n))] for n in range(8)} == left


def test_by_default_the_system_refuses_nothing() -> None:
    """No step is taken to ask a system that always says yes."""
    machine = ran(MallocLarge(5)).machine
    heap = machine.heap

    assert (heap.reservations, heap.mappings, heap.unused_zeroes) == (ALWAYS, ALWAYS, True)
    assert machine.values[machine.numbering.of(heap.os.mappings_left)] == ALWAYS


def test_grants_run_out() -> None:
    """Two, one, none: and after a refusal all is refused."""
    seen: list[tuple[int, bool]] = [(2, True)]
    for _ in range(4):
        seen.append(grant(seen[-1][0]))

    assert seen[1:] == [(1, True), (0, True), (-1, False), (-1, False)]
