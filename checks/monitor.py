"""Judges every step: the invariants, the promises at calls and returns, the abstract heap, and the ghosts' bookkeeping.

The same monitor serves every engine. It is given the values of the cells by number and answers with the ghosts' new
values, or raises `BrokenError` with the claim and what was seen. Read next: programs.py.
"""

from typing import Any, cast

from spanproof.checks.abstract_side import AbstractSide
from spanproof.checks.broken import BrokenError
from spanproof.checks.ghosts import Ghosts
from spanproof.checks.numbering import Numbering, Reading, Update
from spanproof.checks.observe import Event, Observer
from spanproof.checks.seen_moment import Places, SeenMoment
from spanproof.checks.witness import witness
from spanproof.impl.access import Access
from spanproof.impl.heap_cells import HeapCells
from spanproof.model.claim import Claim, Moment, Promise, StepInvariant
from spanproof.model.claims import PROMISES, REFUSAL
from spanproof.model.invariants import INVARIANTS, STEP_INVARIANTS
from spanproof.model.state import HeapState


class Monitor:
    """The claims, ready to be judged on one heap."""

    def __init__(self, heap: HeapCells, numbering: Numbering, only: str | None = None) -> None:
        """Find the cells that each claim reads. With `only`, no other claim is judged."""
        self.only = only
        self.heap, self.numbering, self.observer = heap, numbering, Observer(numbering)
        self.abstract = AbstractSide(heap, numbering, judged=self.judges("refines_the_abstract_heap"))
        self.ghosts = Ghosts(heap, numbering, judges_contents=self.judges("live_memory_keeps_its_contents"))
        self._places = Places(heap, numbering)
        self._tree = numbering.of(heap.pages.tree)
        self.acquiring = self.ghosts.followed
        """The cells whose changes move a ghost: each span's sweepgen, the pages, reclaimed credit, cursors."""
        has = [i for i in INVARIANTS if not i.column or getattr(heap.release, i.column)]
        has = [i for i in has if not i.switch or getattr(heap, i.switch)]
        self.invariants = [(i, self.observer.cells(i.reads)) for i in has if self._judged(i)]
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
        updates = self.ghosts.after_access(access, thread, number, change, read)
        return updates + self.abstract.borrowed(access, change, read) if number == self._tree else updates

    def event(self, event: Event, thread: int, read: Reading) -> list[Update]:
        """Judge a call or a return, and give the ghosts that follow it."""
        key = event.function, event.returns
        for promise in self._promises.get(key, ()):
            self._judge(promise, event, thread, read)
        updates = self.ghosts.after(event, thread, read)
        follow = self.abstract.follows.get(key)
        return updates if follow is None else updates + follow(event, thread, read)

    def _judge(self, promise: Promise, event: Event, thread: int, read: Reading) -> None:
        moment = cast("Moment", SeenMoment(self._places, event, thread, read))
        if not promise.holds(self.state(read, promise.reads), moment):
            raise BrokenError(promise.name, f"{event.function} {_said(event)}")

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

    def describe(self, broken: str, changed: frozenset[int], read: Reading) -> str:
        """What was seen when an invariant broke: the cells that the step changed, ghosts only if alone, and of what."""
        real = [n for n in sorted(changed) if n < self.numbering.ghosts_from] or sorted(changed)
        seen = "after " + ", ".join(f"{self.numbering.names[n]} = {read(n)}" for n in real)
        invariant = next(invariant for invariant, _ in self.invariants if invariant.name == broken)
        of = witness(invariant, self.state(read, invariant.reads))
        return f"{seen}: not so of {of}" if of else seen


def _said(event: Event) -> str:
    args = ", ".join(str(arg) for arg in event.args)
    return f"returns {_text(event.result)} for ({args})" if event.returns else f"is called with ({args})"


def _text(result: Any) -> str:
    return "(" + ", ".join(str(r) for r in result) + ")" if isinstance(result, tuple) else str(result)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
