"""Collections that mark while the program runs: words are followed to spans, and what they lead to is kept."""

from typing import Any

import pytest

from spanproof.checks.programs import (
    AllocManual,
    Collect,
    Drop,
    FreeManual,
    MallocLarge,
    Op,
    Program,
    Scan,
    Sweep,
    Thread,
)
from spanproof.checks.running.machine import Machine
from spanproof.impl.access import Cell
from spanproof.impl.heap_cells import GC_MARK, GC_OFF
from spanproof.impl.malloc import Runtime
from spanproof.impl.span import DEAD, IN_USE
from spanproof.model.geometry import BYTES
from spanproof.model.releases import RELEASES, Release, row


def ran(*ops: Op, before: tuple[Op, ...] = (), release: Release | None = None) -> Machine:
    """Run operations alone to their end; no claim breaks."""
    machine = Machine(Program((Thread(ops, before),), BYTES, release or row("go1.27")), Runtime)
    machine.start()
    while machine.enabled():
        machine.step(0)
    assert not any(machine.pending)
    return machine


def value(machine: Machine, name: str, index: Any = None) -> Any:
    """What a cell holds at the end."""
    return machine.values[machine.numbering.of(Cell(name, index))]


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.name)
def test_a_word_keeps_garbage_for_a_cycle(release: Release) -> None:
    """What nobody reaches but a word is not swept free in the next cycle; without it it is, and in the one after."""
    garbage = (MallocLarge(1), Drop(0))
    assert value(ran(Scan(0), Sweep(), before=garbage, release=release), "mspan.state", 0) == IN_USE
    assert value(ran(Scan(1), Sweep(), before=garbage, release=release), "mspan.state", 0) == DEAD
    assert value(ran(Scan(0), Sweep(), Collect(), Sweep(), before=garbage, release=release), "mspan.state", 0) == DEAD


@pytest.mark.parametrize("page", [-1, 1, 7, 8, 15, 16, 10**6])
def test_a_word_to_no_span_is_no_pointer(page: int) -> None:
    """Pages that nobody has, and those outside of the address space, below and above."""
    machine = ran(Scan(page), Sweep(), before=(MallocLarge(1), Drop(0)))
    assert value(machine, "mspan.state", 0) == DEAD


def test_a_word_into_the_midst_of_a_span_keeps_it() -> None:
    """Any of its pages leads to it; the page after it does not, though an mspan of the past stands there."""
    past = (AllocManual(3), FreeManual(0), MallocLarge(2), Drop(1))
    for page, state in ((0, IN_USE), (1, IN_USE), (2, DEAD)):
        assert value(ran(Scan(page), Sweep(), before=past), "mspan.state", 0) == state


def test_a_word_to_a_stack_is_no_pointer_of_the_heaps() -> None:
    """Manual spans are not marked."""
    machine = ran(Scan(0), before=(AllocManual(1),))
    assert value(machine, "mspan.gcmarkBits", 0) == 0


def test_the_phase_is_marking_between_the_two_pauses() -> None:
    """And off before and after."""
    machine = Machine(Program((Thread((Scan(0),), (MallocLarge(1),)),), BYTES, row("go1.27")), Runtime)
    machine.start()
    phases = [value(machine, "gcphase")]
    while machine.enabled():
        machine.step(0)
        if value(machine, "gcphase") != phases[-1]:
            phases.append(value(machine, "gcphase"))
    assert phases == [GC_OFF, GC_MARK, GC_OFF]
