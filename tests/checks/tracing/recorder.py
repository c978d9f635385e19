"""Makes traces of a heap that never was: a page allocator in a few lines that records what it does.

It does what the shipped traces do not show: flushes, searches that find no room, spans across arenas, arenas apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.reading import COLUMNS, Trace
from spanproof.model.releases import row

BLOCK, HUGE, CHUNK, ARENA, PAGE = 64, 256, 512, 8192, 8192


@dataclass
class Recorder:
    """A heap with two Ms, each on its own P, and the rows it wrote. `start` is its first page."""

    release: str = "go1.27"
    start: int = 3 * ARENA - CHUNK
    rows: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    free: set[int] = field(default_factory=set[int])
    scavenged: set[int] = field(default_factory=set[int])
    spans: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    caches: dict[int, tuple[int, set[int]]] = field(default_factory=dict[int, tuple[int, set[int]]])
    raised: dict[int, int] = field(default_factory=dict[int, int])
    end: int = 0
    gap: int = 0
    """Pages left out before the next chunk."""

    def write(self, kind: Kind, page: int = 0, npages: int = 0, m: int = 0, **values: int) -> None:
        """Add a row."""
        row = {"kind": kind, "page": page, "npages": npages, "m": m, "p": m, "a": 0, "b": 0, "c": 0} | values
        self.rows.append(tuple(int(row[column]) for column in COLUMNS))

    def grow(self, m: int) -> None:
        """Give one more chunk to the page allocator."""
        base = (self.end or self.start) + self.gap
        self.end, self.gap = base + CHUNK, 0
        self.write(Kind.GROW, base, CHUNK, m)
        self.free |= set(range(base, self.end))
        self.scavenged |= set(range(base, self.end))

    def lowest(self, pages: set[int], npages: int) -> int:
        """The first page of the lowest run; 0 if there is none."""
        run = 0
        for page in sorted(pages):
            run = run + 1 if page - 1 in pages else 1
            if run == npages:
                return page - npages + 1
        return 0

    def alloc(self, npages: int, m: int, span_class: int = 0x200) -> None:
        """allocSpan: from the cache if it fits there, else from the page allocator."""
        base = 0
        if npages < BLOCK // 4:
            if not self.caches.get(m, (0, set()))[1]:
                self.refill(m)
            held = self.caches[m][1]
            base = self.lowest(held, npages)
            held.difference_update(range(base, base + npages))
        while not base:
            base = self.lowest(self.free, npages)
            taken = set(range(base, base + npages)) if base else set[int]()
            self.write(Kind.PAGES_ALLOC, base, npages, m, a=PAGE * len(taken & self.scavenged))
            self.free -= taken
            if not base:
                self.grow(m)
        self.build(base, npages, m, span_class)

    def build(self, base: int, npages: int, m: int, span_class: int) -> None:
        """allocNeedsZero for each arena, and the span."""
        needed, at, limit = False, base, base + npages
        while at < limit:
            size, zeroed = min(limit - at, ARENA - at % ARENA), self.raised.get(at // ARENA, 0)
            needed |= at % ARENA < zeroed
            self.write(Kind.ALLOC_NEEDS_ZERO, at, size, m, a=zeroed * PAGE, c=needed)
            self.raised[at // ARENA] = max(zeroed, at % ARENA + size)
            at += size
        pages = set(range(base, limit))
        count = len(pages & self.scavenged)
        needzero = needed and not (row(self.release).scavenged_is_zero and count == npages)
        self.write(Kind.ALLOC_SPAN, base, npages, m, a=span_class | needzero << 16, b=count * PAGE, c=4)
        self.scavenged -= pages
        self.spans[base] = (npages, span_class | needzero << 16)

    def refill(self, m: int) -> None:
        """allocToCache: the free pages of the block of the lowest free page."""
        lowest = self.lowest(self.free, 1)
        base = lowest // BLOCK * BLOCK
        held = self.free & set(range(base, base + BLOCK)) if lowest else set[int]()
        self.write(Kind.CACHE_REFILL, base, BLOCK, m, a=_word(held, base), b=_word(held & self.scavenged, base), c=m)
        self.free -= held
        self.caches[m] = (base, held)

    def flush(self, of: int, m: int) -> None:
        """Give back what the cache of another P still holds."""
        base, held = self.caches.pop(of, (0, set()))
        if held:
            self.write(Kind.CACHE_FLUSH, base, BLOCK, m, a=_word(held, base), b=_word(held & self.scavenged, base))
            self.free |= held

    def release_span(self, base: int, m: int) -> None:
        """Free one span and its pages."""
        npages, a = self.spans.pop(base)
        self.write(Kind.FREE_SPAN, base, npages, m, a=a, c=4)
        self.write(Kind.PAGES_FREE, base, npages, m)
        self.free |= set(range(base, base + npages))

    def scavenge(self, npages: int, m: int) -> None:
        """Return free pages to the OS that are not there yet: the highest of the heap, within a chunk."""
        kept = self.free - self.scavenged
        if not kept:
            return
        limit = max(kept) + 1
        low = next(page for page in range(limit - 1, -1, -1) if page - 1 not in kept or page % CHUNK == 0)
        base = max(low, limit - npages)
        if base // HUGE * HUGE >= low and -(-base // HUGE) * HUGE <= limit:
            base = base // HUGE * HUGE  # rather the whole of a huge page than a part of it
        self.write(Kind.SCAVENGE_BEGIN, base, limit - base, m)
        self.write(Kind.SCAVENGE_END, base, limit - base, m)
        self.scavenged |= set(range(base, limit))

    def trace(self) -> Trace:
        """What was recorded."""
        columns = dict(zip(COLUMNS, zip(*self.rows, strict=True), strict=True)) if self.rows else {}
        arrays: dict[str, Any] = {name: np.array(columns.get(name, ()), dtype) for name, dtype in COLUMNS.items()}
        arrays |= {name: arrays[name].astype(np.int64) for name in ("page", "npages")}
        return Trace("made", row(self.release), self.release, **arrays)


def _word(pages: set[int], base: int) -> int:
    return sum(1 << page - base for page in pages)


def made(seed: int, steps: int = 150, release: str = "go1.27") -> Trace:
    """A trace of random work: the same seed gives the same rows."""
    random, heap = Random(seed), Recorder(release)  # work, not secrets
    for _ in range(steps):
        m = random.randrange(2)
        match random.choice(("alloc", "alloc", "alloc", "large", "free", "free", "flush", "scavenge", "far")):
            case "alloc":
                heap.alloc(random.choice((1, 1, 1, 2, 3, 5, 8, 15)), m)
            case "large":
                heap.alloc(random.choice((16, 20, 64, 130, 300)), m, 1)
            case "free" if heap.spans:
                heap.release_span(random.choice(sorted(heap.spans)), m)
            case "flush":
                heap.flush(1 - m, m)
            case "scavenge":
                heap.scavenge(random.choice((1, 2, 8)), m)
            case "far" if random.random() < 0.2:
                heap.gap = ARENA if heap.end else 0
            case _:
                pass
    return heap.trace()


def save(file: Path, trace: Trace, **changes: Any) -> None:
    """Write a trace as the recorder's converter does; `changes` puts other columns in place, None leaves one out."""
    columns: dict[str, Any] = {name: getattr(trace, name).astype(dtype) for name, dtype in COLUMNS.items()}
    columns["kind_names"] = np.array(["", *(kind.word for kind in Kind)])
    columns["go"] = np.array(trace.go)
    columns |= changes
    np.savez_compressed(file, **{name: column for name, column in columns.items() if column is not None})


def tampered(trace: Trace, changes: Mapping[tuple[str, int], int]) -> Trace:
    """A copy with other values: changes[column, row] is the new one."""
    columns = {column: getattr(trace, column).copy() for column in COLUMNS}
    for (column, row_), value in changes.items():
        columns[column][row_] = value
    return Trace(trace.name, trace.release, trace.go, **columns)
