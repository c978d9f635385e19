"""Reads the file that a recorded process leaves (`spanproof go record`), as columns, and refuses whatever is not one.

The file begins with a page of numbers, little-endian words of 8 bytes; then come records of 64 bytes, one a ticket:

| word | of the first page | of a record |
|---|---|---|
| 0 | SPANTRAC | kind, with the highest bit set when the rest is there |
| 1 | version of the format | page |
| 2 | tickets taken | npages |
| 3 | records that there is room for | a |
| 4 | process | b |
| 5 | level | c |
| 6 | bytes of a page | M in the upper half, P in the lower |
| 7 | bytes of an arena | ticket, from 1 |
| 8, 9 | bytes of the system's pages, huge pages | |
| 16-23 | the Go release, as it names itself | |
| 32 | objects read | |

It is written by a process that may die at any moment: what is judged ends before the first record that was never
finished. Kinds and their columns are those of recorded/README.md, and two more (`Reads`). Read next: reading.py.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spanproof.checks.tracing.kinds import PAGE_SIZE, PAGES_PER_ARENA, Kind
from spanproof.checks.tracing.validating import ROW_LIMIT, TraceError

SUFFIX = ".trace"
MAGIC = b"SPANTRAC"
FORMAT = 1
PAGE, RECORD = 4096, 64
FINISHED = np.uint64(1 << 63)
SPAN_READ, OBJECT_READ = max(Kind) + 1, max(Kind) + 2
"""Kinds that are no events: a span that claims to be zero was read; an object was read and is not zero."""
LEVELS = ("events", "spans", "objects")
SYSTEM_PAGE, HUGE_PAGES = 4096, (0, 2**21)
"""What the page allocator can be stepped with (predicting.py). 0: Go found none."""
AGAIN = "copy or record it again"


@dataclass(frozen=True, slots=True)
class Header:
    """The first page, and how many records the file holds."""

    go: str
    """The release, as in go1.27.3."""
    level: int
    tickets: int
    capacity: int
    pid: int
    objects: int
    """Objects that were read."""
    huge_page: int
    """Bytes of the system's huge pages; 0: Go found none."""

    @property
    def records(self) -> int:
        """Records that there was room for."""
        return min(self.tickets, self.capacity)

    @property
    def lost(self) -> int:
        """Records that there was no room for."""
        return self.tickets - self.records

    @property
    def told(self) -> str:
        """In a line."""
        full = f", and full: {self.lost:,} more had no room" if self.lost else ""
        read = f", {self.objects:,} objects read" if self.level == len(LEVELS) - 1 else ""
        return f"{self.go}, process {self.pid}, level {LEVELS[self.level]}, {self.records:,} records{read}{full}"


class Read(NamedTuple):
    """One piece of memory that was read: a span that claims to be zero, or an object that was asked for as zero."""

    kind: str
    """span_read or object_read."""
    after: int
    """How many rows of the trace come before it."""
    at: int
    """Address of its first byte."""
    size: int
    """Bytes of it."""
    dirty: int
    """Address of the first word or byte of it that is not zero, or 0."""
    word: int
    """What is there; 0 of an object, as nobody kept it."""


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """What was found where memory that claims to be zero was read. Arrays of shape (spans or objects,)."""

    level: int
    span: NDArray[np.uint64]
    """Pages of the spans that were read."""
    npages: NDArray[np.uint64]
    span_dirty: NDArray[np.uint64]
    """Address of the first word that is not zero, or 0."""
    span_word: NDArray[np.uint64]
    """That word."""
    objects: int
    """Objects that were read."""
    object_: NDArray[np.uint64]
    """Addresses of the objects that were not zero."""
    object_dirty: NDArray[np.uint64]
    """Address of the first word or byte of it that is not zero."""
    object_size: NDArray[np.uint64]
    span_after: NDArray[np.int64]
    """How many rows of the trace come before each span was read."""
    object_after: NDArray[np.int64]
    """The same of the objects."""

    def span_read(self, i: int) -> Read:
        """What was found in one of the spans."""
        at, size, dirty, word = (int(c[i]) for c in (self.span, self.npages, self.span_dirty, self.span_word))
        return Read("span_read", int(self.span_after[i]), at * PAGE_SIZE, size * PAGE_SIZE, dirty, word)

    def object_read(self, i: int) -> Read:
        """What was found in one of the objects that were not zero."""
        at, size, dirty = (int(c[i]) for c in (self.object_, self.object_size, self.object_dirty))
        return Read("object_read", int(self.object_after[i]), at, size, dirty, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """A whole file. `columns` are those of reading.py, with kinds numbered as `Kind`."""

    header: Header
    columns: dict[str, NDArray[Any]]
    reads: Reads | None
    missing: str
    """What was recorded and is not here, or ""."""


def is_raw(path: Path) -> bool:
    """Whether a file claims to be one; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_header(path: Path) -> Header:
    """The first page of a file.

    Raises:
        TraceError: it is no such file, cut short, or recorded where it cannot be judged.

    """
    try:
        with path.open("rb") as file:
            page = file.read(PAGE)
            size = file.seek(0, 2)
    except OSError as e:
        raise TraceError(f"{path}: cannot be read ({e.strerror}); name a recorded trace") from e
    if len(page) < PAGE or page[: len(MAGIC)] != MAGIC:
        raise TraceError(f"{path}: no recording, or it ended or the disk was full before its first page; {AGAIN}")
    words = [int(word) for word in np.frombuffer(page, "<u8")[:64]]
    if words[1] != FORMAT:
        raise TraceError(f"{path}: format {words[1]}, must be {FORMAT}: recorded by another version of this; {AGAIN}")
    release = page[128:192].partition(b"\0")[0].decode("ascii", "replace")
    name = release.replace("-X:", " X:").partition(" ")[0]  # after it come experiments that are not the usual ones
    header = Header(name, words[5], words[2], words[3], words[4], words[32], words[9])
    for wrong, what in (
        (not (name.isascii() and name.isprintable()), "names no Go release"),
        (header.level >= len(LEVELS), f"level {header.level}, at most {len(LEVELS) - 1}"),
        (words[6] != PAGE_SIZE, f"pages of {words[6]} bytes, must be {PAGE_SIZE}"),
        (words[7] != PAGE_SIZE * PAGES_PER_ARENA, f"arenas of {words[7]} bytes, must be {PAGE_SIZE * PAGES_PER_ARENA}"),
        (words[8] != SYSTEM_PAGE, f"a system with pages of {words[8]} bytes, must be {SYSTEM_PAGE}"),
        (words[9] not in HUGE_PAGES, f"a system with huge pages of {words[9]} bytes, must be {HUGE_PAGES[-1]}"),
        (header.records > ROW_LIMIT, f"{header.records:,} records, at most {ROW_LIMIT:,} are read"),
        (header.tickets >= 2**48, f"{header.tickets:,} tickets are more than were ever taken"),
    ):
        if wrong:
            raise TraceError(f"{path}: {what}; {AGAIN}")
    if size < PAGE + header.records * RECORD:
        whole = max(0, size - PAGE) // RECORD
        raise TraceError(f"{path}: cut short: {whole:,} of {header.records:,} records are there; {AGAIN}")
    return header


def read_raw(path: Path) -> Raw:
    """The records of a file, up to the first that was never finished.

    Raises:
        TraceError: as for the header; or a record that the recorder cannot have written.

    """
    header = read_header(path)
    words = _words(path, header.records)
    open_ = np.flatnonzero(words[:, 0] == 0)
    missing = f"; {header.lost:,} more had no room in the file" if header.lost else ""
    if len(open_):
        missing = f"; record {open_[0] + 1:,} of {header.records:,} was never finished" + missing
        words = words[: open_[0]]
    kind = words[:, 0] & ~FINISHED
    _refuse(path, words[:, 0] & FINISHED == 0, words[:, 0], "kind has no mark that it was finished")
    _refuse(path, (kind == 0) | (kind > OBJECT_READ), kind, "kind is unknown")
    _refuse(path, words[:, 7] != np.arange(1, len(words) + 1, dtype=np.uint64), words[:, 7], "ticket is out of order")
    _refuse(path, words[:, 2] >= 2**32, words[:, 2], "npages is out of range")
    _refuse(path, words[:, 6] & np.uint64(0xFFFFFFFF) >= 2**16, words[:, 6], "P is out of range")
    event = kind <= max(Kind)
    rows = words[event]
    columns: dict[str, NDArray[Any]] = {
        "kind": kind[event].astype(np.uint8), "page": rows[:, 1], "npages": rows[:, 2].astype(np.uint32),
        "m": (rows[:, 6] >> np.uint64(32)).astype(np.uint32), "p": (rows[:, 6] & np.uint64(0xFFFF)).astype(np.uint16),
        "a": rows[:, 3], "b": rows[:, 4], "c": rows[:, 5],
    }  # fmt: skip
    return Raw(header, columns, _reads(header, kind, words), missing)


def _words(path: Path, records: int) -> NDArray[np.uint64]:
    """The records as words, shape (records, 8)."""
    try:
        words = np.fromfile(path, "<u8", records * 8, offset=PAGE)
    except (OSError, ValueError, MemoryError) as e:
        raise TraceError(f"{path}: cannot be read ({type(e).__name__}); {AGAIN}") from e
    if len(words) != records * 8:
        raise TraceError(f"{path}: cut short; {AGAIN}")
    return words.reshape(-1, 8).astype(np.uint64, copy=False)


def _refuse(path: Path, bad: NDArray[np.bool_], values: NDArray[np.uint64], what: str) -> None:
    found = np.flatnonzero(bad)
    if len(found):
        raise TraceError(f"{path}: record {found[0] + 1}: {what} ({int(values[found[0]]):#x}); {AGAIN}")


def _reads(header: Header, kind: NDArray[np.uint64], words: NDArray[np.uint64]) -> Reads | None:
    """What was read, if the level has any of it."""
    if header.level == 0:
        return None
    span, object_ = kind == SPAN_READ, kind == OBJECT_READ
    spans, objects, rows = words[span], words[object_], np.cumsum(kind <= max(Kind), dtype=np.int64)
    return Reads(
        header.level, spans[:, 1], spans[:, 2], spans[:, 3], spans[:, 4],
        header.objects, objects[:, 3], objects[:, 4], objects[:, 5],
        rows[span], rows[object_],
    )  # fmt: skip
