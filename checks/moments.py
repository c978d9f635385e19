"""The ghosts that promises look at, and the moment of a call or return that a promise is judged on.

Who is where, who wants what and has got how much, what users wrote: each a cell that only this module writes.
Read next: monitor.py.
"""

from collections.abc import Callable
from typing import Any

from immutables import Map

from spanproof.checks.broken import BrokenError
from spanproof.checks.numbering import COUNTED, Numbering, Reading, Update, page_of
from spanproof.checks.observe import Event
from spanproof.impl.access import Access, Cell
from spanproof.impl.heap_cells import RECLAIM_DONE, SWEEP_DRAINED_MASK, HeapCells
from spanproof.impl.page_tree import PageTree
from spanproof.impl.span import ALLOC_STACK, IN_USE, LARGE, Span
from spanproof.model.claim import Moment
from spanproof.model.releases import SweepDone

MSPAN_FUNCTIONS = ("try_alloc_mspan", "alloc_mspan_locked", "free_mspan_locked")

CYCLES = ("gc_cycle", "gc_mark_termination")
"""The functions after which spans wait to be swept."""


class Moments:
    """Keeps the ghosts of one heap, and says what a promise may look at when a function is called or returns."""

    def __init__(self, heap: HeapCells, numbering: Numbering, *, judges_contents: bool) -> None:
        """Find the ghosts. judges_contents: whether a second owner's write breaks live_memory_keeps_its_contents."""
        self.heap, self._judges_contents = heap, judges_contents
        n, g = numbering, heap.geometry
        self._lock = n.of(heap.lock)
        words: tuple[Cell[int], ...] = (heap.sweepdone, heap.sweep_drained, heap.sweepers, heap.active)
        self._done = tuple(n.of(word) for word in words)
        self._spanclass = n.all("mspan.spanclass", range(g.spans))
        self._inside = dict(zip(COUNTED, n.all("ghost.inside", COUNTED), strict=True))
        self._returned = n.all("ghost.returned", range(g.spans))
        self._acquired = n.all("ghost.acquired", range(g.spans))
        self._base = n.all("mspan.base", range(g.spans))
        self._npages = n.all("mspan.npages", range(g.spans))
        self._span_sweepgen = {number: s for s, number in enumerate(n.all("mspan.sweepgen", range(g.spans)))}
        self._credit = n.of(heap.reclaim_credit)
        self._tree = n.of(heap.pages.tree)
        self._cursors = {n.of(heap.index.search_addr_bg.a), n.of(heap.index.search_addr_force.a)}
        self.followed = frozenset({*self._span_sweepgen, self._credit, self._tree, *self._cursors})
        """The cells whose changes move one of these ghosts."""
        self._expected = n.all("ghost.expected", g.pages)
        self._calm = n.of(Cell("ghost.calm"))
        self._wanted, self._freed = n.of(Cell("ghost.wanted")), n.of(Cell("ghost.freed"))
        self._refilled, self._caches = n.of(Cell("ghost.refilled")), n.all("pcache", range(g.ps))
        self._chunk = n.of(Cell("ghost.chunk"))
        self._released, self._kept = n.of(Cell("ghost.released")), n.of(Cell("ghost.kept"))
        self._moved, self._unasked = n.of(Cell("ghost.moved")), n.of(Cell("ghost.unasked"))
        self._owes = n.of(Cell("ghost.owes"))
        self._cycles, self._gen = n.of(Cell("ghost.cycles")), n.of(heap.index.gen)
        self._sets, self._sweepgen = n.all("sweepSpans", range(2)), n.of(heap.sweepgen)
        self._sought, self._state = n.of(Cell("ghost.sought")), n.all("mspan.state", range(g.spans))
        self._mspans = n.all("mspancache", range(g.ps))
        self._index = n.of(heap.reclaim_index)
        self._follows: dict[tuple[str, bool], Callable[[Event, int, Reading], list[Update]]] = {
            ("alloc", False): self._alloc_begins,
            ("alloc_from_cache", False): self._taking_begins,
            ("pages.alloc_to_cache", True): self._filled,
            ("alloc", True): self._alloc_ends,
            ("alloc_span", True): self._span_returned,
            ("free_span_locked", False): self._span_given_back,
            **{(name, False): self._mspans_at_call for name in MSPAN_FUNCTIONS},
            **{(name, True): self._mspans_at_return for name in MSPAN_FUNCTIONS},
            ("gc_cycle", True): self._cycle_ends,
            ("gc_mark_termination", True): self._cycle_ends,
            ("span_of_heap", False): self._looking_begins,
            ("span_of_heap", True): self._looking_ends,
            ("bgscavenge", False): self._scavenging_begins,
            ("bgscavenge", True): self._scavenging_ends,
            ("pages.scavenge_next", True): self._scavenged,
            ("index.find", False): self._finding_begins,
            ("index.find", True): self._finding_ends,
            ("os.sys_huge_page", False): self._asked,
            ("pages.enable_chunk_huge_pages", True): self._enabling_ends,
            ("reclaim", False): self._reclaim_begins,
            ("reclaim", True): self._reclaim_ends,
            ("reclaim_chunk", False): self._chunk_begins,
            ("reclaim_chunk", True): self._chunk_ends,
            ("user.wrote", True): self._user_wrote,
            ("user.gives_up", True): self._user_gives_up,
        }

    def at(self, event: Event, thread: int, read: Reading) -> Moment:
        """What a promise may look at, apart from the state."""
        sweeps = event.function == "sweep"
        return Moment(
            event.function,
            event.returns,
            thread,
            event.args,
            event.result,
            self.heap.release,
            read(self._lock) - 1,
            tuple(read(number) for number in self._acquired) if sweeps else (),
            calm=thread in read(self._calm),
            done=sweeps and self._sweep_done(read),
            large=sweeps and self._large(event.args[0], read),
            owes=thread in read(self._owes),
            given_out=event.function in {"alloc_span", "sweepone"} and self._given_out(read),
            unfilled=event.function == "alloc_from_cache" and event.returns and self._unfilled(event, thread, read),
            wanted=read(self._wanted).get(thread, 0),
            nothing_left=read(self._index) >= RECLAIM_DONE,
            freed=read(self._freed).get(thread, 0),
            chunk=read(self._chunk).get(thread),
            drained=event.function == "reclaim_chunk" and self._drained(read),
            moved=read(self._moved).get(thread, False),
            unasked=len(read(self._unasked).get(thread, ())),
            released=read(self._released).get(thread),
            cycles=read(self._cycles),
            generation=read(self._gen),
            to_sweep=self._to_sweep(read) if event.function in CYCLES and event.returns else (),
            sought=read(self._sought).get(thread),
            kept=(read(self._kept).get(thread, 0), self._mspans_of(thread, read)) if self._mspans else None,
            aligned=self._aligned(event),
            tracing=self.heap.tracing,
        )

    def after_access(
        self, access: Access[Any], thread: int, number: int, change: tuple[Any, Any], read: Reading
    ) -> list[Update]:
        """The ghosts that follow a change of a cell: who acquired which span, who got credit, whose cursor moved."""
        before, after = change
        if number == self._tree:
            return self._enabled(thread, before, after, read)
        if number in self._cursors:
            return self._cursor_moved(thread, read)
        if number == self._credit:
            return self._got(thread, before - after, read)
        s = self._span_sweepgen.get(number)
        if s is None or access.kind == "write":
            return []
        return [(self._acquired[s], thread if after % 2 else -1)]

    def after(self, event: Event, thread: int, read: Reading) -> list[Update]:
        """The ghosts that follow a call or a return."""
        updates = self._disturbed(event, thread, read)
        if event.function in self._inside:
            number = self._inside[event.function]
            updates.append((number, read(number) + (-1 if event.returns else 1)))
        follow = self._follows.get((event.function, event.returns))
        return updates if follow is None else updates + follow(event, thread, read)

    def _disturbed(self, event: Event, thread: int, read: Reading) -> list[Update]:
        """Which threads are in scavenge_all with nobody else at work since they began."""
        calm: frozenset[int] = read(self._calm)
        now = calm
        if event.function == "scavenge_all":
            busy = any(read(number) for number in self._inside.values())
            now = calm - {thread} if event.returns or busy else frozenset({thread})
        elif calm and not event.returns and not event.function.startswith("user."):
            now = calm & {thread}
        return [] if now == calm else [(self._calm, now)]

    def _aligned(self, event: Event) -> bool:
        return self.heap.aligned_stacks and event.function == "alloc_manual" and event.args[1] == ALLOC_STACK

    def _large(self, s: Span, read: Reading) -> bool:
        return bool(read(self._spanclass[s.number]) == LARGE)

    def _sweep_done(self, read: Reading) -> bool:
        """What is_sweep_done would say now."""
        sweepdone, drained, sweepers, active = (int(read(number)) for number in self._done)
        form = self.heap.release.sweep_done
        if form is SweepDone.SWEEPDONE:
            return bool(sweepdone)
        if form is SweepDone.DRAINED_AND_SWEEPERS:
            return bool(drained) and sweepers == 0
        return active == SWEEP_DRAINED_MASK

    def _given_out(self, read: Reading) -> bool:
        """What is_sweep_done looks at that does not change back before the next cycle."""
        sweepdone, drained, _, active = (int(read(number)) for number in self._done)
        form = self.heap.release.sweep_done
        if form is SweepDone.ACTIVE:
            return active & SWEEP_DRAINED_MASK != 0
        return bool(sweepdone if form is SweepDone.SWEEPDONE else drained)

    def _to_sweep(self, read: Reading) -> tuple[int, ...]:
        """How often each span is named among those to sweep."""
        sg: int = read(self._sweepgen)
        named: tuple[Span, ...] = read(self._sets[1 - sg // 2 % 2]).spans
        return tuple(named.count(Span(s)) for s in range(self.heap.geometry.spans))

    def _drained(self, read: Reading) -> bool:
        """What begin_sweep looks at: nobody may begin to sweep any more."""
        return self.heap.release.sweep_done is SweepDone.ACTIVE and bool(read(self._done[3]) & SWEEP_DRAINED_MASK)

    def _mspans_of(self, thread: int, read: Reading) -> int:
        """How many mspans the thread's P keeps."""
        return len(read(self._mspans[thread]).spans)

    def _alloc_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        seen = hasattr(self.heap, "reclaim")  # a heap of a user's may do without
        return [(self._owes, read(self._owes) | {thread})] if seen else []

    def _alloc_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._owes, read(self._owes) - {thread})]

    def _taking_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._refilled, read(self._refilled) - {thread})]

    def _filled(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._refilled, read(self._refilled) | {thread})]

    def _unfilled(self, event: Event, thread: int, read: Reading) -> bool:
        """Whether it gave nothing, and the cache is empty, and nobody has tried to fill it."""
        base, _ = event.result
        empty: bool = read(self._caches[thread]).empty()
        return base == 0 and empty and thread not in read(self._refilled)

    def _span_returned(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [] if event.result is None else [(self._returned[event.result.number], 1)]

    def _span_given_back(self, event: Event, thread: int, read: Reading) -> list[Update]:
        s: int = event.args[0].number
        freed: Map[int, int] = read(self._freed)
        updates: list[Update] = [(self._returned[s], 0)]
        if thread in freed:
            updates.append((self._freed, freed.set(thread, freed[thread] + read(self._npages[s]))))
        return updates

    def _reclaim_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:
        return [(self._wanted, read(self._wanted).set(thread, event.args[0]))]

    def _reclaim_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._wanted, read(self._wanted).delete(thread)), (self._owes, read(self._owes) - {thread})]

    def _chunk_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:
        return [
            (self._freed, read(self._freed).set(thread, 0)),
            (self._chunk, read(self._chunk).set(thread, event.args)),
        ]

    def _chunk_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:
        left = [(self._freed, read(self._freed).delete(thread)), (self._chunk, read(self._chunk).delete(thread))]
        return [*left, *self._got(thread, event.result, read)]

    def _scavenging_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        seen = hasattr(self.heap.PageAlloc, "scavenge_next")  # a heap of a user's may do without
        return [(self._released, read(self._released).set(thread, 0 if seen else None))]

    def _scavenging_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._released, read(self._released).delete(thread))]

    def _scavenged(self, event: Event, thread: int, read: Reading) -> list[Update]:
        """How much the background scavenger has returned; None once it has found nothing."""
        released: Map[int, int | None] = read(self._released)
        if thread not in released:
            return []
        more, found = event.result
        return [(self._released, released.set(thread, (released[thread] or 0) + more if found else None))]

    def _finding_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._moved, read(self._moved).set(thread, False))]

    def _finding_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._moved, read(self._moved).delete(thread))]

    def _cursor_moved(self, thread: int, read: Reading) -> list[Update]:
        moved: Map[int, bool] = read(self._moved)
        now = Map({t: was or t != thread for t, was in moved.items()})
        return [] if now == moved else [(self._moved, now)]

    def _enabled(self, thread: int, before: PageTree, after: PageTree, read: Reading) -> list[Update]:
        """Who lets bitmaps lie on huge pages asks for those of all groups but the last of each range, as Go does."""
        if before.chunk_huge_pages or not after.chunk_huge_pages:
            return []
        g, ranges = self.heap.geometry, (after.in_use.at(n) for n in range(after.in_use.count))
        ends = ((g.chunk_index(r.base), g.chunk_index(r.limit - 1)) for r in ranges)
        groups = frozenset(
            group for first, last in ends for group in range(first >> g.chunks_l2_bits, last >> g.chunks_l2_bits)
        )
        return [(self._unasked, read(self._unasked).set(thread, groups))]

    def _asked(self, event: Event, thread: int, read: Reading) -> list[Update]:
        unasked: Map[int, frozenset[int]] = read(self._unasked)
        return [(self._unasked, unasked.set(thread, unasked[thread] - {event.args[0]}))] if thread in unasked else []

    def _enabling_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        unasked: Map[int, frozenset[int]] = read(self._unasked)
        return [(self._unasked, unasked.delete(thread))] if thread in unasked else []

    def _cycle_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._cycles, read(self._cycles) + 1)]

    def _looking_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:
        page, spans = page_of(self.heap, event.args[0]), range(self.heap.geometry.spans)
        owned = (s for s in spans if read(self._returned[s]) and read(self._state[s]) == IN_USE)
        firsts = ((s, page_of(self.heap, read(self._base[s]))) for s in owned)
        found = next((s for s, first in firsts if first <= page < first + read(self._npages[s])), None)
        return [(self._sought, read(self._sought).set(thread, found))]

    def _looking_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._sought, read(self._sought).delete(thread))]

    def _mspans_at_call(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._kept, read(self._kept).set(thread, self._mspans_of(thread, read)))] if self._mspans else []

    def _mspans_at_return(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._kept, read(self._kept).delete(thread))] if self._mspans else []

    def _got(self, thread: int, npages: int, read: Reading) -> list[Update]:
        """What a thread in reclaim still wants once it has got so many pages, or given some to the credit."""
        wanted: Map[int, int] = read(self._wanted)
        return [(self._wanted, wanted.set(thread, wanted[thread] - npages))] if thread in wanted else []

    def _user_wrote(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        page, mark = event.args
        place: int = page - self.heap.geometry.pages.start
        number = self._expected[place]
        if read(number) != 0 and self._judges_contents:
            raise BrokenError("live_memory_keeps_its_contents", f"page {page} is written by a second owner")
        return [(number, mark)]

    def _user_gives_up(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        s: int = event.args[0].number
        first = page_of(self.heap, read(self._base[s]))
        limit: int = first + read(self._npages[s])
        return [(number, 0) for number in self._expected[first:limit]]
