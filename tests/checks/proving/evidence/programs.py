"""Solvers as programs: one that answers, and some that say what they are told to."""

import shlex
import sys
from pathlib import Path

Z3 = str(Path(sys.executable).parent / "z3")
"""The same solver as a program, from the same wheel: it reads the script, and knows nothing of the proof."""


def says(*answers: str, code: int = 0) -> str:
    """A solver that says this, whatever it is asked."""
    text = f"import sys; print({chr(10).join(answers)!r}); sys.exit({code})"
    return runs(text)


def runs(text: str) -> str:
    """A solver that is this text of Python; the script's file is its first argument."""
    return shlex.join([sys.executable, "-c", text])
