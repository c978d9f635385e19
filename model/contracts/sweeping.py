"""Sweeping: who may sweep a span, and which spans the reclaimer looks at.

Observed are one span and one page. Within one sweep generation of the heap (sg) a span is swept by the thread that
moved its sweepgen from sg-2 to sg-1. sg moves while the world is stopped: it stays while this thread cannot be
preempted, and where it can be, it may hold no span.
"""

from dataclasses import dataclass, replace
from typing import Any

from spanproof.model.contracts.contract import Call, Loop, Waits, Word, by_retries_alone, nothing
from spanproof.model.contracts.owning import FIRST_SPAN
from spanproof.model.contracts.zeroing import FRAME, MOST_PAGES, refilled, to_refill
from spanproof.model.geometry import Geometry
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, ite, negate, same
from spanproof.model.state import DEAD, IN_USE
from spanproof.model.words import uint32

ALLOC_HEAP = 0
"""spanAllocHeap."""
ACTIVE = "sweep.active"
"""The word that counts who sweeps, from 1.18 on."""
DRAINED = 1 << 31
"""Its bit that says that the set to sweep is empty."""
RECLAIM_DONE = 1 << 63
"""What reclaim_index says when no chunk is left."""


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
    to_sweep: Word
    """How many spans stand in the set to sweep."""
    reclaim_index: Word
    """How many pages of the arenas were claimed for reclaiming, or RECLAIM_DONE, or more."""
    settled: Truth
    """Marking has begun, so the span is swept if it is in use, and nobody claims it before the next cycle. A ghost."""
    listed: Truth
    """The span stands in the set to sweep. A ghost, as are the next ones but drained."""
    pushed: Truth
    """It stands in the set of swept spans."""
    drained: Truth
    """A word says that the set to sweep is empty."""
    given: Truth
    """The set to sweep gave it to this thread, and it has waited since."""
    others: Truth
    """Another thread was given it and it still waits, or has acquired it or built it, and not handed it on."""


@dataclass(frozen=True, slots=True)
class Hand:
    """The spans that this thread has besides the one that it claimed."""

    held: Any = None
    """Nobody else touches it: just allocated, or cached."""
    kept: Any = None
    """It stays in use, as this thread keeps it alive; others may sweep it."""
    cycles: int = 0
    """How many cycles this thread has begun."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment."""

    geometry: Geometry
    sg: Word
    """The heap's sweep generation, a uint32: after 2^31 cycles it begins anew."""
    cycle: Word
    """How many cycles have begun. A ghost: it does not wrap around."""
    span: Word
    place: tuple[Word, Word, Word]
    """Of the observed page: its arena, its byte in page_in_use, its bit there."""
    page: Word
    world: World
    hand: Hand
    locked: bool = False
    stopped: bool = False
    """This thread has stopped the world."""
    unpreempted: Truth = True
    """No other thread can stop the world."""
    pushed_at_once: Truth = False
    """Go 1.14: a span stands among the swept ones from its allocation on, cached or not."""
    marking: bool = False
    """This thread follows words for the collector."""
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

    @property
    def swept(self) -> Truth:
        """Whether the observed span is swept in this cycle, and may be cached since."""
        return any_of(self.world.sweepgen == self.sg, self.world.sweepgen == uint32(self.sg + 3))

    @property
    def unswept(self) -> Truth:
        """Whether the observed span waits to be swept in this cycle, if it is in use."""
        return self.world.sweepgen == uint32(self.sg - 2)

    @property
    def waits(self) -> Truth:
        """Whether the observed span waits to be swept."""
        return all_of(self.world.state == IN_USE, self.unswept)

    @property
    def mine(self) -> Truth:
        """Whether this thread has the observed span in its hands."""
        return any_of(self.world.claimed, self.held, self.world.given)

    @property
    def being_swept(self) -> Truth:
        """Whether the observed span was acquired in this cycle, and is not swept yet."""
        return self.world.sweepgen == uint32(self.sg - 1)

    def observed(self, number: Word) -> Truth:
        """Whether a span is the observed one; if it was just looked up, by way of the observed page."""
        here = self.span == number
        if self.looked_up is None or self.looked_up[1] is not number:
            return here
        return all_of(here, self.page == self.looked_up[0])


def sound(v: View) -> Claims:
    """What is true in every state."""
    w = v.world
    one_of = any_of(v.unswept, v.being_swept, v.swept, w.sweepgen == uint32(v.sg + 1))
    yield "sweepgen_is_one_of_five", implies(w.state == IN_USE, one_of)
    yield "a_claimed_span_is_being_swept", implies(w.claimed, any_of(v.being_swept, w.sweepgen == v.sg))
    yield "a_claimed_span_is_in_use", implies(w.claimed, w.state == IN_USE)
    settled = all_of(v.swept, negate(w.claimed))
    yield "a_settled_span_is_swept", implies(all_of(w.settled, w.state == IN_USE), settled)
    yield "a_held_span_is_not_unswept", implies(all_of(v.held, w.state == IN_USE), negate(v.unswept))
    yield "in_use_bit_marks_a_mapped_page", implies(w.in_use, w.entry >= FIRST_SPAN)
    built = implies(w.entry == v.span + FIRST_SPAN, w.state == IN_USE)
    yield "in_use_bit_marks_a_built_span", implies(w.in_use, built)
    yield "a_span_to_sweep_is_listed_or_in_hand", implies(v.waits, any_of(w.listed, w.given, w.others))
    swept_now = all_of(w.state == IN_USE, v.being_swept)
    yield "a_span_being_swept_is_in_hand", implies(swept_now, any_of(w.claimed, w.others))
    yield "a_swept_span_is_pushed_or_in_hand", any_of(is_pushed(v), w.claimed, v.held, w.others)
    yield "a_listed_span_is_in_the_set", implies(w.listed, w.to_sweep > 0)
    yield "a_span_that_was_given_waits", implies(w.given, v.waits)
    if not v.stopped:
        yield "a_drained_set_is_empty", drained_is_empty(v)


def is_pushed(v: View) -> Truth:
    """Whether the observed span, if it is swept and not cached, stands among the swept ones."""
    w = v.world
    cached = w.sweepgen == uint32(v.sg + 3)
    awaits = any_of(w.sweepgen == v.sg, all_of(v.pushed_at_once, cached))
    return implies(all_of(w.state == IN_USE, awaits), w.pushed)


def drained_is_empty(v: View) -> Truth:
    """Whether the set to sweep is empty if a word says so."""
    return implies(v.world.drained, v.world.to_sweep == 0)


def alone(v: View) -> Claims:
    """What is true when this thread has stopped the world: each other one could be preempted, and had nothing."""
    yield "nobody_else_has_the_span", negate(v.world.others)
    yield "a_drained_set_is_empty", drained_is_empty(v)


def while_stopped(old: View, new: View) -> Claims:
    """What stays so while this thread has stopped the world."""
    if old.stopped:
        yield "nobody_else_runs", implies(negate(old.world.others), negate(new.world.others))
        yield "a_drained_set_is_empty", implies(drained_is_empty(old), drained_is_empty(new))


def may_be_stopped(v: View) -> Claims:
    """What a thread has when another may stop the world, and begin a cycle: no span that it won or built."""
    yield "nothing_is_claimed_where_a_cycle_may_begin", any_of(v.unpreempted, negate(v.mine))


def in_this_cycle(old: View, new: View) -> Claims:
    """No span becomes unswept again before the next cycle."""
    same_cycle: Truth = True
    if old.cycle is not new.cycle:
        same_cycle = old.cycle == new.cycle
        yield "cycles_only_begin", old.cycle <= new.cycle
        yield "the_generation_is_that_of_the_cycle", implies(same_cycle, old.sg == new.sg)
        yield "a_cycle_begins_with_the_world_stopped", implies(old.unpreempted, same_cycle)
    yield "sweepgen_follows_the_protocol", implies(all_of(same_cycle, new.unswept), old.unswept)
    yield "a_swept_span_stays_swept", implies(all_of(same_cycle, old.swept), new.swept)
    stays = all_of(same_cycle, new.unswept, old.world.state == IN_USE)
    yield "an_unswept_span_is_not_freed", implies(stays, new.world.state == IN_USE)
    settled = all_of(same_cycle, old.world.settled)
    yield "what_is_settled_stays_settled", implies(settled, new.world.settled)
    lives = all_of(settled, old.world.state == IN_USE)
    yield "no_span_in_use_is_freed_while_marking", implies(lives, new.world.state == IN_USE)
    yield "nobody_adds_to_the_set_to_sweep", implies(same_cycle, new.world.to_sweep <= old.world.to_sweep)
    yield "nobody_takes_from_the_swept_spans", implies(all_of(same_cycle, old.world.pushed), new.world.pushed)
    runs_on = all_of(same_cycle, old.unpreempted)
    yield "chunks_are_claimed_once", implies(runs_on, claims_on(old.world.reclaim_index, new.world.reclaim_index))


def claims_on(old: Word, new: Word) -> Truth:
    """Whether the reclaim index says that no chunk is to be claimed again: it grows, or is done."""
    return any_of(old <= new, new >= RECLAIM_DONE)


def rely(old: View, new: View) -> Claims:
    """What other threads may do."""
    a, b = old.world, new.world
    yield from in_this_cycle(old, new)
    yield "only_the_winner_sweeps", same(a.claimed, b.claimed)
    yield "nobody_else_is_given_what_i_was", same(b.given, all_of(a.given, new.waits))
    yield from while_stopped(old, new)
    untouched = all_of(a.sweepgen == b.sweepgen, a.state == b.state)
    yield "nobody_touches_a_claimed_span", implies(any_of(a.claimed, old.held), untouched)
    yield "nobody_frees_a_span_kept_alive", implies(all_of(old.kept, a.state == IN_USE), b.state == IN_USE)
    if old.locked:
        stays = all_of(b.in_use, a.entry == b.entry)
        yield "pages_in_use_are_freed_under_the_lock", implies(a.in_use, stays)
    yield from sound(new)


def writes_sweepgen(v: View, number: Word, new: Word) -> Claims:
    """The guarantee of a write to a span's sweepgen: acquire, finish, cache, uncache, or build."""
    yield "who_writes_sweepgen_cannot_be_preempted", implies(v.observed(number), v.unpreempted)
    w, sg = v.world, v.sg
    acquires = all_of(v.unswept, new == uint32(sg - 1), negate(w.claimed), w.state == IN_USE)
    finishes = all_of(w.claimed, v.being_swept, new == sg)
    caches = all_of(w.sweepgen == sg, new == uint32(sg + 3))
    stale = all_of(w.sweepgen == uint32(sg + 1), new == uint32(sg - 1))
    uncaches = any_of(all_of(w.sweepgen == uint32(sg + 3), new == sg), stale)
    builds = all_of(w.state == DEAD, new == sg)
    mine = all_of(v.held, any_of(caches, uncaches, builds))
    yield "sweepgen_follows_the_protocol", implies(v.observed(number), any_of(acquires, finishes, mine))


def sweepgen_written(v: View, number: Word, new: Word) -> View:
    """After a write to a span's sweepgen."""
    here = v.span == number
    becomes_mine = all_of(here, new == uint32(v.sg - 1))
    return still_given(v.but(sweepgen=ite(here, new, v.world.sweepgen), claimed=any_of(v.world.claimed, becomes_mine)))


def still_given(v: View) -> View:
    """What was given counts while it waits."""
    return v.but(given=all_of(v.world.given, v.waits))


def writes_state(v: View, number: Word, new: Word) -> Claims:
    """The guarantee of a write to a span's state: who built it publishes it; the winner frees it, or who holds it."""
    w = v.world
    built = all_of(v.held, w.state == DEAD, any_of(new != IN_USE, w.sweepgen == v.sg))
    freed = all_of(w.claimed, w.sweepgen == v.sg, v.locked)
    given_back = all_of(v.held, w.state != IN_USE)
    dies = all_of(new == DEAD, any_of(freed, given_back))
    yield "a_span_is_published_by_who_built_it", implies(v.span == number, any_of(dies, built))


def span_pushed(v: View, number: Word) -> View:
    """After a span was put among the swept ones."""
    return hands_on(v, number).but(pushed=any_of(v.world.pushed, v.span == number))


def hands_on(v: View, number: Word) -> View:
    """After a span that was swept is freed, or put where others find it."""
    return v.but(claimed=all_of(v.world.claimed, v.span != number))


def touches(v: View, number: Word) -> Claims:
    """A plain field of a span is read or written: by who has the span, or while marking by who found it in use."""
    w = v.world
    followed = all_of(v.marking, w.settled, w.state == IN_USE)
    yield "touches_only_claimed_spans", implies(v.observed(number), any_of(w.claimed, v.held, v.stopped, followed))


def looks_up(v: View, page: Word) -> Claims:
    """An entry of spans is read: by the reclaimer, under the lock, of a page whose in-use bit is set; or to mark."""
    known = any_of(all_of(v.locked, v.world.in_use), v.marking)
    yield "looks_up_only_pages_in_use", implies(v.page == page, known)


def unpublishes(v: View) -> Claims:
    """An in-use bit is cleared."""
    yield "pages_in_use_are_freed_under_the_lock", v.locked


def pushes(v: View, index: Word, number: Word) -> Claims:
    """A span is put among the swept ones, where others find it in the next cycle."""
    mine = all_of(any_of(v.world.claimed, v.held), v.world.sweepgen == v.sg)
    yield "only_a_swept_span_is_pushed", implies(v.observed(number), mine)
    yield "swept_spans_are_in_the_set_of_this_cycle", index == v.sg // 2 % 2


def pops(v: View, index: Word) -> Claims:
    """A span is taken from the ones to sweep."""
    yield "spans_to_sweep_are_in_the_other_set", index == 1 - v.sg // 2 % 2


def popped(v: View, number: Word, listed: Truth) -> View:
    """After a span was taken from the ones to sweep; listed: whether the observed one still stands there."""
    return v.but(to_sweep=v.world.to_sweep - 1, given=all_of(v.span == number, v.waits), listed=listed)


def gives_what_it_has(before: View, after: View, number: Word) -> Claims:
    """What a set does: the span that is taken was there, others stay, and what stays is counted."""
    there, stays = before.world.listed, after.world.listed
    yield "it_was_there", implies(before.span == number, there)
    yield "others_stay", implies(before.span != number, same(there, stays))
    yield "what_stays_was_there", implies(stays, there)
    yield "what_stays_is_counted", implies(stays, after.world.to_sweep > 0)


def says_drained(v: View, drained: Truth) -> Claims:
    """A word is written that says whether the set to sweep is empty."""
    yield "a_drained_set_is_empty", implies(drained, v.world.to_sweep == 0)
    yield "drained_until_the_next_cycle", any_of(v.stopped, implies(v.world.drained, drained))


def begins_to_mark(v: View) -> Claims:
    """The phase is set to marking."""
    yield "marking_begins_with_the_world_stopped", v.stopped
    yield "nothing_is_claimed", negate(v.world.claimed)


def marking_begun(v: View) -> View:
    """After the phase was set to marking."""
    return v.but(settled=True)


def writes_reclaim_index(v: View, new: Word, chunk: int) -> Claims:
    """Chunks are claimed, or all are; in a new cycle they are claimed anew."""
    yield "whole_chunks_are_claimed", new % chunk == 0
    yield "chunks_are_claimed_once", any_of(v.stopped, claims_on(v.world.reclaim_index, new))


def cycle_begun(v: View, new: Word, to_sweep: Word) -> View:
    """After a write of the heap's sweepgen: the sets turn."""
    w = v.world
    turned = v.but(to_sweep=to_sweep, settled=False, listed=w.pushed, pushed=w.listed, given=False)
    return replace(turned, sg=new, cycle=v.cycle + 1, hand=replace(v.hand, cycles=v.hand.cycles + 1))


def begins_a_cycle(v: View, new: Word) -> Claims:
    """The heap's sweepgen is written."""
    yield "a_cycle_begins_with_the_world_stopped", all_of(v.stopped, v.locked)
    yield "a_cycle_is_two_generations", new == uint32(v.sg + 2)
    yield "nothing_is_claimed", negate(v.world.claimed)
    yield from all_is_swept(v)


def all_is_swept(v: View) -> Claims:
    """Marking and a cycle begin when every span is swept or cached."""
    stale = v.world.sweepgen == uint32(v.sg + 1)
    yield "every_span_is_swept_or_cached", implies(v.world.state == IN_USE, any_of(v.swept, stale))


def nothing_is_stale(v: View) -> Claims:
    """Premise: what was cached when a cycle began was taken back before the next."""
    yield "a_cached_span_is_taken_back", implies(v.world.state == IN_USE, v.world.sweepgen != uint32(v.sg + 1))


# Functions.


def sweep_requires(v: View, s: Any) -> Claims:
    """What sweep asks for: the span was won by this thread."""
    won = all_of(v.world.claimed, v.being_swept)
    yield "only_the_winner_sweeps", implies(v.observed(s.number), won)


def sweep_ensures(old: View, new: View, _: Truth, s: Any) -> Claims:
    """What sweep promises: the span is no longer this thread's, and of others nothing changes hands."""
    yield "nothing_is_claimed", implies(new.span == s.number, negate(new.world.claimed))
    yield "the_span_is_swept", implies(new.span == s.number, new.swept)
    yield "the_span_is_handed_on", implies(new.span == s.number, any_of(is_pushed(new), new.world.others))
    yield "nothing_else_is_claimed", implies(old.span != s.number, same(old.world.claimed, new.world.claimed))


def sweeps(old: View, new: View) -> Claims:
    """What a sweeper does to the world, all in all."""
    yield from in_this_cycle(old, new)
    a, b = old.world, new.world
    yield "nothing_is_given", implies(b.given, a.given)
    yield from while_stopped(old, new)
    held = all_of(old.held, negate(a.claimed), negate(b.claimed))
    yield "nobody_touches_a_held_span", implies(held, all_of(a.sweepgen == b.sweepgen, a.state == b.state))
    yield "nobody_frees_a_span_kept_alive", implies(all_of(old.kept, a.state == IN_USE), b.state == IN_USE)
    yield from sound(new)


def published(v: View) -> Claims:
    """What is known of in-use bits when one was set, or a span died (shown by the owning protocol)."""
    for name, claim in sound(v):
        if name.startswith("in_use_bit"):
            yield name, claim


def span_taken(v: View, number: Word) -> View:
    """After allocMSpanLocked."""
    return replace(v, hand=replace(v.hand, held=number))


def given_back(v: View, number: Word) -> View:
    """After freeMSpanLocked, or a sweep that may have freed the span: it is held no more (no span has the number)."""
    held = v.hand.held
    if held is number:
        return replace(v, hand=replace(v.hand, held=None))
    return v if held is None else replace(v, hand=replace(v.hand, held=ite(held == number, MOST_PAGES, held)))


def comes_from_the_pool(v: View) -> Claims:
    """Premise: a span from the pool is dead, and of nobody else (proved: no_overlapping_spans)."""
    w = v.world
    yield "a_pooled_span_is_dead", implies(v.held, all_of(w.state == DEAD, negate(w.claimed)))
    mapped = all_of(w.in_use, w.entry == v.hand.held + FIRST_SPAN)
    yield "a_pooled_span_is_not_published", negate(mapped)


def init_span_requires(v: View, s: Any, *_: Any) -> Claims:
    """What init_span asks for: a span that was just taken from the pool."""
    yield "the_span_is_held", False if v.hand.held is None else v.hand.held == s.number
    yield "the_span_is_dead", implies(v.held, all_of(v.world.state == DEAD, negate(v.world.claimed)))


def builds(old: View, new: View) -> Claims:
    """What init_span does to the world: the span in hand comes alive."""
    for name, claim in rely(old, new):
        if name != "nobody_touches_a_claimed_span":
            yield name, claim
    a, b = old.world, new.world
    claimed = all_of(a.claimed, negate(old.held))
    yield "nobody_touches_a_claimed_span", implies(claimed, all_of(a.sweepgen == b.sweepgen, a.state == b.state))


def _init_span_ensures(_old: View, new: View, _: None, s: Any, typ: Word, *_rest: Any) -> Claims:
    yield from alloc_span_ensures(new, s, typ)


def alloc_span_ensures(v: View, s: Any, typ: Word) -> Claims:
    """What alloc_span promises: a span that nobody else has, and that counts as swept if it is of the heap."""
    if s is None:
        return
    yield "the_span_is_held", False if v.hand.held is None else v.hand.held == s.number
    w = v.world
    yield "a_new_span_is_in_nobody's_hands", implies(v.held, negate(w.claimed))
    yield "a_heap_span_is_in_use", implies(all_of(v.held, typ == ALLOC_HEAP), w.state == IN_USE)
    yield "a_new_span_is_swept", implies(all_of(v.held, w.state == IN_USE), w.sweepgen == v.sg)
    at_once = all_of(v.held, w.state == IN_USE, v.pushed_at_once)
    yield "on_1_14_a_new_span_is_pushed", implies(at_once, w.pushed)


def free_span_requires(v: View, s: Any) -> Claims:
    """What free_span asks for: a span that this thread won, and has swept."""
    swept = all_of(v.world.claimed, v.world.sweepgen == v.sg, v.world.state == IN_USE)
    yield "only_a_swept_span_is_freed", implies(v.observed(s.number), swept)


def free_span_ensures(given: View, new: View, *_: Any) -> Claims:
    """What free_span promises, from where the span was given up."""
    yield "nothing_else_changes_hands", same(given.world.claimed, new.world.claimed)


def reclaims(v: View, arenas: Any, page_idx: Word, n: Word) -> Claims:
    """What reclaim_chunk asks for: whole bytes of page_in_use, from an arena that is there, and nothing claimed."""
    there = all_of(page_idx >= 0, page_idx // v.geometry.pages_per_arena < arenas.count)
    yield "the_chunk_begins_in_an_arena", there
    yield from nothing_claimed(v)
    yield "whole_bytes", all_of(page_idx % 8 == 0, n % 8 == 0)


def nothing_claimed(v: View, *_: Any) -> Claims:
    """This thread has claimed nothing, and what it was given does not wait any more."""
    yield "nothing_is_claimed", negate(v.world.claimed)
    yield "nothing_is_given", negate(v.world.given)


NOTHING_SWEPT = -1
"""What sweepone returns when there was nothing to sweep."""


def took_one(old: View, new: View, npages: Word) -> Claims:
    """What sweepone promises: all that it claimed it has handed on, and if it swept it took a span to sweep."""
    yield from nothing_claimed(new)
    nothing = npages == NOTHING_SWEPT
    yield "a_span_was_taken", any_of(nothing, new.world.to_sweep < old.world.to_sweep)
    yield "nothing_swept_means_that_nothing_is_left", implies(nothing, new.world.to_sweep == 0)


def nothing_is_left(_old: View, new: View, *_: Any) -> Claims:
    """What a sweeper promises: all that it claimed it has handed on."""
    yield from nothing_claimed(new)


def _locker(v: View, local: Any) -> Claims:
    yield from nothing_claimed(v)
    yield "the_locker_is_of_this_cycle", all_of(local.sl.sweep_gen == v.sg, local.sl.valid)


def _looking(v: View, local: Any) -> Claims:
    yield from _locker(v, local)
    yield "nothing_is_swept_so_far", local.npages == NOTHING_SWEPT


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


def _arenas_to_clear(v: View, local: Any) -> Claims:
    yield from nothing_claimed(v)
    yield "arenas_so_far", local.i <= local.arenas.count


def _bytes_to_clear(v: View, local: Any) -> Claims:
    yield from nothing_claimed(v)
    yield "arenas_so_far", local.i < local.arenas.count
    yield "bytes_so_far", local.word * 8 <= v.geometry.pages_per_arena


def _spans_to_mark(v: View, local: Any) -> Claims:
    yield from nothing_claimed(v)
    yield "spans_so_far", local.n <= v.geometry.spans


def _not_swept_yet(v: View, local: Any) -> Claims:
    """What ensure_swept waits for: another thread has the span, and is about to sweep it, or sweeps it.

    It was given out by the set to sweep, it was acquired, or it was cached when the cycle began, and who cached it has
    to sweep it.
    """
    gen, sg = local.spangen, v.sg
    given_out = all_of(gen == uint32(sg - 2), negate(local.sl.valid))
    cached = gen == uint32(sg + 1)
    yield "it_waits_for_who_has_the_span", implies(v.kept, any_of(given_out, gen == uint32(sg - 1), cached))


def _spans_to_sweep(v: View, _: Any) -> Word:
    return v.world.to_sweep


def _another_cycle(old: View, new: View) -> Truth:
    """Whether another thread has begun a cycle."""
    return new.cycle != old.cycle


def _pages_to_reclaim(v: View, local: Any) -> tuple[Word, Word]:
    """The pages that are wanted, and those that nobody has claimed."""
    pages, claimed = local.arenas.count * v.geometry.pages_per_arena, v.world.reclaim_index
    return local.npage, ite(claimed < pages, pages - claimed, 0)


LOOPS = {
    ("begin_sweep", 0): Loop(nothing, rely, by_retries_alone, retries=ACTIVE),
    ("alloc_mspan_locked", 0): Loop(refilled, rely, to_refill),
    ("end_sweep", 0): Loop(nothing, rely, by_retries_alone, retries=ACTIVE),
    ("mark_drained", 0): Loop(nothing, rely, by_retries_alone, retries=ACTIVE),
    ("reclaim_chunk", 0): Loop(_chunks, sweeps, lambda _, local: local.n),
    ("reclaim_chunk", 1): Loop(_bytes, sweeps, lambda _, local: local.nbytes - local.i),
    ("reclaim_chunk", 2): Loop(_bits, sweeps, lambda _, local: 8 - local.j),
    ("sweepone", 0): Loop(_looking, sweeps, _spans_to_sweep),
    ("ensure_swept", 0): Loop(nothing_claimed, rely, Waits(_not_swept_yet)),
    ("reclaim", 0): Loop(
        nothing_claimed, sweeps, _pages_to_reclaim, locked=lambda local: local.locked, retries="reclaimCredit"
    ),
    ("bgsweep", 0): Loop(nothing_claimed, sweeps, _spans_to_sweep, unless=_another_cycle),
    ("finishsweep_m", 0): Loop(nothing_claimed, sweeps, _spans_to_sweep),
    ("gc_reset_mark_state", 0): Loop(_arenas_to_clear, sweeps, lambda _, local: local.arenas.count - local.i),
    ("gc_reset_mark_state", 1): Loop(
        _bytes_to_clear, sweeps, lambda v, local: v.geometry.pages_per_arena - local.word * 8
    ),
    ("gc_mark", 0): Loop(_spans_to_mark, sweeps, lambda v, local: v.geometry.spans - local.n),
}

CALLS = {
    "sweep": Call(sweep_requires, sweeps, sweep_ensures, "truth", "proved: sweep", locked=False, unpreempted=True),
    "free_span": Call(
        free_span_requires,
        sweeps,
        free_span_ensures,
        "none",
        "proved: free_span: sweepgen",
        locked=False,
        unpreempted=True,
    ),
    "alloc": Call(
        nothing_claimed, sweeps, nothing_is_left, "span", "proved: alloc: sweepgen", locked=False, unpreempted=True
    ),
    "alloc_span": Call(nothing, rely, nothing, "span", "proved: alloc_span: sweepgen", locked=False, unpreempted=True),
    "init_span": Call(
        init_span_requires, builds, _init_span_ensures, "none", "proved: init_span: sweepgen", unpreempted=True
    ),
    "alloc_needs_zero": Call(nothing, rely, nothing, "truth", FRAME),
    "os.memclr": Call(nothing, rely, nothing, "none", FRAME),
    "os.sys_used": Call(nothing, rely, nothing, "none", FRAME),
    "grow": Call(nothing, rely, nothing, "growth", FRAME, locked=True),
    "pages.alloc": Call(nothing, rely, nothing, "region", FRAME, locked=True),
    "pages.free": Call(nothing, rely, nothing, "none", FRAME, locked=True),
    "alloc_from_cache": Call(nothing, rely, nothing, "region", FRAME, locked=False),
    "alloc_phys_page_aligned": Call(nothing, rely, nothing, "grown region", FRAME, locked=True),
    "scavenge_for": Call(nothing, rely, nothing, "none", FRAME, locked=False),
    "index.next_gen": Call(nothing, rely, nothing, "none", FRAME),
    "set_spans": Call(nothing, rely, nothing, "none", "proved: set_spans"),
    "reclaim": Call(
        nothing_claimed, sweeps, nothing_is_left, "none", "proved: reclaim", locked=False, unpreempted=True
    ),
    "reclaim_chunk": Call(
        reclaims, sweeps, nothing_is_left, "word", "proved: reclaim_chunk", locked=True, unpreempted=True
    ),
    "sweepone": Call(nothing_claimed, sweeps, took_one, "signed", "proved: sweepone", locked=False, unpreempted=True),
}

ENTRUSTED = {
    ("set_spans", "spans"): "set_spans maps pages that are not in use (proved: set_spans_maps_exactly_the_region)",
}
"""What functions do that no proof of this protocol covers, and why they may."""
