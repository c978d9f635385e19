"""The proofs of the growing protocol. Read next: theorem.py."""

from dataclasses import replace
from typing import Any

from spanproof.checks.proving.growing import GrowingProtocol
from spanproof.checks.proving.jobs import Job, Start
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.start import growing_starts
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.model.contracts import growing
from spanproof.model.contracts.contract import nothing
from spanproof.model.contracts.zeroing import MOST_PAGES
from spanproof.model.logic import Claims, each_of

HELD = frozenset({HEAP_LOCK})


def _grow(p: GrowingProtocol) -> Start:
    p.begin()
    e, npage = p.engine, p.engine.fresh("npage")
    e.assume(npage > 0)
    e.assume(npage < MOST_PAGES)
    e.hold(HELD)
    p.asked = growing.in_chunks(e.geometry, npage)
    left, arena = e.view.world.base, e.view.world.hint
    e.fact("whole chunks", iter(()), growing.whole_chunks(e.geometry, left, arena, p.asked))
    return Start((npage,), lambda result: growing.grow_ensures(e.view, result, npage), HELD)


def _alloc_span(p: GrowingProtocol) -> Start:
    p.begin()
    e, npages = p.engine, p.engine.fresh("npages")
    e.assume(npages > 0)
    e.assume(npages < MOST_PAGES)
    return Start((npages, e.fresh("typ"), e.fresh("spanclass")), nothing)


def _rely(p: GrowingProtocol) -> Start:
    """What a thread does under the lock is what all others rely on."""
    p.begin()
    e, me = p.engine, p.engine.view
    for locked in (False, True):
        me = replace(p.fresh_world(me), locked=locked)
        name = "I hold the lock" if locked else "I do not hold the lock"
        later, last = p.fresh_world(me), p.fresh_world(me)
        e.lemma(f"{name}: reflexive", iter([]), growing.rely(me, me), Kind.RELY)
        chained = each_of(growing.rely(me, later), growing.rely(later, last))
        e.lemma(f"{name}: transitive", chained, growing.rely(me, last), Kind.RELY)
    me = replace(me, locked=False)
    base, size, hint = (e.fresh(name) for name in ("base", "size", "hint"))
    e.lemma("another thread gives pages", nothing(), growing.rely(me, growing.given(me, base, size)), Kind.RELY)
    reserved: Claims = iter([("no_arena_is_reserved_twice", me.world.hint <= hint)])
    e.lemma("another thread reserves arenas", reserved, growing.rely(me, me.but(hint=hint)), Kind.RELY)
    left: dict[str, Any] = {"base": base, "end": size}
    e.lemma("another thread keeps what is left", nothing(), growing.rely(me, me.but(**left)), Kind.RELY)
    return Start((), nothing)


NPAGE = "grow is asked for 2^35 pages at most"
RESERVES = "the system gives what is asked of it from one end of its address space: linearAlloc, one hint"
TOLD = "pages.grow takes pages that were not the heap's, and tells the bitmaps (proved: scavenged_pages_are_zero)"
PREMISES = (NPAGE, RESERVES)
FIRST = "from 1.26 on the first growth fits behind the random chunk with which the heap begins: Go does not check it"

JOBS = (
    Job("growing: start", "the heap begins as it must", GrowingProtocol, "", growing_starts),
    Job("growing: rely", "what each thread does is what each other relies on", GrowingProtocol, "", _rely, premises=PREMISES),
    Job(
        "grow", "it gives pages that were reserved and not given before, as many as it says", GrowingProtocol, "grow", _grow,
        ("pages.grow", "os.sys_map", "pages.mark_random_padding_pages"), premises=(*PREMISES, FIRST, TOLD),
    ),
    Job(
        "alloc_span: growing", "it grows the heap under the lock", GrowingProtocol, "alloc_span", _alloc_span,
        ("pages.alloc", "grow", "init_span", "os.sys_used", "alloc_from_cache", "scavenge_for", "pages.find", "pages.alloc_range"),
        premises=PREMISES,
    ),
)  # fmt: skip
