"""Sweeping: who may sweep a span, and which spans the reclaimer looks at.

Observed are one span and one page. Within one sweep generation of the heap (sg; it moves while the world is stopped,
and none of these functions can be preempted) a span is swept by the thread that moved its sweepgen from sg-2 to sg-1.
"""

from dataclasses import dataclass, replace
from typing import Any

from spanproof.model.contracts.contract import Call, Loop, Word, nothing
from spanproof.model.contracts.owning import FIRST_SPAN
from spanproof.model.contracts.zeroing import FRAME
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same
from spanproof.model.state import DEAD, IN_USE

LOCK_FREE = "no bound of its own: a round is repeated only when another thread's step on the same word succeeded"
WAITS = "no bound of its own: it waits for the thread that sweeps the span"
POPS = "each round takes a span from the set to sweep, to which nobody adds in this cycle"
CLAIMS_CHUNKS = "each round takes a chunk of the arenas, or credit"


@dataclass(frozen=True, slots=True)
class World:
    """What threads share of the observed span and page."""

    sweepgen: Word
    state: Word
    """Of the span."""
    claimed: Truth
    """This thread acquired the span, and has neither freed it nor handed it on. A ghost."""
    in_use: Truth
    """The page's bit in page_in_use."""
    entry: Word
    """The page's entry in spans: FIRST_SPAN and the number of a span."""


@dataclass(frozen=True, slots=True)
class Hand:
    """The spans that this thread has besides the one that it claimed."""

    held: Any = None
    """Nobody else touches it: just allocated, or cached."""
    kept: Any = None
    """It stays in use, as this thread keeps it alive; others may sweep it."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry
    sg: Word
    """The heap's sweep generation."""
    span: Word
    place: tuple[Word, Word, Word]
    """Of the observed page: its arena, its byte in page_in_use, its bit there."""
    page: Word
    world: World
    hand: Hand
    locked: bool = False
    looked_up: tuple[Any, Any] | None = None
    """The page that was looked up last, and the span found."""

    def but(self, **changed: Any) -> "View":
        """This view with a changed world."""
        return replace(self, world=replace(self.world, **changed))

    @property
    def held(self) -> Truth:
        """Whether the observed span is held."""
        return False if self.hand.held is None else self.hand.held == self.span

    @property
    def kept(self) -> Truth:
        """Whether the observed span is kept alive."""
        return False if self.hand.kept is None else self.hand.kept == self.span

    def observed(self, number: Word) -> Truth:
        """Whether a span is the observed one; if it was just looked up, by way of the observed page."""
        here = self.span == number
        if self.looked_up is None or self.looked_up[1] is not number:
            return here
        return all_of(here, self.page == self.looked_up[0])


def sound(v: View) -> Claims:
    """What is true in every state."""
    w = v.world
    one_of = any_of(*(w.sweepgen + 2 == v.sg + k for k in (0, 1, 2, 3, 5)))
    yield "sweepgen_is_one_of_five", implies(w.state == IN_USE, one_of)
    yield "a_claimed_span_is_being_swept", implies(w.claimed, any_of(w.sweepgen + 1 == v.sg, w.sweepgen == v.sg))
    yield "a_claimed_span_is_in_use", implies(w.claimed, w.state == IN_USE)
    yield "a_held_span_is_not_unswept", implies(all_of(v.held, w.state == IN_USE), w.sweepgen + 2 != v.sg)
    yield "in_use_bit_marks_a_mapped_page", implies(w.in_use, w.entry >= FIRST_SPAN)
    built = implies(w.entry == v.span + FIRST_SPAN, w.state == IN_USE)
    yield "in_use_bit_marks_a_built_span", implies(w.in_use, built)


def in_this_cycle(old: View, new: View) -> Claims:
    """No span becomes unswept again before the next cycle."""
    unswept_then, unswept_now = (v.world.sweepgen + 2 == v.sg for v in (old, new))
    yield "sweepgen_follows_the_protocol", implies(unswept_now, unswept_then)
    stays = all_of(unswept_now, old.world.state == IN_USE)
    yield "an_unswept_span_is_not_freed", implies(stays, new.world.state == IN_USE)


def rely(old: View, new: View) -> Claims:
    """What other threads may do."""
    a, b = old.world, new.world
    yield from in_this_cycle(old, new)
    yield "only_the_winner_sweeps", same(a.claimed, b.claimed)
    untouched = all_of(a.sweepgen == b.sweepgen, a.state == b.state)
    yield "nobody_touches_a_claimed_span", implies(any_of(a.claimed, old.held), untouched)
    yield "nobody_frees_a_span_kept_alive", implies(all_of(old.kept, a.state == IN_USE), b.state == IN_USE)
    if old.locked:
        stays = all_of(b.in_use, a.entry == b.entry)
        yield "pages_in_use_are_freed_under_the_lock", implies(a.in_use, stays)
    yield from sound(new)


def writes_sweepgen(v: View, number: Word, new: Word) -> Claims:
    """The guarantee of a write to a span's sweepgen: acquire, finish, cache, uncache, or build."""
    w, sg = v.world, v.sg
    acquires = all_of(w.sweepgen + 2 == sg, new + 1 == sg, negate(w.claimed), w.state == IN_USE)
    finishes = all_of(w.claimed, w.sweepgen + 1 == sg, new == sg)
    caches = all_of(w.sweepgen == sg, new == sg + 3)
    uncaches = any_of(all_of(w.sweepgen == sg + 3, new == sg), all_of(w.sweepgen == sg + 1, new + 1 == sg))
    builds = all_of(w.state == DEAD, new == sg)
    mine = all_of(v.held, any_of(caches, uncaches, builds))
    yield "sweepgen_follows_the_protocol", implies(v.observed(number), any_of(acquires, finishes, mine))


def sweepgen_written(v: View, number: Word, new: Word) -> View:
    """After a write to a span's sweepgen."""
    here = v.span == number
    becomes_mine = all_of(here, new + 1 == v.sg)
    return v.but(sweepgen=ite(here, new, v.world.sweepgen), claimed=any_of(v.world.claimed, becomes_mine))


def hands_on(v: View, number: Word) -> View:
    """After a span that was swept is freed, or put where others find it."""
    return v.but(claimed=all_of(v.world.claimed, v.span != number))


def touches(v: View, number: Word) -> Claims:
    """A plain field of a span is read or written."""
    yield "touches_only_claimed_spans", implies(v.observed(number), any_of(v.world.claimed, v.held))


def looks_up(v: View, page: Word) -> Claims:
    """An entry of spans is read: by the reclaimer, under the lock, of a page whose in-use bit is set."""
    yield "looks_up_only_pages_in_use", implies(v.page == page, all_of(v.locked, v.world.in_use))


# Functions.


def sweep_requires(v: View, s: Any) -> Claims:
    """What sweep asks for: the span was won by this thread."""
    won = all_of(v.world.claimed, v.world.sweepgen + 1 == v.sg)
    yield "only_the_winner_sweeps", implies(v.observed(s.number), won)
    yield "the_heap_lock_is_not_held", not v.locked


def sweep_ensures(old: View, new: View, _: Truth, s: Any) -> Claims:
    """What sweep promises: the span is no longer this thread's, and of others nothing changes hands."""
    yield "nothing_is_claimed", implies(new.span == s.number, negate(new.world.claimed))
    yield "nothing_else_is_claimed", implies(old.span != s.number, same(old.world.claimed, new.world.claimed))


def sweeps(old: View, new: View) -> Claims:
    """What a sweeper does to the world, all in all."""
    yield from in_this_cycle(old, new)
    a, b = old.world, new.world
    held = all_of(old.held, negate(a.claimed), negate(b.claimed))
    yield "nobody_touches_a_held_span", implies(held, all_of(a.sweepgen == b.sweepgen, a.state == b.state))
    yield "nobody_frees_a_span_kept_alive", implies(all_of(old.kept, a.state == IN_USE), b.state == IN_USE)
    yield from sound(new)


def published(v: View) -> Claims:
    """What is known of in-use bits when one was set, or a span died (shown by the owning protocol)."""
    for name, claim in sound(v):
        if name.startswith("in_use_bit"):
            yield name, claim


def free_span_requires(v: View, s: Any) -> Claims:
    """What free_span asks for: a span that this thread won, and has swept."""
    swept = all_of(v.world.claimed, v.world.sweepgen == v.sg, v.world.state == IN_USE)
    yield "only_a_swept_span_is_freed", implies(v.observed(s.number), swept)
    yield "the_heap_lock_is_not_held", not v.locked


def free_span_ensures(given: View, new: View, *_: Any) -> Claims:
    """What free_span promises, from where the span was given up."""
    yield "nothing_else_changes_hands", same(given.world.claimed, new.world.claimed)


def nothing_claimed(v: View, *_: Any) -> Claims:
    """This thread has claimed nothing."""
    yield "nothing_is_claimed", negate(v.world.claimed)


def _locker(v: View, local: Any) -> Claims:
    yield "nothing_is_claimed", negate(v.world.claimed)
    yield "the_locker_is_of_this_cycle", all_of(local.sl.sweep_gen == v.sg, local.sl.valid)


def _chunks(v: View, local: Any) -> Claims:
    yield from _locker(v, local)
    yield "whole_bytes", all_of(local.n % 8 == 0, local.page_idx % 8 == 0)


def _bytes(v: View, local: Any) -> Claims:
    yield from _locker(v, local)
    yield "count_is_in_the_chunk", local.i <= local.nbytes


def _bits(v: View, local: Any) -> Claims:
    yield from _locker(v, local)
    arena, byte, bit = v.place
    here = all_of(local.ai == arena, local.arena_page // 8 + local.i == byte, local.in_use_unmarked.bit(bit))
    yield "no_stale_copy_of_the_bits", implies(here, v.world.in_use)
    yield "bit_is_in_the_byte", local.j <= 8


LOOPS = {
    ("begin_sweep", 0): Loop(nothing, rely, LOCK_FREE),
    ("end_sweep", 0): Loop(nothing, rely, LOCK_FREE),
    ("mark_drained", 0): Loop(nothing, rely, LOCK_FREE),
    ("reclaim_chunk", 0): Loop(_chunks, sweeps, lambda _, local: local.n),
    ("reclaim_chunk", 1): Loop(_bytes, sweeps, lambda _, local: local.nbytes - local.i),
    ("reclaim_chunk", 2): Loop(_bits, sweeps, lambda _, local: 8 - local.j),
    ("sweepone", 0): Loop(_locker, sweeps, POPS),
    ("ensure_swept", 0): Loop(nothing_claimed, rely, WAITS),
    ("reclaim", 0): Loop(nothing_claimed, sweeps, CLAIMS_CHUNKS),
}

CALLS = {
    "sweep": Call(sweep_requires, sweeps, sweep_ensures, "truth", "proved: sweep"),
    "free_span": Call(free_span_requires, sweeps, free_span_ensures, "none", "proved: free_span: sweepgen"),
    "alloc": Call(nothing, sweeps, nothing, "span", "proved: init_span: sweepgen"),
    "alloc_needs_zero": Call(nothing, rely, nothing, "truth", FRAME),
    "os.memclr": Call(nothing, rely, nothing, "none", FRAME),
    "pages.free": Call(nothing, rely, nothing, "none", FRAME),
    "set_spans": Call(nothing, rely, nothing, "none", "proved: set_spans; it maps pages that are not in use"),
    "reclaim_chunk": Call(nothing_claimed, sweeps, nothing, "word", "proved: reclaim_chunk"),
}
