"""Histories of one thread: calls of the page allocator's text, and of the abstract allocator beside it.

Results are compared after every call; bitmaps, summaries, the search address and the scavenge index as well whenever a
history is looked at closely (looking.py). A call is a name and two numbers, and means something after any other calls:
so any part of a history is one too, and a failure shrinks well. Read next: plans.py, where histories come from.
"""

from collections.abc import Callable

from spanproof.checks.comparing.looking import DifferenceError, Looking
from spanproof.checks.comparing.mixes import CALLS, Call, Mix
from spanproof.checks.comparing.standing_alone import CACHES, StandingAlone
from spanproof.impl.malloc import Runtime
from spanproof.impl.scavenge import NO_LIMIT
from spanproof.model.geometry import Geometry
from spanproof.model.pages import AbstractPages
from spanproof.model.releases import NEWEST, Release
from spanproof.model.words import lowest_run, run_of_ones, trailing_zeros, without

MOST_GROWN = 3
"""Chunks that one call of grow adds."""
ACCESSES = 40
"""For each page: a call that takes more of them is endless."""
MOST_SCAVENGED = 40
"""Pages that one call of scavenge_some asks for."""


class History:
    """One history in progress: the text, and the abstract allocator beside it."""

    def __init__(
        self,
        geometry: Geometry,
        heap_class: type[Runtime] = Runtime,
        release: Release = NEWEST,
        mix: Mix | None = None,
        standing: type[StandingAlone] = StandingAlone,
    ) -> None:
        """Begin with no memory. heap_class: whose page allocator it is; standing: how it stands alone."""
        self.geometry, self.mix, self.release = geometry, mix or Mix(), release
        self.heap = standing(geometry, release, heap_class)
        self.model = AbstractPages(geometry.pages_per_block)
        self.group = max(geometry.phys_page_size // geometry.page_size, 1)
        """Pages that are scavenged together."""
        self.looking = Looking(self.heap, self.model, self.group)
        self.room = min(self.mix.most_chunks, geometry.arenas * geometry.pages_per_arena // geometry.pages_per_chunk)
        self.heap.alone.longest = 20_000 + ACCESSES * self.room * geometry.pages_per_chunk
        self.taken = 0
        """Bit i: chunk i, counted from the heap's first, is there."""
        self.padded = False
        self.freed = -1
        """The highest page that was freed in this generation."""
        self.generations = 0
        self.hidden = 0
        """The pages that the background scavenger may have hidden."""
        self.live: list[tuple[int, int]] = []
        """What was allocated: (its first page, pages), counted from the heap's first."""
        self.model_caches = [(-1, 0, 0)] * CACHES
        self.calls = 0
        self.made: dict[str, int] = dict.fromkeys(CALLS, 0)
        """The calls that found something to do."""
        self.story: list[str] | None = None
        """What was done, in words, if somebody wants to know."""
        self.kinds: dict[str, Callable[[int, int], bool]] = {name: getattr(self, f"_{name}") for name in CALLS}

    def call(self, call: Call) -> None:
        """Make one call on both.

        Raises:
            DifferenceError: the two do not agree.

        """
        name, a, b = call
        self.calls += 1
        if self.kinds[name](a, b):
            self.made[name] += 1

    def look(self) -> None:
        """Compare all state.

        Raises:
            DifferenceError: some of it does not agree.

        """
        self.looking.look(self.hidden if self.mix.excused else 0)

    def glance(self) -> None:
        """Compare the search address. Raises as `look` does."""
        self.looking.look_at_search_addr(self.model.unowned)

    def _same(self, said: str, found: object, expected: object) -> None:
        if self.story is not None:
            self.story.append(f"call {self.calls}: {said}: {_shown(found)}")
        if found != expected:
            raise DifferenceError(f"{said} gives {_shown(found)}, the abstract allocator {_shown(expected)}")

    def _tell(self, said: str) -> None:
        if self.story is not None:
            self.story.append(f"call {self.calls}: {said}")

    def _address(self, page: int) -> int:
        return self.geometry.heap_base + page * self.geometry.page_size

    def _page(self, address: int) -> int:
        return (address - self.geometry.heap_base) // self.geometry.page_size if address else -1

    def _size(self, a: int, b: int) -> int:
        """Mostly few pages, now and then many."""
        if a % 10 < 8:
            return b % min(16, self.mix.most_pages) + 1
        return b % self.mix.most_pages + 1

    def _alloc(self, a: int, b: int) -> bool:
        npages, size = self._size(a, b), self.geometry.page_size
        addr, scav = self.heap.alloc(npages)
        page, expected = self.model.alloc(npages)
        self._same(f"alloc({npages})", (self._page(addr), scav // size), (page, expected))
        if page >= 0:
            self.live.append((page, npages))
        elif b % 4 != 3:  # else it stays full for a while
            self._grow_by(-(-npages // self.geometry.pages_per_chunk), a)
        return True

    def _grow(self, a: int, b: int) -> bool:
        return self._grow_by(b % MOST_GROWN + 1, a) >= 0

    def _pad(self, a: int, b: int) -> bool:
        """Grow, and never use some of the new pages, wherever they begin. Up to 1.25 the heap does not."""
        if self.padded or not self.release.random_heap_base:
            return False
        chunk = self._grow_by(MOST_GROWN, a)
        if chunk < 0:
            return False
        per_chunk = self.geometry.pages_per_chunk
        first = a // 64 % per_chunk if a % 3 else 0
        npages = b % (MOST_GROWN * per_chunk - first) + 1
        page = chunk * per_chunk + first
        self._tell(f"pad with {npages} pages from {page} on")
        self.heap.mark_random_padding_pages(self._address(page), npages)
        self.model.pad(page, npages)
        self.padded = True
        return True

    def _grow_by(self, chunks: int, a: int) -> int:
        """As the heap does, by whole chunks: above the others, next to them or not; at the very end; or in between.

        The first of the new chunks, or -1 if there is no room.
        """
        above, gap = self.taken.bit_length(), 1 + a // 8 % 8
        places = (above, above, above, above, above, above + gap, self.room - chunks, -1)
        sparse = (above, above + gap, above + 1, above + 1, above + 1, above + 2, self.room - chunks, -1)
        first = (sparse if self.mix.sparse else places)[a % 8]
        if first < 0 or first + chunks > self.room or self.taken >> first & run_of_ones(0, chunks):
            beside = self.taken << 1 | self.taken >> 1 if self.mix.sparse else 0
            first = lowest_run(run_of_ones(0, self.room) & ~self.taken & ~beside, chunks)
        if first < 0:
            return -1
        g = self.geometry
        self._tell(f"grow by {chunks} chunks from chunk {first} on")
        self.heap.grow(self._address(first * g.pages_per_chunk), chunks * g.chunk_size)
        self.model.grow(first * g.pages_per_chunk, chunks * g.pages_per_chunk)
        self.taken |= run_of_ones(first, chunks)
        return first

    def _free(self, a: int, _: int) -> bool:
        if not self.live:
            return False
        place = a % len(self.live)
        self.live[place], self.live[-1] = self.live[-1], self.live[place]
        page, npages = self.live.pop()
        if self.story is not None:
            self._tell(f"free({npages} at {page})")
        self.heap.free(self._address(page), npages)
        self.model.free(page, npages)
        self.freed = max(self.freed, page + npages - 1)
        if self.hidden:
            self.hidden &= ~run_of_ones(page, npages)
        return True

    def _refill(self, a: int, _: int) -> bool:
        k = self._cache(a, empty=True)
        if k < 0:
            return False
        c = self.heap.refill(k)
        self.model_caches[k] = self.model.to_cache()
        self._same(f"cache {k}: alloc_to_cache()", (self._page(c.base), c.cache, c.scav), self.model_caches[k])
        if c.empty():
            self._grow_by(1, a)
        return True

    def _cache(self, a: int, *, empty: bool) -> int:
        """A cache that is empty, or one that is not, or -1."""
        for i in range(CACHES):
            k = (a + i) % CACHES
            if (self.model_caches[k][1] == 0) == empty:
                return k
        return -1

    def _cache_alloc(self, a: int, b: int) -> bool:
        k, g = a % CACHES, self.geometry
        npages = b % max(g.pages_per_block // 4, 1) + 1
        addr, scav = self.heap.cache_alloc(k, npages)
        first, mine, marked = self.model_caches[k]
        page, expected = lowest_run(mine, npages), 0
        if page >= 0:
            run = run_of_ones(page, npages)
            expected = (marked & run).bit_count()
            self.model_caches[k] = (first, mine & ~run, marked & ~run)
            page += first
            self.live.append((page, npages))
        self._same(f"cache {k}: alloc({npages})", (self._page(addr), scav // g.page_size), (page, expected))
        return True

    def _flush(self, a: int, _: int) -> bool:
        """One that is empty too: then nothing happens."""
        self._flush_one(max(self._cache(a, empty=False), 0))
        return True

    def _flush_one(self, k: int) -> None:
        first, mine, scav = self.model_caches[k]
        self._tell(f"cache {k}: flush()")
        left = self.heap.flush_cache(k)
        if mine:
            self.model.flush(first, mine, scav)
            self.freed = max(self.freed, first + mine.bit_length() - 1)
            self.hidden &= ~(mine << first)
        self.model_caches[k] = (-1, 0, 0)
        if not left.empty():
            raise DifferenceError(f"cache {k}: flush() leaves {left}")

    def _gc_cycle(self, _a: int, _b: int) -> bool:
        """A generation ends with the world stopped; then whoever has a cache gives it back (mgc.go)."""
        if self.release.scavenge_index:
            self._next_gen()
        for k in range(CACHES):
            self._flush_one(k)
        return True

    def _next_gen(self) -> None:
        """The background scavenger begins at the highest page freed in the generation, if it is not above that yet."""
        index, alone = self.heap.pages.index, self.heap.alone
        cursor, _ = alone.run(index.search_addr_bg.load())
        self.heap.next_gen()
        self.generations += 1
        found, _ = alone.run(index.search_addr_bg.load())
        freed = self.geometry.min_off_addr if self.freed < 0 else self._address(self.freed)
        self._same("next_gen(): the background cursor", found, max(cursor, freed))
        self._same("next_gen(): the generation", alone.value(index.gen), self.generations)
        self.freed = -1

    def _scavenge(self, _a: int, _b: int) -> bool:
        """All of it, by force: then nothing is left of what can be scavenged."""
        can = self._scavenged("scavenge()", NO_LIMIT, force=True)
        if can is None:
            return False
        left = can & ~self.model.scavenged & ~(self.hidden if self.mix.excused else 0)
        if left:
            raise DifferenceError(f"scavenge() of everything leaves {left.bit_count()} pages, the abstract allocator 0")
        return True

    def _scavenge_some(self, _: int, b: int) -> bool:
        """A part, by force: as many pages as are asked for, if there are so many."""
        pages = b % MOST_SCAVENGED + 1
        can = self._scavenged(f"scavenge({pages})", pages * self.geometry.page_size, force=True)
        if can is None:
            return False
        took, sure = can & self.model.scavenged, without(can, self.hidden)
        if took.bit_count() < min(pages, sure.bit_count()):
            raise DifferenceError(f"scavenge({pages}) takes fewer pages, and there are {sure.bit_count()}")
        passed_by = without(sure, took) >> trailing_zeros(took, 0) if took else 0
        if passed_by:
            raise DifferenceError(f"scavenge({pages}) passes by {passed_by.bit_count()} pages above what it takes")
        return True

    def _background(self, _: int, b: int) -> bool:
        """A part, in the background."""
        pages = b % MOST_SCAVENGED + 1
        can = self._scavenged(f"scavenge({pages}) in the background", pages * self.geometry.page_size, force=False)
        if can is None:
            return False
        self.hidden |= can & ~self.model.scavenged
        return True

    def _most_taken(self, nbytes: int) -> int:
        """Pages that are taken at most where so many bytes are wanted: whole groups, or the whole of one huge page."""
        g = self.geometry
        pages = -(-nbytes // g.page_size)
        whole = -(-pages // self.group) * self.group
        return whole + max(g.phys_huge_page_size // g.page_size - 1, 0)

    def _scavenged(self, said: str, nbytes: int, *, force: bool) -> int | None:
        """Pages that can be scavenged are, as many as it says: what could be before; None if the release has no way."""
        if not self.release.scavenge_index:
            return None
        can = self.model.to_scavenge(self.group)
        released = self.heap.scavenge(nbytes, force=force)
        new = without(self.looking.bits("scavenged"), self.model.scavenged)
        most = self._most_taken(nbytes)
        if new.bit_count() > most:
            raise DifferenceError(f"{said} takes {new.bit_count()} pages, which is more than {most}")
        self._same(said, released // self.geometry.page_size, new.bit_count())
        if wrong := without(new, can):
            raise DifferenceError(f"{said} takes {wrong.bit_count()} pages that cannot be scavenged")
        self.model.scavenged |= new
        return can


def _shown(value: object) -> str:
    """Results as they are, words in hex."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return f"{value:#x}" if isinstance(value, int) and value >> 20 > 0 else str(value)
