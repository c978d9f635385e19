"""A counterexample shown on the real runtime: a Go program that does what the record says, as an ordinary user.

Not every record has one: of most, the schedule cannot be forced on a real program. Read next: comparing/compare.py.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from spanproof.checks.cache import cache_folder
from spanproof.checks.golang.extracted.building import built, environment
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain
from spanproof.checks.record import Record
from spanproof.checks.verdict import NotRun, Result, Verdict

PROGRAMS = files("spanproof.checks.golang") / "reproducers"
TRIES = 6
"""A program may end early, by the very limit that it needs: it is run again so often."""
SECONDS = 60.0
MEMORY = 1 << 33
"""Bytes of address space: Go reserves much more than it uses."""
LOCKED = 8 << 20
"""Bytes that may be locked in memory."""
NOBODY = 65534
"""The user that a program is run as if we are root, which no limit on locked memory holds back."""
SHOWN, NOT_HERE = 1, 3
"""What a program ends with that shows it, or that cannot show it here."""


@dataclass(frozen=True, slots=True)
class Reproducer:
    """A program, and of which records it is."""

    name: str
    says: str
    of: Callable[[Record], bool]


def _dirty(record: Record) -> bool:
    """Memory that was returned to a system that did not clear it is handed out as zero."""
    uncleared = record.program.get("unused_zeroes") is False
    return uncleared and record.violated.claim == "asked_for_zero_gets_zero"


REPRODUCERS = (
    Reproducer("dirty_memory_as_zero", "make gives memory that is not zero, where pages are locked in memory", _dirty),
)


def reproducer_of(record: Record) -> Reproducer | None:
    """The program that shows what a record says, if there is one."""
    return next((each for each in REPRODUCERS if each.of(record)), None)


def program_of(reproducer: Reproducer) -> dict[str, str]:
    """Its files."""
    folder = PROGRAMS / reproducer.name
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name != "__pycache__"}


def programs_of(records: Mapping[str, Record]) -> dict[str, dict[str, str]]:
    """By the names of records, the programs of those that have one: a report shows them."""
    found = {name: reproducer_of(record) for name, record in records.items()}
    return {name: program_of(reproducer) for name, reproducer in found.items() if reproducer}


def shown_on(toolchain: Toolchain, reproducer: Reproducer) -> Result | NotRun:
    """Whether a toolchain's runtime shows it: `violated` if it does, `holds` if it never does.

    Raises:
        GoError: it cannot be built.

    """
    started, name = time.perf_counter(), f"{reproducer.name} on {toolchain.version}"
    program = built(toolchain, f"{reproducer.name}-{toolchain.version}", program_of(reproducer))
    with tempfile.TemporaryDirectory() as folder:  # an ordinary user may not look into our cache
        place = Path(folder) / reproducer.name
        shutil.copy(program, place)
        for path in (place, place.parent):
            path.chmod(0o755)
        return _shown(toolchain, reproducer, place, started, name)


def _shown(toolchain: Toolchain, reproducer: Reproducer, program: Path, started: float, name: str) -> Result | NotRun:
    whole, said = 0, ""
    for _ in range(TRIES):
        code, said = _run([str(program)], environment(toolchain, cache_folder()))
        if code == SHOWN:
            bound = f"run {whole + 1} as an ordinary user: {said}"
            reason = f"asked_for_zero_gets_zero: {reproducer.says}"
            seconds = time.perf_counter() - started
            return Result("go", name, Verdict.VIOLATED, reason, bound, (), seconds, {"runs": whole + 1})
        whole += code == 0
    if not whole:
        return NotRun("go", name, f"this machine cannot show it: {said}")
    bound = f"{whole} runs as an ordinary user, the last: {said}"
    return Result("go", name, Verdict.HOLDS, "", bound, (), time.perf_counter() - started, {"runs": whole})


def _run(command: list[str], variables: Mapping[str, str]) -> tuple[int, str]:
    """(how it ended, its last line), without the right to lock more memory than the limit."""
    import resource  # noqa: PLC0415  # not on every system

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (LOCKED, LOCKED))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    user = NOBODY if os.geteuid() == 0 else None
    try:
        done = subprocess.run(  # noqa: S603  # a program of ours
            command, env=dict(variables), capture_output=True, text=True, timeout=SECONDS, check=False, user=user,
            group=user, extra_groups=[] if user else None, preexec_fn=limited, cwd="/",  # no threads
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return NOT_HERE, f"it did not end in {SECONDS:g} s"
    except OSError as e:
        raise GoError(f"{command[0]} cannot be run: {e}") from e
    lines = (done.stdout or done.stderr).strip().splitlines() or ["it says nothing"]
    return done.returncode, lines[0]
