"""The page heap: spans of pages are allocated, published, freed and reclaimed.

Mirrors mheap.go function by function: same names in snake_case, same order, same lock rules, same throws. What differs
by release comes from model/releases.py. Left out: user arenas (the throw of 1.20), lists of spans, specials, and when
the background scavenger runs. Read next: malloc.py.
"""

from spanproof.impl.access import NIL_DEREFERENCE, Throw
from spanproof.impl.heap_cells import RECLAIM_DONE, ArenaList
from spanproof.impl.heap_pages import Pages
from spanproof.impl.marking import Marking
from spanproof.impl.mspans import Mspans
from spanproof.impl.span import ALLOC_HEAP, ALLOC_STACK, DEAD, IN_USE, MANUAL, Span
from spanproof.model.releases import ManualAccounting, Zeroing
from spanproof.model.words import and_not


class Heap(Marking, Pages, Mspans):
    """type mheap."""

    async def span_of(self, p: int) -> Span | None:
        """What stands in spans for an address; of a page that is not allocated it may be any span, or None (spanOf).

        None too where no arena can be.
        """
        g = self.geometry
        if not g.first_arena <= self.arena_index(p) < g.first_arena + g.arenas:
            return None
        return await self.spans.at(p // g.page_size).read()

    async def span_of_heap(self, p: int) -> Span | None:
        """The span in use that has an address, or None. No span in use may be freed meanwhile (spanOfHeap)."""
        s = await self.span_of(p)
        if s is None:
            return None
        # The pointer is not trusted, so the state comes first: it is set after all other fields.
        if await s.state.load() != IN_USE:
            return None
        # What stands there may be of a page's past.
        base = await s.base.read()
        npages = await s.npages.read()
        if p < base or p >= base + npages * self.geometry.page_size:
            return None
        return s

    async def reclaim(self, npage: int) -> None:
        """Sweep and reclaim at least npage pages, if there are so many (mheap.reclaim).

        The heap lock must not be held. May return with less: the pages of the last chunk go to reclaim_credit.
        """
        if await self.reclaim_index.load() >= RECLAIM_DONE:
            return

        arenas = await self.sweep_arenas.read()
        locked = False
        while npage > 0:
            # Pull from accumulated credit first.
            credit = await self.reclaim_credit.load()
            if credit > 0:
                take = credit
                if take > npage:
                    take = npage
                if await self.reclaim_credit.compare_and_swap(credit, credit - take):
                    npage -= take
                continue

            # Claim a chunk of work.
            chunk = self.geometry.pages_per_reclaimer_chunk
            idx = await self.reclaim_index.add(chunk) - chunk
            if idx // self.geometry.pages_per_arena >= arenas.count:
                await self.reclaim_index.store(RECLAIM_DONE)
                break

            if not locked:
                await self.lock.lock()
                locked = True

            nfound = await self.reclaim_chunk(arenas, idx, chunk)
            if nfound <= npage:
                npage -= nfound
            else:
                await self.reclaim_credit.add(nfound - npage)
                npage = 0
        if locked:
            await self.lock.unlock()

    async def reclaim_chunk(self, arenas: ArenaList, page_idx: int, n: int) -> int:
        """Sweep unmarked spans that start at page indices [page_idx, page_idx+n); the pages freed (mheap.reclaimChunk).

        The heap lock must be held, and may be released and taken again. Indices count the pages of `arenas` in order.
        """
        n0 = n
        n_freed = 0
        sl = await self.begin_sweep()
        if not sl.valid:
            return 0
        while n > 0:
            ai = arenas.at(page_idx // self.geometry.pages_per_arena)

            # Get a chunk of the bitmap to work on: bytes of eight pages.
            arena_page = page_idx % self.geometry.pages_per_arena
            nbytes = (self.geometry.pages_per_arena - arena_page) // 8
            if nbytes > n // 8:
                nbytes = n // 8

            # Scan it for spans that are in use but have no marked objects.
            i = 0
            while i < nbytes:
                in_use = self.page_in_use.at((ai, arena_page // 8 + i))
                marked = self.page_marks.at((ai, arena_page // 8 + i))
                in_use_bits = await in_use.load()
                marked_bits = await marked.read()
                in_use_unmarked = and_not(in_use_bits, marked_bits)
                j = 0
                while j < 8 and in_use_unmarked != 0:
                    if in_use_unmarked & (1 << j) != 0:
                        s = await self.arena_spans(ai, arena_page + i * 8 + j).read()
                        if s is None:
                            raise Throw(NIL_DEREFERENCE)
                        sl, ok = await self.try_acquire(sl, s)
                        if ok:
                            npages = await s.npages.read()
                            await self.lock.unlock()
                            if await self.sweep(s):
                                n_freed += npages
                            await self.lock.lock()
                            # Nearby spans may have been freed while the lock was down.
                            in_use_bits = await in_use.load()
                            marked_bits = await marked.read()
                            in_use_unmarked = and_not(in_use_bits, marked_bits)
                    j += 1
                i += 1

            # Advance.
            page_idx += nbytes * 8
            n -= nbytes * 8
        await self.end_sweep(sl)
        if self.tracing:
            await self.lock.unlock()
            await self.trace_gc_sweep_span((n0 - n_freed) * self.geometry.page_size)
            await self.lock.lock()
        return n_freed

    async def trace_gc_sweep_span(self, bytes_swept: int) -> None:
        """Tell the execution tracer; its buffer may be full, and a new one comes from the heap (traceGCSweepSpan)."""
        await self.lock.lock()
        await self.lock.unlock()

    async def alloc(self, npages: int, spanclass: int, needzero: bool) -> tuple[Span | None, bool]:
        """Allocate a span of npages pages of the collected heap: (the span or None, is_zeroed) (mheap.alloc).

        Up to 1.16 Go returns the span alone, and from 1.18 on too, with no parameter needzero: `is_zeroed` means
        something in 1.17 only. From 1.18 on nothing is cleared here: the caller looks at span.needzero.
        """
        # To keep the heap from growing, sweep and reclaim as many pages as we are about to take.
        if not await self.is_sweep_done():
            await self.reclaim(npages)
        s = await self.alloc_span(npages, ALLOC_HEAP, spanclass)
        if s is None:
            return None, False

        if self.release.zeroing == Zeroing.ALLOC:
            if needzero and await s.needzero.read() != 0:
                await self.clear(s)
            await s.needzero.write(0)
            return s, needzero
        if self.release.zeroing == Zeroing.ALLOC_OR_CALLER:
            is_zeroed = await s.needzero.read() == 0
            if needzero and not is_zeroed:
                await self.clear(s)
                is_zeroed = True
            await s.needzero.write(0)
            return s, is_zeroed
        return s, False

    async def clear(self, s: Span) -> None:
        """memclrNoHeapPointers over a whole span."""
        base = await s.base.read()
        npages = await s.npages.read()
        await self.os.memclr(base, npages * self.geometry.page_size)

    async def alloc_manual(self, npages: int, typ: int) -> Span | None:
        """Allocate a manually managed span of npages pages, or None (mheap.allocManual).

        Its bytes are counted in the in_use field of `typ`: up to 1.15 Go passes a pointer to that field instead.
        The memory is not cleared.
        """
        if self.release.manual_accounting == ManualAccounting.TYPE and typ == ALLOC_HEAP:
            raise Throw("manual span allocation called with non-manually-managed type")
        return await self.alloc_span(npages, typ, 0)

    async def set_spans(self, base: int, npage: int, s: Span) -> None:
        """Map every page of [base, base+npage*page_size) to s (mheap.setSpans).

        No lock: the pages belong to the caller, and nobody reads their entries before they are published.
        """
        p = base // self.geometry.page_size
        ai = self.arena_index(base)
        n = 0
        while n < npage:
            i = (p + n) % self.geometry.pages_per_arena
            if i == 0:
                ai = self.arena_index(base + n * self.geometry.page_size)
            await self.arena_spans(ai, i).write(s)
            n += 1

    async def alloc_needs_zero(self, base: int, npage: int) -> bool:
        """Whether [base, base+npage*page_size), just allocated, may be non-zero; raises zeroedBase (allocNeedsZero).

        No lock. Must be called for every allocation, also for memory that is known to be fresh: later allocations
        rely on zeroedBase.
        """
        need_zero = False
        while npage > 0:
            zeroed_base_of_arena = self.zeroed_base.at(self.arena_index(base))
            zeroed_base = await zeroed_base_of_arena.load()
            arena_base = base % self.geometry.arena_size
            if arena_base < zeroed_base:
                # zeroedBase only grows, so having seen it once is enough.
                need_zero = True

            # How far we reach into the arena, at most to its end.
            arena_limit = arena_base + npage * self.geometry.page_size
            if arena_limit > self.geometry.arena_size:
                arena_limit = self.geometry.arena_size

            # Raise zeroedBase to at least arena_limit. Others may be raising it too.
            while arena_limit > zeroed_base:
                if await zeroed_base_of_arena.compare_and_swap(zeroed_base, arena_limit):
                    break
                zeroed_base = await zeroed_base_of_arena.load()
                if zeroed_base <= arena_limit and zeroed_base > arena_base:
                    # It moved into the space that we are claiming: somebody else was given our region.
                    raise Throw("potentially overlapping in-use allocations detected")

            # Go on in the next arena, or finish.
            base += arena_limit - arena_base
            npage -= (arena_limit - arena_base) // self.geometry.page_size
        return need_zero

    async def alloc_span(self, npages: int, typ: int, spanclass: int) -> Span | None:
        """Allocate a span that owns npages pages and publish it, or None if there is no memory (mheap.allocSpan).

        The heap lock must not be held.
        """
        g = self.geometry
        base = scav = growth = 0
        s = None

        # On some systems a stack begins at a page of the system's.
        need_phys_page_align = False
        if self.release.aligned_stacks:
            need_phys_page_align = self.aligned_stacks and typ == ALLOC_STACK

        # If it is small enough, try the page cache of the P.
        if not need_phys_page_align and self.has_p and npages < g.pages_per_block // 4:
            base, scav = await self.alloc_from_cache(npages)
            if base != 0:
                s = await self.try_alloc_mspan()

        if s is None:
            # It cannot be done without the heap lock.
            await self.lock.lock()
            if need_phys_page_align:
                base, scav, growth = await self.alloc_phys_page_aligned(npages)
                if base == 0:
                    await self.lock.unlock()
                    return None
            if base == 0:
                base, scav = await self.pages.alloc(npages)
                if base == 0:
                    growth, ok = await self.grow(npages)
                    if not ok:
                        await self.lock.unlock()
                        return None
                    base, scav = await self.pages.alloc(npages)
                    if base == 0:
                        raise Throw("grew heap, but no adequate free space found")
            s = await self.alloc_mspan_locked()
            await self.lock.unlock()

        await self.scavenge_for(scav, growth)

        await self.init_span(s, typ, spanclass, base, npages, scav)

        # Commit and account for the memory that the span now owns.
        nbytes = npages * g.page_size
        if scav != 0:
            await self.os.sys_used(base, nbytes, scav)
            await self.heap_released.add(-scav)
        await self.heap_free.add(-(nbytes - scav))
        await self.in_use.at(typ).add(nbytes)
        return s

    async def init_span(self, s: Span, typ: int, spanclass: int, base: int, npages: int, scav: int) -> None:
        """Fill in a blank span and publish it (mheap.initSpan; part of allocSpan before 1.20).

        scav is how many bytes of it were scavenged. The order matters: fields, state, spans, page_in_use.
        """
        await self.mspan_init(s, base, npages)
        need_zero = await self.alloc_needs_zero(base, npages)
        if self.release.scavenged_is_zero and scav == npages * self.geometry.page_size:
            # Every page was returned to the system, which gives it back zeroed.
            need_zero = False
        if need_zero:
            await s.needzero.write(1)
        if typ != ALLOC_HEAP:
            await s.state.store(MANUAL)
        else:
            await s.spanclass.write(spanclass)
            # h.sweepgen only moves while the world is stopped, and we cannot be preempted.
            sweepgen = await self.sweepgen.read()
            await s.sweepgen.store(sweepgen)
            # Whoever meets the span through a stray pointer loads the state first.
            await s.state.store(IN_USE)

        await self.set_spans(base, npages, s)

        if typ != ALLOC_HEAP:
            return
        if self.release.alloc_span_pushes:
            await self.push_swept(s)
        # This publishes the span to the page reclaimer, so all of it must be there.
        page = base // self.geometry.page_size % self.geometry.pages_per_arena
        await self.page_in_use.at((self.arena_index(base), page // 8)).or8(1 << page % 8)
        await self.pages_in_use.add(npages)

    async def free_span(self, s: Span) -> None:
        """Return a heap span to the heap (mheap.freeSpan)."""
        await self.lock.lock()
        await self.free_span_locked(s, ALLOC_HEAP)
        await self.lock.unlock()

    async def free_manual(self, s: Span, typ: int) -> None:
        """Free a span of alloc_manual; typ is the one it was allocated with (mheap.freeManual)."""
        await s.needzero.write(1)
        await self.lock.lock()
        await self.free_span_locked(s, typ)
        await self.lock.unlock()

    async def free_span_locked(self, s: Span, typ: int) -> None:
        """Take a span out of use and give its pages back. The heap lock must be held (mheap.freeSpanLocked)."""
        state = await s.state.load()
        if state == MANUAL:
            if await s.alloc_count.read() != 0:
                raise Throw("mheap.freeSpanLocked - invalid stack free")
        elif state == IN_USE:
            if await s.alloc_count.read() != 0:
                raise Throw("mheap.freeSpanLocked - invalid free")
            sweepgen = await self.sweepgen.read()
            if await s.sweepgen.read() != sweepgen:
                raise Throw("mheap.freeSpanLocked - invalid free")
            npages = await s.npages.read()
            await self.pages_in_use.add(-npages)
            base = await s.base.read()
            page = base // self.geometry.page_size % self.geometry.pages_per_arena
            await self.page_in_use.at((self.arena_index(base), page // 8)).and8(~(1 << page % 8))
        else:
            raise Throw("mheap.freeSpanLocked - invalid span state")

        npages = await s.npages.read()
        nbytes = npages * self.geometry.page_size
        await self.heap_free.add(nbytes)
        await self.in_use.at(typ).add(-nbytes)
        base = await s.base.read()
        await self.pages.free(base, npages)
        await s.state.store(DEAD)
        await self.free_mspan_locked(s)

    async def mspan_init(self, s: Span, base: int, npages: int) -> None:
        """Blank the fields of a span structure that is about to be used (mspan.init)."""
        await s.base.write(base)
        await s.npages.write(npages)
        await s.alloc_count.write(0)
        await s.spanclass.write(0)
        await s.needzero.write(0)
        await s.gcmark_bits.write(0)
        await s.state.store(DEAD)
