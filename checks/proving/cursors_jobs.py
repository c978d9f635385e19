"""The proofs of the cursors protocol: the functions of the scavenge index. Read next: theorem.py."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from spanproof.checks.proving.cursors import CursorsProtocol, Signed
from spanproof.checks.proving.engine import WORLD
from spanproof.checks.proving.jobs import Job, Start
from spanproof.checks.proving.obligations import Kind
from spanproof.checks.proving.scavenging import MOST_CHUNKS
from spanproof.checks.proving.start import cursors_starts
from spanproof.checks.proving.zeroing_jobs import SEQUENTIAL, STRONG
from spanproof.impl.heap_cells import HEAP_LOCK
from spanproof.model.contracts import cursors
from spanproof.model.contracts.contract import nothing
from spanproof.model.contracts.cursors import View
from spanproof.model.logic import Claims, all_of, negate
from spanproof.model.releases import Release

HELD, STOPPED = frozenset({HEAP_LOCK}), frozenset({WORLD})


def _find(p: CursorsProtocol) -> Start:
    force = p.engine.fresh_truth("force")
    p.begin(force)
    e = p.engine

    def ensures(found: tuple[Any, Any]) -> Claims:
        return cursors.where_to_look(e.view, *map(e.as_word, found))

    return Start((force,), ensures)


def _tells(p: CursorsProtocol) -> tuple[Any, Any]:
    """Pages of a chunk are told of, under the lock: (the chunk, how many)."""
    p.begin()
    e = p.engine
    ci, npages = e.fresh("ci"), e.fresh("npages")
    e.assume(ci < MOST_CHUNKS)
    e.assume(npages > 0)
    e.assume(npages <= e.geometry.pages_per_chunk)
    e.hold(HELD)
    e.assume_all(cursors.tells(e.view))
    return ci, npages


def _alloc(p: CursorsProtocol) -> Start:
    ci, npages = _tells(p)
    entry, e = p.engine.view, p.engine

    def ensures(_: None) -> Claims:
        word = entry.world.word
        in_use = word.in_use + npages
        full = in_use == e.geometry.pages_per_chunk
        yield from cursors.word_moves(entry, e.view, ci, in_use, all_of(word.has_free, negate(full)))

    return Start((ci, npages), ensures, HELD)


def _free(p: CursorsProtocol) -> Start:
    ci, npages = _tells(p)
    entry, e = p.engine.view, p.engine
    page = e.fresh("page")
    e.assume(page < e.geometry.pages_per_chunk)
    e.assume(page + npages <= e.geometry.pages_per_chunk)

    def ensures(_: None) -> Claims:
        yield from cursors.word_moves(entry, e.view, ci, entry.world.word.in_use - npages, True)
        yield from cursors.is_before_cursor(e.view, ci, page + npages - 1)

    return Start((ci, page, npages), ensures, HELD)


def _set_empty(p: CursorsProtocol) -> Start:
    ci, _ = _tells(p)
    entry, e = p.engine.view, p.engine
    return Start((ci,), lambda _: cursors.word_moves(entry, e.view, ci, entry.world.word.in_use, False), HELD)


def _next_gen(p: CursorsProtocol) -> Start:
    p.begin()
    e = p.engine
    e.hold(STOPPED)
    entry = e.view
    return Start((), lambda _: cursors.generation_begins(entry, e.view), STOPPED)


Step = tuple[str, Claims, View]


def _steps(p: CursorsProtocol, v: View) -> Iterator[Step]:
    """The steps of another thread, as it sees the world."""
    e = p.engine
    for field in ("bg", "force"):
        new = Signed(e.domain, e.fresh_like(0, "new").term)
        after = v.but(**{field: new})
        claims = cursors.moves_cursor(v, getattr(v.world, field), new, forced=field == "force")
        yield f"moves the cursor {field}", iter([*claims, *cursors.sound(after)]), after
    after = v.but(hwm=e.fresh("freed"))
    yield "notes what was freed", cursors.sound(after), after
    after = v.but(low=e.fresh("lower"))
    yield "grows the heap", iter([("it has a chunk", after.world.low >= 1), *cursors.sound(after)]), after
    after = v.but(gen=e.fresh("gen"))
    yield "begins a generation", iter([("the world is stopped", v.stopped)] if not v.stopped else []), after
    after = cursors.word_stored(v, e.fresh("ci"), p.any_data())
    yield "stores a word", cursors.sound(after), after


def _rely(p: CursorsProtocol) -> Start:
    p.begin()
    e = p.engine
    ways = {"nothing": (False, False), "the lock": (True, False), "the world": (False, True)}
    for mine, (locked, stopped) in ways.items():
        me = replace(p.fresh_world(e.view), locked=locked, stopped=stopped)
        e.assume_all(cursors.sound(me))
        later, last = p.fresh_world(me), p.fresh_world(me)
        for name, relation in (("rely", cursors.rely), ("looks", cursors.looks)):
            e.lemma(f"{name}, I hold {mine}: reflexive", nothing(), relation(me, me), Kind.RELY)
            chained = iter([*relation(me, later), *relation(later, last)])
            e.lemma(f"{name}, I hold {mine}: transitive", chained, relation(me, last), Kind.RELY)
        for theirs, (their_lock, their_world) in ways.items():
            if theirs != mine or theirs == "nothing":
                _others(p, me, f"I hold {mine}, it holds {theirs}", locked=their_lock, stopped=their_world)
    return Start((), lambda _: iter([]))


def _others(p: CursorsProtocol, me: View, name: str, *, locked: bool, stopped: bool) -> None:
    """Each step of another thread."""
    e = p.engine
    loaded = Signed(e.domain, e.fresh_like(0, "loaded").term)
    they = replace(me.but(seen=e.fresh_truth("seen")), loaded=loaded, lowest=e.fresh("lowest"))
    they = replace(they, locked=locked, stopped=stopped)
    for step, asks, after in _steps(p, they):
        if step == "stores a word" and not locked:
            continue
        if step == "begins a generation" and not stopped:
            continue
        now = me.but(**{n: getattr(after.world, n) for n in ("bg", "force", "hwm", "low", "gen", "word")})
        e.lemma(f"{name}; another thread {step}", asks, cursors.rely(me, now), Kind.RELY)


def _indexed(release: Release) -> bool:
    return release.scavenge_index


CHUNK_0 = "the first chunk of the address space is never the heap's, so minHeapIdx is not 0 once there are pages"
PREMISES = (STRONG, CHUNK_0, SEQUENTIAL)
P = CursorsProtocol
WORD = ("index.load", "index.store")

JOBS = (
    Job("cursors: start", "the heap begins as it must", P, "", cursors_starts, premises=PREMISES, applies=_indexed),
    Job("cursors: rely", "what each thread does is what each other relies on", P, "", _rely, premises=PREMISES, applies=_indexed),
    Job("index.find", "it lowers its cursor over what it has seen", P, "index.find", _find, WORD[:1], premises=PREMISES, applies=_indexed),
    Job("index.alloc", "the word counts pages that are taken", P, "index.alloc", _alloc, WORD, premises=PREMISES, applies=_indexed),
    Job("index.free", "the word counts pages that are freed, and the forced cursor is raised", P, "index.free", _free, WORD, premises=PREMISES, applies=_indexed),
    Job("index.set_empty", "the word says that nothing is left", P, "index.set_empty", _set_empty, WORD, premises=PREMISES, applies=_indexed),
    Job("index.next_gen", "it raises the background cursor", P, "index.next_gen", _next_gen, premises=PREMISES, applies=_indexed),
)  # fmt: skip
