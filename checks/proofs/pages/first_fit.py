"""The page allocator with two levels of summaries is first fit by address on a set of free pages.

One step of an induction: any bitmaps, with the summaries that belong to them and any search address below which nothing
is free; alloc or free of any pages; and again the summaries are those of the bitmaps, and nothing is free below the
search address. The heap lies in the midst of its address space: summaries before and after it have no memory.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spanproof.checks.proving.lifted.judging import PlainTheorem
from spanproof.checks.proving.lifted.lemma import Given, Lemma
from spanproof.checks.proving.lifted.storage import entries
from spanproof.impl.access import Cell, Lock
from spanproof.model.contracts.first_fit import are_given, are_taken, is_first_fit, nothing_free_below
from spanproof.model.contracts.pages import is_run
from spanproof.model.geometry import Geometry
from spanproof.model.logic import all_of, any_of, implies, ite
from spanproof.model.releases import row
from spanproof.model.words import WORD_BITS, WORD_MASK, complement

RELEASE = row("go1.20")
"""The last without a scavenge index, which is left out here."""


def shape(entries_: int, children: int, blocks: int, block: int, levels: int = 2) -> Geometry:
    """A heap of so many entries of the first level, each of so many of the next, and so on down to chunks.

    A chunk is so many blocks, each of so many pages. There is room for as many pages again, half before and half after.
    """
    pages = entries_ * children ** (levels - 1) * blocks * block
    return Geometry(
        f"{pages} pages in {levels} levels, chunks of {blocks}x{block}",
        page_size=8,
        pages_per_chunk=blocks * block,
        pages_per_arena=pages // 2,
        arenas=2,
        first_arena=1,
        pages_per_block=block,
        heap_addr_bits=(2 * pages * 8).bit_length() - 1,
        summary_levels=levels,
        summary_level_bits=children.bit_length() - 1,
    )


Instead = Mapping[Any, Callable[..., Any]]
"""What stands for functions of the text; nothing does if it is empty."""


def _bitmap(bits: Any, _: int) -> list[tuple[Any, int]]:
    return [(word, bits.width) for word in bits.words]


def _children(sums: Any, log: int, _: int) -> list[tuple[Any, int]]:
    return [(log, 8), *((total, WORD_BITS) for total in sums)]


def any_sums(given: Given, g: Geometry) -> Instead:
    """Any functions in place of those that sum bitmaps up.

    Only what is wholly taken or wholly free is summed up as by the text. What holds of the summaries of all such
    functions holds of the text's.
    """
    text, width, log_max = given.text, g.pages_per_block, g.log_max_packed_value
    summarize = given.opaque(text.PallocBits.summarize, _bitmap, WORD_MASK)
    merge = given.opaque(text.merge_summaries, _children, WORD_MASK)
    for word in (0, complement(0, width)):
        bits = text.PallocBits((word,) * (g.pages_per_chunk // width), width)
        total = given.call(text.PallocBits.summarize, bits, log_max)
        given.show("taken whole, or free", total == (0 if word else given.call(text.free_chunk_sum, g)))
        given.assume(summarize(bits, log_max) == total)
    return {text.PallocBits.summarize: summarize, text.merge_summaries: merge}


@dataclass(frozen=True, slots=True)
class State:
    """A page allocator in any state that the claims of the page allocator allow."""

    given: Given
    g: Geometry
    cell: Cell[Any]
    cells: dict[Cell[Any], Any]
    """What it holds; a call leaves there what it holds then."""
    before: Any
    """What it held before the call."""
    free: Any
    """The set of its free pages, before the call."""

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(self.g.pages)

    def call(self, method: str, *args: Any, instead: Instead) -> Any:
        """Call a method of the page allocator, which is all alone; `instead` as in Given.call."""
        text = self.given.text
        alone = text.PageAlloc(self.g, RELEASE, Lock("heap"), self.cell, None, None)
        stands = {text.Level.entries: entries, **instead}
        return self.given.call(getattr(alone, method), *args, instead=stands, cells=self.cells)

    def page(self, address: Any) -> Any:
        """The page of an address."""
        return (address - self.g.heap_base) // self.g.page_size

    def show_taken(self, addr: Any, n: Any) -> None:
        """Exactly the n pages from an address on are taken, none if it is 0."""
        first = self.page(addr) % self.pages  # where there is none: any
        self.given.show("exactly these are taken", are_taken(self.free, self.now_free(), addr != 0, first, n))

    def show_search_addr(self, i: Any, where: Any = True) -> None:
        """It is that of a page or the highest, and page i is not free if it is below: where something holds."""
        g, tree = self.g, self.cells[self.cell]
        at_end = tree.search_addr == g.max_off_addr
        mapped = all_of(g.heap_base <= tree.search_addr, tree.search_addr < g.heap_limit)
        page = all_of(mapped, tree.search_addr % g.page_size == 0)
        self.given.show("the search address is the heap's, or the highest", implies(where, any_of(at_end, page)))
        search = ite(at_end, self.pages, self.page(tree.search_addr))
        right = nothing_free_below(self.now_free(), i, search)
        self.given.show("nothing is free below the search address", implies(where, right))

    def show_rest(self) -> None:
        """What memory is the heap's stays, and no page becomes scavenged."""
        now, then = self.cells[self.cell], self.before
        same_ = (getattr(now, part) == getattr(then, part) for part in ("start", "end", "in_use", "groups"))
        self.given.show("what memory is the heap's stays", all_of(*same_))
        scavenged = (word for c in chunks_of(self.g) for word in now.chunks.get(c).scavenged.words)
        self.given.show("no page is scavenged", all_of(*(word == 0 for word in scavenged)))

    def show_summaries(self, sums: Instead) -> None:
        """A leaf is the summary of its bitmap, every other entry the merge of its children."""
        tree = self.cells[self.cell]
        right = _summaries(self.given, self.g, {c: tree.chunks.get(c) for c in chunks_of(self.g)}, sums)
        for level, blocks in zip(tree.summary, right, strict=True):
            for b, block in blocks.items():
                same_ = (now == then for now, then in zip(level.blocks.get(b), block, strict=True))
                self.given.show("summaries are those of the bitmaps", all_of(*same_))

    def now_free(self) -> Any:
        """The set of free pages after the call."""
        tree = self.cells[self.cell]
        return set_of(self.g, [word for c in chunks_of(self.g) for word in tree.chunks.get(c).alloc.words])


def chunks_of(g: Geometry) -> range:
    """The heap's chunks."""
    return range(g.chunk_index(g.heap_base), g.chunk_index(g.heap_limit))


def search_at(g: Geometry, page: Any) -> Any:
    """The search address that is a page; behind the last one, it is the highest."""
    return ite(page == len(g.pages), g.max_off_addr, g.heap_base + page * g.page_size)


def any_state(given: Given, g: Geometry, sums: Instead) -> State:
    """Any bitmaps, and any search address below which nothing is free."""
    text, width = given.text, g.pages_per_block
    per_chunk = g.pages_per_chunk // width
    words = given.words("alloc", len(chunks_of(g)) * per_chunk, width)
    chunks = {
        ci: text.PallocData(
            text.PallocBits(words[n * per_chunk : (n + 1) * per_chunk], width), text.PageBits((0,) * per_chunk, width)
        )
        for n, ci in enumerate(chunks_of(g))
    }
    search, free = given.number("search", 0, len(g.pages)), set_of(g, words)
    given.assume(free & (1 << search) - 1 == 0)
    tree = replace(
        text.fresh_tree(g, test=False),
        summary=tuple(
            text.Level(given.kept(blocks), min(bits, g.summary_level_bits))
            for bits, blocks in zip(g.level_bits, _summaries(given, g, chunks, sums), strict=True)
        ),
        chunks=given.kept(chunks),
        groups=frozenset(ci >> g.chunks_l2_bits for ci in chunks),
        search_addr=search_at(g, search),
        start=chunks_of(g)[0],
        end=chunks_of(g)[-1] + 1,
        arenas=frozenset(g.arena_indices),
        in_use=text.AddrRanges((text.AddrRange(g.heap_base, g.heap_limit, 0),), g.heap_limit - g.heap_base),
    )
    cell: Cell[Any] = Cell("pages")
    return State(given, g, cell, {cell: tree}, tree, free)


def set_of(g: Geometry, words: Sequence[Any]) -> Any:
    """Bitmaps of what is allocated, as one set of what is free."""
    bits: Any = 0
    for n, word in enumerate(words):
        bits = bits | complement(word, g.pages_per_block) << n * g.pages_per_block
    return bits


def _summaries(given: Given, g: Geometry, chunks: Mapping[int, Any], sums: Instead) -> list[dict[int, tuple[Any, ...]]]:
    """The entries of each level, by blocks, of these bitmaps."""
    text, log_max = given.text, g.log_max_packed_value
    totals = {
        ci: given.call(text.PallocBits.summarize, chunk.alloc, log_max, instead=sums) for ci, chunk in chunks.items()
    }
    levels: list[dict[int, tuple[Any, ...]]] = []
    for level in reversed(range(g.summary_levels)):
        log = min(g.level_bits[level], g.summary_level_bits)
        blocks = {
            b: tuple(totals.get((b << log) + j, 0) for j in range(1 << log)) for b in sorted({i >> log for i in totals})
        }
        levels.append(blocks)
        log_pages = g.level_log_pages[level]
        totals = {
            b: given.call(text.merge_summaries, block, log_pages, log_max, instead=sums) for b, block in blocks.items()
        }
    return levels[::-1]


def _left_out(p: Any, *_: Any) -> tuple[Any, None]:
    """In place of update_summaries, which changes summaries alone."""
    return p, None


def _alloc(g: Geometry) -> Callable[[Given], None]:
    """But for the new summaries."""

    def read(given: Given) -> None:
        state = any_state(given, g, {})
        n, i = given.number("npages", 1, state.pages), given.number("i", 0, state.pages - 1)
        addr, scav = state.call("alloc", n, instead={given.text.update_summaries: _left_out})
        given.show("a page begins there", addr % g.page_size == 0)
        given.show_all(is_first_fit(state.free, n, ite(addr == 0, -1, state.page(addr)), i, state.pages))
        state.show_taken(addr, n)
        given.show("none of them was scavenged", scav == 0)
        state.show_search_addr(i)
        state.show_rest()

    return read


def _alloc_updates(g: Geometry) -> Callable[[Given], None]:
    """Whatever free pages `search` finds, or none; and whatever new search address.

    If that is the heap's first page, the one that was there stays. Nothing is free below either, so not below the
    higher one, which is taken.
    """

    def read(given: Given) -> None:
        sums = any_sums(given, g)
        state = any_state(given, g, sums)
        n, first = given.number("npages", 1, state.pages), given.number("first", 0, state.pages - 1)
        i, none = given.number("i", 0, state.pages - 1), given.number("none", 0, 1) == 1
        given.assume(any_of(none, all_of(first + n <= state.pages, is_run(state.free, first, n))))
        found = ite(none, 0, g.heap_base + first * g.page_size)
        new_search = given.number("new_search", 0, state.pages)

        def finds(p: Any, _: Any) -> tuple[Any, tuple[Any, int]]:
            return p, (found, search_at(g, new_search))

        addr, _ = state.call("alloc", n, instead={given.text.search: finds, **sums})
        state.show_taken(addr, n)
        state.show_search_addr(i, new_search == 0)
        state.show_rest()
        state.show_summaries(sums)

    return read


def _free(g: Geometry) -> Callable[[Given], None]:
    def read(given: Given) -> None:
        sums = any_sums(given, g)
        state = any_state(given, g, sums)
        first, n = given.number("first", 0, state.pages - 1), given.number("npages", 1, state.pages)
        given.assume(first + n <= state.pages, state.free >> first & (1 << n) - 1 == 0)
        i = given.number("i", 0, state.pages - 1)
        state.call("free", g.heap_base + first * g.page_size, n, instead=sums)
        given.show("exactly these are given", are_given(state.free, state.now_free(), first, n))
        state.show_search_addr(i)
        state.show_rest()
        state.show_summaries(sums)

    return read


def _lemmas(*shapes: Geometry) -> tuple[Lemma, ...]:
    reads = (("alloc", _alloc), ("alloc updates", _alloc_updates), ("free", _free))
    return tuple(Lemma(f"{name}, {g.name}", read(g)) for g in shapes for name, read in reads)


PREMISES = (
    "a Map and the loop over the entries of a level do what they say: rows of values stand for them",
    "no page is scavenged, and there is no scavenge index (go1.20)",
    "the heap is one range of addresses, in the midst of those that there are",
)
SOURCE = "mpagealloc.go, pageAlloc.alloc, pageAlloc.find, pageAlloc.allocRange, pageAlloc.free, pageAlloc.update"
SAYS = "alloc gives the lowest pages that fit, or says that there are none; free gives them back; and all stays right."
BECAUSE = "Each summary is that of its bitmap, so the first entry with room leads to the first pages with room."
ANY = "any bitmaps, any search address below which nothing is free, any number of pages"
WIDE = shape(4, 2, 1, 4)
"""Four entries of the first level: some lie between others that have room."""
QUICK = PlainTheorem(
    "two_levels_are_first_fit", SAYS, BECAUSE, SOURCE, f"16 and 32 pages; {ANY}",
    _lemmas(shape(2, 2, 1, 4), shape(2, 2, 2, 4)), PREMISES,
)  # fmt: skip
LONG = PlainTheorem(
    "more_pages_are_first_fit", SAYS, BECAUSE, SOURCE, f"32, 64 and 128 pages in two levels; {ANY}",
    _lemmas(WIDE, shape(2, 4, 2, 4), shape(4, 4, 2, 4)), PREMISES, tier="long",
)  # fmt: skip
FIVE = shape(2, 2, 1, 4, 5)
"""As many levels as Go has."""
DEEP = PlainTheorem(
    "more_levels_are_first_fit", SAYS, BECAUSE, SOURCE, f"trees of three to five levels, two children each; {ANY}",
    _lemmas(shape(2, 2, 1, 4, 3), shape(2, 2, 1, 4, 4), FIVE), PREMISES, tier="long",
)  # fmt: skip
THEOREMS = (QUICK, LONG, DEEP)
