"""What the heap's text calls between two accesses, and the function in which two texts part there.

Read next: beside.py.
"""

import inspect
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

from spanproof import impl
from spanproof.impl import access

_TEXT = str(Path(str(impl.__file__)).parent) + os.sep
_ACCESSES = str(access.__file__)
"""What accesses are, and no text of the heap."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A plain function is called, or returns."""

    function: str
    caller: str
    """If that is a plain function of the heap's text."""
    returns: bool
    value: str
    """Its arguments, or what it returns."""


class Inside:
    """Sees the calls of the heap's text while it is entered and on; a profiler that wants them too waits meanwhile."""

    def __init__(self) -> None:
        """See nothing yet."""
        self.seen: list[Seen] = []
        self._on = False
        self._before: Any = None

    @property
    def on(self) -> bool:
        """Whether calls are seen."""
        return self._on

    @on.setter
    def on(self, on: bool) -> None:
        if on != self._on:
            self._on = on
            self._before, before = (sys.getprofile(), self._see) if on else (None, self._before)
            sys.setprofile(before)

    def __enter__(self) -> None:
        """Still see nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """See no more."""
        self.on = False

    def _see(self, frame: FrameType, event: str, value: Any) -> None:
        code, caller = frame.f_code, frame.f_back
        if event not in {"call", "return"} or caller is None or not is_text(code):
            return
        # What awaits returns at each of its accesses: those are compared anyhow.
        if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_GENERATOR) or code.co_name.startswith(("<", "__")):
            return
        returns = event == "return"
        names = code.co_varnames[: code.co_argcount]
        shown = repr(value) if returns else repr([frame.f_locals.get(name) for name in names])
        self.seen.append(Seen(code.co_name, _plain(caller), returns, re.sub(r" at 0x\w+", "", shown)))


def is_text(code: CodeType) -> bool:
    """Whether this is text of the heap."""
    return code.co_filename.startswith(_TEXT) and code.co_filename != _ACCESSES


def _plain(frame: FrameType) -> str:
    """The plain function of the heap that a frame is of, or an expression in it; "" for what awaits, and other text."""
    around: FrameType | None = frame
    while around is not None and around.f_code.co_name.startswith(("<", "__")):
        around = around.f_back
    code = (around or frame).f_code
    return code.co_name if is_text(code) and not code.co_flags & inspect.CO_COROUTINE else ""


def parted(tested: Sequence[Seen], reference: Sequence[Seen]) -> str:
    """The plain function in which two texts part: it calls otherwise, or returns something else; "" if in none."""
    for ours, theirs in zip_longest(tested, reference):
        if ours == theirs:
            continue
        seen = [each for each in (ours, theirs) if each is not None]
        return next((each.caller for each in seen if not each.returns), seen[0].function)
    return ""
