"""Loop invariants are judged on integers in ordinary runs, for every byte and page, before Z3 sees them."""

import random
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from spanproof.checks.broken import BrokenError
from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.edit import planted
from spanproof.checks.observe import Event
from spanproof.checks.programs import AllocManual, FreeManual, MallocLarge, Program, Thread
from spanproof.checks.proving.cuts import Cut, Returned, lifted
from spanproof.checks.running.machine import Machine
from spanproof.impl.malloc import Runtime
from spanproof.model.contracts import owning, owning_calls, zeroing
from spanproof.model.contracts.contract import Loop
from spanproof.model.geometry import BYTES, SMALL, Geometry
from spanproof.model.logic import Claims, all_of, implies
from spanproof.model.releases import row

AT_CUT = "at a cut"


class Judging(Machine):
    """A machine that judges the invariant of each loop head that a thread passes."""

    def __init__(self, program: Program, heap: Any) -> None:
        """Run the cut text of a heap."""
        self.region: dict[int, tuple[int, int]] = {}
        self.judged: Counter[str] = Counter()
        self.broken: set[str] = set()
        super().__init__(program, lifted(heap))

    def _events(self, t: int, events: tuple[Event, ...]) -> None:
        for event in events:
            if event.function == AT_CUT and isinstance(event.args[0], Cut):
                self._judge_cut(t, event.args[0])
            elif event.function == "alloc_needs_zero" and not event.returns:
                self.region[t] = event.args
        super()._events(t, tuple(event for event in events if event.function != AT_CUT))

    def _judge_cut(self, t: int, cut: Cut) -> None:
        key, local = (cut.function, cut.loop), SimpleNamespace(**cut.bound)
        views: list[Any]
        match cut.function:
            case "alloc_needs_zero":
                views = self._bytes(*self.region[t])
            case "memclr":
                views = self._bytes(local.base, local.size // self.program.geometry.page_size)
            case "set_spans":
                views = self._pages(local.base, local.npage, local.s.number)
            case _:
                return
        loops = owning_calls.LOOPS if cut.function == "set_spans" else zeroing.LOOPS
        for view in views:
            for goal, holds in loops[key].invariant(view, local):
                assert isinstance(holds, bool), goal
                self.judged[f"{cut.function} {cut.loop}"] += 1
                if not holds:
                    self.broken.add(goal)

    def _value(self, cell: Any) -> Any:
        return self.values[self.numbering.of(cell)]

    def _bytes(self, base: int, npages: int) -> list[zeroing.View]:
        """Every byte of every page."""
        g: Geometry = self.program.geometry
        hand = zeroing.Hand(base, base + npages * g.page_size)
        return [
            zeroing.View(
                g,
                byte,
                zeroing.World(
                    self._value(self.heap.zeroed_base.at(g.arena_index(byte))),
                    self._value(self.heap.memory.at(page)) != 0,
                ),
                hand,
            )
            for page in g.pages
            for byte in range(g.page_base(page), g.page_base(page + 1))
        ]

    def _pages(self, base: int, npages: int, span: int) -> list[owning.View]:
        """Every page."""
        g = self.program.geometry
        views: list[owning.View] = []
        for page in g.pages:
            entry = self._value(self.heap.spans.at(page))
            world = owning.World(
                True, 0, 0 if entry is None else entry.number + owning.FIRST_SPAN, False, False, False, 0, 0, 0, 0
            )
            hand = owning.Hand(region=(base, npages), span=span)
            views.append(owning.View(g, (0, 0, 0), page, span, world, hand))
        return views


PROGRAMS = (
    Program((Thread((MallocLarge(3), AllocManual(1))), Thread((AllocManual(3), FreeManual(0)))), SMALL, row("go1.16")),
    Program(
        (Thread((MallocLarge(2), AllocManual(2)), (AllocManual(4), FreeManual(0))), Thread((MallocLarge(7),))), BYTES,
        row("go1.27"),
    ),
    Program((Thread((MallocLarge(1),)), Thread((MallocLarge(1),)), Thread((AllocManual(2),))), SMALL, row("go1.17")),
)  # fmt: skip


def _told(said: Any) -> Any:
    """Hand it over as an event."""
    return Event(AT_CUT, False, (said,)).__await__()


@pytest.fixture(autouse=True)
def _cuts_are_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand cuts to the machine as events, answered with None: go on as you are."""
    monkeypatch.setattr(Cut, "__await__", _told)
    monkeypatch.setattr(Returned, "__await__", _told)


def judge(heap: Any, schedules: int = 40) -> tuple[Counter[str], set[str]]:
    """How often each loop was judged, and what broke, over random schedules."""
    judged: Counter[str] = Counter()
    broken: set[str] = set()
    for program in PROGRAMS:
        for seed in range(schedules):
            machine, chosen = Judging(program, heap), random.Random(seed)
            try:
                machine.start()
                while machine.enabled():
                    machine.step(chosen.choice(machine.enabled()))
            except BrokenError:
                pass  # a planted fault may break a claim as well
            judged += machine.judged
            broken |= machine.broken
    return judged, broken


def test_every_invariant_holds_in_ordinary_runs() -> None:
    """Of every byte and page, at every loop head that is passed, on every schedule drawn."""
    judged, broken = judge(Runtime)

    assert broken == set()
    assert set(judged) == {"alloc_needs_zero 0", "alloc_needs_zero 1", "memclr 0", "set_spans 0"}
    assert min(judged.values()) > 1000


@pytest.mark.parametrize(
    ("fault", "goals"),
    [
        ("need_zero_not_raised", {"zero_so_far"}),
        ("need_zero_skips_zeroed_base", {"claimed_so_far"}),
        ("failed_cas_treated_as_done", {"claimed_so_far"}),
    ],
)
def test_a_fault_breaks_the_invariant_in_a_run_too(fault: str, goals: set[str]) -> None:
    """What the proof says of a fault is what a run shows: the same conjunct is false."""
    _, broken = judge(planted(FAULTS[fault].edits))

    assert goals <= broken


def test_a_wrong_invariant_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invariant that asks for one byte too much is false in a run."""
    old = zeroing.LOOPS["alloc_needs_zero", 0]

    def too_much(v: Any, local: Any) -> Claims:
        yield "claimed_too_far", implies(all_of(v.mine(v.byte), v.byte <= local.base), v.claimed)

    wrong: Loop = replace(old, invariant=too_much)
    monkeypatch.setitem(zeroing.LOOPS, ("alloc_needs_zero", 0), wrong)

    assert "claimed_too_far" in judge(Runtime, schedules=5)[1]
