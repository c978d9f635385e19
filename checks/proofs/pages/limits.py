"""What an allocation returns to the system, so that the heap keeps within its limits."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from spanproof.checks.proving.lifted.judging import PlainTheorem
from spanproof.checks.proving.lifted.lemma import Given, Lemma
from spanproof.impl.access import Cell, Cells
from spanproof.impl.scavenge import NO_LIMIT
from spanproof.impl.span import ALLOC_HEAP
from spanproof.model.contracts.pages import is_returned
from spanproof.model.geometry import GO_AMD64

MOST = 1 << GO_AMD64.heap_addr_bits
"""Bytes: no more can be in use, and none of these counters is higher."""


class Asked:
    """A page allocator of which only is seen what it is asked to scavenge."""

    def __init__(self) -> None:
        """Nothing is asked for yet."""
        self.cell: Cell[Any] = Cell("asked")

    async def scavenge(self, nbytes: int, force: bool) -> None:
        """See ScavengingPageAlloc.scavenge."""
        await self.cell.write((nbytes, force))


class HeapWithLimits(SimpleNamespace):
    """What scavenge_for looks at of a heap."""

    def __repr__(self) -> str:
        """For stories: without addresses of this process, so that a replay gives the same bytes."""
        return f"heap with memory_limit {self.memory_limit}, gc_percent_goal {self.gc_percent_goal}"


def _scavenge_for(*, has_p: bool) -> Callable[[Given], None]:
    def read(given: Given) -> None:
        limit, goal = given.integer("memory_limit", 0, NO_LIMIT), given.integer("gc_percent_goal", 0, NO_LIMIT)
        names = ("mapped_ready", "in_use", "heap_free", "scav", "growth")
        ready, in_use, heap_free, scav, growth = (given.integer(name, 0, MOST) for name in names)
        stats: Cells[Any] = Cells("in_use")
        pages = Asked()
        heap = HeapWithLimits(
            memory_limit=limit,
            gc_percent_goal=goal,
            has_p=has_p,
            mapped_ready=Cell("mapped_ready"),
            in_use=stats,
            heap_free=Cell("heap_free"),
            pages=pages,
        )
        cells: dict[Cell[Any], Any] = {
            heap.mapped_ready: ready,
            stats.at(ALLOC_HEAP): in_use,
            heap.heap_free: heap_free,
            pages.cell: (0, False),
        }
        given.call(given.text.scavenge_for, heap, scav, growth, cells=cells)
        nbytes, force = cells[pages.cell]
        if has_p:
            given.show_all(is_returned(nbytes, force, scav + ready - limit, growth, in_use + heap_free - goal))
        else:
            given.show("without a P none", nbytes == 0)

    return read


SCAVENGE_FOR = PlainTheorem(
    "allocations_return_what_limits_ask_for",
    says="An allocation scavenges what it is over the memory limit, or the part of its growth that is over the goal.",
    because="The greater of the two; what the limit asks for is forced.",
    source="mheap.go, mheap.allocSpan",
    inputs="any counters up to the size of the address space, any memory limit, any goal",
    lemmas=(
        Lemma("scavenge_for", _scavenge_for(has_p=True)),
        Lemma("scavenge_for without a P", _scavenge_for(has_p=False)),
    ),
    premises=("the limiter of CPU time lets it",),
    decides=("Pages.scavenge_for",),
)
THEOREMS = (SCAVENGE_FOR,)
