"""The text with cuts runs as the original, and what cannot be cut is refused."""

import inspect
import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from spanproof.checks.observe import Event
from spanproof.checks.programs import (
    AllocManual,
    Collect,
    Drop,
    FreeManual,
    MallocLarge,
    MallocSmall,
    Program,
    Reclaim,
    Sweep,
    Thread,
)
from spanproof.checks.proving import cuts
from spanproof.checks.proving.cuts import Call, Cut, LiftError, Returned, cut, lifted
from spanproof.checks.record import Step
from spanproof.checks.running.machine import Machine
from spanproof.checks.scenarios import CLEAN
from spanproof.impl.access import Cell
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import BYTES, SMALL
from spanproof.model.releases import row

CELL: Cell[int] = Cell("cell")
SILENT = "cut"


def _silent(_: Any) -> Any:
    """An event of no interest."""
    return Event(SILENT, False, ()).__await__()


def answered_with_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every machine answer cuts and returns with None, as events of no interest."""
    for kind in (Cut, Returned):
        monkeypatch.setattr(kind, "__await__", _silent)


def steps(program: Program, heap: Any, seed: int) -> list[Step]:
    """The steps of a program's past and of a random schedule."""
    taken = list[Step]()
    machine, chosen = Machine(program, heap, past=taken), random.Random(seed)
    machine.start()
    while machine.enabled():
        t = chosen.choice(machine.enabled())
        taken.append(machine.describe(t))
        machine.step(t)
    return taken


OLD = (MallocLarge(1), Drop(0), MallocLarge(1), Drop(1), Collect())
PROGRAMS = (
    ("go1.14", SMALL, (Thread((MallocLarge(3),)), Thread((AllocManual(3), FreeManual(0))))),
    ("go1.27", BYTES, (Thread((MallocLarge(2), Reclaim(1)), OLD), Thread((Sweep(), MallocSmall(1))))),
    ("go1.17", BYTES, (Thread((Reclaim(2),), OLD), Thread((Sweep(), AllocManual(1))))),
)


@pytest.mark.parametrize(("release", "geometry", "threads"), PROGRAMS, ids=[p[0] for p in PROGRAMS])
def test_the_cut_text_runs_as_the_original(
    release: str, geometry: Any, threads: tuple[Thread, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step the same thread, function, line, access and values, under random schedules."""
    program = Program(threads, geometry, row(release))
    expected = [steps(program, Runtime, seed) for seed in range(12)]
    answered_with_none(monkeypatch)

    assert [steps(program, lifted(Runtime), seed) for seed in range(12)] == expected


def coroutines(heap: Any) -> dict[str, Any]:
    """The coroutines of a heap and of its parts, by name."""
    owners = (heap, *(cuts.part_class(heap, part) for part in cuts.PARTS))
    return {n: f for owner in owners for n in dir(owner) if inspect.iscoroutinefunction(f := getattr(owner, n))}


def test_the_cut_text_runs_as_the_original_in_every_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, pasts included, for the whole catalogue; every coroutine with a loop comes up in it."""
    run: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            run.add(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        expected = [steps(s.program, Runtime, seed) for s in CLEAN for seed in range(3)]
    finally:
        sys.setprofile(before)
    answered_with_none(monkeypatch)

    assert [steps(s.program, lifted(Runtime), seed) for s in CLEAN for seed in range(3)] == expected
    scavenging = {"scavenge", "scavenge_one", "set_empty", "next_gen", "find", "clear", "sys_unused"}
    caching = {"alloc_to_cache", "flush"}
    huge = {"enable_chunk_huge_pages", "sys_huge_page"}
    assert set(coroutines(Runtime)) - run <= scavenging | caching | huge, "no clean scenario has these in 3 schedules"


class Texts:
    """Loops of every kind."""

    async def counts(self, n: int) -> list[int]:
        """Break, continue, an await in the condition, a loop in a loop, a name that one branch binds."""
        seen: list[int] = []
        if n > 2:
            last = 100
        while await CELL.load() < n:
            last = await CELL.add(1)
            if last == 2:
                continue
            inner = 0
            while True:
                inner += 1
                if inner == last:
                    break
            seen.append(inner)
            if last == 5:
                return seen
        return seen

    async def raises(self) -> None:
        """Fails in its second round."""
        n = 0
        while True:
            n += 1
            if n == 2:
                raise ValueError("second round")


def played(coroutine: Any) -> tuple[Any, list[Cut]]:
    """The result of a coroutine on one cell, and its cuts, each answered with None."""
    value, answer, seen = 0, None, list[Cut]()
    while True:
        try:
            operation = coroutine.send(answer)
        except StopIteration as end:
            return end.value, seen
        answer = None
        if isinstance(operation, Cut):
            seen.append(operation)
        elif not isinstance(operation, Returned):
            value += operation.kind == "add"
            answer = value


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 9])
def test_loops_of_every_kind_keep_their_meaning(n: int) -> None:
    """The result is the same, and every head is passed once a round."""
    expected, none = played(Texts().counts(n))
    result, seen = played(cut(Texts.counts)(Texts(), n))

    assert (result, none) == (expected, [])
    assert sum(c.loop == 0 for c in seen) == min(n, 5) + (n < 5)
    assert {(c.loop, c.names) for c in seen} <= {(0, ("last",)), (1, ("inner",))}


def test_names_that_no_path_has_bound_stay_unbound() -> None:
    """A name bound on one branch only is in `bound` when that branch ran."""
    bound = {n: played(cut(Texts.counts)(Texts(), n))[1][0].bound for n in (1, 3)}

    assert "last" not in bound[1]
    assert bound[3]["last"] == 100


def test_tracebacks_point_into_the_file() -> None:
    """An exception in the cut text has the line of the original."""
    with pytest.raises(ValueError, match="second") as cut_text:
        played(cut(Texts.raises)(Texts()))
    with pytest.raises(ValueError, match="second") as original:
        played(Texts().raises())

    last = [info.traceback[-1] for info in (cut_text, original)]
    assert last[0].lineno == last[1].lineno
    assert last[0].path == last[1].path


def test_a_callee_with_a_contract_is_not_entered() -> None:
    """Its call is handed out with its arguments, for a function of the heap and of a part of it."""
    heap = lifted(Runtime, ("alloc", "os.memclr"))(SMALL, row("go1.27"))

    for coroutine, name, args in (
        (heap.alloc(1, 0, True), "alloc", (1, 0, True)),
        (heap.os.memclr(8, 16), "os.memclr", (8, 16)),
    ):
        call = coroutine.send(None)
        assert isinstance(call, Call)
        assert (call.function, call.args) == (name, args)
        coroutine.close()


async def for_loop() -> None:
    """A for loop."""
    for _ in (1, 2):
        await CELL.load()


async def while_else() -> None:
    """A while loop with else."""
    while await CELL.load():
        await CELL.add(-1)
    else:  # noqa: PLW0120  # what is refused
        await CELL.store(1)


def closure() -> Callable[[], Any]:
    """A coroutine with a closure."""
    n = 1

    async def inner() -> int:
        return n + await CELL.load()

    return inner


@pytest.mark.parametrize(
    ("function", "said"),
    [(for_loop, r"test_cuts.py:\d+: for_loop: a for loop"), (while_else, r"test_cuts.py:\d+: while_else: while"),
     (closure(), "closure"), (played, "no coroutine")],
)  # fmt: skip
def test_what_cannot_be_cut_is_refused(function: Any, said: str) -> None:
    """One line with file, line and function."""
    with pytest.raises(LiftError, match=said):
        cut(function)


def test_a_contract_for_nothing_is_refused() -> None:
    """A contract must stand for a function that the heap has."""
    with pytest.raises(LiftError, match=r"no coroutine pages\.allocate"):
        lifted(Runtime, ("pages.allocate",))
    assert set(cuts.PARTS) == {"pages", "os", "index", "index.search_addr_bg"}
