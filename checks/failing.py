"""Where the text of a heap fails in a way that no claim speaks of: what is said of it, with its file and line.

Read next: running/machine.py, which tells it from what breaks a claim.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

OURS, REFERENCE = "spanproof", "spanproof.impl"


class ExitsError(Exception):
    """The text asks to end the process: it would end the check, and nothing would be said."""


def exits(error: SystemExit) -> ExitsError:
    """What is raised in place of the wish to exit; its traceback leads to the same line."""
    return ExitsError(f"it exits (SystemExit: {error})").with_traceback(error.__traceback__)


def is_nil_dereference(error: AttributeError) -> bool:
    """Whether None was asked for an attribute. One that is raised by hand has neither an object nor a name."""
    return error.obj is None and (error.name is not None or str(error).startswith("'NoneType' object has no"))


def told(error: BaseException) -> str:
    """What was raised, and before that where in the user's file; where that is not on the way, in the reference."""
    said = f"{type(error).__name__}: {error}".removesuffix(": ")
    place = _place(error)
    return f"{place}: {said}" if place else said


def is_users(module: str) -> bool:
    """Whether a module of this name is the user's own: neither ours nor of a library."""
    top = module.partition(".")[0]
    file = str(getattr(sys.modules.get(module), "__file__", ""))
    return bool(top) and top != OURS and top not in sys.stdlib_module_names and "site-packages" not in file


def _place(error: BaseException) -> str:
    """The file, line and function of the innermost frame of the user's own, or of the reference's text."""
    frames = list(_frames(error))
    own = [at for at in frames if is_users(_module(at[0]))]
    reference = [at for at in frames if _module(at[0]).startswith(f"{REFERENCE}.")]
    for frame, line in (own or reference)[-1:]:
        inside = "" if frame.f_code.co_name == "<module>" else f" in {frame.f_code.co_name}"
        return f"{Path(frame.f_code.co_filename).name}:{line}{inside}"
    return ""


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Each frame on the way to where it was raised, with its line."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _module(frame: FrameType) -> str:
    """The name of the module whose text a frame runs; functions that we make have none."""
    return str(frame.f_globals.get("__name__", ""))
