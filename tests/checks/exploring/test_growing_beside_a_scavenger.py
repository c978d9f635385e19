"""A scavenger looks through the index without the lock while the heap grows: what it may meet."""

from dataclasses import dataclass

import pytest

from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.programs import Held, Op, Program, Thread, User
from spanproof.checks.scenario import Scenario
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.impl.scavenge import NO_LIMIT
from spanproof.model.geometry import CHUNKED
from spanproof.model.releases import NEWEST

HIGH = CHUNKED.chunk_index(CHUNKED.heap_base) + 3
LOW = HIGH - 2
"""Two chunks further down: the word between them needs memory too."""


@dataclass(frozen=True, slots=True)
class Grow(Op):
    """Have the page allocator grow by one chunk, as when the system gives memory there."""

    chunk: int

    async def run(self, user: User, held: Held) -> Held:
        """See page_alloc.py, grow."""
        heap, g = user.heap, user.heap.geometry
        await heap.lock.lock()
        await heap.pages.grow(g.chunk_base(self.chunk), g.chunk_size)
        await heap.lock.unlock()
        return held


@dataclass(frozen=True, slots=True)
class Use(Op):
    """Allocate a page and free it, so that there is something to scavenge."""

    async def run(self, user: User, held: Held) -> Held:
        """See page_alloc.py, alloc and free."""
        await user.heap.lock.lock()
        base, _ = await user.heap.pages.alloc(1)
        await user.heap.pages.free(base, 1)
        await user.heap.lock.unlock()
        return held


@dataclass(frozen=True, slots=True)
class ScavengeAll(Op):
    """Return all that there is to the system."""

    async def run(self, user: User, held: Held) -> Held:
        """See scavenge.py, scavenge."""
        await user.heap.pages.scavenge(NO_LIMIT, True)
        return held


def verdict(first: int, then: int, heap: type[Runtime] = Runtime) -> tuple[Verdict, str]:
    """What comes out when a heap that has one chunk is scavenged, and grows by another meanwhile."""
    scavenger = Thread((ScavengeAll(),), (Grow(first), Use()))
    program = Program((scavenger, Thread((Grow(then),))), CHUNKED, NEWEST)
    found = judge(
        Scenario("growing", "growing beside a scavenger", program, 0, ()), Subject(heap), only="heap_never_throws"
    )
    return found.result.verdict, found.result.reason


def test_growing_upwards_is_safe() -> None:
    """No scavenger looks above the cursor, which no growth raises."""
    assert verdict(LOW, HIGH)[0] is Verdict.HOLDS


def test_growing_downwards_is_not() -> None:
    """A finding about Go, 1.21 to 1.27: minHeapIdx is lowered before there is memory for the words below.

    A scavenger that is on its way down then reads a word that is not mapped.
    """
    found, reason = verdict(HIGH, LOW)

    assert found is Verdict.VIOLATED
    assert "unexpected signal" in reason


MAPPED_FIRST = "await self.sys_grow(base, limit)\nmin_heap_idx = await self.min_heap_idx.load()"


@pytest.mark.parametrize(("first", "then"), [(LOW, HIGH), (HIGH, LOW)])
def test_with_memory_first_both_are_safe(first: int, then: int) -> None:
    """The other order of the two would do."""
    heap = planted(
        (
            Edit("ScavengeIndex.grow", "await self.sys_grow(base, limit)", "pass"),
            Edit(
                "ScavengeIndex.grow",
                "min_heap_idx = await self.min_heap_idx.load()",
                MAPPED_FIRST,
            ),
        )
    )

    assert verdict(first, then, heap)[0] is Verdict.HOLDS
