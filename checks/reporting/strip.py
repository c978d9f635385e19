"""The heap's pages as the HTML page draws them: which pages, in which arenas, and the cells that the drawing needs.

A small heap is drawn whole; of a large one only the pages that the record is about, the rest as gaps.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spanproof.checks.geometries import geometry_of
from spanproof.checks.record import Record

WHOLE = 128
"""A heap of up to so many pages is drawn whole."""
MOST = 512
"""Pages drawn of one heap, so that a step redraws at once."""
EXACT = 1 << 53
"""From here on the page's script cannot tell a number from the next."""
MOST_PS = 64
SPAN_FIELDS = ("state", "base", "npages")


@dataclass(frozen=True, slots=True)
class Strip:
    """Pages to draw, as `[base, limit)` runs per arena, and the mspans that may own them."""

    page_size: int
    pages_per_arena: int
    arenas: Mapping[int, tuple[tuple[int, int], ...]]
    spans: tuple[int, ...]
    pages_per_chunk: int
    """What the page allocator's text counts its pages from the first of."""
    ps: int
    """Ps with a page cache."""

    def as_json(self) -> dict[str, Any]:
        """What the page's script reads."""
        return {
            "pageSize": self.page_size,
            "pagesPerArena": self.pages_per_arena,
            "arenas": [{"index": index, "runs": [list(run) for run in runs]} for index, runs in self.arenas.items()],
            "spans": list(self.spans),
            "pagesPerChunk": self.pages_per_chunk,
            "ps": self.ps,
        }

    def cells(self) -> Iterable[str]:
        """The cells that the drawing reads, whether or not a step touches them."""
        yield "pages"
        for p in range(self.ps):
            yield f"pcache[{p}]"
        for index, runs in self.arenas.items():
            yield f"zeroedBase[{index}]"
            for page in (page for run in runs for page in range(*run)):
                yield f"spans[{page}]"
                yield f"memory[{page}]"
                yield f"pageInUse[{index}][{page % self.pages_per_arena // 8}]"
        for span in self.spans:
            for name in SPAN_FIELDS:
                yield f"mspan[{span}].{name}"


def strip(record: Record) -> Strip | None:
    """The strip of a run; None if the record has no usable geometry."""
    try:
        geometry = geometry_of(record.program["geometry"])
    except (KeyError, TypeError, ValueError):
        return None
    if geometry.heap_limit >= EXACT:
        return None
    per_arena, below = geometry.pages_per_arena, -geometry.arena_base_offset // geometry.arena_size
    first = (geometry.first_arena - below) * per_arena
    heap = range(first, first + geometry.arenas * per_arena)
    spans = _concerned(record, r"mspan\[(\d+)\]\.")
    pages = heap if len(heap) <= WHOLE else _pages(record, spans, geometry.page_size)
    runs, ps = _runs(pages, per_arena, heap, below), min(geometry.ps, MOST_PS)
    return Strip(geometry.page_size, per_arena, runs, tuple(spans), geometry.pages_per_chunk, ps)


def _concerned(record: Record, pattern: str) -> list[int]:
    """The numbers of the cells that a step touches, or that are not zero at the start."""
    search = re.compile(pattern)
    touched = (step.cell for step in record.steps)
    started = (cell for cell, value in record.cells.items() if value not in ("0", "nil"))
    found = (search.match(cell) for cells in (touched, started) for cell in cells)
    return sorted({int(match[1]) for match in found if match and len(match[1]) < len("1000000000000")})


def _pages(record: Record, spans: Iterable[int], page_size: int) -> set[int]:
    """The pages that the record is about: touched, dirty or mapped, and the first page of each span."""
    pages = set(_concerned(record, r"(?:spans|memory)\[(\d+)\]"))
    bases = {record.cells.get(f"mspan[{span}].base", "") for span in spans}
    bases |= {step.after for step in record.steps if step.cell.endswith(".base")}
    return pages | {int(base) // page_size for base in bases if base.isdecimal() and int(base)}


def _runs(pages: Iterable[int], per_arena: int, heap: range, below: int) -> dict[int, tuple[tuple[int, int], ...]]:
    """The pages and their neighbours as runs, arena by arena; so many arenas lie below address 0."""
    wanted = sorted({page + near for page in pages for near in (-1, 0, 1) if page + near in heap})[:MOST]
    runs: dict[int, list[tuple[int, int]]] = {}
    for page in wanted:
        known = runs.setdefault(page // per_arena + below, [])
        if known and known[-1][1] == page:
            known[-1] = (known[-1][0], page + 1)
        else:
            known.append((page, page + 1))
    return {index: tuple(known) for index, known in runs.items()}
