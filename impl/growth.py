"""How the heap grows: reserved arenas, and the pages of them that the page allocator is given.

Mirrors grow of mheap.go and sysAlloc of malloc.go. Read next: heap_pages.py.
"""

from spanproof.impl.heap_cells import ArenaList, CurArena, HeapCells
from spanproof.model.words import align_down, align_up


def next_heap_rand_bits(seed: int, count: int) -> tuple[int, int]:
    """Random bits: (those that are left, `count` of them) (malloc.go, nextHeapRandBits)."""
    return seed >> count, seed & (1 << count) - 1


def take_arenas(hint: int, narenas: int, gap: int, limit: int) -> tuple[int, int]:
    """Reserve the next arenas: (the hint after them, the first of them, or 0 if the address space ends before).

    gap: arenas behind them that are not the heap's.
    """
    if hint + narenas > limit:
        return hint, 0
    return hint + narenas + gap, hint


def append_arenas(arenas: ArenaList, first: int, narenas: int) -> tuple[ArenaList, None]:
    """Note new arenas in allArenas."""
    return ArenaList(arenas.indices + tuple(range(first, first + narenas))), None


class Growth(HeapCells):
    """The part of the heap that grows."""

    async def grow(self, npage: int) -> tuple[int, bool]:
        """Give the page allocator at least npage more pages: (bytes that it was given, whether there was memory).

        The heap lock must be held. Grows by whole chunks (mheap.grow).
        """
        g = self.geometry
        arena = await self.cur_arena.read()
        base, end = arena.base, arena.end
        first_grow = base == 0
        ask = align_up(npage, g.pages_per_chunk) * g.page_size
        total_growth = 0
        n_base = align_up(base + ask, g.phys_page_size)
        if n_base > end:
            # Not enough room in the current arena. The new space need not be contiguous with it.
            av, asize = await self.sys_alloc(ask)
            if av == 0:
                return 0, False
            if av == end:
                end = av + asize
            else:
                # Hand over what remains of the current space, and switch to the new one.
                if end - base != 0:
                    await self.os.sys_map(base, end - base)
                    await self.pages.grow(base, end - base)
                    total_growth += end - base
                base = av
                end = av + asize
                if first_grow and self.release.random_heap_base:
                    # Which chunk of the arena is the first is random.
                    chunks = g.arena_size // g.chunk_size
                    offset = await self.heap_rand_seed.update(next_heap_rand_bits, chunks.bit_length() - 1)
                    base = align_down(base + offset * g.chunk_size, g.chunk_size)
            n_base = align_up(base + ask, g.phys_page_size)

        # Grow into the current arena.
        v = base
        await self.cur_arena.write(CurArena(n_base, end))
        await self.os.sys_map(v, n_base - v)
        await self.pages.grow(v, n_base - v)
        total_growth += n_base - v
        if first_grow and self.release.random_heap_base:
            # So is its first page: those below are never used.
            rand_offset = await self.heap_rand_seed.update(next_heap_rand_bits, g.log_chunk_size)
            rand_num_pages = rand_offset // g.page_size
            if rand_num_pages != 0:
                await self.pages.mark_random_padding_pages(v, rand_num_pages)
        return total_growth, True

    async def sys_alloc(self, nbytes: int) -> tuple[int, int]:
        """Reserve whole arenas: (address, size in bytes), or (0, 0) (malloc.go, mheap.sysAlloc).

        The heap lock must be held.
        """
        narenas = align_up(nbytes, self.geometry.arena_size) // self.geometry.arena_size
        limit = self.geometry.first_arena + self.geometry.arenas
        first = await self.arena_hint.update(take_arenas, narenas, self.geometry.arena_gap, limit)
        if first == 0:
            return 0, 0
        v = await self.os.sys_reserve(self.geometry.arena_base(first), narenas * self.geometry.arena_size)
        if v == 0:
            # The other hints are refused as well, and any address at all.
            return 0, 0
        await self.all_arenas.update(append_arenas, first, narenas)
        await self.pages.add_arenas(first, narenas)
        return v, narenas * self.geometry.arena_size
