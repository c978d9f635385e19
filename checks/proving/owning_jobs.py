"""The proofs of the owning protocol. Read next: theorem.py."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from spanproof.checks.proving.jobs import Job, Start
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.operations import POOL as MOST_POOLED
from spanproof.checks.proving.owning import OwningProtocol
from spanproof.checks.proving.start import owning_starts
from spanproof.checks.proving.zeroing_jobs import ADDRESSES, PAGES, SEQUENTIAL
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.impl.span import Span
from spanproof.model.contracts import following, owning, owning_calls, refining, zeroing
from spanproof.model.contracts.owning import ANOTHER, ME, Hand, View
from spanproof.model.logic import Claims, all_of, any_of, each_of, implies, ite, negate
from spanproof.model.state import DEAD, IN_USE

HELD = frozenset({HEAP_LOCK})


def _set_spans(p: OwningProtocol) -> Start:
    p.begin()
    e, base, npage = p.engine, p.page_address(), p.engine.fresh("npage")
    s = p.hold_living_span()
    e.view = replace(e.view, hand=replace(e.view.hand, region=(base, npage)))
    e.assume_all(owning_calls.set_spans_requires(e.view, base, npage, s))
    entry = e.view

    def ensures(_: None) -> Claims:
        yield from owning_calls.set_spans_ensures(entry, e.view, None, base, npage, s)
        yield from owning_calls.only_mapping(entry, e.view)

    return Start((base, npage, s), ensures)


def _alloc_span(p: OwningProtocol) -> Start:
    p.begin()
    p.hold_no_page()
    e = p.engine
    args = (e.fresh("npages"), e.fresh("typ"), e.fresh("spanclass"))

    def ensures(s: Any) -> Claims:
        yield from owning_calls.alloc_span_ensures(e.view, s)
        yield from refining.allocates(e.view, s, args[0])

    return Start(args, ensures)


def _init_span(p: OwningProtocol) -> Start:
    p.begin()
    e = p.engine
    s: Any = Span(e.fresh("mspan"))  # type: ignore[arg-type]  # a word
    e.assume(s.number < zeroing.MOST_PAGES)
    base, npages = p.hold_region()
    e.view = replace(e.view, hand=replace(e.view.hand, span=s.number))
    args = (s, e.fresh("typ"), e.fresh("spanclass"), base, npages, e.fresh("scav"))
    e.view = replace(e.view, hand=replace(e.view.hand, wants=args[2]))
    e.assume_all(owning_calls.init_span_requires(e.view, *args))
    entry = e.view

    def ensures(_: None) -> Claims:
        yield from owning_calls.alloc_span_ensures(e.view, s)
        yield from owning_calls.builds(entry, e.view)

    return Start(args, ensures)


def _free_span_locked(p: OwningProtocol) -> Start:
    p.begin()
    p.hold_no_page()
    e = p.engine
    s = p.hold_living_span()
    e.hold(HELD)
    e.assume_all(owning.lock_invariant(e.view))
    had = (e.view.hand.field("base"), e.view.hand.field("npages"))

    def ensures(_: None) -> Claims:
        yield from owning_calls.free_span_locked_ensures(e.view)
        yield from refining.frees(e.view, *had)

    return Start((s, e.fresh("typ")), ensures, HELD)


def _free_span(p: OwningProtocol) -> Start:
    start = _free_manual(p)
    return Start(start.args[:1], start.ensures)


def _free_manual(p: OwningProtocol) -> Start:
    p.begin()
    p.hold_no_page()
    e = p.engine
    s = p.hold_living_span()
    had = (e.view.hand.field("base"), e.view.hand.field("npages"))

    def ensures(_: None) -> Claims:
        yield "nothing_is_in_hand", e.view.hand.span is None
        yield from refining.frees(e.view, *had)

    return Start((s, e.fresh("typ")), ensures)


Step = tuple[str, Claims, Callable[[], View]]


def _under_the_lock(p: OwningProtocol, v: View) -> Iterator[Step]:
    """The steps of another thread that holds the lock, as it sees the world."""
    e, s = p.engine, v.hand.span
    both = (e.fresh("base"), e.fresh("npages"))
    asks = each_of(owning.asks_for_region(v), owning.takes_region(v, *both))
    yield "takes a region", asks, lambda: owning.region_taken(v, *both)
    yield "frees a region", owning.frees_region(v, *both), lambda: owning.region_freed(v, *both)
    number = e.fresh("taken")
    yield "takes a span", owning.takes_span(v, number), lambda: owning.span_taken(v, number)
    yield "gives a span back", owning.gives_span_back(v, s), lambda: owning.span_given_back(v, s)
    yield "kills its span", owning.dies(v, s), lambda: owning.dead(v, s)


def _anywhere(p: OwningProtocol, v: View) -> Iterator[Step]:
    """The steps of another thread that need no lock, as it sees the world."""
    e = p.engine
    both, value = (e.fresh("base"), e.fresh("npages")), e.fresh("value")
    here, s = e.fresh_truth("it is the observed page"), v.hand.span
    number = e.fresh("pulled")
    yield "keeps its span", owning.keeps_span(v, s), lambda: owning.span_kept(v, s)
    yield "pulls a span that its P keeps", owning.pulls_span(v, number), lambda: owning.span_pulled(v, number)
    for field in ("base", "npages"):
        yield f"writes {field}", owning.writes_field(v, s), partial(owning.field_written, v, s, field, value)
    yield "brings its span to life", owning.comes_alive(v, s, *both), lambda: owning.alive(v, s, IN_USE, *both)
    yield "maps a page", owning.maps_page(v, here, s), lambda: owning.page_mapped(v, here, s)
    yield "sets an in-use bit", owning.marks_in_use(v, here), lambda: owning.marked_in_use(v, here)
    yield "clears an in-use bit", owning.clears_in_use(v, here), lambda: owning.cleared_in_use(v, here)


def _rely(p: OwningProtocol) -> Start:
    """What another thread does is what I rely on; seen by it, my pages are another thread's."""
    p.begin()
    e = p.engine
    for locked in (False, True):
        me = replace(p.fresh_world(e.view), hand=Hand(span=e.fresh("my span")), locked=locked)
        e.assume_all(owning.sound(me))
        e.assume(implies(me.in_hand, negate(me.world.pooled)))
        name = "I hold the lock" if locked else "I do not hold the lock"
        e.lemma(f"{name}: reflexive", iter([]), owning.rely(me, me), Kind.RELY)
        later, last = p.fresh_world(me), p.fresh_world(me)
        chained = each_of(owning.rely(me, later), owning.rely(later, last))
        e.lemma(f"{name}: transitive", chained, owning.rely(me, last), Kind.RELY)
        for theirs_locked in (False,) if locked else (False, True):
            others(p, me, name, locked=theirs_locked)
    return Start((), lambda _: iter([]))


def others(p: OwningProtocol, me: View, name: str, *, locked: bool) -> None:
    """Each step of another thread, which holds the lock or does not."""
    e = p.engine
    theirs_owner = e.fresh("owner as the other sees it")
    their_span = e.fresh("their span")
    e.assume(all_of(their_span < zeroing.MOST_PAGES, me.hand.span < zeroing.MOST_PAGES))
    fields = (("base", e.fresh("their base")), ("npages", e.fresh("their npages")), ("state", e.fresh("their state")))
    kept = {"kept": e.fresh_truth("kept by their P"), "keeps": e.fresh("what their P keeps")}
    they = replace(me.but(owner=theirs_owner, **kept), hand=Hand(span=their_span, fields=fields), locked=locked)
    mine, owner = me.hand.span, me.world.owner
    apart = [
        ("one_owner", implies(owner == ME, theirs_owner == ANOTHER)),
        ("one_owner", implies(theirs_owner == ME, owner == ANOTHER)),
        ("one_owner", implies(all_of(owner != ME, theirs_owner != ME), owner == theirs_owner)),
        ("spans in hand are held by one thread", mine != their_span),
        ("a span in hand is in no pool", implies(they.in_hand, negate(me.world.pooled))),
        ("a span that my P keeps is not theirs", implies(me.world.kept, negate(any_of(they.in_hand, they.world.kept)))),
        ("a span in my hand is not kept by theirs", implies(me.in_hand, negate(they.world.kept))),
        *owning.sound(they),
    ]
    for step, asks, after in (*_anywhere(p, they), *(_under_the_lock(p, they) if locked else ())):
        seen = after()
        changed = seen.world.owner
        back = ite(changed == ME, ANOTHER, changed)
        now_owner = ite(changed == theirs_owner, owner, back)
        mine_is = {"owner": now_owner, "kept": me.world.kept, "keeps": me.world.keeps}
        now = replace(me, world=replace(seen.world, **mine_is))
        claims = [*apart, *asks, *owning.sound(seen), *_known(they)]
        if me.marking and step == "kills its span":
            claims += following.frees_none_in_use(they)
        e.lemma(f"{name}; another thread {step}", iter(claims), p.rely(me, now), Kind.RELY)


def _known(they: View) -> Claims:
    """What the other thread wrote to its span is there."""
    w, hand = they.world, they.hand
    fields = all_of(
        w.base == they.first(hand.field("base")), w.npages == hand.field("npages"), w.state == hand.field("state")
    )
    yield "its span is as it wrote it", implies(they.in_hand, fields)


def _coupled(p: OwningProtocol) -> Start:
    """From what is true whenever nobody holds the heap lock to the abstract heap's owned pages."""
    p.begin()
    v = p.engine.view
    p.engine.lemma("nobody holds the heap lock", owning.lock_invariant(v), refining.coupled(v))
    return Start((), lambda _: iter([]))


def _one_owner(p: OwningProtocol) -> Start:
    """From the owner of a page to spans that do not overlap."""
    p.begin()
    e = p.engine
    one = e.view
    other = replace(one, span=e.fresh("other span")).but(
        state=e.fresh("state"), base=e.fresh("base"), npages=e.fresh("npages")
    )
    both = [("alive", v.world.state != DEAD) for v in (one, other)]
    both += [("covers", v.covered) for v in (one, other)]
    known = each_of(owning.sound(one), owning.sound(other), iter(both))
    e.lemma("two living spans with one page", known, iter([("no_page_in_two_spans", one.span == other.span)]))
    return Start((), lambda _: iter([]))


ONCE = "a span in hand is freed by one thread (proved: only_the_winner_sweeps; a user frees what it holds, once)"
POOL = f"taking an mspan from the pool and giving it back was judged on every pool of up to {MOST_POOLED} mspans"
GIVEN = (
    "the page allocator gives pages that were free, and a cache pages that it had (proved: scavenged_pages_are_zero)"
)
ALIKE = "scavenging tells of the same owners of pages as this account (searched: refines_the_abstract_heap)"
PREMISES = (ADDRESSES, ONCE, POOL, GIVEN, ALIKE, SEQUENTIAL)

JOBS = (
    Job("owning: start", "the heap begins as it must", OwningProtocol, "", owning_starts),
    Job("owning: rely", "what each thread does is what each other relies on", OwningProtocol, "", _rely, premises=PREMISES),
    Job("set_spans", "it maps exactly its region", OwningProtocol, "set_spans", _set_spans, premises=PREMISES),
    Job(
        "init_span", "a span is built on pages in hand, mapped, then published", OwningProtocol, "init_span", _init_span,
        ("set_spans", "push_swept", "alloc_needs_zero"), premises=PREMISES,
    ),
    Job(
        "alloc_span", "pages and a span are taken under the lock, and the span is built on them", OwningProtocol, "alloc_span",
        _alloc_span, ("pages.alloc", "init_span", "grow", "os.sys_used", *PAGES), premises=PREMISES,
    ),
    Job(
        "free_span_locked", "a span is unpublished, its pages freed, then it dies", OwningProtocol, "free_span_locked",
        _free_span_locked, ("pages.free",), premises=PREMISES,
    ),
    Job("free_manual", "a manual span is freed under the lock", OwningProtocol, "free_manual", _free_manual, ("pages.free",), premises=PREMISES),
    Job(
        "free_span", "a heap span is freed under the lock", OwningProtocol, "free_span", _free_span, ("pages.free",),
        premises=PREMISES,
    ),
    Job("coupled", "the abstract heap owns the pages that are allocated", OwningProtocol, "", _coupled, premises=PREMISES),
    Job("one owner", "no page in two spans", OwningProtocol, "", _one_owner, premises=PREMISES),
)  # fmt: skip
