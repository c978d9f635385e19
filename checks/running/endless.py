"""Text that goes round for ever without an access, and so never comes back to the engine that runs it.

Every engine takes a step by calling the text, and waits. So the process looks at itself now and then, measured in its
own CPU time: where it is still in the same call of the same function as some looks before, and the engine around it
has not moved, the text is stopped right there. Between two looks nothing is done, so steps cost what they did. What
loops within one builtin of Python (`sum(range(10**12))`) is not seen. Read next: alone.py.
"""

import ast
import signal
import sysconfig
import threading
from collections.abc import Generator
from contextlib import contextmanager
from enum import Enum
from inspect import CO_COROUTINE
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from spanproof.checks.broken import EndlessError

LOOK = 0.1
"""Seconds of CPU time between two looks."""
LOOKS = 10
"""So many at one and the same step: its text is endless. A step of Go's heap takes a hundredth of a second at most."""
_LIBRARIES = ("<frozen ", *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")))


class _Whose(Enum):
    """Who a frame is of."""

    ENGINE, TEXT, LIBRARY, NOBODY = range(4)


class _Looking:
    """What was seen so far of the step that is being taken."""

    def __init__(self) -> None:
        self.engine: tuple[Any, ...] = ()
        """The frame that called the text, and its locals: another step has another frame or other locals."""
        self.stack: list[FrameType] = []
        """The calls of the text that did not return since the first look, outermost first."""
        self.lines: set[int] = set()
        """Where the innermost of them was seen."""
        self.looks = 0

    def look(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  # what signal.signal calls
        """Look where the process is.

        Raises:
            EndlessError: in a text that is endless.

        """
        assert frame is not None
        if _whose(frame) is _Whose.LIBRARY:
            return  # it may be busy for long, as when it is imported
        engine, stack = _step(frame)
        common = [a for a, b in zip(self.stack, stack, strict=False) if a is b]
        if not common or not _same(self.engine, engine):
            self.engine, self.stack, self.lines, self.looks = engine, stack, set(), 0
            return
        if len(common) < len(self.stack):
            self.lines = set()
        self.stack, self.looks = common, self.looks + 1
        self.lines.add(common[-1].f_lineno or common[-1].f_code.co_firstlineno)  # Python may know of no line
        if self.looks >= LOOKS:
            said = f"{common[-1].f_code.co_name} goes round without an access: {_place(common[-1].f_code, self.lines)}"
            self.engine, self.stack = (), []
            raise EndlessError(said)


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def _whose(frame: FrameType) -> _Whose:
    name, code = str(frame.f_globals.get("__name__", "")), frame.f_code
    if name.startswith("spanproof.impl."):
        return _Whose.TEXT
    if name.startswith("spanproof.checks."):
        # A coroutine of the checks (a program) calls the text, and is called by an engine.
        return _Whose.NOBODY if code.co_flags & CO_COROUTINE else _Whose.ENGINE
    if name.startswith("spanproof."):
        return _Whose.NOBODY
    return _Whose.LIBRARY if code.co_filename.startswith(_LIBRARIES) else _Whose.TEXT


def _moving(frame: FrameType) -> tuple[Any, ...]:
    """An engine's frame, with all in it that another access changes: locals, and what an `Alone` counts."""
    return frame, *frame.f_locals.values(), getattr(frame.f_locals.get("self"), "left", None)


def _step(frame: FrameType) -> tuple[tuple[Any, ...], list[FrameType]]:
    """The step that is being taken here: (the engine's frame and its locals, the text's frames), or nothing."""
    stack: list[FrameType] = []
    here: FrameType | None = frame
    while here is not None:
        whose = _whose(here)
        if whose is _Whose.ENGINE:
            return (_moving(here), stack[::-1]) if stack else ((), [])
        if whose is _Whose.TEXT:
            stack.append(here)
        here = here.f_back
    return (), []


def _place(code: CodeType, lines: set[int]) -> str:
    """The loop that goes round, with its file: the outermost of the function that all these lines are in."""
    file = Path(code.co_filename)
    try:
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    except (OSError, ValueError, SyntaxError):
        nodes = []
    known = lines - {code.co_firstlineno}
    loops = [node for node in nodes if isinstance(node, ast.While | ast.For) and node.lineno >= code.co_firstlineno]
    around = [node.lineno for node in loops if all(node.lineno <= line <= (node.end_lineno or 0) for line in known)]
    return f"{file.name}, from line {min(around, default=code.co_firstlineno)} on"


@contextmanager
def watched() -> Generator[None]:
    """While this lasts, text that is endless raises EndlessError where it goes round. In main threads only."""
    if threading.current_thread() is not threading.main_thread() or signal.getitimer(signal.ITIMER_VIRTUAL)[1]:
        yield  # there is no way, or it is done already
        return
    before = signal.signal(signal.SIGVTALRM, _Looking().look)
    signal.siginterrupt(signal.SIGVTALRM, False)
    signal.setitimer(signal.ITIMER_VIRTUAL, LOOK, LOOK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
