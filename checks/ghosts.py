"""The ghosts that promises look at, and how they follow what threads do.

Who is where, who wants what and has got how much, what users wrote: each a cell that only this module writes.
Read next: monitor.py.
"""

from collections.abc import Callable
from typing import Any

from spanproof.checks.broken import BrokenError
from spanproof.checks.numbering import COUNTED, OF_A_THREAD, Numbering, Reading, Update, page_of
from spanproof.checks.observe import Event
from spanproof.checks.seen_moment import NOTHING_FOUND
from spanproof.impl.access import Access, Cell
from spanproof.impl.heap_cells import HeapCells
from spanproof.impl.page_tree import PageTree
from spanproof.impl.span import IN_USE

FREEING = ("free_span", "free_manual")
MSPAN_FUNCTIONS = ("try_alloc_mspan", "alloc_mspan_locked", "free_mspan_locked")


class Ghosts:
    """Keeps the ghosts of one heap."""

    def __init__(self, heap: HeapCells, numbering: Numbering, *, judges_contents: bool) -> None:
        """Find the ghosts. judges_contents: whether a second owner's write breaks live_memory_keeps_its_contents."""
        self.heap, self._judges_contents = heap, judges_contents
        n, g = numbering, heap.geometry
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
        of = {name: n.all(f"ghost.{name}", range(n.threads)) for name in OF_A_THREAD}
        self._owes, self._wanted, self._freed, self._chunk = of["owes"], of["wanted"], of["freed"], of["chunk"]
        self._refilled, self._released, self._kept, self._moved = (
            of["refilled"],
            of["released"],
            of["kept"],
            of["moved"],
        )
        self._unasked, self._sought = of["unasked"], of["sought"]
        self._cycles = n.of(Cell("ghost.cycles"))
        self._state = n.all("mspan.state", range(g.spans))
        self._mspans = n.all("mspancache", range(g.ps))
        self._follows: dict[tuple[str, bool], Callable[[Event, int, Reading], list[Update]]] = {
            ("alloc", False): self._alloc_begins,
            ("alloc_from_cache", False): self._taking_begins,
            ("pages.alloc_to_cache", True): self._filled,
            ("alloc", True): self._alloc_ends,
            ("alloc_span", True): self._span_returned,
            ("free_span_locked", False): self._span_given_back,
            **{(name, False): self._freeing_begins for name in FREEING},
            **{(name, True): self._freeing_ends for name in FREEING},
            ("pages.free", False): self._pages_given_back,
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

    def after_access(
        self, access: Access[Any], thread: int, number: int, change: tuple[Any, Any], read: Reading
    ) -> list[Update]:
        """The ghosts that follow a change of a cell: who acquired which span, who got credit, whose cursor moved."""
        before, after = change
        if number == self._tree:
            return self._enabled(thread, before, after)
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

    def _mspans_of(self, thread: int, read: Reading) -> int:
        """How many mspans the thread's P keeps."""
        return len(read(self._mspans[thread]).spans)

    def _alloc_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        seen = hasattr(self.heap, "reclaim")  # a heap of a user's may do without
        return [(self._owes[thread], True)] if seen else []

    def _alloc_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._owes[thread], None)]

    def _taking_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._refilled[thread], None)]

    def _filled(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._refilled[thread], True)]

    def _span_returned(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [] if event.result is None else [(self._returned[event.result.number], 1)]

    def _span_given_back(self, event: Event, thread: int, read: Reading) -> list[Update]:
        s: int = event.args[0].number
        updates: list[Update] = [(self._returned[s], 0)]
        if read(self._chunk[thread]) is not None:
            updates.append((self._freed[thread], read(self._freed[thread]) + read(self._npages[s])))
        return updates

    def _freeing_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        seen = hasattr(self.heap.PageAlloc, "free")  # a heap of a user's may do without
        return [] if read(self._chunk[thread]) is not None else [(self._freed[thread], 0 if seen else 1)]

    def _freeing_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [] if read(self._chunk[thread]) is not None else [(self._freed[thread], None)]

    def _pages_given_back(self, event: Event, thread: int, read: Reading) -> list[Update]:
        """By a thread that frees a span, outside of reclaim_chunk, which counts spans."""
        if read(self._chunk[thread]) is not None or read(self._freed[thread]) is None:
            return []
        return [(self._freed[thread], event.args[1])]

    def _reclaim_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._wanted[thread], event.args[0])]

    def _reclaim_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._wanted[thread], None), (self._owes[thread], None)]

    def _chunk_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._freed[thread], 0), (self._chunk[thread], event.args)]

    def _chunk_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:
        left = [(self._freed[thread], None), (self._chunk[thread], None)]
        return [*left, *self._got(thread, event.result, read)]

    def _scavenging_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        seen = hasattr(self.heap.PageAlloc, "scavenge_next")  # a heap of a user's may do without
        return [(self._released[thread], 0 if seen else NOTHING_FOUND)]

    def _scavenging_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._released[thread], None)]

    def _scavenged(self, event: Event, thread: int, read: Reading) -> list[Update]:
        """How much the background scavenger has returned, or that it has found nothing."""
        released: int | None = read(self._released[thread])
        if released is None:
            return []
        more, found = event.result
        return [(self._released[thread], max(released, 0) + more if found else NOTHING_FOUND)]

    def _finding_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._moved[thread], False)]

    def _finding_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._moved[thread], None)]

    def _cursor_moved(self, thread: int, read: Reading) -> list[Update]:
        """Each other thread that is in find is told."""
        return [(n, True) for t, n in enumerate(self._moved) if t != thread and read(n) is False]

    def _enabled(self, thread: int, before: PageTree, after: PageTree) -> list[Update]:
        """Who lets bitmaps lie on huge pages asks for those of all groups but the last of each range, as Go does."""
        if before.chunk_huge_pages or not after.chunk_huge_pages:
            return []
        g, ranges = self.heap.geometry, (after.in_use.at(n) for n in range(after.in_use.count))
        ends = ((g.chunk_index(r.base), g.chunk_index(r.limit - 1)) for r in ranges)
        groups = frozenset(
            group for first, last in ends for group in range(first >> g.chunks_l2_bits, last >> g.chunks_l2_bits)
        )
        return [(self._unasked[thread], groups)]

    def _asked(self, event: Event, thread: int, read: Reading) -> list[Update]:
        unasked: frozenset[int] | None = read(self._unasked[thread])
        return [] if unasked is None else [(self._unasked[thread], unasked - {event.args[0]})]

    def _enabling_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._unasked[thread], None)]

    def _cycle_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._cycles, read(self._cycles) + 1)]

    def _looking_begins(self, event: Event, thread: int, read: Reading) -> list[Update]:
        page, spans = page_of(self.heap, event.args[0]), range(self.heap.geometry.spans)
        owned = (s for s in spans if read(self._returned[s]) and read(self._state[s]) == IN_USE)
        firsts = ((s, page_of(self.heap, read(self._base[s]))) for s in owned)
        found = next((s for s, first in firsts if first <= page < first + read(self._npages[s])), None)
        return [(self._sought[thread], found)]

    def _looking_ends(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._sought[thread], None)]

    def _mspans_at_call(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._kept[thread], self._mspans_of(thread, read))] if self._mspans else []

    def _mspans_at_return(self, event: Event, thread: int, read: Reading) -> list[Update]:  # noqa: ARG002  # one signature
        return [(self._kept[thread], None)] if self._mspans else []

    def _got(self, thread: int, npages: int, read: Reading) -> list[Update]:
        """What a thread in reclaim still wants once it has got so many pages, or given some to the credit."""
        wanted: int | None = read(self._wanted[thread])
        return [] if wanted is None else [(self._wanted[thread], wanted - npages)]

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
