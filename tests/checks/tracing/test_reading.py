"""A damaged file is one clear line, whatever is damaged in it."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanproof.checks.tracing.checking import check_trace
from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.reading import COLUMNS, Trace, read_trace
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.tracing.validating import TraceError
from tests.checks.tracing.recorder import Recorder, made, save, tampered

GOOD = made(1, 40)
GROW = int(np.flatnonzero(GOOD.kind == Kind.GROW)[0])
SPAN = int(np.flatnonzero(GOOD.kind == Kind.ALLOC_SPAN)[0])
PIECE = int(np.flatnonzero(GOOD.kind == Kind.ALLOC_NEEDS_ZERO)[0])
REFILL = int(np.flatnonzero((GOOD.kind == Kind.CACHE_REFILL) & (GOOD.page > 0))[0])


def _refused(file: Path, release: str | None = None) -> str:
    """The one line that the reader says of a file, without the file's name."""
    with pytest.raises(TraceError) as raised:
        read_trace(file, release)
    text = str(raised.value)
    assert "\n" not in text
    assert text.startswith(f"{file}: ")
    return text.removeprefix(f"{file}: ")


def test_a_good_file_reads_back(tmp_path: Path) -> None:
    """What was written is what is read."""
    file = tmp_path / "good.npz"
    save(file, GOOD)
    trace = read_trace(file)
    assert (trace.name, trace.go, trace.release.name) == ("good", "go1.27", "go1.27")
    for column in COLUMNS:
        assert np.array_equal(getattr(trace, column), getattr(GOOD, column))


COLUMN_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"npages": None}, "column npages is missing: not a trace; copy or record it again"),
    "no names": ({"kind_names": None}, "column kind_names is missing: not a trace; copy or record it again"),
    "no release": ({"go": None}, "column go is missing: not a trace; copy or record it again"),
    "dtype": (
        {"page": GOOD.page.astype(np.int64)},
        "column page: dtype int64, must be dtype uint64; copy or record it again",
    ),
    "float": (
        {"a": GOOD.a.astype(np.float64)},
        "column a: dtype float64, must be dtype uint64; copy or record it again",
    ),
    "shape": (
        {"m": GOOD.m.reshape(-1, 1)},
        f"column m: shape ({len(GOOD)}, 1), must have one dimension; copy or record it again",
    ),
    "length": (
        {"b": GOOD.b[:-1]},
        f"column b has {len(GOOD) - 1} rows, column kind {len(GOOD)}: lengths differ; copy or record it again",
    ),
    "objects": (
        {"kind_names": np.array(["", object()])},
        "column kind_names: dtype object, must be text; copy or record it again",
    ),
    "empty release": ({"go": np.array(" ")}, "column go is empty, so no release is known; give --release"),
    "unknown release": (
        {"go": np.array("go9.9")},
        "column go: unknown release 'go9.9': the table has go1.14 to go1.27; give --release",
    ),
    "unknown kind": (
        {"kind": np.where(np.arange(len(GOOD)) == 7, 99, GOOD.kind).astype(np.uint8)},
        "column kind, row 7: unknown kind 99 (not in kind_names); copy or record it again",
    ),
    "unnamed kind": (
        {"kind_names": np.array(["", "alloc_span", "free_span", "sing\n\x1b[31m", *["grow"] * 12])},
        f"column kind, row {GROW}: unknown kind 3 (kind_names calls it 'sing ?[31m'); copy or record it again",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", COLUMN_FAULTS)
def test_a_wrong_column_is_refused(fault: str, tmp_path: Path) -> None:
    """Columns missing, of another type, shape or length; kinds and releases unknown."""
    changes, line = COLUMN_FAULTS[fault]
    file = tmp_path / "wrong.npz"
    save(file, GOOD, **changes)
    assert _refused(file) == line


SUCH = "is out of range, must be such that"
ROW_FAULTS = {
    "page 0": ({("page", SPAN): 0}, f"column page, row {SPAN} (alloc_span): 0 is out of range, must be 1 or more"),
    "no pages": (
        {("npages", SPAN): 0},
        f"column npages, row {SPAN} (alloc_span): 0 is out of range, must be 1 or more",
    ),
    "beyond": (
        {("page", SPAN): 2**35},
        f"column page, row {SPAN} (alloc_span): 34359738368 is out of range, must be below 34359738368",
    ),
    "far beyond": (
        {("page", SPAN): -5},
        f"column page, row {SPAN} (alloc_span): -5 is out of range, must be below 34359738368",
    ),
    "past the end": (
        {("page", SPAN): 2**35 - 1, ("npages", SPAN): 2},
        f"column npages, row {SPAN} (alloc_span): 2 {SUCH} the range ends by page 34359738368",
    ),
    "past its arena": (
        {("npages", PIECE): 9000},
        f"column npages, row {PIECE} (alloc_needs_zero): 9000 {SUCH} the piece ends in its arena",
    ),
    "cache of 63": (
        {("npages", REFILL): 63},
        f"column npages, row {REFILL} (cache_refill): 63 is out of range, must be 64, as a page cache has",
    ),
    "cache at 1": (
        {("page", REFILL): 65},
        f"column page, row {REFILL} (cache_refill): 65 is out of range, must be a multiple of 64",
    ),
    "a heap of 8 TiB": (
        {("npages", GROW): 2**30},
        f"column npages, row {GROW} (grow): 1073741824 is out of range, must be at most 134217728",
    ),
    "growing too often": (
        {("npages", GROW): 2**27},
        f"column npages, row GROW (grow): 512 {SUCH} at most 134217728 pages are grown in all",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", ROW_FAULTS)
def test_a_row_out_of_range_is_refused(fault: str, tmp_path: Path) -> None:
    """Pages that no heap has, named by column and row."""
    changes, line = ROW_FAULTS[fault]
    file = tmp_path / "range.npz"
    save(file, tampered(GOOD, changes))
    grow = int(np.flatnonzero(GOOD.kind == Kind.GROW)[1])
    assert _refused(file) == line.replace("GROW", str(grow)) + "; copy or record it again"


def test_no_trace_at_all_is_refused(tmp_path: Path) -> None:
    """Missing files, folders, text, other arrays."""
    assert _refused(tmp_path / "none.npz") == "no such file; name a recorded trace (.npz)"
    assert _refused(tmp_path) == "cannot be read (Is a directory); name a recorded trace (.npz)"
    for data, line in ((b"", "not a trace, or cut short"), (b"hello" * 99, "not a trace, or cut short")):
        (tmp_path / "text.npz").write_bytes(data)
        assert _refused(tmp_path / "text.npz").startswith(line)
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    assert _refused(tmp_path / "other.npz") == "column kind is missing: not a trace; copy or record it again"


def _rewritten(member: Callable[[str, bytes], bytes]) -> bytes:
    """A good file with members changed, the zip around them intact."""
    good, out = io.BytesIO(), io.BytesIO()
    columns = {name: getattr(GOOD, name).astype(dtype) for name, dtype in COLUMNS.items()}
    names = np.array(["", *(kind.word for kind in Kind)])
    np.savez(good, go=np.array("go1.27"), kind_names=names, **columns)
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, member(name, old.read(name)))
    return out.getvalue()


MEMBERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut short": (lambda data: data[:-9], "is damaged or cut short (cut short)"),
    "too long": (lambda data: data + b"\0", "is damaged or cut short (cut short)"),
    "empty": (lambda _: b"", "is damaged or cut short"),
    "no array": (lambda _: b"hello, hello, hello", "is damaged or cut short"),
    "claims to be huge": (
        lambda data: data.replace(f"({len(GOOD)},)".encode(), b"(99999999999,)", 1),
        "99,999,999,999 entries, at most 16,777,216 are read",
    ),
    "header no tuple": (lambda data: data.replace(b"'shape'", b"'shope'"), "is damaged or cut short"),
    "header no Python": (lambda data: data.replace(b"{'descr'", b"{{{descr"), "is damaged or cut short"),
    "version 3": (lambda data: data[:6] + b"\3" + data[7:], "is damaged or cut short (format version (3, 0))"),
}


@pytest.mark.parametrize("fault", MEMBERS)
def test_a_damaged_member_is_refused(fault: str, tmp_path: Path) -> None:
    """An array cut short in the middle, too long, or none, in a zip that is whole."""
    change, line = MEMBERS[fault]
    file = tmp_path / "member.npz"
    file.write_bytes(_rewritten(lambda name, data: change(data) if name == "page.npy" else data))
    text = _refused(file)
    assert text.startswith("column page")
    assert line in text
    assert text.endswith("; copy or record it again")


def test_a_zip_bomb_takes_no_memory(tmp_path: Path) -> None:
    """A member that unpacks to far more than it is packed in is refused by its header."""
    file = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("kind.npy", "w") as out,
    ):
        np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": (2**24 + 1,)})
        for _ in range(64):
            out.write(bytes(2**20))
    assert file.stat().st_size < 2**20
    assert _refused(file) == "column kind: 16,777,217 entries, at most 16,777,216 are read; copy or record it again"


BYTES = RECORDED[2].read_bytes()


@pytest.mark.parametrize("part", [0, 0.001, 0.3, 0.6, 0.9, 0.999])
def test_a_file_cut_short_is_refused(part: float, tmp_path: Path) -> None:
    """The beginning of a recorded trace is no trace."""
    file = tmp_path / "cut.npz"
    file.write_bytes(BYTES[: int(part * len(BYTES))])
    assert _refused(file).startswith("not a trace, or cut short (")


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_random_damage_is_a_line_or_harmless(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bytes changed or left out at random, in the zip or in its members: TraceError, or a trace that can be checked."""
    good = _rewritten(lambda _, member: _damaged(data, member) if data.draw(st.integers(0, 5)) == 0 else member)
    file = tmp_path_factory.getbasetemp() / "random.npz"
    file.write_bytes(_damaged(data, good) if data.draw(st.booleans()) else good)
    try:
        trace = read_trace(file)
    except TraceError as e:
        refused = str(e)
    else:
        refused = ""
        assert isinstance(trace, Trace)
        check_trace(trace)
    assert refused.isprintable()  # one line


def _damaged(data: st.DataObject, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, min(len(changed), 200) - 1)) | st.integers(0, max(0, len(changed) - 1)))
        match data.draw(st.sampled_from(["flip", "cut", "drop"])):
            case "flip" if changed:
                changed[at] ^= data.draw(st.integers(1, 255))
            case "cut":
                del changed[at:]
            case _:
                del changed[at : at + 5]
    return bytes(changed)


def test_the_release_can_be_overridden(tmp_path: Path) -> None:
    """--release takes the place of the file's; a trace of 1.27 breaks the rule of 1.25, one of 1.21 that of 1.26."""
    new, old = read_trace(RECORDED[1], "go1.25"), read_trace(RECORDED[0], "1.26")
    assert (new.go, new.release.name, old.release.name) == ("go1.25", "go1.25", "go1.26")
    assert set(check_trace(new).violated) == {"used_pages_are_not_called_zero", "needzero_follows_the_release"}
    assert set(check_trace(old).violated) == {"needzero_follows_the_release"}
    assert _refused(RECORDED[1], "go1.99") == (
        "--release: unknown release 'go1.99': the table has go1.14 to go1.27; give --release"
    )
    file = tmp_path / "nameless.npz"
    save(file, Recorder().trace(), go=np.array(""))
    assert read_trace(file, "go1.20").release.name == "go1.20"
