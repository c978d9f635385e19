"""Threads over one store: `step(thread)` does one access, and every claim is judged after it.

The plain reading of the text, and the one that all others are compared with: it makes the heap's past for every
program, replays every record and runs what Hypothesis draws. Read next: replaying.py.
"""

import itertools
from collections.abc import Callable, Generator
from typing import Any

from spanproof.checks.broken import BrokenError, EndlessError, still_held
from spanproof.checks.failing import is_nil_dereference, told
from spanproof.checks.local_state import local_state
from spanproof.checks.monitor import Monitor
from spanproof.checks.numbering import Numbering, UnknownCellError
from spanproof.checks.observe import Event, advance, watched
from spanproof.checks.ordering import ORDERED, conflict, declared, writes
from spanproof.checks.programs import ENVIRONMENT, SWITCHES, Held, Program, User, act
from spanproof.checks.record import Step
from spanproof.impl.access import BLOCKED, OUT_OF_RANGE, PLAIN, Access, Misuse, Throw, Undefined, perform
from spanproof.impl.malloc import Runtime
from spanproof.model.claims import claim_of_throw

Make = Callable[[], Generator[Any, Any, Held]]
LONGEST_PAST = 50_000
"""Steps of one thread before the program begins; one that takes more goes round. Those of scenarios take hundreds."""
NIL = "invalid memory address or nil pointer dereference"


class HeapError(RuntimeError):
    """The heap under test failed in a way that is neither a throw nor a broken claim: its own bug, or ours."""


def innermost(coroutine: Any) -> Any:
    """The coroutine that awaits the pending access, down the chain of awaits."""
    inner = coroutine
    while getattr(inner.cr_await, "cr_code", None) is not None:
        inner = inner.cr_await
    return inner


def finding(error: Exception) -> BrokenError:
    """The claim that an exception of the heap's text breaks.

    Raises:
        HeapError: it breaks none; the text is wrong in another way.

    """
    match error:
        case BrokenError():
            return error
        case Throw():
            return BrokenError(claim_of_throw(str(error)), f"throw: {error}")
        case Undefined():
            return BrokenError("calls_are_defined", str(error))
        case Misuse():
            return BrokenError("lock_discipline_is_kept", str(error))
        case EndlessError():
            return BrokenError("no_deadlock", str(error))
        case AttributeError() if is_nil_dereference(error):
            return BrokenError("no_nil_dereference", f"throw: {NIL}")
        case IndexError():
            return _panics(OUT_OF_RANGE)
        case ZeroDivisionError():
            return _panics("integer divide by zero")
        case ValueError() if "negative shift count" in str(error):
            return _panics("negative shift amount")
        case _:
            raise HeapError(f"the heap's text fails: {told(error)}") from error


def _panics(text: str) -> BrokenError:
    """Where Python's text fails as Go's would: Go panics there, and in the runtime that is the end."""
    return BrokenError(claim_of_throw(text), f"throw: {text}")


def heaps_of(program: Program, heap_class: type[Runtime]) -> list[Any]:
    """The heap of a program, watched, as each of its threads sees it: without Ps they cannot be told apart by it.

    A heap of a user's is told of the system only where it misbehaves.

    Raises:
        HeapError: it cannot be made for this program.
        EndlessError: to make it takes for ever.

    """
    cls = watched(heap_class)
    switches: dict[str, Any] = {name: getattr(program, name) for name in SWITCHES if name != "ps"}
    switches = {name: value for name, value in switches.items() if ENVIRONMENT.get(name) != value}
    switches |= {"preemptible": program.preemptible, "has_p": program.ps}
    threads = range(max(1, len(program.threads)))
    try:
        return [cls(program.geometry, program.release, p=t if program.ps else 0, **switches) for t in threads]
    except EndlessError:
        raise
    except Exception as e:
        raise HeapError(f"the heap cannot be made: {told(e)}") from e


LONGEST_ROUND = 5_000
"""Steps in which a thread that goes round must come back to where it was."""


def going_round(t: int) -> str:
    """What is wrong where a thread goes round."""
    return f"T{t} goes round for ever, and no other thread can go on"


class Machine:
    """A program in progress."""

    def __init__(
        self, program: Program, heap_class: type[Runtime], only: str | None = None, past: list[Step] | None = None
    ) -> None:
        """Make the heap and let it live through what each thread did before.

        only: judge this claim alone.
        past: receives the steps that were taken before.
        """
        self._past = past
        self.program = program
        self.heaps = heaps_of(program, heap_class)
        """The heap as each thread sees it."""
        self.heap: Runtime = self.heaps[0]
        self.numbering = Numbering(self.heap, self.heap.fresh(), len(program.threads))
        self.monitor = Monitor(self.heap, self.numbering, only)
        self.values = list(self.numbering.initial)
        self.read = self.values.__getitem__
        self._changed: set[int] = set()
        self.refused = ""
        """Go's throw where the system has refused memory: it ended the run, and breaks no claim."""
        self.threads: list[Any] = []
        self.pending: list[Access[Any] | None] = []
        held = [self._before(t) for t in range(len(program.threads))]
        self.makes = [self._maker(t, held[t]) for t in range(len(program.threads))]

    def start(self) -> None:
        """Run each thread up to its first access.

        Raises:
            BrokenError: a claim is broken before that.
            HeapError: the text itself fails.

        """
        self.threads = [make() for make in self.makes]
        self.pending = [None] * len(self.threads)
        try:
            for t in range(len(self.threads)):
                self._resume(t, None)
        except UnknownCellError:
            raise
        except Exception as e:  # whatever the text raises is judged
            raise finding(e) from e

    def _maker(self, t: int, held: Held) -> Make:
        user = User(self.heaps[t], t)
        ops = self.program.threads[t].ops
        return lambda: act(user, ops, held)  # type: ignore[return-value]  # a coroutine is sent to as a generator is

    def _before(self, t: int) -> Held:
        """Run what thread t did before, alone."""
        coroutine: Any = act(User(self.heaps[t], t), self.program.threads[t].before, ())
        held: Held = ()
        asked: tuple[Access[Any], Any] | None = None
        steps = itertools.count()
        try:
            pending, events, held = advance(coroutine, None)
            self._events(t, events)
            while pending is not None:
                if next(steps) == LONGEST_PAST:
                    raise BrokenError("no_deadlock", going_round(t))  # noqa: TRY301  # as what is judged below
                self._judge()
                if self._past is not None:
                    self._past.append(self._described(t, pending, coroutine))
                asked = pending, self._present(pending)
                pending, events, held = advance(coroutine, self._perform(t, pending))
                self._events(t, events)
            self._judge()
            self._judge_end(t)
        except UnknownCellError:
            raise
        except Exception as e:
            broken = finding(e)
            if asked is not None and self.monitor.is_refusal(broken, *asked):
                raise HeapError(f"the system refuses memory before the program begins: {broken.detail}") from e
            raise broken from e
        return held

    def _present(self, access: Access[Any]) -> Any:
        """What the cell of an access holds."""
        return self.values[self.numbering.of(access.cell)]

    def _set(self, number: int, value: Any) -> None:
        """Change a cell, and remember that this step did."""
        if value != self.values[number]:
            self.values[number] = value
            self._changed.add(number)

    def _events(self, t: int, events: tuple[Event, ...]) -> None:
        for event in events:
            for number, value in self.monitor.event(event, t, self.read):
                self._set(number, value)

    def _judge(self) -> None:
        """Judge the state that a step has led to, its calls and returns included."""
        changed, self._changed = frozenset(self._changed), set()
        broken = self.monitor.broken_invariant(changed, self.read) if changed else None
        if broken is not None:
            raise BrokenError(broken, self.monitor.describe(broken, changed, self.read))

    def _resume(self, t: int, result: Any) -> None:
        self.pending[t], events, _ = advance(self.threads[t], result)
        access = self.pending[t]
        if access is not None:
            self.numbering.of(access.cell)  # a cell that is not there is nil, and this is the step that leads to it
        else:
            self._judge_end(t)
        self._events(t, events)
        self._judge()

    def _judge_end(self, t: int) -> None:
        """Judge whether a thread that is done has let go of the lock."""
        if self.values[self.numbering.of(self.heap.lock)] == t + 1 and self.monitor.judges("lock_discipline_is_kept"):
            raise still_held(t)

    def enabled(self) -> list[int]:
        """The threads that can take a step now."""
        return [t for t, access in enumerate(self.pending) if access is not None and not self._blocked(t, access)]

    def _blocked(self, t: int, access: Access[Any]) -> bool:
        if access.kind not in {"lock", "acquirem", "stop"}:
            return False
        return perform(access, self.values[self.numbering.of(access.cell)], t)[1] is BLOCKED

    def _perform(self, t: int, access: Access[Any]) -> Any:
        number = self.numbering.of(access.cell)
        unguarded = access.cell.guard is not None and self.values[self.numbering.of(self.heap.lock)] != t + 1
        if unguarded and self.monitor.judges("lock_discipline_is_kept"):
            raise Misuse(f"{access.cell} is touched without {access.cell.guard}")
        before = self.values[number]
        after, result = perform(access, before, t)
        if result is BLOCKED:
            raise HeapError(f"thread {t} waits for {access.cell} and cannot go on")
        if after == before:
            return result
        self._set(number, after)
        broken = self.monitor.broken_step(number, lambda n: before if n == number else self.values[n], self.read)
        if broken is not None:
            raise BrokenError(broken, self.monitor.describe_step(number, before, after))
        for ghost, value in self.monitor.after_access(access, t, number, (before, after), self.read):
            self._set(ghost, value)
        return result

    def step(self, t: int) -> None:
        """Let thread t do its pending access and run on to its next. Where the system refuses memory all threads end.

        Raises:
            BrokenError: a claim is broken by this step.
            HeapError: the text itself fails.

        """
        access = self.pending[t]
        assert access is not None, "a thread that is done was scheduled"
        self._judge_order(t, access)
        before = self._present(access)
        try:
            self._resume(t, self._perform(t, access))
        except (HeapError, UnknownCellError):
            raise
        except Exception as e:  # whatever the text raises is judged
            broken = finding(e)
            if not self.monitor.is_refusal(broken, access, before):
                raise broken from e
            self.refused = broken.detail
            self.pending = [None for _ in self.pending]

    def _judge_order(self, t: int, access: Access[Any]) -> None:
        """Judge whether another thread is about to touch the same word, with nothing to order the two."""
        if self.monitor.only not in {None, ORDERED}:
            return
        for u, other in enumerate(self.pending):
            if u == t or other is None or other.cell != access.cell or not conflict(access, other):
                continue
            value = self.values[self.numbering.of(access.cell)]
            if not (writes(access, value) or writes(other, value)):
                continue
            names = {v: innermost(self.threads[v]).cr_code.co_name for v in (t, u)}
            plain = [names[v] for v, a in ((t, access), (u, other)) if a.kind in PLAIN]
            if declared(access.cell.name, plain, self.program.release) is None:
                pair = f"{access.kind} in {names[t]} (T{t}) and {other.kind} in {names[u]} (T{u})"
                raise BrokenError(ORDERED, f"{access.cell}: {pair} are not ordered")

    def describe(self, t: int) -> Step:
        """The step that thread t is about to take, with its outcome as it will be."""
        access = self.pending[t]
        assert access is not None, "a thread that is done was scheduled"
        return self._described(t, access, self.threads[t])

    def _described(self, t: int, access: Access[Any], coroutine: Any) -> Step:
        inner = innermost(coroutine)
        before = self.values[self.numbering.of(access.cell)]
        try:
            after, result = perform(access, before, t)
        except (Misuse, Throw, Undefined) as e:
            after, result = before, f"throw: {e}"
        except EndlessError as e:
            after, result = before, f"no end: {e}"
        except (IndexError, ZeroDivisionError, AttributeError, ValueError) as e:
            after, result = before, finding(e).detail
        return Step(
            t, inner.cr_code.co_name, inner.cr_frame.f_lineno, access.kind, str(access.cell),
            show(before), show(after), show(result),
        )  # fmt: skip

    def deadlocked(self) -> str:
        """Who waits for what where nobody can go on: blocked, spinning in place, or going round for ever; "" elsewhere.

        Takes steps of the threads that can: the machine is of no further use after that.
        """
        if all(access is None for access in self.pending):
            return ""
        going = next((t for t in self.enabled() if not self._spins(t)), None)
        if going is None:
            return self.waiting()
        return going_round(going) if self._goes_round(going) else ""

    def _goes_round(self, t: int) -> bool:
        """Whether thread t comes back to where it was, and meanwhile no other can go on."""
        seen: set[Any] = set()
        for _ in range(LONGEST_ROUND):
            access = self.pending[t]
            if access is None or any(u != t and not self._spins(u) for u in self.enabled()):
                return False
            if self._blocked(t, access):
                return False
            here = tuple(self.values), access.kind, access.cell, access.args, local_state(self.threads[t])
            if here in seen:
                return True
            seen.add(here)
            self.step(t)
        return False

    def _spins(self, t: int) -> bool:
        """Whether a step of thread t changes nothing at all."""
        access, values, key = self.pending[t], list(self.values), local_state(self.threads[t])
        self.step(t)
        after = self.pending[t]
        if access is None or after is None or self.values != values:
            return False
        return (access.kind, access.args) == (after.kind, after.args) and key == local_state(self.threads[t])

    def waiting(self) -> str:
        """Who waits for what."""
        waits = ((t, access) for t, access in enumerate(self.pending) if access is not None)
        return "; ".join(f"T{t} waits for {a.cell} in {innermost(self.threads[t]).cr_code.co_name}" for t, a in waits)


def show(value: Any) -> str:
    """A cell's value or a result, as records hold it."""
    match value:
        case None:
            return "nil"
        case tuple():
            return "(" + ", ".join(show(v) for v in value) + ")"  # pyright: ignore[reportUnknownVariableType]
        case _:
            return str(value)
