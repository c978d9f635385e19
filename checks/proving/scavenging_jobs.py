"""The proofs of the scavenging protocol, from the bitmaps up. Read next: theorem.py."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from spanproof.checks.proving.jobs import LARGE, Job, Start
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.scavenging import MOST_CHUNKS, ScavengingProtocol
from spanproof.checks.proving.start import scavenging_starts
from spanproof.checks.proving.zeroing_jobs import ADDRESSES, SEQUENTIAL, USERS
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.impl.span import ALLOC_HEAP, Span
from spanproof.model.contracts import scavenging, scavenging_calls
from spanproof.model.contracts.scavenging import A_CACHE, ANOTHER, ME, MY_CACHE, Owed, View
from spanproof.model.contracts.zeroing import MOST_PAGES
from spanproof.model.logic import Claims, all_of, implies, ite, same

HELD = frozenset({HEAP_LOCK})


def _under_the_lock(p: ScavengingProtocol) -> None:
    p.begin()
    p.engine.hold(HELD)
    p.engine.assume_all(scavenging.lock_invariant(p.engine.view))


def _npages(p: ScavengingProtocol) -> Any:
    npages = p.engine.fresh("npages")
    p.engine.assume(npages > 0)
    p.engine.assume(npages <= MOST_PAGES)
    return npages


def _whole(p: ScavengingProtocol, claims: Claims) -> Claims:
    yield from claims
    yield from scavenging.cache_is_whole(p.engine.view)
    if p.engine.view.locked:
        yield from scavenging.lock_invariant(p.engine.view)


def _alloc_range(p: ScavengingProtocol) -> Start:
    _under_the_lock(p)
    e, npages = p.engine, _npages(p)
    base = p.a_region(npages)
    e.assume_all(scavenging.takes_range(e.view, base, npages))
    return Start((base, npages), lambda scav: _whole(p, scavenging.gives_region(e.view, (base, scav), npages)), HELD)


def _alloc(p: ScavengingProtocol) -> Start:
    _under_the_lock(p)
    npages = _npages(p)
    return Start((npages,), lambda r: _whole(p, scavenging.gives_region(p.engine.view, r, npages)), HELD)


def _alloc_from_cache(p: ScavengingProtocol) -> Start:
    p.begin()
    npages = _npages(p)
    return Start((npages,), lambda r: _whole(p, scavenging.gives_region(p.engine.view, r, npages)))


def _alloc_phys_page_aligned(p: ScavengingProtocol) -> Start:
    _under_the_lock(p)
    npages = _npages(p)
    return Start((npages,), lambda r: _whole(p, scavenging.gives_region_or_growth(p.engine.view, r, npages)), HELD)


def _has_region(p: ScavengingProtocol) -> tuple[Any, Any]:
    """A region in hand."""
    e, npages = p.engine, _npages(p)
    base = p.a_region(npages)
    owner = e.fresh("owner")
    e.view = replace(e.view.but(owner=owner), region=(base, npages))
    e.assume_all(scavenging.sound(e.view))
    e.assume_all(scavenging.cache_is_whole(e.view))
    e.assume(same(owner == ME, e.view.covers(base, npages)))
    return base, npages


def _free(p: ScavengingProtocol) -> Start:
    p.begin()
    e = p.engine
    base, npages = _has_region(p)
    e.hold(HELD)
    e.assume_all(scavenging.lock_invariant(e.view))
    size = e.view.bytes_of(npages)

    def ensures(_: None) -> Claims:
        yield from scavenging.owes(e.view, unused=size)
        yield "nothing_is_in_hand", e.view.world.owner != ME

    return Start((base, npages), lambda r: _whole(p, ensures(r)), HELD)


def _new_chunks(p: ScavengingProtocol) -> tuple[Any, Any]:
    """Whole chunks that the heap has not."""
    _under_the_lock(p)
    e, g = p.engine, p.engine.geometry
    chunk: Any = e.fresh("chunk")
    n: Any = e.fresh("chunks")
    e.assume(chunk > 0)
    e.assume(n > 0)
    e.assume(chunk + n < MOST_CHUNKS)
    base, size = g.chunk_base(chunk), n * g.chunk_size
    e.assume_all(scavenging.grows(e.view, base, base + size))
    return base, size


def _pages_grow(p: ScavengingProtocol) -> Start:
    base, size = _new_chunks(p)

    def ensures(_: None) -> Claims:
        yield from scavenging.owes(p.engine.view, released=size, unused=size)
        yield "nothing_is_in_hand", p.engine.view.world.owner != ME

    return Start((base, size), lambda r: _whole(p, ensures(r)), HELD)


def _at_rest(p: ScavengingProtocol) -> Callable[[Any], Claims]:
    return lambda _: _whole(p, scavenging.is_at_rest(p.engine.view))


def _grow(p: ScavengingProtocol) -> Start:
    _under_the_lock(p)
    return Start((_npages(p),), _at_rest(p), HELD)


def _padding(p: ScavengingProtocol) -> Start:
    _under_the_lock(p)
    e, npages = p.engine, _npages(p)
    base = p.a_region(npages)
    e.assume_all(scavenging.pads_range(e.view, base, npages))
    return Start((base, npages), _at_rest(p), HELD)


def _flush_pcache(p: ScavengingProtocol) -> Start:
    p.begin()
    p.counts = False

    def ensures(_: None) -> Claims:
        yield from scavenging.cache_is_whole(p.engine.view)
        yield from scavenging.is_at_rest(p.engine.view)

    return Start((), ensures)


def _scavenge_one(p: ScavengingProtocol) -> Start:
    p.begin()
    e = p.engine
    chunk, page = e.fresh("chunk"), e.fresh("page")
    e.assume(chunk < MOST_CHUNKS)
    e.assume_all(scavenging_calls.is_chunk(e.geometry, chunk))
    at_rest = _at_rest(p)

    def ensures(released: Any) -> Claims:
        yield from at_rest(released)
        yield from scavenging.gives_up(e.view, chunk, e.as_word(released))

    return Start((chunk, page, e.fresh("most")), ensures)


def _words(*names: str) -> Callable[[ScavengingProtocol], Start]:
    def begin(p: ScavengingProtocol) -> Start:
        p.begin()
        return Start(tuple(p.engine.fresh(name) for name in names), _at_rest(p))

    return begin


def _alloc_span(p: ScavengingProtocol) -> Start:
    p.begin()
    e, npages = p.engine, _npages(p)

    def ensures(s: Any) -> Claims:
        if s is None:
            yield from scavenging.is_at_rest(e.view)
            return
        yield from scavenging.owes(e.view)

    return Start((npages, e.fresh("typ"), e.fresh("spanclass")), lambda s: _whole(p, ensures(s)))


def _hold_span(p: ScavengingProtocol, typ: Any) -> Span:
    p.begin()
    _has_region(p)
    number: Any = p.engine.fresh("mspan")
    p.span = (number, typ)
    return Span(number)


def _free_span_locked(p: ScavengingProtocol) -> Start:
    typ = p.engine.fresh("typ")
    s = _hold_span(p, typ)
    p.engine.hold(HELD)
    p.engine.assume_all(scavenging.lock_invariant(p.engine.view))
    return Start((s, typ), _at_rest(p), HELD)


def _free_span(p: ScavengingProtocol) -> Start:
    return Start((_hold_span(p, ALLOC_HEAP),), _at_rest(p))


def _free_manual(p: ScavengingProtocol) -> Start:
    typ = p.engine.fresh("typ")
    return Start((_hold_span(p, typ), typ), _at_rest(p))


# What each thread does is what each other relies on.

Step = tuple[str, Claims, View]


def _under_its_lock(p: ScavengingProtocol, v: View) -> Iterator[Step]:
    """The steps of another thread that holds the lock, as it sees the world."""
    e = p.engine
    for pads in (False, True):
        after = scavenging.moved(v, e.fresh_truth("allocated"), e.fresh_truth("scavenged"), pads=pads)
        yield "changes bitmaps", scavenging.bitmaps_change(v, after), after
    base, limit = e.fresh("base"), e.fresh("limit")
    yield "adds pages", scavenging.grows(v, base, limit), scavenging.given(v, base, limit)


def _anywhere(p: ScavengingProtocol, v: View) -> Iterator[Step]:
    """The steps of another thread that need no lock."""
    e = p.engine
    after = scavenging.cache_stored(v, e.fresh("base"), e.fresh_truth("free"), e.fresh_truth("scav"))
    yield "stores its cache", scavenging.stores_cache(v, after), after
    here = e.fresh_truth("it is the observed page")
    dirty = ite(here, e.fresh("value") != 0, v.world.dirty)
    yield "writes to memory", scavenging.writes_memory(v, here), v.but(dirty=dirty)
    base, n = e.fresh("base"), e.fresh("npages")
    from_cache = iter([("its pages are the cache's", implies(v.covers(base, n), v.in_my_cache))])
    yield "takes pages of its cache", from_cache, scavenging.left_cache(v, base, n)


def _rely(p: ScavengingProtocol) -> Start:
    p.begin()
    e = p.engine
    for locked in (False, True):
        me = replace(p.fresh_world(e.view), locked=locked)
        e.assume_all(scavenging.sound(me))
        name = "I hold the lock" if locked else "I do not hold the lock"
        e.lemma(f"{name}: reflexive", iter([]), scavenging.rely(me, me), Kind.RELY)
        later, last = p.fresh_world(me), p.fresh_world(me)
        chained = iter([*scavenging.rely(me, later), *scavenging.rely(later, last)])
        e.lemma(f"{name}: transitive", chained, scavenging.rely(me, last), Kind.RELY)
        for theirs in (False,) if locked else (False, True):
            _others(p, me, name, locked=theirs)
    return Start((), lambda _: iter([]))


def _others(p: ScavengingProtocol, me: View, name: str, *, locked: bool) -> None:
    """Each step of another thread, which holds the lock or does not; its pages are another's to me, and mine to it."""
    e = p.engine
    mine, theirs = me.world.owner, e.fresh("owner as the other sees it")
    they = replace(me.but(owner=theirs, owed=Owed()), locked=locked, cache=p.another_cache())
    for_me, for_them = (ME, MY_CACHE), (ANOTHER, A_CACHE)
    apart: list[tuple[str, Any]] = []
    for own, others in zip(for_me, for_them, strict=True):
        apart += [("one_owner", implies(mine == own, theirs == others))]
        apart += [("one_owner", implies(theirs == own, mine == others))]
    nobody_s = all_of(*(owner != own for owner in (mine, theirs) for own in for_me))
    apart += [("one_owner", implies(nobody_s, mine == theirs))]
    apart += [*scavenging.sound(they), *scavenging.cache_is_whole(they)]
    if locked:
        apart += [*scavenging.lock_invariant(they)]
    for step, asks, seen in (*_anywhere(p, they), *(_under_its_lock(p, they) if locked else ())):
        now_theirs = seen.world.owner
        back = ite(now_theirs == ME, ANOTHER, ite(now_theirs == MY_CACHE, A_CACHE, now_theirs))
        owner = ite(now_theirs == theirs, mine, back)
        now = me.but(**{n: getattr(seen.world, n) for n in ("allocated", "scavenged", "dirty", "noted")}, owner=owner)
        e.lemma(f"{name}; another thread {step}", iter([*apart, *asks]), scavenging.rely(me, now), Kind.RELY)


ZEROES = "sys_unused zeroes, as far as it is said that scavenged memory is zero"
FREES = "who frees a span has it and its pages (proved: no_overlapping_spans), and says of what kind it is"
GROWS = "what is handed over when the heap grows was not the heap's (proved: grow_hands_pages_over_once)"
JUDGED = "what finds free pages was judged on every bitmap of two chunks of four pages, and page caches of four"
RANGES = "setRange and clearRange change their bits alone (proved as ranges_of_bits_change_alone); counts count"
PREMISES = (ADDRESSES, USERS, FREES, GROWS, JUDGED, RANGES, SEQUENTIAL)
INDEX = ("index.alloc",)
TAKES = ("pages.alloc", "alloc_from_cache", "alloc_phys_page_aligned", "scavenge_for", "grow", "init_span")
P = ScavengingProtocol

JOBS = (
    Job("scavenging: start", "the heap begins as it must", P, "", scavenging_starts),
    Job("scavenging: rely", "what each thread does is what each other relies on", P, "", _rely, premises=PREMISES),
    Job("alloc_range", "it takes free pages, and counts those that were scavenged", P, "pages.alloc_range", _alloc_range, INDEX, premises=PREMISES),
    Job("pages.alloc", "it gives pages that were free; if all were scavenged, they are zero", P, "pages.alloc", _alloc, ("pages.alloc_range",), premises=PREMISES),
    Job("alloc_from_cache", "so does the cache of a P", P, "alloc_from_cache", _alloc_from_cache, INDEX, premises=PREMISES),
    Job(
        "alloc_phys_page_aligned", "so does what aligns stacks", P, "alloc_phys_page_aligned", _alloc_phys_page_aligned,
        ("pages.alloc_range", "grow"), premises=PREMISES,
    ),
    Job("pages.free", "pages in hand are free, and not scavenged", P, "pages.free", _free, ("index.free",), premises=PREMISES),
    Job("pages.grow", "new pages are free, and scavenged", P, "pages.grow", _pages_grow, ("index.grow",), premises=PREMISES),
    Job(
        "mark_random_padding_pages", "padding is allocated for good", P, "pages.mark_random_padding_pages", _padding, INDEX,
        premises=PREMISES,
    ),
    Job(
        "grow: scavenging", "it counts what it hands over as released", P, "grow", _grow,
        ("pages.grow", "pages.mark_random_padding_pages"), premises=PREMISES,
    ),
    Job(
        "flush_pcache", "each page is as it was before the cache took it", P, "flush_pcache", _flush_pcache, ("index.free",),
        premises=PREMISES,
    ),
    Job(
        "scavenge_one", "pages are marked when they were returned to the system, and counted", P, "pages.scavenge_one",
        _scavenge_one, ("index.set_empty",), premises=PREMISES,
    ),
    Job(
        "scavenge_one: large pages", "so they are where the system's pages are larger than the heap's", P, "pages.scavenge_one",
        _scavenge_one, ("index.set_empty",), premises=PREMISES, geometry=LARGE,
    ),
    Job(
        "alloc_phys_page_aligned: large pages", "stacks are aligned where the system's pages are larger", P,
        "alloc_phys_page_aligned", _alloc_phys_page_aligned, ("pages.alloc_range", "grow"), premises=PREMISES, geometry=LARGE,
    ),
    Job("scavenge_for", "it scavenges", P, "scavenge_for", _words("scav", "growth"), ("pages.scavenge_one", "index.find"), premises=PREMISES),
    Job("scavenge_all", "it scavenges", P, "scavenge_all", _words(), ("pages.scavenge_one", "index.find"), premises=PREMISES),
    Job("bgscavenge", "it scavenges", P, "bgscavenge", _words("nbytes"), ("pages.scavenge_one", "index.find"), premises=PREMISES),
    Job("alloc_span: scavenging", "it counts what it takes", P, "alloc_span", _alloc_span, TAKES, premises=PREMISES),
    Job(
        "free_span_locked: scavenging", "it counts what it frees", P, "free_span_locked", _free_span_locked, ("pages.free",),
        premises=PREMISES,
    ),
    Job("free_span: scavenging", "a heap span is counted as one", P, "free_span", _free_span, ("pages.free",), premises=PREMISES),
    Job("free_manual: scavenging", "a manual span is counted as what it was", P, "free_manual", _free_manual, ("pages.free",), premises=PREMISES),
)  # fmt: skip
