"""One history from its plan to what broke, from there to a record, and from a record to the same record again.

Read next: history_campaign.py.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from spanproof.checks.broken import BrokenError, EndlessError
from spanproof.checks.comparing.histories import History
from spanproof.checks.comparing.looking import DifferenceError
from spanproof.checks.comparing.mixes import Call
from spanproof.checks.comparing.plans import Plan, plan_of
from spanproof.checks.record import Record, Violated
from spanproof.checks.running.machine import HeapError
from spanproof.checks.running.replaying import Replayed
from spanproof.checks.subject import Subject
from spanproof.impl.access import Misuse, Throw, Undefined
from spanproof.impl.malloc import Runtime
from spanproof.model.claims import BY_NAME, claim_of_throw

REFINES = "refines_the_abstract_heap"
MOST_TOLD = 200
"""Lines of a story; what came before them is left out."""


Tried = Callable[[tuple[Call, ...]], tuple[Call, ...] | None]
"""From calls to those up to the one that breaks, or None if none does."""


@dataclass(slots=True)
class Lived:
    """How far a history came, and what broke."""

    calls: int = 0
    broken: BrokenError | None = None
    story: list[str] = field(default_factory=list[str])


def live(plan: Plan, heap_class: type[Runtime], every: int = 1, made: dict[str, int] | None = None) -> Lived:
    """Make the calls until something breaks.

    Results and the search address are compared after each, all state after so many, and at the end.

    made: where calls that found something to do are counted.

    Raises:
        HeapError: the page allocator cannot be made.

    """
    try:
        history = plan.begin(heap_class)
    except Exception as e:
        raise HeapError(f"its page allocator cannot be made: {type(e).__name__}: {e}") from e
    lived = Lived()
    if made is None:
        history.story = lived.story
    lived.broken = _broken(history, plan.calls, every)
    lived.calls = history.calls
    if made is not None:
        made |= {name: made.get(name, 0) + times for name, times in history.made.items()}
    return lived


def _broken(history: History, calls: Iterable[Call], every: int) -> BrokenError | None:
    """What breaks, if anything does: the claim, and which call shows it."""
    try:
        for place, call in enumerate(calls, 1):
            history.call(call)
            if place % every == 0:
                history.look()
            else:
                history.glance()
        history.look()
    except DifferenceError as e:
        return BrokenError(REFINES, f"call {history.calls}: {e}")
    except Throw as e:
        return BrokenError(claim_of_throw(str(e)), f"call {history.calls} throws: {e}")
    except Undefined as e:
        return BrokenError("calls_are_defined", f"call {history.calls}: {e}")
    except Misuse as e:
        return BrokenError("lock_discipline_is_kept", f"call {history.calls}: {e}")
    except EndlessError as e:
        return BrokenError("no_deadlock", f"call {history.calls}: {e}")
    except Exception as e:  # noqa: BLE001  # whatever else the text raises is a difference
        return BrokenError(REFINES, f"call {history.calls} fails: {type(e).__name__}: {e}")
    return None


def shrunk(plan: Plan, heap_class: type[Runtime], seconds: float) -> Plan:
    """The plan with as few calls, and as small numbers, as can be found in so many seconds; it still breaks."""

    def tried(calls: tuple[Call, ...]) -> tuple[Call, ...] | None:
        """The calls up to the one that breaks, or None if none does."""
        lived = live(replace(plan, calls=calls), heap_class)
        return None if lived.broken is None else calls[: lived.calls]

    return shorter(plan, tried, seconds)


def shorter(plan: Plan, tried: Tried, seconds: float) -> Plan:
    """The same, for whatever a history breaks: `tried` says of calls up to where they do."""
    stop = time.process_time() + seconds
    calls = tried(plan.calls) or plan.calls
    size = len(calls) // 2
    while size and time.process_time() < stop:
        place, before = 0, len(calls)
        while place < len(calls) and time.process_time() < stop:
            fewer = tried(calls[:place] + calls[place + size :])
            calls, place = (calls, place + size) if fewer is None else (fewer, place)
        if len(calls) == before or size > 1:
            size //= 2
    return replace(plan, calls=_simpler(_merged(calls, tried, stop), tried, stop))


def _merged(calls: tuple[Call, ...], tried: Tried, stop: float) -> tuple[Call, ...]:
    """The calls with one allocation, of as many pages, in place of two in a row: leaving calls out never gives that."""
    place = 0
    while place + 1 < len(calls) and time.process_time() < stop:
        (name, a, b), (other, _, more) = calls[place : place + 2]
        fewer = None
        if name == other == "alloc":
            fewer = tried((*calls[:place], (name, a, b + more + 1), *calls[place + 2 :]))
        calls, place = (calls, place + 1) if fewer is None else (fewer, place)
    return calls


def _simpler(calls: tuple[Call, ...], tried: Tried, stop: float) -> tuple[Call, ...]:
    """The calls with smaller numbers."""
    place = 0
    while place < len(calls):
        name, a, b = calls[place]
        for simple in ((name, 0, 0), (name, 0, b), (name, a, 0), (name, a % 1000, b % 1000), (name, a % 30, b % 30)):
            if time.process_time() > stop:
                return calls
            fewer = tried((*calls[:place], simple, *calls[place + 1 :])) if simple != calls[place] else None
            if fewer is not None:
                calls = fewer
                break
        place += 1
    return calls


def record_of(name: str, plan: Plan, subject: Subject) -> Record | None:
    """The record of a history in which something breaks, or None if nothing does."""
    lived = live(plan, subject.heap_class)
    if lived.broken is None:
        return None
    claim, told = BY_NAME[lived.broken.claim], lived.story
    left_out = [f"{len(told) - MOST_TOLD:,} lines are left out"] if len(told) > MOST_TOLD else []
    return Record(
        kind="history",
        name=name,
        release=plan.release.name,
        violated=Violated(claim.name, claim.says, claim.source, lived.broken.detail),
        heap=subject.heap,
        fault=subject.fault,
        program=plan.as_json(),
        trace={
            "story": [f"on {plan.shape.geometry.name}; pages are counted from its first", *left_out, *told[-MOST_TOLD:]]
        },
    )


def replay_history(record: Record, subject: Subject) -> Replayed:
    """Make the calls of a record again.

    Raises:
        RecordError: its history is damaged.

    """
    again = record_of(record.name, plan_of(record.program), subject)
    if again is None:
        return Replayed(None, f"nothing differs; the record says {record.violated.claim}")
    if again.dumps() == record.dumps():
        return Replayed(again, "")
    old: Any = record.trace.get("story", ())
    for a, b in zip(old if isinstance(old, list | tuple) else (), again.trace["story"], strict=False):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if a != b:
            return Replayed(again, f"was {a!r}, is {b!r}")
    if record.violated != again.violated:
        return Replayed(again, f"was {record.violated.detail!r}, is {again.violated.detail!r}")
    return Replayed(again, "it is told otherwise")
