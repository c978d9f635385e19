"""Owning, function by function: what each asks for and promises, and what its loops keep.

Read next: sweeping.py.
"""

from typing import Any

from spanproof.model.contracts.contract import Call, Loop, Word, nothing
from spanproof.model.contracts.owning import (
    FIRST_SPAN,
    ME,
    View,
    frees_region,
    lock_invariant,
    mapped,
    refills,
    rely,
    sound,
)
from spanproof.model.contracts.zeroing import FRAME, MOST_PAGES, region_well_formed, to_refill
from spanproof.model.logic import Claims, all_of, any_of, implies, negate, same
from spanproof.model.state import DEAD, IN_USE


def _filled_so_far(v: View, local: Any) -> Claims:
    yield "it_keeps_what_was_taken", v.world.keeps == local.i
    yield "no_more_than_it_can", local.i <= local.refill_count
    yield from lock_invariant(v)


def only_mapping(old: View, new: View) -> Claims:
    """What set_spans does: entries change, of pages in hand that lie in the region."""
    for name, claim in rely(old, new):
        if name != "only_the_holder_maps_a_page":
            yield name, claim
    outside = True if old.hand.region is None else negate(old.covers(*old.hand.region))
    yield "no_page_outside_changes", implies(all_of(old.mine, outside), old.world.entry == new.world.entry)


def _mapped_so_far(v: View, local: Any) -> Claims:
    g = v.geometry
    yield "count_is_in_the_region", all_of(local.n <= local.npage, local.npage <= MOST_PAGES)
    at = local.base + local.n * g.page_size
    yield "arena_is_the_page's", any_of((local.p + local.n) % g.pages_per_arena == 0, local.ai == g.arena_index(at))
    yield "mapped_so_far", implies(v.covers(local.base, local.n), v.world.entry == local.s.number + FIRST_SPAN)


def set_spans_requires(v: View, base: Word, npage: Word, s: Any) -> Claims:
    """What set_spans asks for: the span and its region are held, and not yet published."""
    yield from region_well_formed(v.geometry, base, npage)
    yield "the_span_is_held", False if v.hand.span is None else v.hand.span == s.number
    held = False if v.hand.region is None else all_of(base == v.hand.region[0], npage == v.hand.region[1])
    yield "the_region_is_held", held
    yield "pages_of_the_region_are_mine", implies(v.covers(base, npage), all_of(v.mine, negate(v.world.in_use)))


def set_spans_ensures(old: View, new: View, _: Any, base: Word, npage: Word, s: Any) -> Claims:
    """What set_spans promises: exactly the pages of the region map to the span."""
    yield "every_page_of_the_region_maps_to_the_span", mapped(new, s.number, base, npage)
    outside = all_of(old.mine, negate(old.covers(base, npage)))
    yield "no_page_outside_changes", implies(outside, old.world.entry == new.world.entry)


def init_span_requires(v: View, s: Any, _typ: Word, _spanclass: Word, base: Word, npages: Word, _scav: Word) -> Claims:
    """What init_span asks for: a blank span and a region are in hand, and nothing else."""
    yield from region_well_formed(v.geometry, base, npages)
    yield "the_span_is_held", False if v.hand.span is None else v.hand.span == s.number
    held = False if v.hand.region is None else all_of(base == v.hand.region[0], npages == v.hand.region[1])
    yield "the_region_is_held", held
    yield "pages_in_hand_are_the_region", same(v.world.owner == ME, v.covers(base, npages))
    yield "the_span_is_blank", implies(v.in_hand, all_of(v.world.state == DEAD, negate(v.world.pooled)))
    yield "the_span_owns_nothing", negate(v.belongs_to_span_in_hand)


def builds(old: View, new: View) -> Claims:
    """What init_span does to the world: pages in hand stay, with the span in hand."""
    yield "only_the_holder_gives_a_page_away", same(old.mine, new.mine)
    yield from sound(new)


def _init_span_ensures(_old: View, new: View, _: None, s: Any, *_rest: Any) -> Claims:
    yield from alloc_span_ensures(new, s)


def alloc_span_ensures(v: View, s: Any) -> Claims:
    """What alloc_span and init_span promise: a living span whose pages are its own, and mapped to it."""
    if s is None:
        yield "no_page_is_left_in_hand", v.world.owner != ME
        return
    yield "the_span_is_held", False if v.hand.span is None else v.hand.span == s.number
    base, npages = v.hand.field("base"), v.hand.field("npages")
    if base is None or npages is None:
        yield "the_span_is_built", False
        return
    if v.hand.region is not None:
        yield "the_span_is_built_on_the_region", all_of(base == v.hand.region[0], npages == v.hand.region[1])
    yield "the_span_owns_its_pages", implies(v.covers(base, npages), v.belongs_to_span_in_hand)
    yield "published_span_is_mapped", mapped(v, s.number, base, npages)
    yield "the_span_is_alive", implies(v.in_hand, v.world.state != DEAD)
    first = all_of(v.hand.field("state") == IN_USE, v.page == v.first(base))
    yield "in_use_span_has_its_bit", implies(first, v.world.in_use)
    yield "no_page_is_left_in_hand", v.world.owner != ME


def free_span_locked_ensures(v: View) -> Claims:
    """What free_span_locked promises: the span is given back, and no page is left with it."""
    yield "nothing_is_in_hand", v.hand.span is None
    yield "no_page_is_left_in_hand", v.world.owner != ME
    yield from lock_invariant(v)


LOOPS = {
    ("set_spans", 0): Loop(_mapped_so_far, only_mapping, lambda _, local: local.npage - local.n),
    ("alloc_mspan_locked", 0): Loop(_filled_so_far, refills, to_refill),
}

CALLS = {
    "pages.alloc": Call(
        nothing, rely, nothing, "region", "proved: pages.alloc, in the account of scavenging", locked=True
    ),
    "pages.free": Call(
        frees_region, rely, nothing, "none", "proved: pages.free, in the account of scavenging", locked=True
    ),
    "pages.grow": Call(nothing, rely, nothing, "none", "proved: pages.grow, in the account of scavenging", locked=True),
    "alloc_from_cache": Call(
        nothing, rely, nothing, "region", "proved: alloc_from_cache, in the account of scavenging", locked=False
    ),
    "alloc_phys_page_aligned": Call(
        nothing,
        rely,
        nothing,
        "grown region",
        "proved: alloc_phys_page_aligned, in the account of scavenging",
        locked=True,
    ),
    "scavenge_for": Call(nothing, rely, nothing, "none", FRAME, locked=False),
    "set_spans": Call(set_spans_requires, only_mapping, set_spans_ensures, "none", "proved: set_spans"),
    "init_span": Call(init_span_requires, builds, _init_span_ensures, "none", "proved: init_span"),
    "grow": Call(nothing, rely, nothing, "growth", FRAME, locked=True),
    "push_swept": Call(nothing, rely, nothing, "none", FRAME),
    "alloc_needs_zero": Call(nothing, rely, nothing, "truth", FRAME),
    "os.sys_used": Call(nothing, rely, nothing, "none", FRAME),
}

_LOOKS = "it has no page and no span in hand"
ENTRUSTED = {
    ("alloc", "alloc_span"): f"alloc calls alloc_span: {_LOOKS}",
    ("alloc_manual", "alloc_span"): f"alloc_manual calls alloc_span: {_LOOKS}",
    ("sweep", "free_span"): "sweep frees a span that its thread won (proved: only_the_winner_sweeps)",
    ("grow", "pages.grow"): "grow hands over pages that were not there (proved: grow_hands_pages_over_once)",
}
"""What functions do that no proof of this protocol covers, and why they may."""
