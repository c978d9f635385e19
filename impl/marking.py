"""Collections as the page heap sees them: the world stops, what is reachable is marked, a new sweep generation begins.

Mirrors the parts of mgc.go and mgcmark.go that touch spans. The roots are what the program says that it can reach. The
collector also meets words that may be pointers, or not: it follows them while the program runs. Read next: heap.py.
"""

from abc import abstractmethod

from spanproof.impl.heap_cells import GC_MARK, GC_OFF, ArenaList
from spanproof.impl.span import IN_USE, Span
from spanproof.impl.sweep import Sweep
from spanproof.model.releases import SweepDone
from spanproof.model.words import uint32


class Marking(Sweep):
    """The collector's half of the heap."""

    @abstractmethod
    async def span_of_heap(self, p: int) -> Span | None:
        """See heap.py (spanOfHeap)."""

    async def gc_cycle(self) -> None:
        """One collection as the page heap sees it, with the world stopped throughout (gcStart .. gcMarkTermination).

        Go marks while the program runs; from the page heap's side little moves between the two pauses, as no span in
        use is freed during marking.
        """
        await self.world.stop()
        await self.finishsweep_m()
        await self.gc_reset_mark_state()
        await self.gc_mark()
        await self.gc_sweep()
        if self.release.scavenge_index:
            await self.index.next_gen()
        await self.world.start()

    async def gc_start(self) -> None:
        """Begin to mark: every span is swept, and from now on none that is in use is freed (gcStart)."""
        await self.world.stop()
        await self.finishsweep_m()
        await self.gc_reset_mark_state()
        await self.gcphase.store(GC_MARK)
        await self.world.start()

    async def gc_mark_termination(self) -> None:
        """End marking with what the program can reach by now, and begin to sweep (gcMarkTermination)."""
        await self.world.stop()
        await self.gc_mark()
        await self.gcphase.store(GC_OFF)
        await self.gc_sweep()
        if self.release.scavenge_index:
            await self.index.next_gen()
        await self.world.start()

    async def scan_conservative(self, p: int) -> None:
        """Mark what a word points to, if it is a pointer. The caller cannot be preempted (scanConservative)."""
        s = await self.span_of_heap(p)
        if s is None:
            return
        # The class says where its objects begin; here one fills the span, and no bit says whether it is there.
        await s.spanclass.read()
        await self.grey_object(s)

    async def grey_object(self, s: Span) -> None:
        """Mark the object in a span, and the span (mgcmark.go, greyobject; without a queue of work)."""
        await s.gcmark_bits.write(1)
        base = await s.base.read()
        page = base // self.geometry.page_size % self.geometry.pages_per_arena
        await self.page_marks.at((self.arena_index(base), page // 8)).or8(1 << page % 8)

    async def gc_reset_mark_state(self) -> None:
        """Clear page_marks (gcResetMarkState)."""
        arenas: ArenaList = await self.sweep_arenas_now()
        i = 0
        while i < arenas.count:
            word = 0
            while word * 8 < self.geometry.pages_per_arena:
                await self.page_marks.at((arenas.at(i), word)).write(0)
                word += 1
            i += 1

    async def gc_mark(self) -> None:
        """Mark every span that the program can reach. The world is stopped (gcDrain)."""
        n = 0
        while n < self.geometry.spans:
            s = Span(n)
            if await s.state.load() == IN_USE and await s.reachable.read() != 0:
                await self.grey_object(s)
            n += 1

    async def sweep_arenas_now(self) -> ArenaList:
        """allArenas, under the lock that protects it."""
        await self.lock.lock()
        arenas = await self.all_arenas.read()
        await self.lock.unlock()
        return arenas

    async def gc_sweep(self) -> None:
        """Begin a new sweep generation (mgc.go, gcSweep)."""
        await self.lock.lock()
        sg = await self.sweepgen.read()
        await self.sweepgen.write(uint32(sg + 2))
        if self.release.sweep_done == SweepDone.SWEEPDONE:
            await self.sweepdone.write(0)
        elif self.release.sweep_done == SweepDone.DRAINED_AND_SWEEPERS:
            await self.sweep_drained.write(0)
        else:
            await self.active.store(0)
        arenas = await self.all_arenas.read()
        await self.sweep_arenas.write(arenas)
        await self.reclaim_index.store(0)
        await self.reclaim_credit.store(0)
        await self.lock.unlock()
