"""Sweeping: spans whose objects are all unmarked go back to the page heap.

Mirrors mgcsweep.go, with what mcentral.go does for it. A span is swept by whoever
wins the compare-and-swap of its sweepgen from h-2 to h-1. The words that say when sweeping is done differ by release
(model/releases.py, sweep_done). One set of spans stands for all size classes, full and partial. Read next: marking.py.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace

from spanproof.impl.access import Throw
from spanproof.impl.heap_cells import SWEEP_DRAINED_MASK, HeapCells, SpanSet
from spanproof.impl.span import IN_USE, LARGE, Span
from spanproof.model.releases import SweepDone
from spanproof.model.words import uint32

NOTHING_SWEPT = -1
"""What sweepone returns when there was nothing to sweep: Go's ^uintptr(0)."""


@dataclass(frozen=True, slots=True)
class SweepLocker:
    """type sweepLocker: the right to acquire spans for sweeping."""

    sweep_gen: int
    valid: bool = True
    blocking: bool = False
    """Go 1.17: this sweeper has counted itself."""


def push(spans: SpanSet, span: Span) -> tuple[SpanSet, None]:
    """spanSet.push, one step."""
    return SpanSet((*spans.spans, span)), None


def pop(spans: SpanSet) -> tuple[SpanSet, Span | None]:
    """spanSet.pop, one step: the span pushed last, or None."""
    if not spans.spans:
        return spans, None
    return SpanSet(spans.spans[:-1]), spans.spans[-1]


class Sweep(HeapCells):
    """The sweeper's half of the heap."""

    @abstractmethod
    async def free_span(self, s: Span) -> None:
        """See heap.py (mheap.freeSpan)."""

    async def is_sweep_done(self) -> bool:
        """Whether all spans are swept; may turn true at any time, and false again at the next cycle (isSweepDone)."""
        if self.release.sweep_done == SweepDone.SWEEPDONE:
            return await self.sweepdone.read() != 0
        if self.release.sweep_done == SweepDone.DRAINED_AND_SWEEPERS:
            return await self.sweep_drained.load() != 0 and await self.sweepers.load() == 0
        return await self.active.load() == SWEEP_DRAINED_MASK

    async def begin_sweep(self) -> SweepLocker:
        """Register a sweeper (activeSweep.begin; newSweepLocker in 1.17; before that a read of h.sweepgen)."""
        if self.release.sweep_done == SweepDone.ACTIVE:
            while True:
                state = await self.active.load()
                if state & SWEEP_DRAINED_MASK != 0:
                    sweepgen = await self.sweepgen.read()
                    return SweepLocker(sweepgen, valid=False)
                if await self.active.compare_and_swap(state, state + 1):
                    sweepgen = await self.sweepgen.read()
                    return SweepLocker(sweepgen)
        sweepgen = await self.sweepgen.read()
        return SweepLocker(sweepgen)

    async def end_sweep(self, sl: SweepLocker) -> None:
        """Deregister a sweeper (activeSweep.end; sweepLocker.dispose in 1.17)."""
        if self.release.sweep_done == SweepDone.ACTIVE:
            sweepgen = await self.sweepgen.read()
            if sl.sweep_gen != sweepgen:
                raise Throw("sweeper left outstanding across sweep generations")
            while True:
                state = await self.active.load()
                if state & (SWEEP_DRAINED_MASK - 1) == 0:
                    raise Throw("mismatched begin/end of activeSweep")
                if await self.active.compare_and_swap(state, state - 1):
                    return
        if sl.blocking:
            await self.sweepers.add(-1)

    async def mark_drained(self) -> None:
        """Say that the list of spans to sweep is empty (activeSweep.markDrained)."""
        if self.release.sweep_done == SweepDone.SWEEPDONE:
            await self.sweepdone.store(1)
            return
        if self.release.sweep_done == SweepDone.DRAINED_AND_SWEEPERS:
            await self.sweep_drained.compare_and_swap(0, 1)
            return
        while True:
            state = await self.active.load()
            if state & SWEEP_DRAINED_MASK != 0:
                return
            if await self.active.compare_and_swap(state, state | SWEEP_DRAINED_MASK):
                return

    async def try_acquire(self, sl: SweepLocker, s: Span) -> tuple[SweepLocker, bool]:
        """Try to acquire a span for sweeping: (the locker, whether it was won) (sweepLocker.tryAcquire)."""
        if not sl.valid:
            raise Throw("use of invalid sweepLocker")
        if await s.sweepgen.load() != uint32(sl.sweep_gen - 2):
            return sl, False
        if self.release.sweep_done == SweepDone.DRAINED_AND_SWEEPERS and not sl.blocking:
            await self.sweepers.add(1)
            sl = replace(sl, blocking=True)
        if not await s.sweepgen.compare_and_swap(uint32(sl.sweep_gen - 2), uint32(sl.sweep_gen - 1)):
            return sl, False
        return sl, True

    async def sweepone(self) -> int:
        """Sweep one span that needs it: pages returned to the heap, or NOTHING_SWEPT (mgcsweep.go, sweepone)."""
        if self.release.sweep_done == SweepDone.SWEEPDONE:
            if await self.sweepdone.load() != 0:
                return NOTHING_SWEPT
            await self.sweepers.add(1)
        elif self.release.sweep_done == SweepDone.DRAINED_AND_SWEEPERS:
            if await self.sweep_drained.load() != 0:
                return NOTHING_SWEPT
        sl = await self.begin_sweep()
        if not sl.valid:
            return NOTHING_SWEPT

        npages = NOTHING_SWEPT
        while True:
            s = await self.next_span_for_sweep(sl)
            if s is None:
                await self.mark_drained()
                break
            if await s.state.load() != IN_USE:
                # Swept and freed by somebody who met it elsewhere; the set still names it.
                sweepgen = await s.sweepgen.read()
                if not (sweepgen == sl.sweep_gen or sweepgen == uint32(sl.sweep_gen + 3)):
                    raise Throw("non in-use span in unswept list")
                continue
            if self.release.sweep_done == SweepDone.SWEEPDONE:
                # A plain read here, as Go had it.
                ok = await s.sweepgen.read() == uint32(sl.sweep_gen - 2)
                if ok:
                    ok = await s.sweepgen.compare_and_swap(uint32(sl.sweep_gen - 2), uint32(sl.sweep_gen - 1))
            else:
                sl, ok = await self.try_acquire(sl, s)
            if ok:
                npages = await s.npages.read()
                if await self.sweep(s):
                    # The whole span was freed: its pages count for whoever reclaims.
                    await self.reclaim_credit.add(npages)
                else:
                    npages = 0
                break
        await self.end_sweep(sl)
        if self.release.sweep_done == SweepDone.SWEEPDONE:
            await self.sweepers.add(-1)
        return npages

    async def push_swept(self, s: Span) -> None:
        """Make a span visible to the sweeper of the next cycle (mcentral.fullSwept.push; h.sweepSpans.push in 1.14)."""
        sg = await self.sweepgen.read()
        await self.span_sets.at(sg // 2 % 2).update(push, s)

    async def next_span_for_sweep(self, sl: SweepLocker) -> Span | None:
        """The next span of the set to sweep, or None (mheap.nextSpanForSweep)."""
        return await self.span_sets.at(1 - sl.sweep_gen // 2 % 2).update(pop)

    async def bgsweep(self) -> None:
        """The background sweeper until it parks (mgcsweep.go, bgsweep)."""
        while True:
            # Between two spans the sweeper can be stopped.
            await self.acquirem()
            npages = await self.sweepone()
            await self.releasem()
            if npages == NOTHING_SWEPT:
                return

    async def ensure_swept(self, s: Span) -> None:
        """Return only when the span is swept. The caller cannot be preempted (mspan.ensureSwept)."""
        sl = await self.begin_sweep()
        if self.release.sweep_done == SweepDone.SWEEPDONE:
            spangen = await s.sweepgen.load()
            if spangen == sl.sweep_gen or spangen == uint32(sl.sweep_gen + 3):
                return
            if await s.sweepgen.compare_and_swap(uint32(sl.sweep_gen - 2), uint32(sl.sweep_gen - 1)):
                await self.sweep(s)
                return
        elif sl.valid:
            sl, ok = await self.try_acquire(sl, s)
            if ok:
                await self.sweep(s)
                await self.end_sweep(sl)
                return
            await self.end_sweep(sl)
        while True:
            spangen = await s.sweepgen.load()
            if spangen == sl.sweep_gen or spangen == uint32(sl.sweep_gen + 3):
                break

    async def sweep(self, s: Span) -> bool:
        """Sweep a span that the caller has acquired; true if it went back to the heap (sweepLocked.sweep).

        The caller cannot be preempted. One object a span: it is live when its mark bit is set.
        """
        sweepgen = await self.sweepgen.read()
        if await s.state.load() != IN_USE or await s.sweepgen.read() != uint32(sweepgen - 1):
            raise Throw("mspan.sweep: bad span state")
        spc = await s.spanclass.read()
        alloc_count = await s.alloc_count.read()
        nalloc = await s.gcmark_bits.read()
        if nalloc > alloc_count:
            raise Throw("sweep increased allocation count")
        nfreed = alloc_count - nalloc
        await s.alloc_count.write(nalloc)
        await s.gcmark_bits.write(0)

        # Nobody else may have touched the span until sweepgen says that it is swept.
        if await s.state.load() != IN_USE or await s.sweepgen.read() != uint32(sweepgen - 1):
            raise Throw("mspan.sweep: bad span state after sweep")
        await s.sweepgen.store(sweepgen)

        if spc != LARGE:
            if nfreed > 0:
                await s.needzero.write(1)
            if nalloc == 0:
                await self.free_span(s)
                return True
        elif nfreed != 0:
            await self.free_span(s)
            return True
        await self.span_sets.at(sweepgen // 2 % 2).update(push, s)
        return False

    async def uncache_span(self, s: Span) -> None:
        """Take back a span that a thread had cached for small objects (mcentral.uncacheSpan)."""
        sg = await self.sweepgen.read()
        stale = await s.sweepgen.read() == uint32(sg + 1)
        if stale:
            # It was cached when the sweep began, so nobody else may sweep it.
            await s.sweepgen.store(uint32(sg - 1))
            await self.sweep(s)
        else:
            await s.sweepgen.store(sg)
            if not self.release.alloc_span_pushes:
                await self.span_sets.at(sg // 2 % 2).update(push, s)

    async def finishsweep_m(self) -> None:
        """Sweep what is left, so that no span is unswept when marking begins (mgcsweep.go, finishsweep_m)."""
        while await self.sweepone() != NOTHING_SWEPT:
            pass
        if self.release.sweep_done == SweepDone.ACTIVE and await self.active.load() != SWEEP_DRAINED_MASK:
            raise Throw("active sweepers found at start of mark phase")
