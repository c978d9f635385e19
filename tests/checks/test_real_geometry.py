"""The real geometry and the small ones run the same code."""

from spanproof.checks.programs import (
    AllocManual,
    Collect,
    Drop,
    FreeManual,
    MallocLarge,
    Program,
    Reclaim,
    Sweep,
    Thread,
)
from spanproof.checks.running.machine import Machine
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import GO_AMD64, Geometry
from spanproof.model.invariants import INVARIANTS
from spanproof.model.releases import row


def final(geometry: Geometry, release: str) -> Machine:
    """A program run to its end, threads taking turns. One cheap claim is judged on the way: 16,384 pages are many."""
    pages = geometry.pages_per_arena
    past = (AllocManual(pages - 1), FreeManual(0), MallocLarge(1), Drop(1))
    threads = (
        Thread((MallocLarge(2), AllocManual(pages - 2), FreeManual(3)), past),
        Thread((Collect(), Sweep(), Reclaim(1), MallocLarge(3))),
    )
    machine = Machine(Program(threads, geometry, row(release)), Runtime, "zeroed_base_never_decreases")
    machine.start()
    turn = 0
    while able := machine.enabled():
        machine.step(able[turn % len(able)])
        turn += 1
    assert not machine.deadlocked()
    return machine


def test_the_real_constants_run() -> None:
    """Pages of 8 KiB, chunks of 512, arenas of 64 MiB from 0xc000000000 on: every invariant holds at the end."""
    machine = final(GO_AMD64, "go1.27")

    assert [i.name for i in INVARIANTS if not i.holds(machine.monitor.state(machine.read, i.reads))] == []
    state = machine.monitor.state(machine.read, ("state", "base", "npages", "zeroed_base"))
    living = [s for s, kind in enumerate(state.state) if kind]
    assert living
    assert all(state.base[s] >= 0xC000000000 for s in living)
    assert max(state.zeroed_base) == 64 << 20
