"""Histories on the reference's page allocator and on Go's own text: every result and, as a digest, all state.

On a difference the history is gone through again, with the state before and after it in full, and made shorter.
Read next: ../interleaving/interleave.py.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded_with

from spanproof.checks.comparing.history_campaign import LENGTHS, calls_of
from spanproof.checks.comparing.living import MOST_TOLD, shorter
from spanproof.checks.comparing.looking import DifferenceError
from spanproof.checks.comparing.mixes import Call
from spanproof.checks.comparing.plans import REAL, REAL_SHAPES, Plan, Shape, plan_of, seeded
from spanproof.checks.comparing.plans import plans as drawn_plans
from spanproof.checks.golang.comparing.beside import Noting
from spanproof.checks.golang.comparing.state import dumped
from spanproof.checks.golang.extracted.building import built
from spanproof.checks.golang.extracted.covering import OPTION
from spanproof.checks.golang.extracted.driving import ANSWER, OPS, REQUEST, THROWN, UNKNOWN, DiedError, Driven
from spanproof.checks.golang.extracted.extracting import extracted, harness
from spanproof.checks.golang.reading.patches import named, told
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain, compiler, installed
from spanproof.checks.record import Record, RecordError, Violated
from spanproof.checks.running.replaying import Replayed
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.impl.access import Misuse, Throw, Undefined
from spanproof.model.geometry import GO_AMD64
from spanproof.model.releases import Release

DRAWN = 100
"""Histories that Hypothesis draws, before the long ones that come from a seed."""
COMMANDS = 20_000
"""Calls that are compared of each release."""
FEWEST = 100
"""Calls of the last history, which may be more than are still to come."""
AT_ONCE = 500
"""Calls of a history between two looks at what Go answered."""
SHRINK_SECONDS = 6
AGREES = ("go_agrees", "Go's own text gives what the reference gives.", "the runtime of the toolchain that is named")
"""The claim that a record of this kind breaks: its name, what it says, where from."""
SHAPES = (
    *(shape for shape in REAL_SHAPES if shape.geometry.arena_base_offset == GO_AMD64.arena_base_offset),
    Shape(replace(REAL, name="go-amd64, sparse"), 600, 24, sparse=True),
)
"""Heaps at Go's constants: its text is compiled with them, and other ones are of other systems."""
LEFT_OUT: Mapping[str, tuple[int, str]] = {
    "go1.21": (1 << 27, "the flag scavChunkNoHugePage of the scavenge index, which later releases do not have"),
}
"""What of the index's words is left out of the comparison with a release, and why."""
Hurry = Callable[[int], str | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the two do not agree."""

    call: int
    """Which call of the history, from 1 on."""
    said: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out, and how to see it again if something differs."""

    result: Result
    record: Record | None = None


class GoSide:
    """Go's text in a process: started when it is needed, and anew when it died."""

    def __init__(self, program: Path, release: Release, covering: Path | None = None) -> None:
        """program: what building.py made of that release's text. covering: as Driven has it."""
        self.program, self.release, self.covering = program, release, covering
        self.left_out, _ = LEFT_OUT.get(release.name, (0, ""))
        self.driven = Driven(program, covering=covering)

    def again(self) -> None:
        """Start it anew."""
        self.driven.end()
        self.driven = Driven(self.program, covering=self.covering)


def programmed(toolchain: Toolchain, covering: Path | None = None) -> Path:
    """The program of a toolchain's text. covering: if not None, one that tells what of it was run. Raises GoError."""
    text, options = extracted(toolchain), () if covering is None else (OPTION,)
    return built(compiler([*installed(), toolchain]), toolchain.version, {**harness(), **text.files}, options)


def gone_through(plan: Plan, subject: Subject, side: GoSide) -> tuple[int, Difference | None]:
    """(the requests that were compared, where they differ first) of one history.

    Raises:
        DiedError: Go's side ended by itself.

    """
    names = calls_of(side.release)
    history, sent, asked = plan.begin(subject.heap_class, Noting), 0, list[int]()
    heap = history.heap
    assert isinstance(heap, Noting)
    heap.leaving_out(side.left_out)
    for number, call in enumerate(plan.calls, 1):
        broken = ""
        try:
            if call[0] in names:
                history.call(call)
        except (DifferenceError, Throw, Undefined, Misuse, Exception) as e:  # noqa: BLE001  # a heap may fail in any way
            broken = f"the reference heap fails: {type(e).__name__}: {e}"
        asked += [number] * (len(heap.requests) - len(asked))
        if broken or number % AT_ONCE == 0 or number == len(plan.calls):
            first = _differ(heap, sent, side)
            if first is not None:
                return first, Difference(asked[first], _told(heap, first, side))
            sent = len(heap.requests)
        if broken:
            return sent, Difference(number, broken)
    return sent, None


def _differ(heap: Noting, sent: int, side: GoSide) -> int | None:
    """The first request since `sent` that Go answers otherwise."""
    requests, expected = np.array(heap.requests[sent:], REQUEST), np.array(heap.expected[sent:], ANSWER)
    places = np.flatnonzero(side.driven.batch(requests) != expected)
    return sent + int(places[0]) if len(places) else None


def _told(heap: Noting, first: int, side: GoSide) -> str:
    """What differs at a request, with the state in full: all requests up to it are made again."""
    answer = side.driven.batch(np.array(heap.requests[: first + 1], REQUEST))[first]
    expected = np.array([heap.expected[first]], ANSWER)[0]
    op, a, b, _ = heap.requests[first]
    name = OPS[op - 1]
    if answer["status"] == THROWN:
        return f"{name}({a:#x}, {b:#x}): Go throws: {side.driven.text('thrown')}"
    if answer["status"] == UNKNOWN:
        return f"{name}({a:#x}, {b:#x}): Go's text of {side.release.name} has no such call"
    results = [tuple(f"{int(each[r]):#x}" for r in ("r0", "r1", "r2")) for each in (answer, expected)]
    if results[0] != results[1]:
        return f"{name}({a:#x}, {b:#x}): Go gives {', '.join(results[0])}, the reference {', '.join(results[1])}"
    return f"{name}({a:#x}, {b:#x}): results agree; {'; '.join(_states(heap, first, side)) or 'the state differs'}"


def _states(heap: Noting, first: int, side: GoSide) -> Iterator[str]:
    """What differs in the states, if the reference's is that of the request."""
    if first != len(heap.requests) - 1:
        return  # the reference has gone on since; a shorter history ends here
    text = side.driven.text("dump")
    if not text:
        return  # inside the runtime nothing can be dumped
    go, ours = json.loads(text), dumped(heap.digest)
    names = (
        "search address",
        "start",
        "end",
        "bytes in use",
        "searchAddrBg",
        "searchAddrForce",
        "freeHWM",
        "gen",
        "minHeapIdx",
        "min",
        "max",
    )
    for name, a, b in zip(names, go["Words"], ours["Words"], strict=True):
        if a != b:
            yield f"{name} is {a:#x} in Go, {b:#x} in the reference"
    if (go["Ranges"] or []) != ours["Ranges"]:
        yield f"in use is {go['Ranges']} in Go, {ours['Ranges']} in the reference"
    yield from _parts("chunk", go["Chunks"], ours["Chunks"])
    for level, (a, b) in enumerate(zip(go["Summaries"], ours["Summaries"], strict=True)):
        yield from _parts(f"summary[{level}]", a, b)


def _parts(name: str, go: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    for place in sorted({*go, *ours}, key=int):
        a, b = go.get(place, 0), ours.get(place, 0)
        if a != b:
            yield f"{name} {place} is {a} in Go, {b} in the reference"


def nth_plan(release: Release, seed: int, nth: int, most: int, shapes: tuple[Shape, ...] = SHAPES) -> Plan:
    """The nth history that comes from a seed, of at most so many calls: on each shape in turn, short and long ones."""
    each, which = divmod(nth, len(shapes))
    return seeded(shapes[which], release, seed * 1_000_003 + nth, min(most, LENGTHS[each % len(LENGTHS)]))


def judge_go(
    toolchain: Toolchain, subject: Subject, seed: int, commands: int, hurry: Hurry, covering: Path | None = None
) -> Compared:
    """Compare so many calls with the text of a toolchain. covering: where it is told what of the text was run.

    Raises:
        GoError: its text cannot be read or built.

    """
    started = time.perf_counter()
    side = GoSide(programmed(toolchain, covering), toolchain.release, covering)
    name, premise = (
        f"compare {toolchain.version}",
        "Go's text compiled with stubs for what is around it (golang/extracted/harness)",
    )
    return compared(name, toolchain, subject, side, SHAPES, seed, commands, hurry, started, premise)


def compared(
    name: str, toolchain: Toolchain, subject: Subject, side: GoSide, shapes: tuple[Shape, ...], seed: int,
    commands: int, hurry: Hurry, started: float, premise: str = "",
) -> Compared:  # fmt: skip
    """Compare so many calls with a side, which is ended. started: when the work began; premise: what it rests on."""
    began, stopped, found = time.perf_counter(), "", None
    done, drawn, broken = _drawn(subject, side, shapes, seed, hurry)
    histories = drawn
    while done < commands and broken is None:
        stopped = hurry(done) or ""
        if stopped:
            break
        # Calls that find nothing to do are not sent, so there may be some still to come after the last long history.
        plan = nth_plan(toolchain.release, seed, histories - drawn, max(commands - done, FEWEST), shapes)
        more, found = _tried(plan, subject, side)
        done, histories = done + more, histories + 1
        if found is not None:
            broken = shorter(plan, _where(plan, subject, side), SHRINK_SECONDS)
    record = None if broken is None else record_of(broken, toolchain, subject, side, name)
    side.driven.end()
    counts = {"calls": done, "histories": histories, "differences": int(broken is not None)}
    seconds, premises = time.perf_counter() - started, ("one thread", *filter(None, (premise,)), *_left_out(toolchain))
    if record is not None:
        reason = f"{record.violated.claim}: {record.violated.detail}"
        bound = f"history {histories:,}, shrunk to {len(record.program['calls'])} calls"
        return Compared(Result("go", name, Verdict.VIOLATED, reason, bound, premises, seconds, counts), record)
    if broken is not None:
        said = f"a history differs once, and not again{f': {found.said}' if found is not None else ''}"
        return Compared(Result("go", name, Verdict.UNKNOWN, said, "", premises, seconds, counts))
    rate = done / max(time.perf_counter() - began, 1e-9)
    bound = f"{done:,} calls in {histories:,} histories on {min(histories, len(shapes))} shapes of heaps"
    bound += f", results and all state after every call, {rate:,.0f} a second, seed {seed}"
    verdict = Verdict.UNKNOWN if stopped or not done else Verdict.HOLDS
    return Compared(Result("go", name, verdict, stopped, bound, premises, seconds, counts))


def _drawn(
    subject: Subject, side: GoSide, shapes: tuple[Shape, ...], seed_: int, hurry: Hurry
) -> tuple[int, int, Plan | None]:
    """(calls, histories, one that differs, made as small as Hypothesis can) of short ones that Hypothesis draws."""
    done, histories, broken = 0, 0, list[Plan]()

    @seeded_with(seed_)
    @settings(
        max_examples=DRAWN,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example),
        report_multiple_bugs=False,
    )
    @given(drawn_plans(shapes, (side.release,)))
    def campaign(plan: Plan) -> None:
        nonlocal done, histories
        if not broken and hurry(done) is not None:
            return
        more, found = _tried(plan, subject, side)
        if found is not None:
            broken.append(plan)
            raise _DiffersError
        done, histories = done + more, histories + (not broken)

    try:
        campaign()
    except _DiffersError:
        return done, histories, shorter(broken[-1], _where(broken[-1], subject, side), SHRINK_SECONDS)
    return done, histories, None


class _DiffersError(Exception):
    """A drawn history differs."""


def _left_out(toolchain: Toolchain) -> tuple[str, ...]:
    _, said = LEFT_OUT.get(toolchain.release.name, (0, ""))
    return (f"left out: {said}",) if said else ()


def _tried(plan: Plan, subject: Subject, side: GoSide) -> tuple[int, Difference | None]:
    """As `gone_through`; a death is a difference, at the end of what was sent."""
    try:
        return gone_through(plan, subject, side)
    except DiedError as e:
        side.again()
        return 0, Difference(len(plan.calls), f"Go's side is gone: {e}")


def _where(plan: Plan, subject: Subject, side: GoSide) -> Callable[[tuple[Call, ...]], tuple[Call, ...] | None]:
    def tried(calls: tuple[Call, ...]) -> tuple[Call, ...] | None:
        _, found = _tried(replace(plan, calls=calls), subject, side)
        return None if found is None else calls[: found.call]

    return tried


def record_of(plan: Plan, toolchain: Toolchain, subject: Subject, side: GoSide, name: str) -> Record | None:
    """The record of a history in which the two differ, or None if they do not."""
    _, found = _tried(plan, subject, side)
    if found is None:
        return None
    story = [f"{n}: {name} {a} {b}" for n, (name, a, b) in enumerate(plan.calls, 1)]
    return Record(
        kind="go history",
        name=name,
        release=plan.release.name,
        violated=Violated(*AGREES, f"call {found.call}: {found.said}"),
        heap=subject.heap,
        fault=subject.fault,
        program=plan.as_json() | told(toolchain),
        trace={"story": [f"on {plan.shape.geometry.name}, beside {toolchain.version}", *story[-MOST_TOLD:]]},
    )


def replay_go(record: Record, subject: Subject) -> Replayed:
    """Go through the history of a record again.

    Raises:
        RecordError: it is damaged, or the Go that it names is not here.

    """
    if record.name.startswith("abstract"):
        return _replay_abstract(record)
    plan = plan_of(record.program)
    try:
        toolchain = named(record)
        side = GoSide(_program_of(record.name, toolchain), toolchain.release)
    except (GoError, KeyError) as e:
        raise RecordError(f"{record.name}: {e}") from e
    again = record_of(plan, toolchain, subject, side, record.name)
    side.driven.end()
    if again is None:
        return Replayed(None, f"nothing differs; the record says {record.violated.detail}")
    again = replace(again, why=record.why)  # which is of other calls
    return Replayed(again, "" if again.violated == record.violated else f"was {record.violated.detail!r}")


def _replay_abstract(record: Record) -> Replayed:
    from spanproof.checks.golang.comparing.abstractly import replay_abstract  # noqa: PLC0415  # which is built on this module

    try:
        again = replay_abstract(record, named(record))
    except (GoError, KeyError, TypeError, ValueError) as e:
        raise RecordError(f"{record.name}: {e}") from e
    if again is None:
        return Replayed(None, f"nothing differs; the record says {record.violated.detail}")
    return Replayed(again, "" if again.dumps() == record.dumps() else f"was {record.violated.detail!r}")


def _program_of(name: str, toolchain: Toolchain) -> Path:
    """What a record was made with."""
    if name.startswith("inside"):
        from spanproof.checks.golang.comparing.inside import program_inside  # noqa: PLC0415  # which is built on this module

        return program_inside(toolchain)
    return programmed(toolchain)
