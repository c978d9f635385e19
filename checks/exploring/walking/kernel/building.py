"""The compiled walk as a library: built once for this user, with the compiler of the extra `fast` or one at hand."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from spanproof.checks.cache import cache_folder

SOURCE = files("spanproof.checks.exploring.walking.kernel") / "walk.c"
OPTIONS = ("-O2", "-std=c11", "-fPIC", "-shared")
SECONDS = 120


class NoKernelError(Exception):
    """There is no compiled walk here: the message says why, in a line."""


@cache
def library() -> ctypes.CDLL:
    """The library, built if it is not there.

    Raises:
        NoKernelError: there is no compiler, or nothing can be written or loaded.

    """
    text = SOURCE.read_bytes()
    told = hashlib.sha256(b"\0".join([text, sys.platform.encode(), os.uname().machine.encode()])).hexdigest()
    place = cache_folder() / "walk" / f"walk-{told[:16]}.so"
    try:
        if not place.exists():
            _build(text, place)
        return ctypes.CDLL(str(place))
    except OSError as e:
        raise NoKernelError(f"the compiled walk cannot be kept or loaded: {e}") from e


def compiler() -> list[str]:
    """The command that compiles C.

    Raises:
        NoKernelError: there is none.

    """
    if find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    for name in ("cc", "gcc", "clang"):
        if (found := shutil.which(name)) is not None:
            return [found]
    raise NoKernelError("no C compiler for the compiled walk: pip install 'spanproof[fast]'")


def _build(text: bytes, place: Path) -> None:
    """Compile beside the place, and then put it there at once: others may be at it too."""
    command = compiler()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        source, made = Path(folder) / "walk.c", Path(folder) / "walk.so"
        source.write_bytes(text)
        try:
            done = subprocess.run(  # noqa: S603  # a compiler, on our own text
                [*command, *OPTIONS, str(source), "-o", str(made)],
                capture_output=True, text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as e:
            raise NoKernelError(f"{command[-1]} took more than {SECONDS} s over the compiled walk") from e
        if done.returncode != 0 or not made.exists():
            said = done.stderr.strip().splitlines() or ["no word of why"]
            raise NoKernelError(f"the compiled walk is not built: {said[-1]}")
        made.replace(place)
