"""The reference's text on a small program, under a schedule that is given.

Read next: scheduling.py.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from spanproof.checks.golang.interleaving.steps import (
    CELLS,
    DEADLOCK,
    DONE,
    ENDLESS,
    KINDS,
    MASK,
    THROWN,
    Told,
    end_said,
    number_of,
    word_of,
)
from spanproof.checks.golang.interleaving.trials import GEOMETRY, Call, Ended, Trial
from spanproof.impl.access import BLOCKED, PLAIN, Access, Cell, Throw, perform
from spanproof.impl.heap_cells import ArenaList
from spanproof.impl.malloc import Runtime
from spanproof.impl.span import Span
from spanproof.impl.sweep import SweepLocker
from spanproof.model.releases import Release


class Reference:
    """The reference's text on a trial, schedule by schedule."""

    def __init__(self, trial: Trial, heap_class: type[Runtime], release: Release) -> None:
        """Do what was done before."""
        self.trial = trial
        self.heap = sweeping_at_once(heap_class)(GEOMETRY, release)
        self.values: dict[tuple[str, Any], Any] = {}
        self.pending: list[Access[Any] | None] = []
        self.results: list[list[int]] = []
        self.steps: list[int] = []
        self.threads: list[Any] = []
        self.thrown = False
        self._lived()
        for span in trial.spans:
            for page in range(span.base // GEOMETRY.page_size, span.base // GEOMETRY.page_size + span.npages):
                self.values["spans", page] = Span(span.number) if span.mapped else None
            self.values["mspan.npages", span.number] = span.npages
            self.values["mspan.base", span.number] = span.base
        self.values |= {(name, index): value for name, index, value in trial.words}
        touched = {key for key in self.values if key[0] in CELLS}
        self.words = sorted({*touched, *self._named()}, key=lambda key: number_of(*key))
        for name, index in self.words:
            self._value(Cell(name, index))
        self.initial = dict(self.values)

    def _lived(self) -> None:
        """Do what was done before, one access after the other."""
        alone, answer = self._calls(self.trial.before, []), None
        try:
            while True:
                access = alone.send(answer)
                cell = access.cell
                self.values[cell.name, cell.index], answer = perform(access, self._value(cell), 0)
        except StopIteration:
            return

    def _named(self) -> Iterator[tuple[str, Any]]:
        """The words that the trial is about, touched before or not."""
        yield from ((name, None) for name in CELLS if name not in ("zeroedBase", "scav.chunks", "spans"))
        for call in (call for calls in self.trial.threads for call in calls):
            if call.name == "alloc_needs_zero":
                base, npages = call.args
                first, last = (self.heap.arena_index(a) for a in (base, base + npages * GEOMETRY.page_size - 1))
                yield from (("zeroedBase", arena) for arena in range(first, last + 1))

    def cells(self) -> list[tuple[int, int]]:
        """The words at the start, by the numbers of their cells."""
        return [(number_of(*key), word_of(self.initial[key])) for key in self.words]

    def play(self, choices: Sequence[int]) -> Told:
        """The schedule in which these threads take the steps; it ends where one of them cannot."""
        self.values = dict(self.initial)
        self.results = [[] for _ in self.trial.threads]
        self._begin([self._calls(calls, mine) for calls, mine in zip(self.trial.threads, self.results, strict=True)])
        for thread in choices:
            if self.thrown or self.pending[thread] is None or not self._step(thread):
                break
        left = any(access is not None for access in self.pending)
        ended = THROWN if self.thrown else DEADLOCK if left else DONE
        for thread in self.threads:
            thread.close()
        words = tuple(word_of(self.values[key]) for key in self.words)
        return Told(ended, tuple(map(tuple, self.results)), words, tuple(self.steps))

    def _begin(self, threads: list[Any]) -> None:
        self.threads, self.thrown, self.steps = threads, False, []
        self.pending = [None] * len(threads)
        for number in range(len(threads)):
            self._advance(number, None)

    def _advance(self, number: int, answer: Any) -> None:
        """Run a thread to its next access that is a step."""
        thread = self.threads[number]
        try:
            while True:
                access = thread.send(answer)
                if access.kind not in PLAIN:
                    self.pending[number] = access
                    return
                cell = access.cell
                self.values[cell.name, cell.index], answer = perform(access, self._value(cell), number)
        except StopIteration:
            self.pending[number] = None
        except Throw:
            self.pending[number], self.thrown = None, True

    def _step(self, number: int) -> bool:
        """Do the access that a thread is at: whether it can be done."""
        access = self.pending[number]
        assert access is not None
        cell, before = access.cell, self._value(access.cell)
        after, answer = perform(access, before, number)
        if answer is BLOCKED:
            return False
        self.values[cell.name, cell.index] = after
        self.steps += self._written(number, access, before, answer)
        self._advance(number, answer)
        return True

    def _written(self, number: int, access: Access[Any], before: Any, answer: Any) -> tuple[int, ...]:
        """A step as words."""
        kind, cell, old, new, ok = access.kind, access.cell, 0, 0, 1
        match kind:
            case "store":
                (new,) = access.args
            case "update":  # a word of the scavenge index, which lies in a page of its own
                kind, new = "store", access.args[2]
            case "and8" | "or8":
                (new,) = access.args
            case "compare_and_swap":
                old, new = access.args
                ok = int(answer)
            case _:
                pass
        got = 0 if kind in ("lock", "unlock") else word_of(before)
        return number, KINDS[kind] << 1 | ok, number_of(cell.name, cell.index), old & MASK, new & MASK, got

    def _value(self, cell: Cell[Any]) -> Any:
        key = cell.name, cell.index
        if key not in self.values:
            self.values[key] = self._fresh(*key)
        return self.values[key]

    def _fresh(self, name: str, index: Any) -> Any:  # noqa: ARG002  # of any index
        if name == "scav.chunks":
            return None
        fresh = {"scav.freeHWM": GEOMETRY.min_off_addr, self.heap.os.mappings_left.name: self.heap.mappings}
        return fresh.get(name, 0)

    async def _calls(self, calls: Sequence[Call], results: list[int]) -> None:
        for call in calls:
            found = await self._call(call.name, *call.args)
            results += (*found, 0, 0)[:2] if isinstance(found, tuple) else (int(found or 0), 0)

    def _call(self, name: str, *args: int) -> Any:
        heap = self.heap
        match name:
            case "alloc_needs_zero":
                return heap.alloc_needs_zero(*args)
            case "find":
                return heap.index.find(bool(args[0]))
            case "reclaim_chunk":
                return heap.reclaim_chunk(ArenaList((args[0],)), *args[1:])
            case "acquire":
                return self._acquire(Span(args[0]))
            case "publish":
                return self._publish(Span(args[0]))
            case "lock" | "unlock":
                return getattr(heap.lock, name)()
            case _:
                return getattr(heap.index, name)(*args)

    async def _acquire(self, s: Span) -> bool:
        """Sweep a span, if nobody else does."""
        heap = self.heap
        _, ok = await heap.try_acquire(SweepLocker(await heap.sweepgen.read()), s)
        if ok:
            await heap.sweep(s)
        return ok

    async def _publish(self, s: Span) -> None:
        """A span on new pages, in the order of initSpan."""
        heap, g = self.heap, GEOMETRY
        base = await s.base.read()
        await heap.set_spans(base, await s.npages.read(), s)
        await s.sweepgen.store(await heap.sweepgen.read())
        page = base // g.page_size % g.pages_per_arena
        await heap.page_in_use.at((heap.arena_index(base), page // 8)).or8(1 << page % 8)


def sweeping_at_once(heap_class: type[Runtime]) -> type[Runtime]:
    """The heap with the harness's sweep: a span without marks goes, under the lock."""

    class Sweeping(heap_class):  # type: ignore[valid-type, misc]  # a class that is given
        """That heap."""

        async def sweep(self, s: Span) -> bool:
            """Free the span (harness/heap.go, sweepSpan)."""
            g = self.geometry
            await self.lock.lock()
            base = await s.base.read()
            page = base // g.page_size % g.pages_per_arena
            await self.page_in_use.at((self.arena_index(base), page // 8)).and8(~(1 << page % 8) & 0xFF)
            await s.sweepgen.store(await self.sweepgen.read())
            await self.lock.unlock()
            return True

    return Sweeping


def ended(reference: Reference, told: Told) -> Ended:
    """How a schedule ended, for promises to judge."""
    results = tuple(tuple(zip(mine[::2], mine[1::2], strict=True)) for mine in told.results)
    words = dict(zip(reference.words, told.words, strict=True))
    how = {THROWN: "thrown", DEADLOCK: "deadlocked", ENDLESS: "endless"}.get(told.ended)
    return Ended(results, words, **({how: end_said(told)} if how else {}))
