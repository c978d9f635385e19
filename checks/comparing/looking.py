"""All state of a page allocator beside an abstract one: bitmaps, summaries, search address, scavenge index.

The state is values that do not change: what is the same object as when it was looked at last, beside pages that are the
same as well, still agrees. So only what has changed on either side is compared again. Read next: histories.py.
"""

from typing import Any

from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.impl.access import Throw
from spanproof.impl.palloc_bits import PageBits, PallocData, unpack
from spanproof.impl.ranges import AddrRange, AddrRanges
from spanproof.impl.scavenge_index import HAS_FREE
from spanproof.model.pages import AbstractPages
from spanproof.model.words import lowest_run, run_of_ones, without


class DifferenceError(Exception):
    """The two do not agree: what was called or looked at, what each gives."""


class Looking:
    """What was seen of the two so far. Pages and chunks are counted from the heap's first."""

    def __init__(self, heap: StandingAlone, model: AbstractPages, group: int) -> None:
        """Nothing was seen yet. group: pages that are scavenged together."""
        self.heap, self.model, self.group = heap, model, group
        g = self.geometry = heap.geometry
        self.first = g.chunk_index(g.heap_base)
        self.seen = (0, 0, 0, 0)
        """Of the abstract one: the pages that exist, that are owned, that are scavenged, that may be hidden."""
        self.chunks: dict[int, PallocData] = {}
        self.blocks: list[dict[int, tuple[int, ...]]] = [{} for _ in range(g.summary_levels)]
        self.stored: Any = None
        """The text's map of chunks, as it was."""
        self.pages: dict[int, list[tuple[int, int]]] = {}
        """Per page of the index: its chunks, and the places of their words."""
        self.words: dict[int, Any] = {}

    def bits(self, which: str) -> int:
        """A bitmap of all chunks as one number."""
        pages = self.geometry.pages_per_chunk
        first = self.first * pages
        return sum(getattr(c, which).number << ci * pages - first for ci, c in self.heap.tree.chunks.items())

    def look(self, hidden: int) -> None:
        """Compare all state. hidden: pages that need not be found by whoever scavenges.

        Raises:
            DifferenceError: some of it does not agree.

        """
        model = self.model
        now = (model.exist, model.owned, model.scavenged, hidden)
        changed = 0
        for a, b in zip(now, self.seen, strict=True):
            changed |= a ^ b
        chunks = self._chunks_of(changed) | self._changed_chunks()
        if model.exist != self.seen[0]:
            self._look_at_ranges()
        self.seen = now
        for chunk in chunks:
            self._look_at_chunk(chunk)
        free = model.unowned
        self._look_at_summaries(chunks, free)
        self.look_at_search_addr(free)
        if self.heap.pages.release.scavenge_index:
            self._look_at_index(chunks, without(model.to_scavenge(self.group), hidden))

    def _same(self, said: str, found: object, expected: object) -> None:
        if found != expected:
            raise DifferenceError(f"{said}: there is {found}, in the abstract allocator {expected}")

    def _chunks_of(self, pages: int) -> set[int]:
        """The chunks that have one of these pages."""
        found, size = set[int](), self.geometry.pages_per_chunk
        while pages:
            chunk = ((pages & -pages).bit_length() - 1) // size
            found.add(chunk)
            pages = pages >> (chunk + 1) * size << (chunk + 1) * size
        return found

    def _changed_chunks(self) -> set[int]:
        """The chunks whose bitmaps are other objects than they were."""
        chunks, seen = self.heap.tree.chunks, self.chunks
        if chunks is self.stored:
            return set()
        found = {ci - self.first for ci, chunk in chunks.items() if seen.get(ci) is not chunk}
        if len(chunks) < len(seen):
            found |= {ci - self.first for ci in seen if ci not in chunks}
        self.stored, self.chunks = chunks, dict(chunks)
        if self.chunks.keys() != seen.keys():
            self.pages = {}
            for ci in self.chunks:
                page, place = divmod(ci, self.heap.pages.index.per_page)
                self.pages.setdefault(page, []).append((ci, place))
        return found

    def _look_at_chunk(self, chunk: int) -> None:
        ci, pages, model = self.first + chunk, self.geometry.pages_per_chunk, self.model
        whole, shift = run_of_ones(0, pages), chunk * pages
        data = self.chunks.get(ci)
        allocated, scavenged = (0, 0) if data is None else (data.alloc.number, data.scavenged.number)
        for said, found, all_pages in (
            ("allocated", allocated, model.owned),
            ("scavenged", scavenged, model.scavenged),
        ):
            expected = all_pages >> shift & whole
            if found != expected:
                self._same(f"the {said} pages of chunk {chunk}", PageBits((found,), 0), PageBits((expected,), 0))

    def _look_at_ranges(self) -> None:
        """What was handed over."""
        size, base, exist = self.geometry.page_size, self.geometry.heap_base, self.model.exist
        expected, first = list[AddrRange](), 0
        while exist >> first:
            first += trailing(~(exist >> first))
            length = trailing(exist >> first)
            expected.append(AddrRange(base + first * size, base + (first + length) * size))
            first += length
        in_use = self.heap.tree.in_use
        self._same("in_use", str(in_use), str(AddrRanges(tuple(expected))))
        self._same("the bytes of in_use", in_use.total_bytes, exist.bit_count() * size)
        if expected:
            self._look_into_ranges(in_use, [(r.base, r.limit) for r in expected])

    def _look_into_ranges(self, in_use: AddrRanges, expected: list[tuple[int, int]]) -> None:
        """What the ranges say of addresses in and around some of them, and what is left of them where parts go."""
        page = self.geometry.page_size
        for place in {0, len(expected) // 2, len(expected) - 1}:
            base, limit = expected[place]
            for addr in (base - page, base, base + page, (base + limit) // 2 // page * page, limit - page, limit):
                above = [max(a, addr) for a, b in expected if b > addr]
                found = in_use.contains(addr), in_use.find_succ(addr), in_use.find_addr_greater_equal(addr)
                lowest = (min(above), True) if above else (0, False)
                inside = any(a <= addr < b for a, b in expected)
                self._same(f"in_use at {addr:#x}", found, (inside, sum(a <= addr for a, _ in expected), lowest))
                below = [(a, min(b, addr)) for a, b in expected if a < addr]
                self._same_ranges(f"in_use below {addr:#x}", in_use.remove_greater_equal(addr), below)
        base, limit = expected[-1]
        for nbytes in (page, limit - base - page, limit - base, limit - base + page):
            taken = min(nbytes, limit - base)
            left, last = in_use.remove_last(nbytes)
            self._same(f"the last {nbytes:#x} bytes of in_use", (last.base, last.limit), (limit - taken, limit))
            rest = [*expected[:-1], *([(base, limit - taken)] if taken < limit - base else [])]
            self._same_ranges(f"in_use less {nbytes:#x} bytes", left, rest)

    def _same_ranges(self, said: str, found: AddrRanges, expected: list[tuple[int, int]]) -> None:
        """Which ranges there are, and how many bytes they say that they have."""
        bounds, total = [(r.base, r.limit) for r in found.ranges], sum(b - a for a, b in expected)
        self._same(said, (bounds, found.total_bytes), (expected, total))

    def _look_at_summaries(self, chunks: set[int], free: int) -> None:
        g, base = self.geometry, self.geometry.heap_base
        for level, stored in enumerate(self.heap.tree.summary):
            entries = {g.off_addr_to_level_index(level, base + chunk * g.chunk_size) for chunk in chunks}
            seen, empty = self.blocks[level], (0,) * (1 << stored.log_block)
            for b, block in stored.blocks.items():
                before = seen.get(b, empty)
                if before is not block:
                    first = b << stored.log_block
                    entries |= {first + i for i, total in enumerate(block) if total != before[i]}
                    seen[b] = block
            for i in entries:
                try:
                    found = unpack(stored.at(i), g.log_max_packed_value)
                except Throw as e:
                    raise DifferenceError(f"summary[{level}][{i}] cannot be read: {e}") from e
                self._same(f"summary[{level}][{i}]", found, self._summary(level, i, free))

    def _summary(self, level: int, i: int, free: int) -> tuple[int, int, int]:
        """What entry i of a level should say."""
        g, pages = self.geometry, 1 << self.geometry.level_log_pages[level]
        first = (g.level_index_to_off_addr(level, i) - g.heap_base) // g.page_size
        part = free >> max(first, 0)
        below = min(max(-first, 0), pages)
        if part.bit_length() > pages - below:
            part &= run_of_ones(0, pages - below)
        return runs(part, pages, below)

    def look_at_search_addr(self, free: int) -> None:
        """No free page is below it, and it is the heap's. free: the pages that are. Raises as `look` does."""
        g, tree = self.geometry, self.heap.tree
        below = min(-((g.heap_base - tree.search_addr) // g.page_size), free.bit_length())
        if below > 0 and free & run_of_ones(0, below):
            lowest = g.heap_base + lowest_run(free, 1) * g.page_size
            raise DifferenceError(f"search_addr {tree.search_addr:#x} is above the free page at {lowest:#x}")
        if tree.search_addr != g.max_off_addr and not tree.in_use.contains(tree.search_addr):
            raise DifferenceError(f"search_addr {tree.search_addr:#x} is not in {tree.in_use}")

    def _look_at_index(self, chunks: set[int], must: int) -> None:
        """Chunks are counted rightly; whoever scavenges by force finds these pages."""
        g, index, alone = self.geometry, self.heap.pages.index, self.heap.alone
        pages, whole = g.pages_per_chunk, run_of_ones(0, g.pages_per_chunk)
        for chunk in chunks | self._changed_words():
            data, shift = alone.run(index.load(self.first + chunk)), chunk * pages
            self._same(f"in_use of chunk {chunk}", data.in_use, (self.model.owned >> shift & whole).bit_count())
            if not data.flags & HAS_FREE and must >> shift & whole:
                raise DifferenceError(f"chunk {chunk} says that it has nothing to scavenge")
        if must:
            cursor, _ = alone.run(index.search_addr_force.load())
            highest = g.heap_base + (must.bit_length() - 1) // g.pages_per_block * g.pages_per_block * g.page_size
            if cursor < highest:
                raise DifferenceError(
                    f"search_addr_force {cursor:#x} is below what there is to scavenge at {highest:#x}"
                )

    def _changed_words(self) -> set[int]:
        """The chunks whose words are others than they were."""
        values, name, found = self.heap.alone.values, self.heap.pages.index.chunks.name, set[int]()
        for page, chunks in self.pages.items():
            words, before = values.get((name, page)), self.words.get(page)
            if words is before:
                continue
            self.words[page] = words
            found.update(
                ci - self.first
                for ci, place in chunks
                if words is None or before is None or words.get(place) != before.get(place)
            )
        return found


def trailing(bits: int) -> int:
    """How many ones stand at the start."""
    return (~bits & bits + 1).bit_length() - 1


def longest(bits: int) -> int:
    """The length of the longest run of ones.

    Bit i of the n-th of `steps` is set where a run of 1 << n ones begins; a run of any length is made up of such.
    """
    steps = list[int]()
    while bits:
        steps.append(bits)
        bits &= bits >> (1 << len(steps) - 1)
    if not steps:
        return 0
    length = 1 << len(steps) - 1
    found = steps[-1]
    for n in range(len(steps) - 2, -1, -1):
        more = found & steps[n] >> length
        if more:
            found, length = more, length + (1 << n)
    return length


def runs(bits: int, pages: int, below: int = 0) -> tuple[int, int, int]:
    """How many of so many pages are free at the start, in the longest run, and at the end.

    bits: those that are free, counted from page `below`; what is below is not free.
    """
    top = bits.bit_length()
    end = top - (bits ^ run_of_ones(0, top)).bit_length() if top == pages - below else 0
    return 0 if below else trailing(bits), longest(bits), end
