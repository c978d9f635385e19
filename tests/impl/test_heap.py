"""The reference heap as text: frozen, and run to its end in every release."""

import random
from dataclasses import replace
from typing import Any

import pytest

from spanproof.checks.programs import (
    Alloc,
    AllocManual,
    Collect,
    Drop,
    EnsureSwept,
    FreeManual,
    MallocLarge,
    MallocSmall,
    Program,
    ProgramError,
    Reclaim,
    Sweep,
    Thread,
    Uncache,
)  # fmt: skip
from spanproof.checks.running.machine import Machine
from spanproof.impl.growth import append_arenas, take_arenas
from spanproof.impl.heap_cells import ArenaList
from spanproof.impl.malloc import Runtime
from spanproof.impl.mspans import give_mspan, take_mspan
from spanproof.impl.span import FIELDS, Span
from spanproof.model.geometry import BYTES, CHUNKED, GO_AMD64, SMALL, Geometry
from spanproof.model.releases import NEWEST, RELEASES, Release

MOST_STEPS = 20_000
MIXED = (
    Thread((MallocLarge(2), Drop(0), Collect(), AllocManual(1), FreeManual(1), MallocLarge(1, noscan=False), Sweep())),
    Thread((MallocSmall(1), AllocManual(3), FreeManual(1), Drop(0), Reclaim(2), Uncache(0), Alloc(1, needzero=False))),
    Thread((MallocLarge(9), EnsureSwept(0), Drop(0), Collect(), MallocSmall(1, needzero=False)), (MallocLarge(1),)),
)
"""Every operation, with collections in between and a region across arenas."""


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.name)
def test_mixed_programs_run_to_their_end(release: Release) -> None:
    """In each release a program with every operation ends under random schedules, and no claim breaks on the way."""
    for seed in range(8):
        geometry = replace(BYTES, arenas=3)
        machine = Machine(Program(MIXED, geometry, release, tracing=seed % 2 == 1), Runtime)
        machine.start()
        run_randomly(machine, random.Random(seed))
        assert not any(machine.pending)


def run_randomly(machine: Machine, chooser: random.Random) -> None:
    """Steps of threads that can go on, in bursts, until none is left."""
    steps = 0
    while able := machine.enabled():
        t = chooser.choice(able)
        for _ in range(chooser.choice((1, 1, 3, 20))):
            if t in machine.enabled():
                machine.step(t)
                steps += 1
        assert steps < MOST_STEPS


def heap(geometry: Geometry = SMALL) -> Runtime:
    """A heap of the newest release."""
    return Runtime(replace(geometry, spans=2), NEWEST)


@pytest.mark.parametrize("name", ["lock", "geometry", "release", "pages", "anything_new", "_frozen"])
def test_heaps_are_frozen(name: str) -> None:
    """Nothing of a heap can be set after its construction."""
    with pytest.raises(AttributeError, match="a heap is frozen"):
        setattr(heap(), name, 0)


@pytest.mark.parametrize("part", ["pages", "os"])
def test_parts_of_a_heap_are_frozen(part: str) -> None:
    """Nor can anything of its page allocator and its memory."""
    with pytest.raises(AttributeError):
        getattr(heap(), part).geometry = BYTES


@pytest.mark.parametrize("geometry", [SMALL, BYTES, CHUNKED], ids=lambda g: g.name)
def test_fresh_lists_every_cell_once(geometry: Geometry) -> None:
    """A fresh heap has a value for each cell: of each page, arena, byte of bits and field of an mspan."""
    g, cells = replace(geometry, spans=2), heap(geometry).fresh()
    names = [cell.name for cell in cells]
    assert len({str(cell) for cell in cells}) == len(cells)
    assert names.count("spans") == names.count("memory") == len(g.pages)
    assert names.count("zeroedBase") == g.arenas
    assert names.count("pageInUse") == names.count("pageMarks") == len(g.pages) // 8 or geometry is SMALL
    assert sum(name.startswith("mspan.") for name in names) == 2 * len(FIELDS)
    assert all(hash(value) is not None for value in cells.values())


def test_every_field_of_a_span_is_a_cell() -> None:
    """The properties of a span name the cells of its fields."""
    s: Any = Span(1)
    cells = [getattr(s, name) for name in dir(Span) if isinstance(getattr(Span, name), property)]
    assert sorted(str(cell) for cell in cells) == sorted(f"mspan[1].{name}" for name in FIELDS)


def test_mspans_are_taken_lowest_first_and_given_back() -> None:
    """The pool of mspans gives the lowest that is free, and takes them back."""
    free, first = take_mspan(0b110)
    assert (free, first) == (0b100, Span(1))
    assert give_mspan(free, first) == (0b110, None)


def test_arenas_are_reserved_in_order_until_the_space_ends() -> None:
    """Arenas are taken from the hint on; none is given beyond the limit."""
    assert take_arenas(1, 2, 0, 3) == (3, 1)
    assert take_arenas(1, 1, 1, 3) == (3, 1)
    assert take_arenas(2, 2, 0, 3) == (2, 0)
    assert append_arenas(ArenaList((1,)), 2, 2) == (ArenaList((1, 2, 3)), None)


def test_the_real_geometry_runs_the_same_text() -> None:
    """The constants of linux/amd64 run through the same text, in two arenas' worth of cells."""
    geometry = replace(GO_AMD64, arenas=1, pages_per_arena=512, first_arena=1, arena_base_offset=0)
    threads = (Thread((MallocLarge(3), AllocManual(2), FreeManual(1))), Thread((MallocLarge(1),)))
    program = Program(threads, geometry, NEWEST)
    machine = Machine(program, Runtime)
    machine.start()
    run_randomly(machine, random.Random(1))
    assert not any(machine.pending)


def test_stacks_are_aligned_to_larger_pages_only() -> None:
    """Go asks for it where a page of the system's is larger than one of the heap's."""
    with pytest.raises(ProgramError, match="larger than the heap's"):
        Program((Thread((AllocManual(1),)),), CHUNKED, NEWEST, aligned_stacks=True)
