"""Following a word that may be a pointer: what the collector finds while it marks.

It owns nothing and holds no lock. It reads an entry of spans that may be written meanwhile, then the state of the span
found, and only of a span in use its other fields. That is enough, as no span in use is freed while the collector marks.
Observed are the page that the word leads to and one span. Read next: sweeping.py.
"""

from typing import Any

from spanproof.model.contracts.contract import Word
from spanproof.model.contracts.owning import FIRST_SPAN, View
from spanproof.model.logic import Claims, Truth, all_of, implies, negate
from spanproof.model.state import IN_USE


def _found(v: View) -> Truth:
    """Whether the page is the observed span's, which is in use, and mapped to it."""
    number = v.span + FIRST_SPAN
    return all_of(v.world.state == IN_USE, v.world.owner == number, v.world.entry == number)


def rely(old: View, new: View) -> Claims:
    """What other threads leave alone while the collector marks."""
    if old.marking:
        a, b = old.world, new.world
        same = all_of(b.state == IN_USE, a.base == b.base, a.npages == b.npages)
        yield "no_span_in_use_is_freed_while_marking", implies(a.state == IN_USE, same)
        yield "a_page_in_use_stays_mapped_while_marking", implies(_found(old), _found(new))


def frees_none_in_use(v: View) -> Claims:
    """Premise of another thread's steps while the collector marks (proved: no_span_in_use_is_freed_while_marking)."""
    yield "no_span_in_use_is_freed_while_marking", implies(v.in_hand, v.world.state != IN_USE)


def entry_read(v: View, page: Word, entry: Word) -> Claims:
    """What an entry of spans holds, the observed page's if it is that."""
    yield "entry_of_the_page", implies(v.page == page, v.world.entry == entry)


def field_read(v: View, number: Word, field: str, value: Word) -> Claims:
    """What a field of a span holds, the observed one's if it is that."""
    known: Any = getattr(v.world, field)
    whole = value == known * v.geometry.page_size if field == "base" else value == known
    yield "field_of_the_span", implies(v.span == number, whole)


def looks_at(v: View, number: Word, field: str) -> Claims:
    """The reader's rule: of a span that it does not own it looks at the state first, and only if in use at the rest."""
    if field != "state":
        yield "the_state_is_loaded_first", implies(v.span == number, v.world.state == IN_USE)


def in_the_heap(v: View) -> Truth:
    """Whether the observed page is of an arena that the address space may have."""
    arena, first = v.place[0], v.geometry.first_arena
    return all_of(first <= arena, arena < first + v.geometry.arenas)


def ensures(old: View, new: View, s: Any) -> Claims:
    """What who follows a word to the observed page finds: the span that has the page, whole; none only if none has."""
    if s is None:
        yield "live_memory_is_found", negate(all_of(in_the_heap(old), _found(old)))
        return
    w = new.world
    whole = all_of(w.state == IN_USE, new.covered, w.owner == new.span + FIRST_SPAN)
    yield "span_found_is_built", implies(new.span == s.number, whole)
    yield "live_memory_is_found", implies(_found(old), new.span == s.number)
