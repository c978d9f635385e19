"""Whether the reference predicts a whole trace, and the few rows that show the first difference.

Read next: verdicts.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from spanproof.checks.tracing.claims import THE_REFERENCE_PREDICTS_EVERY_EVENT as CLAIM
from spanproof.checks.tracing.findings import Finding, cut_out, story_of
from spanproof.checks.tracing.kinds import PAGE_SIZE, Kind
from spanproof.checks.tracing.moment import Seen
from spanproof.checks.tracing.predicting import STEPPED, Event, Predictor, events
from spanproof.checks.tracing.putting_right import LostError, step
from spanproof.checks.tracing.reading import Trace
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import GO_AMD64 as G

CHUNK_LIMIT = 2**15
"""Chunks that the heap may grow by at most: 64 GiB."""
EXCERPT_EVENTS = 60_000
"""How many events and growths of a chunk may be stepped to find fewer rows that show a difference."""
ASK_EVERY = 1024
"""After so many events: is there time left?"""
Hurry = Callable[[int], str | None]
"""Given the number of events stepped: why to stop, or None."""


@dataclass(slots=True)
class Predicted:
    """What came of stepping the text through a trace."""

    searched: bool = False
    """Search addresses were compared."""
    row: int | None = None
    """The first difference, and what it is."""
    detail: str = ""
    differences: int = 0
    seen: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(CLAIM.looks_at, 0))
    """Events stepped, the differences among them, by kind."""
    lost: int | None = None
    """The row after which nothing was predicted, as the text could not be brought to where Go was."""
    unknown: str = ""
    """Why nothing, or not all, was predicted."""

    @property
    def events(self) -> int:
        """How many events were stepped."""
        return sum(self.seen.values())

    def note(self, e: Event, difference: str) -> None:
        """Note one event."""
        self.seen[e.kind] += 1
        if difference:
            self.differences += 1
            if self.row is None:
                self.row, self.detail = e.row, difference


def cannot_be_stepped(trace: Trace) -> str:
    """What a trace lacks, or "" if the text can be stepped through it."""
    rows = np.flatnonzero(STEPPED[trace.kind])
    kind = trace.kind[rows]
    beyond = np.flatnonzero(trace.page[rows] + trace.npages[rows] > (G.max_off_addr + 1) // PAGE_SIZE)
    if len(beyond):
        return f"row {trace.number(int(rows[beyond[0]]))} names addresses beyond those of {G.name}"
    chunks = _chunks(trace)
    if chunks > CHUNK_LIMIT:
        return f"the heap grows by {chunks:,} chunks; at most {CHUNK_LIMIT:,} are stepped"
    scavenges = np.isin(kind, (Kind.SCAVENGE_BEGIN, Kind.SCAVENGE_END))
    if scavenges.any() and not trace.release.scavenge_index:
        row = trace.number(int(rows[np.flatnonzero(scavenges)[0]]))
        return f"row {row} is a scavenger's of {trace.release.name}; the reference's is that of go1.21 and later"
    return "" if trace.numbers is not None else _does_not_begin(trace)


def _chunks(trace: Trace) -> int:
    """How many chunks the heap grows by."""
    grown = trace.kind == Kind.GROW
    base, limit = trace.page[grown], trace.page[grown] + trace.npages[grown]
    return int(((limit - 1) // G.pages_per_chunk - base // G.pages_per_chunk + 1).sum())


def _does_not_begin(trace: Trace) -> str:
    """Why a whole trace does not begin with its process, or ""."""
    rows = np.flatnonzero(STEPPED[trace.kind])
    if not len(rows):
        return "it looked at no event: the trace has no row that concerns the page allocator"
    rows = rows[trace.page[rows] > 0]
    if len(rows) and trace.kind[rows[0]] != Kind.GROW:
        return f"row {rows[0]} comes before any growth: the trace does not begin with its process"
    searches = rows[np.isin(trace.kind[rows], (Kind.PAGES_ALLOC, Kind.CACHE_REFILL))]
    padded = np.any(trace.kind[rows] == Kind.PADDING)
    if (
        trace.release.random_heap_base
        and not padded
        and len(searches)
        and trace.page[searches[0]] > trace.page[rows[0]]
    ):
        return f"row {searches[0]} does not take the heap's first page, and no row tells of padding before it"
    return ""


def predict_trace(
    trace: Trace, limit: int, heap_class: type[Runtime] = Runtime, hurry: Hurry = lambda _: None
) -> Predicted:
    """Step the text of a heap's page allocator through the rows before `limit`, and on after each difference."""
    predicted = Predicted(unknown=cannot_be_stepped(trace))
    if predicted.unknown:
        return predicted
    try:
        predictor = Predictor(trace, heap_class)
    except Exception as error:  # noqa: BLE001  # a heap of the user's may have any page allocator
        predicted.unknown = f"the heap's page allocator cannot be stepped: {type(error).__name__}: {error}"
        return predicted
    predicted.searched = predictor.searched
    for number, e in enumerate(events(trace, limit), 1):
        try:
            predicted.note(e, step(predictor, e))
        except LostError as lost:
            predicted.note(e, str(lost))
            predicted.lost = e.row
            break
        late = hurry(number) if number % ASK_EVERY == 0 else None
        if late:
            predicted.unknown = f"predicted up to row {e.row} only: {late}"
            break
    return predicted


def shown(excerpt: Trace, heap_class: type[Runtime]) -> Seen | None:
    """What differs at the last row of an excerpt, or None. The rows before it say what came before."""
    last = len(excerpt) - 1
    if last < 0 or cannot_be_stepped(excerpt):
        return None
    predictor, seen = Predictor(excerpt, heap_class), None
    for e in events(excerpt, len(excerpt)):
        try:
            difference = step(predictor, e)
        except LostError as lost:
            if e.row != last:
                return None
            difference = str(lost)
        seen = Seen(e.page, difference) if difference and e.row == last else None
    return seen


def finding_of_difference(excerpt: Trace, heap_class: type[Runtime]) -> Finding | None:
    """The finding that an excerpt shows at its last row, if it does."""
    seen = shown(excerpt, heap_class)
    if seen is None:
        return None
    return Finding(CLAIM, excerpt.number(len(excerpt) - 1), seen.page, seen.detail, story_of(excerpt, seen), excerpt)


def finding_of_first(trace: Trace, predicted: Predicted, heap_class: type[Runtime]) -> Finding | None:
    """The first difference, told, with rows that show it; None if they are too many to keep."""
    row, stepped = predicted.row, 0
    assert row is not None
    seen = Seen(int(trace.page[row]), predicted.detail)

    def again(part: Trace) -> Seen | None:
        nonlocal stepped
        stepped += len(part) + _chunks(part)
        return shown(part, heap_class) if stepped <= EXCERPT_EVENTS else None

    return finding_of_difference(cut_out(trace, CLAIM, row, seen, again), heap_class)
