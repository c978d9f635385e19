"""What an invariant of zeroing may be put together from: comparisons of the words that matter, and flags.

Nothing here says what the text does: any word is compared with any other of its kind, and claims are clauses over these
comparisons. Which of them hold is for the text to say. Read next: pools.py.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from spanproof.model.contracts.zeroing import MOST_PAGES, View, lies_in_an_arena
from spanproof.model.logic import Claims, Truth, all_of, any_of, implies, negate, same

PLACES = ("zeroed_base", "arena_base", "arena_limit")
"""Locals that are places in an arena, in bytes from its start."""
ADDRESSES = ("base",)
COUNTS = ("npage",)
FLAGS = ("need_zero",)
Literal = tuple[str, Truth]
RELATED, STATE, FLAGGED, PLACED = 2, 2, 3, 3
"""How many comparisons a clause has, at most, by what it speaks of."""


def relations(old: View, new: View) -> Claims:
    """What a step, or many, may do to the world. Each is true of no step at all, or speaks of the new world alone."""
    before, after = old.world.zeroed_base, new.world.zeroed_base
    idle: list[Literal] = [
        ("zeroedBase stays", after == before),
        ("zeroedBase does not fall", before <= after),
        ("zeroedBase does not rise", after <= before),
        ("the byte stays", same(old.world.dirty, new.world.dirty)),
        ("a zero byte stays zero", implies(new.world.dirty, old.world.dirty)),
        ("a dirty byte stays dirty", implies(old.world.dirty, new.world.dirty)),
    ]
    others = [
        *_both("zeroedBase ends in my region", old.ends_in_my_region(after)),
        *_both("the byte is mine", old.mine(old.byte)),
    ]
    yield from (clause for clause in _clauses([*idle, *others], RELATED) if any(name in clause[0] for name, _ in idle))
    state = [
        *_both("the byte is dirty", new.world.dirty),
        *_both("the byte lies below zeroedBase", new.claimed),
        ("zeroedBase is at most the arena's size", after <= new.geometry.arena_size),
        ("zeroedBase is 0", after == 0),
        ("zeroedBase is at a page", after % new.geometry.page_size == 0),
    ]
    yield from _clauses(state, STATE)


def at_a_loop(v: View, local: Any) -> Claims:
    """What may be true at a loop's head, of the locals that it has."""
    yield from _flagged(v, local)
    yield from _of_places(v, local)
    yield from _of_addresses(v, local)


def _flagged(v: View, local: Any) -> Claims:
    """Clauses over flags and what is known of the byte."""
    literals = [
        *_both("the byte is dirty", v.world.dirty),
        *_both("the byte lies below zeroedBase", v.claimed),
        *_both("the byte is mine", v.mine(v.byte)),
    ]
    for name in _there(local, FLAGS):
        literals += _both(name, _truth(getattr(local, name)))
    for name in _there(local, ADDRESSES):
        literals += _both(f"the byte is mine and below {name}", all_of(v.mine(v.byte), v.byte < getattr(local, name)))
    yield from _clauses(literals, FLAGGED)


def _of_places(v: View, local: Any) -> Claims:
    """Clauses over zeroedBase and places, where the cursor is in the byte's arena; and places among themselves."""
    size, now = v.geometry.arena_size, v.world.zeroed_base
    places = {name: getattr(local, name) for name in _there(local, PLACES)} | {"the arena's size": size}
    literals = [each for name, place in places.items() for each in _compared("zeroedBase", now, name, place)]
    for cursor in _there(local, ADDRESSES):
        here = v.here(getattr(local, cursor))
        for name, claim in _clauses(literals, PLACED):
            yield f"if {cursor} is in the byte's arena: {name}", implies(here, claim)
        for name, place in places.items():
            at_a_page = implies(here, place % v.geometry.page_size == 0)
            yield f"if {cursor} is in the byte's arena: {name} is at a page", at_a_page
    for (a, x), (b, y) in combinations(places.items(), 2):
        yield from _compared(a, x, b, y)


def _of_addresses(v: View, local: Any) -> Claims:
    """Addresses and the region in hand; so many pages from an address are an address too."""
    if v.hand is None:
        return
    size = v.geometry.page_size
    words = {name: getattr(local, name) for name in _there(local, ADDRESSES)}
    for name, address in words.items():
        yield f"{name} is at a page", address % size == 0
        yield from ((f"{name}: {said}", claim) for said, claim in lies_in_an_arena(v.geometry, address))
    ends = {f"{a} + {n} pages": words[a] + getattr(local, n) * size for a in words for n in _there(local, COUNTS)}
    for name in _there(local, COUNTS):
        yield f"{name} is at most 2^35", getattr(local, name) <= MOST_PAGES
    mine = {"my base": v.hand.base, "my limit": v.hand.limit}
    for (a, x), (b, y) in combinations((words | ends | mine).items(), 2):
        if not (a in mine and b in mine):
            yield from _compared(a, x, b, y)


def _there(local: Any, names: Sequence[str]) -> list[str]:
    return [name for name in names if hasattr(local, name)]


def _truth(flag: Any) -> Truth:
    return flag if isinstance(flag, bool) or hasattr(flag, "negation") else flag != 0


def _both(name: str, claim: Truth) -> list[Literal]:
    return [(name, claim), (f"not: {name}", negate(claim))]


def _compared(a: str, x: Any, b: str, y: Any) -> Iterator[Literal]:
    yield f"{a} = {b}", x == y
    yield f"{a} <= {b}", x <= y
    yield f"{a} >= {b}", y <= x
    yield f"{a} < {b}", x < y
    yield f"{a} > {b}", y < x


def _clauses(literals: Sequence[Literal], most: int) -> Claims:
    """Every clause of so many of these at most; none that has one and its opposite."""
    for many in range(1, most + 1):
        for some in combinations(literals, many):
            names = [name for name, _ in some]
            if not any(f"not: {name}" in names for name in names):
                yield " or ".join(names), any_of(*(claim for _, claim in some))
