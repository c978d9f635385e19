"""Has Spin count the states of a Promela text: spin writes a C program, cc compiles it, and that searches.

Each phase is timed, as most of the time on a small model is the compiler's. All of it happens in a folder that goes
away, in processes that are ended with ours, within a time and a size. Where Spin or a C compiler is not installed, that
is said: it is no verdict. Read next: ../../saying.py.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

EVERY_STATE = ("-O2", "-DSAFETY", "-DNOREDUCE")
"""Compiled so that it stores every state: no partial order is reduced, no cycle is looked for."""
GOES_ON = ("-c0", "-e")
"""Errors do not end the search."""
MEGABYTES = 6_000
"""What each phase may take."""
SECONDS = 600.0
"""What all of it may take."""
DEPTH = 1_000_000
"""Steps of the longest way that it may go down; of a longer one it says so, and the count is refused."""


class SpinError(RuntimeError):
    """Spin did not come to a count, and why."""


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds by phase: Promela to C, C to a program, and the search itself."""

    spin: float
    cc: float
    pan: float

    @property
    def total(self) -> float:
        """From the text to the count."""
        return self.spin + self.cc + self.pan


@dataclass(frozen=True, slots=True)
class SpinCount:
    """What Spin found, and how it was asked."""

    states: int
    transitions: int
    errors: int
    depth: int
    megabytes: float
    seconds: Phases
    flags: tuple[str, ...]
    options: tuple[str, ...]
    said: tuple[str, ...]
    """Its first words about each kind of error."""


def missing() -> str:
    """What is not installed that it takes, or nothing."""
    absent = [name for name in ("spin", "cc") if shutil.which(name) is None]
    return f"not installed: {' and '.join(absent)}" if absent else ""


def counted_by_spin(
    text: str,
    flags: Sequence[str] = EVERY_STATE,
    *,
    options: Sequence[str] = GOES_ON,
    depth: int = DEPTH,
    megabytes: int = MEGABYTES,
    seconds: float = SECONDS,
) -> SpinCount:
    """Let Spin search a Promela text.

    flags: for the C compiler. options: for the program that it makes.

    Raises:
        SpinError: it is not installed, or did not get through all of it.

    """
    absent = missing()
    if absent:
        raise SpinError(absent)
    options = (*options, f"-m{depth}")
    with tempfile.TemporaryDirectory(prefix="spanproof-") as folder:
        work = _Work(Path(folder), megabytes, time.monotonic() + seconds)
        (work.folder / "model.pml").write_text(text, encoding="utf-8")
        spin, _ = work.run("spin", "-a", "model.pml")
        cc, _ = work.run("cc", *flags, "-w", f"-DMEMLIM={megabytes}", "-o", "pan", "pan.c")
        pan, said = work.run("./pan", *options)
    return _read(said, Phases(spin, cc, pan), tuple(flags), tuple(options))


@dataclass(frozen=True, slots=True)
class _Work:
    """A folder and what may be used up in it."""

    folder: Path
    megabytes: int
    deadline: float

    def run(self, *command: str) -> tuple[float, str]:
        """Run one phase: the seconds it took, and all that it said.

        Raises:
            SpinError: it failed, or there was not time enough.

        """
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603  # what is run is said above
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                self._limit(process)
                said, _ = process.communicate(timeout=max(0.0, self.deadline - time.monotonic()))
            except subprocess.TimeoutExpired as e:
                raise SpinError(f"{command[0]}: not done in the time that there was") from e
            finally:
                _end(process)
        if process.returncode != 0:
            raise SpinError(f"{command[0]} failed: {_brief(said) or f'exit code {process.returncode}'}")
        return time.perf_counter() - began, said

    def _limit(self, process: "subprocess.Popen[str]") -> None:
        """Let it have so much memory and no more."""
        size = (self.megabytes + 500) * 2**20  # pan keeps its own limit, and says so; this one is for the compiler
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (size, size))


def _end(process: "subprocess.Popen[str]") -> None:
    """End a phase that has not ended, and what it began."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own


def _brief(said: str) -> str:
    """The first line that speaks of an error, else the last one."""
    lines = [line for line in said.splitlines() if line.strip()]
    return next((line for line in lines if "rror" in line), lines[-1] if lines else "")[:200]


def _read(said: str, seconds: Phases, flags: tuple[str, ...], options: tuple[str, ...]) -> SpinCount:
    """What it found, from what it printed."""
    for trouble in ("max search depth too small", "reached -DMEMLIM bound", "out of memory"):
        if trouble in said:
            raise SpinError(f"it has not seen everything: {trouble}")
    if "Search not completed" in said and "errors: 0" in said:
        raise SpinError("it has not seen everything")
    return SpinCount(
        int(_number(r"(\d+) states, stored", said)),
        int(_number(r"(\d+) transitions", said)),
        int(_number(r"errors: (\d+)", said)),
        int(_number(r"depth reached (\d+)", said)),
        float(_number(r"([\d.]+)\s+total actual memory usage", said)),
        seconds,
        flags,
        options,
        tuple(dict.fromkeys(re.findall(r"^pan:\d+: (.*?) \(at depth", said, re.MULTILINE))),
    )


def _number(pattern: str, said: str) -> str:
    found = re.search(pattern, said)
    if found is None:
        raise SpinError(f"it printed no count: {_brief(said)}")
    return found[1]
