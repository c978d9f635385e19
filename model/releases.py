"""What the page heap does, Go release by Go release: one row for each of 1.14 to 1.27.

A row is never typed in: it is folded from `CHANGES`, the list of what changed, when, and where that can be read. So
each cell has its source (`Release.source`). Everything in this project that depends on a release asks this table.
"""

import re
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache


class Zeroing(Enum):
    """Who clears the memory of a span that needs it."""

    ALLOC = "alloc(needzero) clears and then stores needzero = 0, cleared or not"
    ALLOC_OR_CALLER = "alloc(needzero) clears and returns (span, isZeroed); large objects may be cleared later"
    CALLER = "alloc never clears; the caller looks at span.needzero"


class SweepDone(Enum):
    """The words that say whether all spans are swept."""

    SWEEPDONE = "sweepdone is stored 1 by whoever finds the list empty; sweepers counts sweepone only"
    DRAINED_AND_SWEEPERS = "done is sweepDrained and no sweepers, each sweeper counting itself at its first span"
    ACTIVE = "one word: the drained bit and the count of sweepers"


class ManualAccounting(Enum):
    """What alloc_manual is told about where its bytes are counted."""

    STAT = "a pointer to the memstats field"
    TYPE = "the kind of span, from which the field follows"


@dataclass(frozen=True, slots=True)
class Release:
    """One row. A patch release behaves as its row: `row("go1.21.13")` is `row("go1.21")`."""

    name: str
    zeroing: Zeroing
    sweep_done: SweepDone
    manual_accounting: ManualAccounting
    alloc_span_pushes: bool
    """allocSpan itself puts a heap span on the list of swept spans; later its callers do."""
    publication_barrier: bool
    """A store-store barrier ends the publication of a span."""
    scavenged_is_zero: bool
    """A wholly scavenged span keeps needzero = 0, unless memory returned to the OS does not read as zero."""
    user_arenas: bool
    """free_span_locked knows a fourth throw, for chunks of user arenas (left out of the reference heap)."""
    random_heap_base: bool
    """The first growth marks a random number of padding pages as allocated."""
    aligned_stacks: bool
    """On some systems stacks begin at a page of the system's."""
    metadata_huge_pages: bool
    """Once the heap is large, its bitmaps may lie on huge pages of the system's."""
    scavenge_index: bool
    """Scavengers find their pages through a word for each chunk and two cursors; the reference has no other way."""

    @property
    def number(self) -> tuple[int, int]:
        """(1, 27) for go1.27: rows compare by it."""
        major, minor = self.name.removeprefix("go").split(".")
        return int(major), int(minor)

    def source(self, column: str) -> str:
        """Where the value in one column of this row can be read."""
        return next(c.source for c in reversed(CHANGES) if c.column == column and _number(c.since) <= self.number)


@dataclass(frozen=True, slots=True)
class Change:
    """From release `since` on, `column` has `value`; `source` is a function and file of Go, or a change."""

    since: str
    column: str
    value: object
    source: str


CHANGES = (
    Change("go1.14", "zeroing", Zeroing.ALLOC, "mheap.go, alloc"),
    Change("go1.17", "zeroing", Zeroing.ALLOC_OR_CALLER, "mheap.go, alloc; CL 270943"),
    Change("go1.18", "zeroing", Zeroing.CALLER, "mheap.go, alloc; malloc.go, mallocgc"),
    Change("go1.14", "sweep_done", SweepDone.SWEEPDONE, "mgcsweep.go, sweepone"),
    Change("go1.17", "sweep_done", SweepDone.DRAINED_AND_SWEEPERS, "mgcsweep.go, sweepLocker; CL 307915, CL 307916"),
    Change("go1.18", "sweep_done", SweepDone.ACTIVE, "mgcsweep.go, activeSweep"),
    Change("go1.14", "manual_accounting", ManualAccounting.STAT, "mheap.go, allocManual"),
    Change("go1.16", "manual_accounting", ManualAccounting.TYPE, "mheap.go, allocManual"),
    Change("go1.14", "alloc_span_pushes", True, "mheap.go, allocSpan, h.sweepSpans"),
    Change("go1.15", "alloc_span_pushes", False, "mcache.go, refill; malloc.go, largeAlloc; mcentral.go"),
    Change("go1.14", "publication_barrier", False, "mheap.go, allocSpan"),
    Change("go1.15", "publication_barrier", True, "mheap.go, allocSpan; CL 234478, issue 35541"),
    Change("go1.14", "scavenged_is_zero", False, "mheap.go, allocSpan"),
    Change("go1.26", "scavenged_is_zero", True, "mheap.go, initSpan; CL 715160, issue 76063"),
    Change("go1.14", "user_arenas", False, "mheap.go, freeSpanLocked"),
    Change("go1.20", "user_arenas", True, "mheap.go, freeSpanLocked"),
    Change("go1.14", "random_heap_base", False, "mheap.go, grow"),
    Change("go1.26", "random_heap_base", True, "mheap.go, grow"),
    Change("go1.14", "aligned_stacks", False, "mheap.go, allocSpan"),
    Change("go1.16", "aligned_stacks", True, "mheap.go, allocSpan, needPhysPageAlign; issue 41008, CL 266919"),
    Change("go1.14", "metadata_huge_pages", False, "mheap.go"),
    Change("go1.21", "metadata_huge_pages", True, "mheap.go, enableMetadataHugePages; mpagealloc.go"),
    Change("go1.14", "scavenge_index", False, "mgcscavenge.go"),
    Change("go1.21", "scavenge_index", True, "mgcscavenge.go, scavengeIndex"),
)

FIRST, LAST = 14, 27


def _number(name: str) -> tuple[int, int]:
    major, minor = name.removeprefix("go").split(".")
    return int(major), int(minor)


def _row(minor: int) -> Release:
    cells: dict[str, object] = {}
    for change in CHANGES:
        if _number(change.since) <= (1, minor):
            cells[change.column] = change.value
    return Release(f"go1.{minor}", **cells)  # type: ignore[arg-type]  # a test compares columns and fields


RELEASES = tuple(_row(minor) for minor in range(FIRST, LAST + 1))
NEWEST = RELEASES[-1]
COLUMNS = tuple(f.name for f in fields(Release) if f.name != "name")


class UnknownReleaseError(ValueError):
    """The name is no Go release that the table has a row for."""


@cache
def row(name: str) -> Release:
    """The row of a release: `go1.27`, `1.27` and `go1.27.3` all name the last one.

    Raises:
        UnknownReleaseError: no such row; the message names those that exist.

    """
    match = re.fullmatch(r"(?:go)?1\.(\d{1,3})(?:\.\d+|rc\d+|beta\d+)?", name.strip())
    if match is None or not FIRST <= int(match[1]) <= LAST:
        raise UnknownReleaseError(f"unknown release {name!r}: the table has {RELEASES[0].name} to {NEWEST.name}")
    return RELEASES[int(match[1]) - FIRST]
