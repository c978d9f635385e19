"""Judges every step: the invariants, the promises at calls and returns, the abstract heap, and the ghosts' bookkeeping.

The same monitor serves every engine. It is given the values of the cells by number and answers with the ghosts' new
values, or raises `BrokenError` with the claim and what was seen. Read next: programs.py.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from immutables import Map

from spanproof.checks.numbering import COUNTED, Numbering, Reading
from spanproof.checks.observe import Event, Observer
from spanproof.impl.access import Access, Cell
from spanproof.impl.heap_cells import RECLAIM_DONE, SWEEP_DRAINED_MASK, HeapCells
from spanproof.impl.os_memory import ALWAYS
from spanproof.impl.span import LARGE, Span
from spanproof.model.claim import Claim, Moment, Promise, StepInvariant
from spanproof.model.claims import PROMISES, REFUSAL
from spanproof.model.invariants import INVARIANTS, STEP_INVARIANTS
from spanproof.model.releases import SweepDone
from spanproof.model.spec import PADDED, SCAVENGERS, AbstractHeap, RefusedError
from spanproof.model.state import HeapState

Update = tuple[int, Any]
MSPAN_FUNCTIONS = ("try_alloc_mspan", "alloc_mspan_locked", "free_mspan_locked")


class BrokenError(Exception):
    """A claim was seen broken: its name, and what was seen."""

    def __init__(self, claim: str, detail: str) -> None:
        """Name the claim and say what was seen."""
        super().__init__(f"{claim}: {detail}")
        self.claim, self.detail = claim, detail
        self.schedule: tuple[int, ...] = ()
        """The way there, where an engine knows it."""


class Monitor:
    """The claims, ready to be judged on one heap."""

    def __init__(self, heap: HeapCells, numbering: Numbering, only: str | None = None) -> None:
        """Find the cells that each claim reads. With `only`, no other claim is judged."""
        self.only = only
        self.heap, self.numbering, self.observer = heap, numbering, Observer(numbering)
        n, g = numbering, heap.geometry
        self._lock = n.of(heap.lock)
        self._sweepgen = n.of(heap.sweepgen)
        words: tuple[Cell[int], ...] = (heap.sweepdone, heap.sweep_drained, heap.sweepers, heap.active)
        self._done = tuple(n.of(word) for word in words)
        self._spanclass = n.all("mspan.spanclass", range(g.spans))
        self._inside = dict(zip(COUNTED, n.all("ghost.inside", COUNTED), strict=True))
        self._returned = n.all("ghost.returned", range(g.spans))
        self._acquired = n.all("ghost.acquired", range(g.spans))
        self._base = n.all("mspan.base", range(g.spans))
        self._npages = n.all("mspan.npages", range(g.spans))
        self._span_sweepgen = {number: s for s, number in enumerate(n.all("mspan.sweepgen", range(g.spans)))}
        self.acquiring = frozenset({*self._span_sweepgen, n.of(heap.pages.tree), n.of(heap.reclaim_credit)})
        """The cells whose changes move a ghost: each span's sweepgen, the pages, reclaimed credit."""
        self._expected = n.all("ghost.expected", g.pages)
        self._abstract = n.of(Cell("ghost.abstract"))
        self._calm = n.of(Cell("ghost.calm"))
        self._wanted, self._freed = n.of(Cell("ghost.wanted")), n.of(Cell("ghost.freed"))
        self._released, self._kept = n.of(Cell("ghost.released")), n.of(Cell("ghost.kept"))
        self._cycles, self._gen = n.of(Cell("ghost.cycles")), n.of(heap.index.gen)
        self._mspans = n.all("mspancache", range(g.ps))
        self._credit, self._index = n.of(heap.reclaim_credit), n.of(heap.reclaim_index)
        self._tree = n.of(heap.pages.tree)
        has = [i for i in INVARIANTS if not i.column or getattr(heap.release, i.column)]
        has = [i for i in has if not i.switch or getattr(heap, i.switch)]
        self.invariants = [(i, self.observer.cells(i.reads)) for i in has if self._judged(i)]
        self._no_heap = AbstractHeap(grants=None if heap.reservations == ALWAYS else heap.reservations)
        self._step_invariants: dict[int, list[StepInvariant]] = {}
        for step_invariant in filter(self._judged, STEP_INVARIANTS):
            for number in self.observer.cells(step_invariant.reads):
                self._step_invariants.setdefault(number, []).append(step_invariant)
        self.watched_steps = {
            number: tuple(dict.fromkeys(c for i in found for c in self.observer.cells(i.reads)))
            for number, found in self._step_invariants.items()
        }
        """Cells whose changes are judged as steps -> the cells that the judgement reads."""
        self._promises: dict[tuple[str, bool], list[Promise]] = {}
        for promise in filter(self._judged, PROMISES):
            for function in promise.functions:
                self._promises.setdefault((function, promise.at_return), []).append(promise)
        self._bookkeeping: dict[tuple[str, bool], Callable[[Event, int, Reading], list[Update]]] = {
            ("grow", False): self._growth_begins,
            ("grow", True): self._growth_ends,
            ("sys_alloc", True): self._arenas_reserved,
            ("pages.alloc", True): self._pages_alloc,
            ("pages.free", False): self._pages_free,
            ("pages.grow", True): self._pages_grow,
            ("pages.mark_random_padding_pages", True): self._pages_padded,
            ("pages.alloc_to_cache", True): self._cache_filled,
            ("pages.flush", True): self._cache_flushed,
            ("alloc_from_cache", True): self._cache_alloc,
            ("alloc_phys_page_aligned", True): self._aligned_alloc,
            ("alloc_span", True): self._span_returned,
            ("free_span_locked", False): self._span_given_back,
            **{(name, False): self._mspans_at_call for name in MSPAN_FUNCTIONS},
            **{(name, True): self._mspans_at_return for name in MSPAN_FUNCTIONS},
            ("gc_cycle", True): self._cycle_ends,
            ("bgscavenge", False): self._scavenging_begins,
            ("bgscavenge", True): self._scavenging_ends,
            ("pages.scavenge_next", True): self._scavenged,
            ("reclaim", False): self._reclaim_begins,
            ("reclaim", True): self._reclaim_ends,
            ("reclaim_chunk", False): self._chunk_begins,
            ("reclaim_chunk", True): self._chunk_ends,
            ("user.wrote", True): self._user_wrote,
            ("user.gives_up", True): self._user_gives_up,
        }

    def judges(self, claim: str) -> bool:
        """Whether this claim is judged at all."""
        return self.only in (None, claim)

    def _judged(self, claim: Claim) -> bool:
        return self.only == claim.name or (self.only is None and not claim.finding)

    def is_refusal(self, broken: BrokenError, access: Access[Any], before: Any) -> bool:
        """Whether a step ended the run as Go ends it where the system refuses memory: that breaks no claim.

        before: the value that the access's cell had.
        """
        return broken.claim == REFUSAL and access.cell == self.heap.os.mappings_left and before <= 0

    def state(self, read: Reading, fields: tuple[str, ...]) -> HeapState:
        """A snapshot of these fields."""
        return self.observer.state(read, fields)

    def after_access(
        self, access: Access[Any], thread: int, number: int, change: tuple[Any, Any], read: Reading
    ) -> list[Update]:
        """The ghosts that follow an access that changed its cell: who acquired which span, what was borrowed or taken.

        change: the value of the cell before and after. read: reads the ghosts.
        """
        after = change[1]
        if number == self._tree:
            return self._borrowed(access, change, read)
        if number == self._credit:
            return self._got(thread, change[0] - change[1], read)
        s = self._span_sweepgen.get(number)
        if s is None or access.kind == "write":
            return []
        return [(self._acquired[s], thread if after % 2 else -1)]

    def event(self, event: Event, thread: int, read: Reading) -> list[Update]:
        """Judge a call or a return, and give the ghosts that follow it."""
        key = event.function, event.returns
        for promise in self._promises.get(key, ()):
            self._judge(promise, event, thread, read)
        updates: list[Update] = self._disturbed(event, thread, read)
        if event.function in self._inside:
            number = self._inside[event.function]
            updates.append((number, read(number) + (-1 if event.returns else 1)))
        bookkeeping = self._bookkeeping.get(key)
        return updates if bookkeeping is None else updates + bookkeeping(event, thread, read)

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

    def _borrowed(self, access: Access[Any], change: tuple[Any, Any], read: Reading) -> list[Update]:
        """What a scavenger takes so that nobody else is given it, and gives back."""
        name = access.args[0].__name__ if access.kind == "update" else ""
        if name not in {"take_candidate", "give_back"}:
            return []
        ci: int = access.args[1]
        before, after = (tree.chunk_of(ci).alloc.number for tree in change)
        first = self._page(self.heap.geometry.chunk_base(ci))
        pages = [first + i for i in range(self.heap.geometry.pages_per_chunk) if (before ^ after) >> i & 1]
        if name == "take_candidate":
            return self._stepped(lambda heap: heap.own(pages, SCAVENGERS), read)
        return self._stepped(lambda heap: heap.give_back(pages, SCAVENGERS), read)

    def _judge(self, promise: Promise, event: Event, thread: int, read: Reading) -> None:
        moment = Moment(
            event.function,
            event.returns,
            thread,
            event.args,
            event.result,
            self.heap.release,
            read(self._lock) - 1,
            tuple(read(number) for number in self._acquired) if event.function == "sweep" else (),
            calm=thread in read(self._calm),
            done=event.function == "sweep" and self._sweep_done(read),
            large=event.function == "sweep" and self._large(event.args[0], read),
            wanted=read(self._wanted).get(thread, 0),
            nothing_left=read(self._index) >= RECLAIM_DONE,
            freed=read(self._freed).get(thread, 0),
            drained=event.function == "reclaim_chunk" and self._drained(read),
            released=read(self._released).get(thread),
            cycles=read(self._cycles),
            generation=read(self._gen),
            kept=(read(self._kept).get(thread, 0), self._mspans_of(thread, read)) if self._mspans else None,
        )
        if not promise.holds(self.state(read, promise.reads), moment):
            raise BrokenError(promise.name, f"{event.function} {_said(event)}")

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

    def _drained(self, read: Reading) -> bool:
        """What begin_sweep looks at: nobody may begin to sweep any more."""
        return self.heap.release.sweep_done is SweepDone.ACTIVE and bool(read(self._done[3]) & SWEEP_DRAINED_MASK)

    def _mspans_of(self, thread: int, read: Reading) -> int:
        """How many mspans the thread's P keeps."""
        return len(read(self._mspans[thread]).spans)

    def _page(self, address: int) -> int:
        return (address - self.heap.geometry.heap_base) // self.heap.geometry.page_size

    def _abstract_heap(self, read: Reading) -> AbstractHeap:
        return read(self._abstract) or self._no_heap

    def _gave(self, event: Event, base: int, page: int | None) -> None:
        """Judge the address that was given against the page that the abstract heap gives."""
        given = None if base == 0 else self._page(base)
        if given != page and self.judges("refines_the_abstract_heap"):
            said = f"{event.function}({event.args[0]}) gave {_address(base)}, the abstract heap page {page} of the heap"
            raise BrokenError("refines_the_abstract_heap", said)

    def _pages_alloc(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        heap, page = self._abstract_heap(read).alloc(event.args[0])
        self._gave(event, event.result[0], page)
        return [(self._abstract, heap)]

    def _aligned_alloc(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        """Pages found with some to spare, and of these those that begin at a page of the system's."""
        npages, g, heap = event.args[0], self.heap.geometry, self._abstract_heap(read)
        spare = g.phys_page_size // g.page_size
        found = heap.first_fit(npages + spare)
        page = None if found is None else -(-found // spare) * spare
        self._gave(event, event.result[0], page)
        return [] if page is None else self._stepped(lambda heap: heap.own(range(page, page + npages)), read)

    def _cache_alloc(self, event: Event, thread: int, read: Reading) -> list[Update]:
        heap, page = self._abstract_heap(read).from_cache(event.args[0], thread)
        self._gave(event, event.result[0], page)
        return [(self._abstract, heap)]

    def _cache_filled(self, event: Event, thread: int, read: Reading) -> list[Update]:
        g, c = self.heap.geometry, event.result
        heap, pages = self._abstract_heap(read).to_cache(g.pages_per_block, thread)
        given = frozenset(self._page(c.base) + i for i in range(c.cache.bit_length()) if c.cache >> i & 1)
        if given != pages and self.judges("refines_the_abstract_heap"):
            said = f"pages.alloc_to_cache gave pages {sorted(given)}, the abstract heap {sorted(pages)}"
            raise BrokenError("refines_the_abstract_heap", said)
        return [(self._abstract, heap)]

    def _cache_flushed(self, event: Event, thread: int, read: Reading) -> list[Update]:
        c = event.args[0]
        pages = [self._page(c.base) + i for i in range(c.cache.bit_length()) if c.cache >> i & 1]
        return self._stepped(lambda heap: heap.give_back(pages, thread), read)

    def _pages_free(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        base, npages = event.args
        return self._stepped(lambda heap: heap.free(self._page(base), npages), read)

    def _pages_grow(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        base, size = event.args
        return self._stepped(lambda heap: heap.grow(self._page(base), size // self.heap.geometry.page_size), read)

    def _growth_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return self._stepped(lambda heap: replace(heap, grown=0), read)

    def _growth_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        """It says how many bytes came."""
        grown = self._abstract_heap(read).grown * self.heap.geometry.page_size
        if event.result[0] != grown and self.judges("refines_the_abstract_heap"):
            said = f"grow({event.args[0]}) says {event.result[0]} bytes, the abstract heap grew by {grown}"
            raise BrokenError("refines_the_abstract_heap", said)
        return self._stepped(lambda heap: replace(heap, grown=0), read)

    def _arenas_reserved(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        """The next arenas, or none where the address space ends or the system refuses."""
        g, nbytes = self.heap.geometry, event.args[0]
        narenas = -(-nbytes // g.arena_size)
        left = self._abstract_heap(read).left(g.arena_gap, g.pages_per_arena) * g.page_size
        if left >= nbytes and self.judges("refines_the_abstract_heap"):
            said = f"sys_alloc({nbytes}) is asked, in the abstract heap {left} bytes are left"
            raise BrokenError("refines_the_abstract_heap", said)
        heap, first = self._abstract_heap(read).reserve(narenas, g.arena_gap, g.arenas)
        expected = (0, 0) if first is None else (g.arena_base(g.first_arena + first), narenas * g.arena_size)
        if event.result != expected and self.judges("refines_the_abstract_heap"):
            said = f"sys_alloc({nbytes}) gave {event.result}, the abstract heap {expected}"
            raise BrokenError("refines_the_abstract_heap", said)
        return [(self._abstract, heap)]

    def _pages_padded(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        base, npages = event.args
        pages = range(self._page(base), self._page(base) + npages)
        return self._stepped(lambda heap: heap.own(pages, PADDED), read)

    def _stepped(self, step: Callable[[AbstractHeap], AbstractHeap], read: Reading) -> list[Update]:
        """The abstract heap after a step that it may refuse."""
        try:
            return [(self._abstract, step(self._abstract_heap(read)))]
        except RefusedError as e:
            if self.judges("refines_the_abstract_heap"):
                raise BrokenError("refines_the_abstract_heap", str(e)) from None
            return []

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
        return [(self._wanted, read(self._wanted).delete(thread))]

    def _chunk_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._freed, read(self._freed).set(thread, 0))]

    def _chunk_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:
        return [(self._freed, read(self._freed).delete(thread)), *self._got(thread, event.result, read)]

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

    def _cycle_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._cycles, read(self._cycles) + 1)]

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
        if read(number) != 0 and self.judges("live_memory_keeps_its_contents"):
            raise BrokenError("live_memory_keeps_its_contents", f"page {page} is written by a second owner")
        return [(number, mark)]

    def _user_gives_up(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        s: int = event.args[0].number
        first = self._page(read(self._base[s]))
        limit: int = first + read(self._npages[s])
        return [(number, 0) for number in self._expected[first:limit]]

    def broken_invariant(self, changed: frozenset[int], read: Reading) -> str | None:
        """The first invariant, in reading order, that reads a changed cell and does not hold; or None."""
        for invariant, cells in self.invariants:
            if not changed.isdisjoint(cells) and not invariant.holds(self.state(read, invariant.reads)):
                return invariant.name
        return None

    def broken_step(self, number: int, before: Reading, after: Reading) -> str | None:
        """The first step invariant that does not hold of a change of this cell; or None."""
        for invariant in self._step_invariants.get(number, ()):
            reads = invariant.reads
            if not invariant.holds(self.state(before, reads), self.state(after, reads)):
                return invariant.name
        return None

    def describe_step(self, number: int, before: Any, after: Any) -> str:
        """What was seen when a step invariant broke."""
        return f"{self.numbering.names[number]} went from {before} to {after}"

    def describe(self, changed: frozenset[int], read: Reading) -> str:
        """What was seen when an invariant broke: the cells that the step changed, ghosts only if alone."""
        real = [n for n in sorted(changed) if n < self.numbering.ghosts_from] or sorted(changed)
        return "after " + ", ".join(f"{self.numbering.names[n]} = {read(n)}" for n in real)


def _address(base: int) -> str:
    return "no memory" if base == 0 else hex(base)


def _said(event: Event) -> str:
    args = ", ".join(str(arg) for arg in event.args)
    return f"returns {_text(event.result)} for ({args})" if event.returns else f"is called with ({args})"


def _text(result: Any) -> str:
    return "(" + ", ".join(str(r) for r in result) + ")" if isinstance(result, tuple) else str(result)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
