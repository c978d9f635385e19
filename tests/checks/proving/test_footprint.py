"""Which cells a function may write, read off its text; and who may write a cell at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.footprint import columns, reaches, recursion, text_of, writes
from spanproof.checks.proving.heaps import coroutines
from spanproof.checks.proving.theorem import JOBS, prove, units
from spanproof.impl.malloc import Runtime
from spanproof.impl.span import Span

NONE: frozenset[str] = frozenset()


class Mine(Runtime):
    """A heap with a writer of zeroedBase that the reference does not have."""

    async def give_back(self, base: int) -> None:
        """By a local name."""
        word = self.zeroed_base.at(self.arena_index(base))
        await word.store(0)

    async def looks(self, s: Span) -> int:
        """Only looks."""
        n = await s.npages.read()
        return n + await self.zeroed_base.at(n).load()


def test_what_functions_of_the_reference_may_write() -> None:
    """Their own cells and those of all that they call; nothing of what they only read."""
    assert writes(Runtime, "alloc_needs_zero") == {"zeroedBase"}
    assert writes(Runtime, "set_spans") == {"spans"}
    assert writes(Runtime, "os.memclr") == {"memory"}
    assert writes(Runtime, "is_sweep_done") == NONE
    index = {"scav.chunks", "scav.min", "scav.max", "scav.minHeapIdx"}
    grows = {"pages", "curArena", "arenaHints", "allArenas", "heapRandSeed", "gcController.heapReleased"}
    asks = {"os.reservations", "os.mappings"}
    assert writes(Runtime, "grow") == grows | index | asks
    reclaims = writes(Runtime, "reclaim")
    assert {"mspan.sweepgen", "mspan.state", "pageInUse", "reclaimCredit", "spanalloc", "pages"} <= reclaims
    assert not reclaims & {"zeroedBase", "memory", "mspan.base", "mspan.npages", "spans"}


def test_a_local_name_for_a_cell_is_followed() -> None:
    """A cell that got another name is written by that; one that is only read is not."""
    assert "zeroedBase" in writes(Mine, "give_back")
    assert writes(Mine, "looks") == NONE


def test_every_await_of_the_reference_is_understood() -> None:
    """All coroutines of the heap and of its parts are looked at, and none awaits anything strange."""
    assert {"alloc_needs_zero", "pages.alloc", "os.memclr", "gc_cycle"} <= set(coroutines(Runtime))
    assert not [place for name in coroutines(Runtime) for place in text_of(Runtime, name).strange]
    assert [n for n in coroutines(Runtime) if "memory" in text_of(Runtime, n).written] == ["os.memclr", "os.sys_unused"]
    assert recursion(Runtime, "malloc_large", NONE) == ()


def test_what_a_call_reaches_and_on_what_it_depends() -> None:
    """Callees over all levels, short of those that stand by a contract; the columns of the release table they read."""
    assert {"alloc", "alloc_span", "init_span", "set_spans", "pages.alloc"} <= reaches(Runtime, "malloc_large")
    assert "init_span" not in reaches(Runtime, "malloc_large", frozenset({"alloc"}))
    assert columns(Runtime, "malloc_large", frozenset({"alloc", "push_swept"})) == {"zeroing", "alloc_span_pushes"}
    assert columns(Runtime, "alloc_needs_zero", NONE) == NONE
    with pytest.raises(LiftError, match="no function nosuch"):
        reaches(Runtime, "nosuch")


def test_a_proof_does_not_stand_for_rows_that_differ() -> None:
    """What a proof read of its row is remembered, contracts included: if another row differs there, it is an error."""
    (first, *_) = units(JOBS["malloc_small"], Runtime)
    everything = replace(first, rows=("go1.14", "go1.27"))

    assert "it reads zeroing, so it does not stand for" in prove(everything, Runtime, "int").error
    assert prove(first, Runtime, "int").error == ""


def test_a_proof_stands_for_the_rows_on_which_its_text_is_the_same() -> None:
    """alloc differs at 1.17 and 1.18 by who clears; alloc_needs_zero not at all."""
    alloc = [unit.rows for unit in units(JOBS["alloc"], Runtime)]

    assert [(rows[0], rows[-1]) for rows in alloc] == [("go1.14", "go1.16"), ("go1.17",) * 2, ("go1.18", "go1.27")]
    assert len(units(JOBS["alloc_needs_zero"], Runtime)) == 1
    assert [unit.rows for unit in units(JOBS["alloc"], Runtime, "go1.17.3")] == [("go1.17",)]
    assert Path(Runtime.alloc.__code__.co_filename).name == "heap.py"
