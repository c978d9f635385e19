"""A script put to a solver: a command in a process of its own, with so much time and memory. Read next: recheck.py."""

import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spanproof.checks.proving.stopping import Hurry, patient

MEMORY = 4 << 30
"""Bytes that a solver may use."""
SECONDS = 900.0
"""For one script."""
LOOK = 0.05
ANSWERS = frozenset({"sat", "unsat", "unknown"})
WORK = re.compile(r"\(:rlimit (\d+)\)")
"""How z3 says what it has done by then, in its own count."""
VERSION = re.compile(r'\(:version "([^"]*)"\)')


@dataclass(frozen=True, slots=True)
class Answers:
    """What a solver printed."""

    given: tuple[str, ...]
    """One for each check-sat, as far as it came."""
    ended: str = ""
    """Why it came no further."""
    work: tuple[int, ...] = ()
    """What it had done after each, if the script asks and it says so."""
    version: str = ""
    """Its own, if the script asks and it says so."""


def asked(solver: Sequence[str], script: Path, hurry: Hurry = patient, seconds: float | None = None) -> Answers:
    """Put a script to a solver. seconds: how long it may take, all in all, if not as long as scripts may."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            process = subprocess.Popen(  # noqa: S603  # what the user names, or our own module
                [*solver, str(script)], stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        except OSError as e:
            return Answers((), f"{solver[0]}: cannot be run: {e.strerror}")
        seconds = SECONDS if seconds is None else seconds
        if hasattr(resource, "prlimit"):  # Linux
            resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
            most = int(seconds) + 10
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (most, most))  # so it ends also when we are killed
        ended = _waited(process, hurry, seconds)
        out.seek(0)
        err.seek(0)
        lines = [line.strip() for line in out]
        if not ended and process.returncode:
            said = next((line.strip() for line in err if line.strip()), "")
            ended = f"it ended with code {process.returncode}{': ' if said else ''}{said[:200]}"
        work = tuple(int(found[1]) for found in map(WORK.fullmatch, lines) if found)
        version = next((found[1] for found in map(VERSION.fullmatch, lines) if found), "")
        return Answers(tuple(line for line in lines if line in ANSWERS), ended, work, version)


def _waited(process: "subprocess.Popen[bytes]", hurry: Hurry, seconds: float) -> str:
    """Wait for its end, or make one: why."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            process.wait(LOOK)
        except subprocess.TimeoutExpired:
            said = hurry(0) or (f"its {seconds:g} s are over" if time.monotonic() > deadline else "")
            if not said:
                continue
            process.kill()
            process.wait()
            return said
        except KeyboardInterrupt:
            process.kill()
            process.wait()
            raise
        return ""
