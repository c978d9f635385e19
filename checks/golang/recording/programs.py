"""Programs built with a runtime that records what its page heap does, and their runs.

The runtime is patched through `go build -overlay`: GOROOT is only read. Each process of a traced program writes one
file (tracing/raw.py reads it); a program that was not built so writes nothing. Read next: recorder_edits.py.
"""

import hashlib
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import IO, NamedTuple

from spanproof.checks.cache import cache_folder
from spanproof.checks.golang.extracted.building import BUILD_SECONDS, BuildError, environment, go_build
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain
from spanproof.checks.golang.recording.patching import Edit
from spanproof.checks.golang.recording.recorder_edits import traced
from spanproof.checks.tracing.raw import SUFFIX, Header, read_header
from spanproof.checks.tracing.validating import TraceError

EDITION = 1
"""Changed when the way of building changes."""
MEGABYTES = 256
"""Of a file, which takes room only as it is written, a mebibyte at a time: some four million records."""
PREFIX, LEVEL, SIZE = "SPANPROOF_TRACE", "SPANPROOF_TRACE_LEVEL", "SPANPROOF_TRACE_MB"
"""What tells the recorder where to write, how much to read, and how long a file is."""
LONGEST = 400
"""Bytes of the place and the name of a file (recorder.go)."""
ALL_IN_MALLOC = "nosizespecializedmalloc"
"""The experiment without which small objects do not pass mallocgc, from 1.26 on."""
GRACE = 5.0
"""Seconds that a command which is told to end has for it."""
COST_RUNS = 3


class Level(IntEnum):
    """What is recorded; each has what the one before it has."""

    EVENTS = 0
    """What the heap does."""
    SPANS = 1
    """Every span that claims to be zero is read."""
    OBJECTS = 2
    """Every object that was asked for as zero is read."""


FATAL = ("fatal error: ", "panic: ", "unexpected fault address")
"""How the line begins in which a Go program says why it ends."""
LONGEST_COMPLAINT = 1 << 20


class Run(NamedTuple):
    """A command that ended. code: as a shell has it, negative for a signal; None: it took too long."""

    code: int | None
    seconds: float
    cpu: float
    said: str = ""
    """What went wrong in its own words, one line of its standard error, if that was not shown."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run and the files that it left. Files that cannot be read are named with what is wrong."""

    run: Run
    files: Mapping[Path, Header | str]

    @property
    def records(self) -> int:
        """Of all files."""
        return sum(header.records for header in self.files.values() if isinstance(header, Header))


def supported(system: str = sys.platform, machine: str = platform.machine()) -> None:
    """Say no where the recorder does not work.

    Raises:
        GoError: this is no Linux on amd64.

    """
    if system != "linux" or machine.lower() not in {"x86_64", "amd64"}:
        raise GoError(f"programs are recorded on linux/amd64 alone, and this is {system}/{machine}")


def build(
    toolchain: Toolchain,
    package: Path,
    level: Level = Level.EVENTS,
    more: Sequence[Edit] = (),
    *,
    recorder: bool = True,
) -> Path:
    """The program in a folder, built with the recording runtime. more: other edits of the runtime, such as a fault.

    recorder: without it, as Go itself builds it. Go knows what it has built; a second call takes a moment.

    Raises:
        BuildError: Go refuses, or takes too long.
        GoError: there is no folder, or no place to build in.

    """
    if not package.is_dir():
        raise GoError(f"--package {package}: no such folder; give one with a main package")
    return built_in(toolchain, package, traced(toolchain, more) if recorder else {}, level)


def built_in(toolchain: Toolchain, package: Path, files: Mapping[str, bytes], level: Level = Level.EVENTS) -> Path:
    """The program in a folder, built with a runtime in which these files stand in the place of its own.

    Raises:
        BuildError: Go refuses, or takes too long.
        GoError: there is no place to build in.

    """
    try:
        from filelock import FileLock, Timeout  # noqa: PLC0415  # an extra
    except ImportError as e:
        raise GoError("filelock is not installed: pip install 'spanproof[go]'") from e
    if not os.access(toolchain.go, os.X_OK):
        raise GoError(f"{toolchain.go}: cannot be run, so nothing can be built with {toolchain.version}")
    told = hashlib.sha256(f"{EDITION}\0{toolchain.root}\0{toolchain.version}\0{level is Level.OBJECTS}\0".encode())
    for name in sorted(files):
        told.update(name.encode() + b"\0" + files[name] + b"\0")
    folder = cache_folder() / "traced" / f"{toolchain.version}-{told.hexdigest()[:16]}"
    package = package.resolve()
    program = folder / hashlib.sha256(str(package).encode()).hexdigest()[:16] / package.name
    try:
        program.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=BUILD_SECONDS * 2):
            overlay = _overlay(toolchain, folder, files)
            _go_build(toolchain, package, program, overlay, level)
    except Timeout as e:
        raise GoError(f"{folder}: another build has not ended in {BUILD_SECONDS * 2} s") from e
    except OSError as e:
        raise GoError(f"{folder}: cannot be written: {e}") from e
    return program


def _overlay(toolchain: Toolchain, folder: Path, files: Mapping[str, bytes]) -> Path:
    """The files as Go's -overlay takes them, written where they are not there already."""
    runtime = folder / "runtime"
    runtime.mkdir(exist_ok=True)
    for name, text in files.items():
        path = runtime / name
        if not path.exists() or path.read_bytes() != text:
            path.write_bytes(text)
    replaced = {str(toolchain.runtime / name): str(runtime / name) for name in sorted(files)}
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps({"Replace": replaced}, indent=1), encoding="utf-8")
    return overlay


def _go_build(toolchain: Toolchain, package: Path, program: Path, overlay: Path, level: Level) -> None:
    options = ("-overlay", str(overlay), "-buildvcs=false", "-o", str(program))
    what = f"{package} is not built by {toolchain.version} with another runtime, and without cgo"
    go_build(toolchain, options, package, _build_environment(toolchain, level), what)
    if not os.access(program, os.X_OK):  # Go writes a package that is no program there, too
        program.unlink(missing_ok=True)
        raise BuildError(f"{package}: no program came of it; give a folder with a main package")


def _build_environment(toolchain: Toolchain, level: Level) -> dict[str, str]:
    """As for our own programs; but modules are the user's, and go.mod stays as it is."""
    found = environment(toolchain, cache_folder()) | {"GOFLAGS": "", "GOOS": "linux", "GOARCH": "amd64"}
    path = os.environ.get("GOPATH", "").split(os.pathsep)[0] or str(Path.home() / "go")
    found["GOMODCACHE"] = os.environ.get("GOMODCACHE") or str(Path(path) / "pkg" / "mod")
    has_experiment = (toolchain.runtime.parent / "internal/goexperiment/exp_sizespecializedmalloc_on.go").exists()
    return found | ({"GOEXPERIMENT": ALL_IN_MALLOC} if level is Level.OBJECTS and has_experiment else {})


def record(
    command: Sequence[str], out: Path, level: Level = Level.EVENTS, seconds: float = 600, megabytes: int = MEGABYTES,
    *, quiet: bool = False,
) -> Recorded:  # fmt: skip
    """Run a command; each process of it that was built with the recorder leaves a file in a folder.

    quiet: nothing is seen of what it prints.

    Raises:
        GoError: it cannot be run, or nothing can be written there.

    """
    supported()
    if "madvdontneed=0" in os.environ.get("GODEBUG", ""):
        raise GoError("GODEBUG has madvdontneed=0: from Go 1.26 on another rule of needzero holds then; leave it out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        before = set(out.glob(f"*{SUFFIX}"))
    except OSError as e:
        raise GoError(f"--out {out}: cannot be made: {e.strerror}") from e
    prefix = str(out.resolve() / Path(command[0]).name)
    if len(os.fsencode(prefix)) > LONGEST or not os.access(out, os.W_OK):
        raise GoError(f"--out {out}: nothing can be written there, or its name is too long; give another folder")
    told = {PREFIX: prefix, LEVEL: str(int(level)), SIZE: str(megabytes)}
    done = run(command, told, seconds, quiet=quiet)
    files = dict[Path, Header | str]()
    for path in sorted(set(out.glob(f"*{SUFFIX}")) - before):
        try:
            files[path] = read_header(path)
        except TraceError as e:
            files[path] = str(e)
    return Recorded(done, files)


def run(command: Sequence[str], told: Mapping[str, str], seconds: float, *, quiet: bool = False) -> Run:
    """Run a command with some variables, in a group of its own so that all of it can be ended. quiet: it says nothing.

    Raises:
        GoError: it cannot be run.

    """
    kept = {name: value for name, value in os.environ.items() if name not in {PREFIX, LEVEL, SIZE}}
    with tempfile.TemporaryFile() if quiet else nullcontext() as heard:
        silent = subprocess.DEVNULL if quiet else None
        cpu, begun = _cpu(), time.perf_counter()
        try:
            process = subprocess.Popen(  # noqa: S603  # what the user asks to be run
                list(command), env={**kept, **told}, stdout=silent, stderr=heard, start_new_session=True
            )
        except (OSError, ValueError) as e:
            raise GoError(f"{command[0]}: cannot be run: {e}") from e
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        return Run(code, time.perf_counter() - begun, _cpu() - cpu, _complaint(heard))


def _complaint(heard: IO[bytes] | None) -> str:
    """The line in which a Go program says why it ends, else the first that it wrote."""
    if heard is None:
        return ""
    heard.seek(0)
    lines = [
        line.strip() for line in heard.read(LONGEST_COMPLAINT).decode(errors="replace").splitlines() if line.strip()
    ]
    return next((line for line in lines if line.startswith(FATAL)), lines[0] if lines else "")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a command that has not ended, and what it began."""
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):  # it may have ended just now
            os.killpg(process.pid, number)  # it leads a group of its own
        try:
            process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            continue
        return


def _cpu() -> float:
    """Seconds of processor that ended children have had."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cost_lines(
    words: Sequence[str], plain: Sequence[str], out: Path, level: Level, seconds: float, *, built: bool
) -> Iterable[str]:
    """What the recorder costs, in a line: the least processor time of a few runs, taken in turn."""
    with tempfile.TemporaryDirectory(dir=out) as place:
        at_work, without = list[float](), list[float]()
        for number in range(COST_RUNS):
            told = {PREFIX: str(Path(place).resolve() / str(number)), LEVEL: str(int(level)), SIZE: str(MEGABYTES)}
            at_work.append(run(words, told, seconds, quiet=True).cpu)
            without.append(run(plain, {}, seconds, quiet=True).cpu)
            for path in Path(place).glob(f"*{SUFFIX}"):
                path.unlink()
    how = "built without the recorder" if built else "with the recorder idle"
    ratio = min(at_work) / max(min(without), 1e-9)
    yield (
        f"processor time, least of {COST_RUNS} runs: {min(at_work):.2f} s recording, {min(without):.2f} s {how}: "
        f"{ratio:.2f} times"
    )


def told_lines(recorded: Recorded, most: int = 10) -> Iterable[str]:
    """What came of it, in lines."""
    run_ = recorded.run
    if run_.code:
        yield f"the command ended with {run_.code}"
    if run_.code is None:
        yield "the command took too long and was ended"
    files = list(recorded.files.items())
    for path, header in files[:most]:
        yield f"{path}: {header.told}" if isinstance(header, Header) else header
    if len(files) > most:
        yield f"... and {len(files) - most} more files"
    full = sum(isinstance(header, Header) and header.lost > 0 for header in recorded.files.values())
    if full:
        room = "--megabytes makes them longer, if the disk has room"
        yield f"{full} files are full: what came later is not recorded; {room}"
    yield (
        f"{len(files)} files, {recorded.records:,} records in {run_.seconds:.1f} s "
        f"({recorded.records / max(run_.seconds, 1e-9):,.0f} a second); processor time {run_.cpu:.1f} s"
    )
