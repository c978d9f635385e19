"""Reads a recorded trace, shipped (.npz) or as its process left it (raw.py), and refuses whatever is not one.

A trace is a file of others: nothing in it is believed. Sizes are bounded before memory is taken, nothing is unpickled,
and whatever is wrong is one line that names the file, the place and what to do. Read next: claims.py.
"""

import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from spanproof.checks.tracing.kinds import KINDS_BY_WORD
from spanproof.checks.tracing.raw import Reads, is_raw, read_raw
from spanproof.checks.tracing.validating import ROW_LIMIT, TraceError, validate
from spanproof.model.geometry import GO_AMD64
from spanproof.model.releases import Release, UnknownReleaseError, row

COLUMNS: Mapping[str, str] = {
    "kind": "u1", "page": "u8", "npages": "u4", "m": "u4", "p": "u2", "a": "u8", "b": "u8", "c": "u8",
}  # fmt: skip
TEXTS = {"kind_names": 256, "go": 1}
"""The columns of text, and how many texts each may hold."""
TEXT_WIDTH = 64
HEADER_LIMIT = 4096
AGAIN = "copy or record it again"
DAMAGED = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, TypeError, SyntaxError, NotImplementedError,
    RuntimeError, MemoryError, OverflowError, LookupError, tokenize.TokenError, Warning,
)  # fmt: skip
"""What zipfile, zlib and numpy raise on damaged bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One process, recorded. Every column has shape (rows,); recorded/README.md says what a, b and c hold."""

    name: str
    """The file's name without its suffix."""
    release: Release
    go: str
    """The release as the file or the user gave it."""
    kind: NDArray[np.uint8]
    """Values of `Kind`, whatever the file's own numbering."""
    page: NDArray[np.int64]
    """Address / 8192."""
    npages: NDArray[np.int64]
    m: NDArray[np.uint32]
    p: NDArray[np.uint16]
    a: NDArray[np.uint64]
    b: NDArray[np.uint64]
    c: NDArray[np.uint64]
    numbers: NDArray[np.int64] | None = None
    """The row numbers in the file, of an excerpt; None: every row is there."""
    reads: Reads | None = None
    """What was found where memory that claims to be zero was read, if it was."""
    huge_page: int = GO_AMD64.phys_huge_page_size
    """Bytes of the system's huge pages; 0: Go found none."""
    missing: str = ""
    """What was recorded and is not here, as the end of a sentence."""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.kind)

    def number(self, row: int) -> int:
        """The number that a row has in the file."""
        return row if self.numbers is None else int(self.numbers[row])

    def excerpt(self, rows: NDArray[np.int64]) -> "Trace":
        """Some of the rows, which ascend; they keep their numbers."""
        columns = {column: getattr(self, column)[rows] for column in COLUMNS}
        numbers = rows if self.numbers is None else self.numbers[rows]
        return replace(self, numbers=numbers, **columns)


def _array(file: IO[bytes], column: str) -> NDArray[Any]:
    """One array of an .npz; the shape and type are checked before its bytes are read."""
    version = npy.read_magic(file)
    if version not in {(1, 0), (2, 0)}:
        raise ValueError(f"format version {version}")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file, max_header_size=HEADER_LIMIT)
    if column in COLUMNS:
        wanted, most, dimensions = f"dtype {np.dtype(COLUMNS[column]).name}", ROW_LIMIT, {1}
        right = dtype == np.dtype(COLUMNS[column])
    else:
        wanted, most, dimensions = "text", TEXTS[column], {0, 1}
        right = dtype.kind == "U" and 0 < dtype.itemsize <= 4 * TEXT_WIDTH
    if not right:
        raise TraceError(f"dtype {dtype}, must be {wanted}")
    if len(shape) not in dimensions:
        raise TraceError(f"shape {shape}, must have one dimension")
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if not 0 <= count <= most:
        raise TraceError(f"{count:,} entries, at most {most:,} are read")
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize or file.read(1):  # reading on to the end also checks the sum
        raise EOFError("cut short")
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))


def _column(archive: zipfile.ZipFile, column: str, place: str) -> NDArray[Any]:
    try:
        with warnings.catch_warnings(), archive.open(f"{column}.npy") as file:
            warnings.simplefilter("error")
            return _array(file, column)
    except KeyError as e:
        raise TraceError(f"{place}: column {column} is missing: not a trace; {AGAIN}") from e
    except TraceError as e:
        raise TraceError(f"{place}: column {column}: {e}; {AGAIN}") from e
    except DAMAGED as e:
        raise TraceError(f"{place}: column {column} is damaged or cut short ({_line(e)}); {AGAIN}") from e


def _line(error: BaseException) -> str:
    """What an exception says, as a part of one line of printable text."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:100]


def _load(path: Path) -> dict[str, NDArray[Any]]:
    place = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return {column: _column(archive, column, place) for column in (*COLUMNS, *TEXTS)}
    except TraceError:
        raise
    except FileNotFoundError as e:
        raise TraceError(f"{place}: no such file; name a recorded trace (.npz)") from e
    except OSError as e:
        raise TraceError(f"{place}: cannot be read ({e.strerror or _line(e)}); name a recorded trace (.npz)") from e
    except DAMAGED as e:
        raise TraceError(f"{place}: not a trace, or cut short ({_line(e)}); {AGAIN}") from e


def _release(go: str, release: str | None, place: str, told_by: str = "column go") -> tuple[str, Release]:
    name, where = (go, told_by) if release is None else (release, "--release")
    if not name.strip():
        raise TraceError(f"{place}: {told_by} is empty, so no release is known; give --release")
    try:
        return name, row(name)
    except UnknownReleaseError as e:
        raise TraceError(f"{place}: {where}: {_line(e)}; give --release") from e


def _kinds(columns: Mapping[str, NDArray[Any]], place: str) -> NDArray[np.uint8]:
    """Column kind in the numbering of `Kind`."""
    names = [str(name) for name in columns["kind_names"].reshape(-1)]
    numbers = np.zeros(256, np.uint8)
    numbers[: len(names)] = [KINDS_BY_WORD.get(name, 0) for name in names]
    kinds: NDArray[np.uint8] = numbers[columns["kind"]]
    unknown = np.flatnonzero(kinds == 0)
    if len(unknown):
        index = int(columns["kind"][unknown[0]])
        known = (
            f"kind_names calls it {_line(ValueError(names[index]))!r}" if index < len(names) else "not in kind_names"
        )
        raise TraceError(f"{place}: column kind, row {unknown[0]}: unknown kind {index} ({known}); {AGAIN}")
    return kinds


def read_trace(path: Path | str, release: str | None = None) -> Trace:
    """The trace in a file. `release` (as in go1.27) takes the place of the one that the file names.

    Raises:
        TraceError: missing, damaged or not a trace; a value out of range; a release unknown or not given.

    """
    path = Path(path)
    if is_raw(path):
        return _recorded(path, release)
    columns = _load(path)
    lengths = {name: len(columns[name]) for name in COLUMNS}
    for name, length in lengths.items():
        if length != lengths["kind"]:
            place = f"column {name} has {length:,} rows, column kind {lengths['kind']:,}"
            raise TraceError(f"{path}: {place}: lengths differ; {AGAIN}")
    name, known = _release(str(columns["go"].reshape(-1)[0]) if columns["go"].size else "", release, str(path))
    trace = Trace(
        name=path.stem, release=known, go=name,
        kind=_kinds(columns, str(path)),
        # A page that does not fit becomes a negative number, which is out of range as well.
        page=columns["page"].astype(np.int64), npages=columns["npages"].astype(np.int64),
        m=columns["m"], p=columns["p"], a=columns["a"], b=columns["b"], c=columns["c"],
    )  # fmt: skip
    validate(trace.kind, trace.page, trace.npages, str(path))
    return trace


def _recorded(path: Path, release: str | None) -> Trace:
    """The trace in a file as its process left it."""
    raw = read_raw(path)
    name, known = _release(raw.header.go, release, str(path), "the release in it")
    columns: dict[str, Any] = raw.columns | {c: raw.columns[c].astype(np.int64) for c in ("page", "npages")}
    trace = Trace(
        path.stem, known, name, **columns, reads=raw.reads, huge_page=raw.header.huge_page, missing=raw.missing
    )
    validate(trace.kind, trace.page, trace.npages, str(path))
    return trace
