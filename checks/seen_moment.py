"""The call or return that a promise is judged on, as the cells tell it.

A field of the model's Moment is worked out when it is asked for, so that a step depends on no cell that its promises do
not look at: fewer steps are to be worked out, and more of them are seen to commute. Read next: ghosts.py.
"""

from typing import Any

from spanproof.checks.numbering import OF_A_THREAD, Numbering, Reading
from spanproof.checks.observe import Event
from spanproof.impl.access import Cell
from spanproof.impl.heap_cells import RECLAIM_DONE, SWEEP_DRAINED_MASK, HeapCells
from spanproof.impl.span import ALLOC_STACK, LARGE, Span
from spanproof.model.releases import Release, SweepDone

NOTHING_FOUND = -1
"""What the background scavenger has returned, once it has found nothing."""


class Places:
    """The numbers of the cells that moments look at."""

    def __init__(self, heap: HeapCells, numbering: Numbering) -> None:
        """Find them."""
        n, g = numbering, heap.geometry
        self.heap = heap
        self.of_thread = {name: n.all(f"ghost.{name}", range(n.threads)) for name in OF_A_THREAD}
        """By the name of the ghost, then by thread."""
        self.lock, self.calm = n.of(heap.lock), n.of(Cell("ghost.calm"))
        words: tuple[Cell[int], ...] = (heap.sweepdone, heap.sweep_drained, heap.sweepers, heap.active)
        self.sweep_words = tuple(n.of(word) for word in words)
        self.spanclass = n.all("mspan.spanclass", range(g.spans))
        self.acquired = n.all("ghost.acquired", range(g.spans))
        self.caches, self.mspans = n.all("pcache", range(g.ps)), n.all("mspancache", range(g.ps))
        self.cycles, self.generation = n.of(Cell("ghost.cycles")), n.of(heap.index.gen)
        self.sets, self.sweepgen = n.all("sweepSpans", range(2)), n.of(heap.sweepgen)
        self.reclaim_index = n.of(heap.reclaim_index)


class SeenMoment:
    """A Moment of model/claim.py, which says what each field is."""

    __slots__ = ("_at", "_event", "_read", "thread")

    def __init__(self, places: Places, event: Event, thread: int, read: Reading) -> None:
        """Of this call or return, by this thread."""
        self._at, self._event, self.thread, self._read = places, event, thread, read

    def _mine(self, ghost: str) -> Any:
        """The thread's own ghost of this name."""
        return self._read(self._at.of_thread[ghost][self.thread])

    @property
    def function(self) -> str:
        """Of the event."""
        return self._event.function

    @property
    def returns(self) -> bool:
        """Of the event."""
        return self._event.returns

    @property
    def args(self) -> tuple[Any, ...]:
        """Of the event."""
        return self._event.args

    @property
    def result(self) -> Any:
        """Of the event."""
        return self._event.result

    @property
    def release(self) -> Release:
        """Of the heap."""
        return self._at.heap.release

    @property
    def tracing(self) -> bool:
        """Of the heap."""
        return self._at.heap.tracing

    @property
    def aligned(self) -> bool:
        """By the arguments."""
        stack = self.function == "alloc_manual" and self.args[1] == ALLOC_STACK
        return self._at.heap.aligned_stacks and stack

    @property
    def large(self) -> bool:
        """By the span that is swept."""
        s: Span = self.args[0]
        return bool(self._read(self._at.spanclass[s.number]) == LARGE)

    @property
    def lock_holder(self) -> int:
        """By the lock."""
        return int(self._read(self._at.lock)) - 1

    @property
    def acquired_by(self) -> tuple[int, ...]:
        """By a ghost of each span."""
        return tuple(self._read(number) for number in self._at.acquired)

    @property
    def calm(self) -> bool:
        """By a ghost."""
        return self.thread in self._read(self._at.calm)

    @property
    def done(self) -> bool:
        """What is_sweep_done would say now."""
        sweepdone, drained, sweepers, active = (int(self._read(number)) for number in self._at.sweep_words)
        form = self.release.sweep_done
        if form is SweepDone.SWEEPDONE:
            return bool(sweepdone)
        if form is SweepDone.DRAINED_AND_SWEEPERS:
            return bool(drained) and sweepers == 0
        return active == SWEEP_DRAINED_MASK

    @property
    def given_out(self) -> bool:
        """What is_sweep_done looks at that does not change back before the next cycle."""
        sweepdone, drained, _, active = (int(self._read(number)) for number in self._at.sweep_words)
        form = self.release.sweep_done
        if form is SweepDone.ACTIVE:
            return active & SWEEP_DRAINED_MASK != 0
        return bool(sweepdone if form is SweepDone.SWEEPDONE else drained)

    @property
    def drained(self) -> bool:
        """What begin_sweep looks at: nobody may begin to sweep any more."""
        active = self._at.sweep_words[3]
        return self.release.sweep_done is SweepDone.ACTIVE and bool(self._read(active) & SWEEP_DRAINED_MASK)

    @property
    def to_sweep(self) -> tuple[int, ...]:
        """By the set of spans that was not swept."""
        sg: int = self._read(self._at.sweepgen)
        named: tuple[Span, ...] = self._read(self._at.sets[1 - sg // 2 % 2]).spans
        return tuple(named.count(Span(s)) for s in range(self._at.heap.geometry.spans))

    @property
    def unfilled(self) -> bool:
        """By the P's cache and a ghost."""
        base, _ = self.result
        empty: bool = self._read(self._at.caches[self.thread]).empty()
        return base == 0 and empty and not self._mine("refilled")

    @property
    def owes(self) -> bool:
        """By a ghost."""
        return bool(self._mine("owes"))

    @property
    def wanted(self) -> int:
        """By a ghost."""
        return self._mine("wanted") or 0

    @property
    def freed(self) -> int:
        """By a ghost."""
        return self._mine("freed") or 0

    @property
    def chunk(self) -> tuple[Any, int, int] | None:
        """By a ghost."""
        chunk: tuple[Any, int, int] | None = self._mine("chunk")
        return chunk

    @property
    def nothing_left(self) -> bool:
        """By the index of the next chunk to reclaim."""
        return bool(self._read(self._at.reclaim_index) >= RECLAIM_DONE)

    @property
    def moved(self) -> bool:
        """By a ghost."""
        return bool(self._mine("moved"))

    @property
    def unasked(self) -> int:
        """By a ghost."""
        return len(self._mine("unasked") or ())

    @property
    def released(self) -> int | None:
        """By a ghost."""
        released: int | None = self._mine("released")
        return None if released == NOTHING_FOUND else released

    @property
    def cycles(self) -> int:
        """By a ghost."""
        return int(self._read(self._at.cycles))

    @property
    def generation(self) -> int:
        """By the scavenge index."""
        return int(self._read(self._at.generation))

    @property
    def sought(self) -> int | None:
        """By a ghost."""
        sought: int | None = self._mine("sought")
        return sought

    @property
    def kept(self) -> tuple[int, int] | None:
        """By a ghost, and the P's cache of mspans."""
        if not self._at.mspans:
            return None
        return self._mine("kept") or 0, len(self._read(self._at.mspans[self.thread]).spans)
