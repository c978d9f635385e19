"""Bitmaps of pages of which one page is observed: operations on the page allocator's tree run on these as they stand.

What is put here in place of real bitmaps gives of each method what it promises of one bit, and of counts only that all
pages of a range are counted, none is, or something in between; a test holds both against each other. The observed page
is an arbitrary one, and which way the text goes does not depend on which it is: so what is known on a path to be so of
it if it lies in a range is so of every page of that range. Read next: scavenging.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from spanproof.checks.proving.engine import Engine
from spanproof.checks.proving.terms import Bits, bitmaps, formula, unknown_function
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Truth, all_of, any_of, implies, ite, negate


@dataclass(frozen=True, slots=True)
class Place:
    """Where the observed page stands in the bitmaps."""

    chunk: Any
    block: Any
    """The word of the chunk's bitmap."""
    bit: Any

    def page(self, g: Geometry) -> Any:
        """The page in its chunk."""
        return self.block * g.pages_per_block + self.bit


@dataclass(frozen=True)
class PageSet:
    """A bitmap of a chunk (PageBits, PallocBits). Changes give a new one."""

    engine: Engine
    place: Place
    seen: Truth
    """The bit of the observed page, if it lies in this chunk."""
    here: Truth
    """It does."""
    name: Any
    added: Any = 0
    """By how many the bits that are set have grown."""
    in_blocks: Any = 0
    """How many of these were set in a word at once."""

    def _within(self, i: Any, n: Any) -> Truth:
        page = self.place.page(self.engine.geometry)
        return all_of(self.here, i <= page, page < i + n)

    def _in_block(self, i: Any) -> Truth:
        return all_of(self.here, self.place.block == i // self.engine.geometry.pages_per_block)

    def popcnt_range(self, i: Any, n: Any) -> Any:
        """See PageBits.popcnt_range."""
        e, within = self.engine, self._within(i, n)
        if e.follows(implies(within, self.seen)):
            return n
        if e.follows(implies(within, negate(self.seen))):
            return 0
        i, n = (e.as_word(x) for x in (i, n))
        count = e.word(unknown_function("ones", e.domain.sort, self.name, i.term, n.term))
        e.assume(all_of(count >= 0, count <= n))
        e.assume(implies(all_of(within, count == n), self.seen))
        e.assume(implies(all_of(within, count == 0), negate(self.seen)))
        return count

    def _changed(self, operation: str, seen: Truth, added: Any, *terms: Any) -> "PageSet":
        words = (self.engine.as_word(x).term for x in terms)
        name = unknown_function(operation, bitmaps(), self.name, *words)
        return replace(self, seen=seen, added=self.added + added, name=name)

    def set_range(self, i: Any, n: Any) -> "PageSet":
        """See PageBits.set_range."""
        more = n - self.popcnt_range(i, n)
        return self._changed("set", any_of(self.seen, self._within(i, n)), more, i, n)

    def clear_range(self, i: Any, n: Any) -> "PageSet":
        """See PageBits.clear_range."""
        fewer = 0 - self.popcnt_range(i, n)
        return self._changed("clear", all_of(self.seen, negate(self._within(i, n))), fewer, i, n)

    alloc_range, free = set_range, clear_range

    def block64(self, i: Any) -> Bits:
        """See PageBits.block64."""
        e = self.engine
        number = e.as_word(i // e.geometry.pages_per_block)
        other = e.truth(unknown_function("bit_of_block", formula(e.fresh_truth("bit")).sort(), self.name, number.term))
        seen = ite(self._in_block(i), self.seen, other)
        return Bits(e.fork, self.place.bit, seen, unknown_function("block", bitmaps(), self.name, number.term))

    pages64 = block64

    def set_block64(self, i: Any, v: Bits) -> "PageSet":
        """See PageBits.set_block64; that none of these bits was set is shown of the observed page, so of all."""
        more, seen = v.ones_count(), any_of(self.seen, all_of(self._in_block(i), v.seen))
        blocks = self.in_blocks + more
        return replace(self, seen=seen, name=self._other_name(), added=self.added + more, in_blocks=blocks)

    alloc_pages64 = set_block64

    def clear_block64(self, i: Any, v: Bits) -> "PageSet":
        """See PageBits.clear_block64; how many bits it takes off is not counted."""
        kept = negate(all_of(self._in_block(i), v.seen))
        return replace(self, seen=all_of(self.seen, kept), name=self._other_name())

    def _other_name(self) -> Any:
        return self.engine.fresh_bits(self.place.bit, "bitmap").name


@dataclass(frozen=True)
class Tree:
    """The page allocator's tree (PageTree), as far as operations look at bitmaps."""

    engine: Engine
    place: Place
    data: Callable[[Any, Any], Any]
    """PallocData of the text that is proved."""
    allocated: PageSet
    scavenged: PageSet
    """Of the chunk that is looked at; the observed page's bits are known."""

    @property
    def geometry(self) -> Geometry:
        """The sizes."""
        return self.engine.geometry

    def _of(self, bits: PageSet, ci: Any, name: str) -> PageSet:
        other = self.engine.fresh_bits(self.place.bit, name).name
        return replace(bits, here=self.place.chunk == ci, name=other, added=0)

    def chunk_of(self, ci: Any) -> Any:
        """See PageTree.chunk_of."""
        return self.data(self._of(self.allocated, ci, "allocated"), self._of(self.scavenged, ci, "scavenged"))

    def free_chunk(self, ci: Any, si: Any, npages: Any) -> Any:  # noqa: ARG002  # that they are free is shown before
        """See PageTree.free_chunk."""
        return self.chunk_of(ci)

    def with_chunk(self, ci: Any, chunk: Any) -> "Tree":  # noqa: ARG002  # the bitmaps know it
        """See PageTree.with_chunk."""
        return replace(self, allocated=chunk.alloc, scavenged=chunk.scavenged)

    def add_arenas(self, first: Any, narenas: Any) -> "Tree":  # noqa: ARG002  # as PageTree has it
        """See PageTree.add_arenas."""
        return self


def tree(engine: Engine, place: Place, data: Any, allocated: Truth, scavenged: Truth) -> Tree:
    """A tree with these bits of the observed page."""
    blank = PageSet(engine, place, False, True, None)
    return Tree(engine, place, data, replace(blank, seen=allocated), replace(blank, seen=scavenged))
