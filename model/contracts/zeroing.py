"""Zeroing: zeroedBase of an arena, what a byte of memory holds, and what needzero says of it.

Observed is one byte of memory, and with it the arena that it lies in. This thread may hold a region [base, limit) that
pages.alloc gave it; other threads hold regions apart from it. Read next: owning.py.
"""

from dataclasses import dataclass
from typing import Any

from spanproof.model.contracts.contract import Call, Loop, Word, nothing
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same
from spanproof.model.releases import Release, Zeroing

MOST_PAGES = 1 << 35
"""Premise: no region is longer. Far above any heap; without such a bound npages * pageSize wraps around."""
MOST_ADDRESS = 1 << 48
"""Premise: no region begins at or above. Go's user addresses on amd64 and arm64 lie below."""


PLAIN_ARITHMETIC = "an_address_is_its_arena_and_a_place_in_it"
"""A claim for solvers of integers; to those of words it says nothing new, and costs minutes."""


@dataclass(frozen=True, slots=True)
class World:
    """What threads share."""

    zeroed_base: Word
    """Of the arena of the observed byte: bytes from its start."""
    dirty: Truth
    """The observed byte may be non-zero."""


@dataclass(frozen=True, slots=True)
class Hand:
    """The region that this thread holds, and what it wrote to the span that it builds on it."""

    base: Word
    limit: Word
    span: Any = None
    fields: tuple[tuple[str, Any], ...] = ()
    """The fields of the span, as this thread wrote them: nobody else does before it is given away."""

    def field(self, name: str) -> Any:
        """The value of a field, or None if it was not written."""
        return dict(self.fields).get(name)


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry
    byte: Word
    """The address of the observed byte."""
    world: World
    hand: Hand | None = None

    @property
    def offset(self) -> Word:
        """The byte's place in its arena."""
        return self.byte % self.geometry.arena_size

    def mine(self, address: Word) -> Truth:
        """Whether an address lies in the region in hand."""
        return False if self.hand is None else all_of(self.hand.base <= address, address < self.hand.limit)

    @property
    def claimed(self) -> Truth:
        """Whether the observed byte lies below zeroedBase."""
        return self.offset < self.world.zeroed_base

    def ends_in_my_region(self, zeroed_base: Word) -> Truth:
        """Whether the last byte below this zeroedBase, of the observed arena, is mine."""
        return self.mine(self.byte - self.offset + zeroed_base - 1)

    def here(self, address: Word) -> Truth:
        """Whether an address lies in the arena of the observed byte."""
        return self.geometry.arena_index(address) == self.geometry.arena_index(self.byte)


def lies_in_an_arena(g: Geometry, address: Word) -> Claims:
    """True of any address; a solver that takes arenas and places in them apart sees it seldom."""
    base = g.arena_base(g.arena_index(address))
    yield PLAIN_ARITHMETIC, base + address % g.arena_size == address


def sound(v: View) -> Truth:
    """Memory at and above zeroedBase is zero."""
    return implies(v.world.dirty, v.claimed)


def rely(old: View, new: View) -> Claims:
    """What other threads may do."""
    before, after = old.world.zeroed_base, new.world.zeroed_base
    yield "zeroed_base_never_decreases", before <= after
    yield "zeroed_base_stays_in_arena", after <= new.geometry.arena_size
    yield "zeroed_base_is_at_a_page", after % new.geometry.page_size == 0
    yield "zeroed_base_ends_in_the_raiser's_region", any_of(after == before, negate(old.ends_in_my_region(after)))
    yield "only_the_holder_writes", implies(old.mine(old.byte), same(old.world.dirty, new.world.dirty))
    yield "non_zero_is_below_zeroed_base", sound(new)


def raises_zeroed_base(old: View, new: View) -> Claims:
    """The guarantee of a write to zeroedBase."""
    before, after = old.world.zeroed_base, new.world.zeroed_base
    yield "zeroed_base_never_decreases", before <= after
    yield "zeroed_base_stays_in_arena", after <= new.geometry.arena_size
    yield "zeroed_base_is_at_a_page", after % new.geometry.page_size == 0
    yield "zeroed_base_ends_in_the_raiser's_region", any_of(after == before, old.ends_in_my_region(after))
    yield "non_zero_is_below_zeroed_base", sound(new)


def writes_memory(v: View, here: Truth) -> Claims:
    """The guarantee of a write to memory; `here` says whether it reaches the observed byte."""
    yield "only_the_holder_writes", implies(here, v.mine(v.byte))
    yield "non_zero_is_below_zeroed_base", implies(here, v.claimed)


def claims_only(old: View, new: View) -> Claims:
    """What alloc_needs_zero does: zeroedBase rises, to the end of its own region too; memory stays."""
    for name, claim in rely(old, new):
        if name != "zeroed_base_ends_in_the_raiser's_region":
            yield name, claim


def clears_only(old: View, new: View) -> Claims:
    """What memclr does: bytes of its region stay or become zero."""
    for name, claim in rely(old, new):
        if name != "only_the_holder_writes":
            yield name, claim
    yield "only_clears", implies(all_of(old.mine(old.byte), new.world.dirty), old.world.dirty)


def region_well_formed(geometry: Geometry, base: Word, npages: Word) -> Claims:
    """The premises on a region: whole pages within the address space."""
    yield "begins_at_a_page", base % geometry.page_size == 0
    yield "is_above_address_0", base >= geometry.page_size
    yield "is_below_2^48", base < MOST_ADDRESS
    yield "has_a_page", npages > 0
    yield "is_no_longer_than_2^35_pages", npages <= MOST_PAGES


def region_is_zero(v: View) -> Truth:
    """The observed byte is zero if it lies in the region in hand."""
    return implies(v.mine(v.byte), negate(v.world.dirty))


# alloc_needs_zero.


def _region_is_mine(v: View, base: Word, npage: Word) -> Claims:
    if v.hand is None:
        yield "the_region_is_held", False
        return
    yield "the_region_is_held", all_of(base == v.hand.base, base + npage * v.geometry.page_size == v.hand.limit)


def alloc_needs_zero_ensures(_old: View, new: View, need_zero: Truth, *_: Any) -> Claims:
    """What alloc_needs_zero promises."""
    yield "region_is_below_zeroed_base", implies(new.mine(new.byte), new.claimed)
    yield "needzero_false_is_already_zero", implies(negate(need_zero), region_is_zero(new))


def _pieces(v: View, local: Any) -> Claims:
    if v.hand is None:
        return
    end = local.base + local.npage * v.geometry.page_size
    yield "cursor_ends_the_region", end == v.hand.limit
    yield "cursor_is_in_the_region", all_of(v.hand.base <= local.base, local.base <= v.hand.limit)
    yield from lies_in_an_arena(v.geometry, local.base)
    yield "cursor_is_at_a_page", local.base % v.geometry.page_size == 0
    yield "no_more_pages_than_there_were", local.npage <= MOST_PAGES
    passed = all_of(v.mine(v.byte), v.byte < local.base)
    yield "claimed_so_far", implies(passed, v.claimed)
    yield "zero_so_far", implies(all_of(passed, negate(local.need_zero)), negate(v.world.dirty))


def _seen(v: View, local: Any) -> Claims:
    here, now = v.here(local.base), v.world.zeroed_base
    outside = any_of(now == local.zeroed_base, now <= local.arena_base, now > local.arena_limit)
    yield "what_was_read_is_no_more_than_there_is", implies(here, local.zeroed_base <= now)
    yield "nobody_ended_in_this_piece", implies(here, outside)
    yield "what_was_read_is_in_the_arena", local.zeroed_base <= v.geometry.arena_size
    yield "what_was_read_is_at_a_page", implies(here, local.zeroed_base % v.geometry.page_size == 0)


def _pages_above(v: View, local: Any) -> Word:
    """So often can it be overtaken: the pages of the arena that nobody has claimed."""
    return (v.geometry.arena_size - local.zeroed_base) // v.geometry.page_size


# set_spans and memclr, as far as zeroing goes.


def _cleared_so_far(v: View, local: Any) -> Claims:
    at, limit = local.page * v.geometry.page_size, local.limit * v.geometry.page_size
    if v.hand is None:
        yield "the_region_is_held", False
        return
    yield "cursor_is_in_the_region", all_of(v.hand.base <= at, at <= limit, local.page <= local.limit)
    yield "region_ends_where_it_is_held", limit == v.hand.limit
    yield "pages_have_addresses", local.limit <= 2 * MOST_PAGES
    yield "zero_so_far", implies(all_of(v.mine(v.byte), v.byte < at), negate(v.world.dirty))


def _memclr_requires(v: View, base: Word, size: Word) -> Claims:
    if v.hand is None:
        yield "the_region_is_held", False
        return
    yield "the_region_is_held", all_of(base == v.hand.base, base + size == v.hand.limit)
    yield "region_is_below_zeroed_base", implies(v.mine(v.byte), v.claimed)


def memclr_ensures(_old: View, new: View, *_: Any) -> Claims:
    """What memclr promises."""
    yield "region_is_zero", region_is_zero(new)


# alloc and its callers.


def alloc_ensures(release: Release, v: View, result: Any, npages: Word, needzero: Truth) -> Claims:
    """What alloc(npages, spanclass, needzero) promises in a release: result is (span or None, is_zeroed)."""
    s, is_zeroed = result
    if s is None:
        return
    yield from _is_in_hand(v, s, npages)
    if release.zeroing is Zeroing.CALLER:
        assert v.hand is not None
        yield "alloc_keeps_its_word", implies(v.hand.field("needzero") == 0, region_is_zero(v))
        return
    yield "alloc_keeps_its_word", implies(is_zeroed, region_is_zero(v))
    yield "asked_for_zero_gets_zero", implies(needzero, region_is_zero(v))
    if release.zeroing is Zeroing.ALLOC_OR_CALLER:
        yield "asked_for_zero_is_told_so", implies(needzero, is_zeroed)


def malloc_ensures(v: View, s: Any, npages: Word, needzero: Truth) -> Claims:
    """What malloc_large and malloc_small promise: who asked for zero gets zero."""
    if s is None:
        return
    yield from _is_in_hand(v, s, npages)
    yield "asked_for_zero_gets_zero", implies(needzero, region_is_zero(v))


def _covers_the_region(v: View, hand: Hand) -> Truth:
    base, npages = hand.field("base"), hand.field("npages")
    if base is None or npages is None:
        return False
    return all_of(base == hand.base, base + npages * v.geometry.page_size == hand.limit)


def _is_in_hand(v: View, s: Any, npages: Word) -> Claims:
    hand = v.hand
    yield "the_span_is_the_one_built", hand is not None and hand.span is not None and hand.span == s.number
    if hand is None or hand.span is None or hand.field("npages") is None:
        return
    yield "the_span_covers_the_region", _covers_the_region(v, hand)
    yield "the_span_has_the_pages_asked_for", hand.field("npages") == npages
    yield "region_is_below_zeroed_base", implies(v.mine(v.byte), v.claimed)


def alloc_span_ensures(v: View, s: Any, npages: Word) -> Claims:
    """What alloc_span promises: a span on a region that was claimed, and whose needzero tells the truth."""
    if s is None:
        return
    yield from _is_in_hand(v, s, npages)
    yield from init_span_ensures(v)


def init_span_requires(release: Release, v: View, base: Word, npages: Word, scav: Word, zeroes: Truth) -> Claims:
    """What init_span asks for: its region is in hand, and what pages.alloc said of it is true.

    zeroes: what is returned to the system reads as zero.
    """
    yield from _region_is_mine(v, base, npages)
    size = npages * v.geometry.page_size
    yield "no_more_is_scavenged_than_there_is", scav <= size
    if release.scavenged_is_zero:
        yield "scavenged_is_zero", implies(all_of(zeroes, scav == size), region_is_zero(v))


def init_span_ensures(v: View) -> Claims:
    """What init_span promises of the span's needzero."""
    if v.hand is None or v.hand.field("needzero") is None:
        yield "needzero_is_written", False
        return
    yield "the_span_covers_the_region", _covers_the_region(v, v.hand)
    yield "needzero_false_is_already_zero", implies(v.hand.field("needzero") == 0, region_is_zero(v))
    yield "region_is_below_zeroed_base", implies(v.mine(v.byte), v.claimed)


def refilled(_: View, local: Any) -> Claims:
    """The cache of mspans is filled so far."""
    yield "no_more_than_it_can", local.i <= local.refill_count


def to_refill(_: View, local: Any) -> Word:
    """How many mspans it still takes."""
    return local.refill_count - local.i


LOOPS = {
    ("alloc_mspan_locked", 0): Loop(refilled, rely, to_refill),
    ("alloc_needs_zero", 0): Loop(_pieces, claims_only, lambda _, local: local.npage),
    ("alloc_needs_zero", 1): Loop(
        _seen,
        rely,
        _pages_above,
        about=lambda v, local: v.here(local.base),
    ),
    ("sys_unused", 0): Loop(_cleared_so_far, clears_only, lambda _, local: local.limit - local.page),
    ("memclr", 0): Loop(_cleared_so_far, clears_only, lambda _, local: local.limit - local.page),
}

FRAME = "the functions it calls write none of the cells of this protocol"

CALLS = {
    "alloc_needs_zero": Call(
        _region_is_mine, claims_only, alloc_needs_zero_ensures, "truth", "proved: alloc_needs_zero"
    ),
    "os.memclr": Call(_memclr_requires, clears_only, memclr_ensures, "none", "proved: memclr"),
    "init_span": Call(nothing, rely, nothing, "none", "proved: init_span: needzero", ("scavenged_is_zero",)),
    "alloc_span": Call(nothing, rely, nothing, "span", "proved: alloc_span: needzero", locked=False),
    "pages.alloc": Call(nothing, rely, nothing, "region", "proved: pages.alloc", locked=True),
    "alloc_from_cache": Call(nothing, rely, nothing, "region", "proved: alloc_from_cache", locked=False),
    "alloc_phys_page_aligned": Call(
        nothing, rely, nothing, "grown region", "proved: alloc_phys_page_aligned", locked=True
    ),
    "scavenge_for": Call(nothing, rely, nothing, "none", "proved: scavenge_for", locked=False),
    "alloc": Call(nothing, rely, nothing, "span", "proved: alloc", ("zeroing",), locked=False),
    "reclaim": Call(nothing, rely, nothing, "none", FRAME, locked=False),
    "is_sweep_done": Call(nothing, rely, nothing, "truth", FRAME),
    "grow": Call(nothing, rely, nothing, "growth", FRAME, locked=True),
    "set_spans": Call(nothing, rely, nothing, "none", FRAME),
    "push_swept": Call(nothing, rely, nothing, "none", FRAME),
}


ENTRUSTED = {
    ("pages.scavenge_one", "os.sys_unused"): "scavenge_one returns pages that it has allocated for that time "
    "(proved: scavenged_pages_are_zero)",
    ("sweep", "mspan.needzero"): "sweep writes needzero of a span that its thread won (proved: only_the_winner_sweeps)",
    ("free_manual", "mspan.needzero"): "free_manual writes needzero of a span that its thread frees",
}
"""What functions do that no proof of this protocol covers, and why they may."""


def dirtied(v: View, here: Truth, value: Word) -> Truth:
    """Whether the observed byte may be non-zero after a page was written; `here`: the byte lies in it."""
    return ite(here, value != 0, v.world.dirty)
