"""The reference heap run beside another one along the same schedule, and the first access in which the two differ.

Both are run on the plain machine, the past included. What is compared is what is done and what is found, and not where
in the text: an edit moves lines. Read next: why.py.
"""

import re
import traceback
from typing import Any

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.explaining.board import NO_END
from spanproof.checks.exploring.explaining.differences import PROGRAM, Caller, Did, Difference, End
from spanproof.checks.exploring.explaining.inside import Inside, is_text, parted
from spanproof.checks.exploring.explaining.moment import at_the_access
from spanproof.checks.local_state import HiddenStateError
from spanproof.checks.numbering import UnknownCellError
from spanproof.checks.programs import Program, ProgramError
from spanproof.checks.record import Record, Step
from spanproof.checks.running.machine import HeapError, Machine, innermost, show
from spanproof.impl.access import BLOCKED, Access, perform
from spanproof.impl.malloc import Runtime


def first_difference(record: Record, program: Program, heap_class: type[Runtime]) -> Difference | None:
    """Where the run of a record first differs from what the reference does along its schedule; None if nowhere."""
    if heap_class is Runtime:
        return None
    try:
        tested, reference = (_Run(program, cls, record).told for cls in (heap_class, Runtime))
        # Of a past that breaks the claim, the one access more is what the text has run on to.
        most = len(record.steps) + 1 if record.steps and not record.schedule else None
        for n, (ours, theirs) in enumerate(zip(tested[:most], reference[:most], strict=False)):
            if ours != theirs:
                inside = parted(*(_Run(program, cls, record, n).inside.seen for cls in (heap_class, Runtime)))
                did = ours if isinstance(ours, Did) else theirs
                return Difference(did.place, did.about, ours, theirs, inside) if isinstance(did, Did) else None
    except (HeapError, HiddenStateError, ProgramError, UnknownCellError):
        return None  # the reference has no such operation or cell: there is nothing to compare
    return None


class _Run(Machine):
    """A run along the schedule of a record that tells what threads do, and what they call before one of those things.

    No claim is judged, but what Go itself throws: the claim that the record breaks is noticed by us, not by the text.
    """

    def __init__(self, program: Program, heap_class: type[Runtime], record: Record, watched: int = -1) -> None:
        """Run it, the past included."""
        self.told: list[Did | End] = []
        """What threads do, as it becomes known: each access before it, if that is not past, then what came of it."""
        self.inside = Inside()
        self._watched = watched
        with self.inside:
            self.inside.on = watched == 0
            try:
                super().__init__(program, heap_class, NO_END, [])
                self.start()
                self._follow(record)
            except BrokenError as broken:
                self._tell(self._end(broken))

    def _end(self, broken: BrokenError) -> End:
        """Where the text breaks off, by what it raised there."""
        error = broken.__cause__ or broken
        codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
        names = [code.co_name for code in codes if is_text(code) and not code.co_name.startswith("<")]
        last = self.told[-1] if self.told else None
        return End(breaks_off=True, function=names[-1] if names else "", callers=last.callers if last else ())

    def _follow(self, record: Record) -> None:
        for t in range(len(self.threads)):
            self._about(0, t)
        for place, t in enumerate(record.schedule, 1):
            if t not in self.enabled():
                return
            access = self.pending[t]
            assert access is not None  # it is enabled
            self._did(place, t, access, self.threads[t], super()._described(t, access, self.threads[t]))
            if place == len(record.schedule) and at_the_access(record.violated):
                return
            self.step(t)
            self._about(place, t)

    def _described(self, t: int, access: Access[Any], coroutine: Any) -> Step:
        """A step of the past, which is told too."""
        step = super()._described(t, access, coroutine)
        self._did(0, t, access, coroutine, step)
        return step

    def _about(self, place: int, t: int) -> None:
        access = self.pending[t]
        if access is None:
            self._tell(End(breaks_off=False, callers=PROGRAM))
        else:
            self._did(place, t, access, self.threads[t])

    def _did(self, place: int, t: int, access: Access[Any], coroutine: Any, step: Step | None = None) -> None:
        operation = getattr(access.args[0], "__name__", "") if access.kind == "update" else ""
        args = [arg for arg in access.args if not callable(arg)]
        values, exactly = [show(arg) for arg in args], repr(args)
        if step is not None:
            values += [step.result, step.before, step.after]
            exactly += self._outcome(t, access) or repr(values)
        callers = _callers(coroutine)
        cell, exactly = str(access.cell), re.sub(r" at 0x\w+", "", exactly)
        about, function = step is None, callers[-1].function
        self._tell(Did(place, about, t, function, access.kind, cell, operation, tuple(values), exactly, callers))

    def _outcome(self, t: int, access: Access[Any]) -> str:
        """What comes of an access, with all that it consists of; "" if it throws, or must wait."""
        try:
            after, result = perform(access, self._present(access), t)
        except Exception:  # noqa: BLE001  # whatever the text raises: the step tells of it
            return ""
        return "" if result is BLOCKED else repr((after, result))

    def _tell(self, did: Did | End) -> None:
        self.told.append(did)
        self.inside.on = len(self.told) == self._watched


def _callers(coroutine: Any) -> tuple[Caller, ...]:
    """The functions that await one another, down to the one that awaits the access, each once in a row."""
    last, callers = innermost(coroutine), [_caller(coroutine)]
    while coroutine is not last:
        coroutine = coroutine.cr_await
        caller = _caller(coroutine)
        # What is watched is there twice, and has its arguments by name only the second time.
        callers[-1:] = [caller] if caller.function == callers[-1].function else [callers[-1], caller]
    return tuple(callers)


def _caller(coroutine: Any) -> Caller:
    code, there = coroutine.cr_code, coroutine.cr_frame.f_locals
    given = repr([there.get(name) for name in code.co_varnames[: code.co_argcount] if name != "self"])
    return Caller(code.co_name, re.sub(r" at 0x\w+", "", given))
