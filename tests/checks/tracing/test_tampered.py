"""One row changed: exactly the claim that it breaks is violated, at exactly that row, wherever it stands."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from spanproof.checks.record import loads
from spanproof.checks.tracing.checking import check_trace
from spanproof.checks.tracing.claims import TRACE_CLAIMS
from spanproof.checks.tracing.findings import findings
from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.reading import Trace, read_trace
from spanproof.checks.tracing.replaying import record_of, replay, replay_trace
from spanproof.checks.tracing.shipped import RECORDED
from tests.checks.tracing.recorder import made, tampered
from tests.checks.tracing.slow import SlowHeap

PAGE, NEEDZERO = 8192, 1 << 16
PLACES = {"beginning": 0.02, "middle": 0.5, "end": 0.97}


@dataclass(frozen=True)
class Tampering:
    """Changes `column` of the first row after a place that is of a kind and `fits` the change."""

    claim: str
    kind: Kind
    column: str
    change: Callable[[Trace, NDArray[np.int64]], NDArray[np.integer]]
    """New values for rows."""
    fits: Callable[[Trace, NDArray[np.int64]], NDArray[np.bool_]] = lambda _, rows: rows >= 0

    def __call__(self, trace: Trace, place: float) -> tuple[Trace, int]:
        """The changed trace, and the row."""
        rows = np.flatnonzero(trace.kind == self.kind)
        rows = rows[rows >= place * len(trace)]
        row = int(rows[self.fits(trace, rows)][0])
        value = int(self.change(trace, np.array([row]))[0])
        return tampered(trace, {(self.column, row): value}), row


def _needzero(trace: Trace, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    return trace.a[rows] & NEEDZERO > 0


def _large(trace: Trace, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Spans that no cache serves."""
    return trace.npages[rows] > 16


def _above_first_page(trace: Trace, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pieces of two used pages or more: the freed span before had the same two pages."""
    begins = trace.page[rows] % 8192 * PAGE
    return (trace.npages[rows] > 1) & (trace.a[rows] >= begins + 2 * PAGE)


def _first_page(trace: Trace, rows: NDArray[np.int64]) -> NDArray[np.integer]:
    return (trace.page[rows] % 8192 + 1) * PAGE


TAMPERINGS = (
    Tampering("no_page_in_two_spans", Kind.SCAVENGE_BEGIN, "npages", lambda t, r: t.npages[r] + 2560),
    Tampering("no_page_in_two_spans", Kind.CACHE_REFILL, "a", lambda t, r: ~t.a[r], lambda t, r: t.a[r] < 2**63),
    Tampering("no_page_in_two_spans", Kind.ALLOC_SPAN, "npages", lambda t, r: t.npages[r] + 512),
    Tampering("spans_are_what_was_taken", Kind.ALLOC_SPAN, "npages", lambda t, r: t.npages[r] - 1, _large),
    Tampering(
        "spans_are_what_was_taken", Kind.ALLOC_SPAN, "p",
        lambda t, r: t.p[r] ^ np.uint16(1), lambda t, r: t.kind[r - 2] != Kind.PAGES_ALLOC,
    ),
    Tampering("frees_match_allocations", Kind.FREE_SPAN, "a", lambda t, r: t.a[r] ^ np.uint64(1)),
    Tampering("frees_match_allocations", Kind.FREE_SPAN, "npages", lambda t, r: t.npages[r] + 1),
    Tampering("frees_match_allocations", Kind.FREE_SPAN, "page", lambda t, r: t.page[r] + 1),
    Tampering("frees_match_allocations", Kind.PAGES_FREE, "npages", lambda t, r: t.npages[r] + 1),
    Tampering("frees_match_allocations", Kind.PAGES_FREE, "m", lambda t, r: t.m[r] + 1),
    Tampering("scavenging_gives_back_what_it_took", Kind.SCAVENGE_END, "npages", lambda t, r: t.npages[r] + 1),
    Tampering("scavenging_gives_back_what_it_took", Kind.SCAVENGE_END, "page", lambda t, r: t.page[r] - 1),
    Tampering("caches_hold_the_free_pages_of_a_block", Kind.CACHE_REFILL, "c", lambda t, r: t.c[r] + np.uint64(1)),
    Tampering(
        "caches_hold_the_free_pages_of_a_block", Kind.CACHE_REFILL, "a",
        lambda t, r: t.a[r] & (t.a[r] - np.uint64(1)), lambda t, r: t.a[r] & (t.a[r] - np.uint64(1)) > 0,
    ),
    Tampering("scavenged_bytes_are_counted", Kind.PAGES_ALLOC, "a", lambda t, r: t.a[r] + np.uint64(PAGE)),
    Tampering("scavenged_bytes_are_counted", Kind.ALLOC_SPAN, "b", lambda t, r: t.b[r] ^ np.uint64(1)),
    Tampering("scavenged_bytes_are_counted", Kind.CACHE_REFILL, "b", lambda t, r: t.b[r] ^ np.uint64(1)),
    Tampering("used_pages_lie_below_zeroed_base", Kind.ALLOC_NEEDS_ZERO, "a", _first_page, _above_first_page),
    Tampering(
        "zeroed_base_never_falls", Kind.ALLOC_NEEDS_ZERO, "a", lambda t, r: t.a[r] - np.uint64(PAGE),
        lambda t, r: t.a[r] > (t.page[r] % 8192 + t.npages[r] + 64) * PAGE,
    ),
    Tampering(
        "zeroed_base_is_a_limit", Kind.ALLOC_NEEDS_ZERO, "a",
        lambda t, r: t.a[r] + np.uint64(1), lambda t, r: t.c[r] > 0,
    ),
    Tampering("zeroed_base_decides_need_zero", Kind.ALLOC_NEEDS_ZERO, "c", lambda t, r: t.c[r] ^ np.uint64(1)),
    Tampering(
        "used_pages_are_not_called_zero", Kind.ALLOC_SPAN, "a",
        lambda t, r: t.a[r] ^ np.uint64(NEEDZERO), _needzero,
    ),
    Tampering(
        "needzero_follows_the_release", Kind.ALLOC_SPAN, "a",
        lambda t, r: t.a[r] ^ np.uint64(NEEDZERO), lambda t, r: ~_needzero(t, r),
    ),
)  # fmt: skip
LOWER = {"beginning": (2_000, 1_993, 1), "middle": (60_000, 59_989, 1), "end": (120_000, 119_987, 6)}
"""(rows of the trace, row of a span that a cache served, pages that it is moved up to other free pages)."""


@cache
def _gcheavy() -> Trace:
    return read_trace(RECORDED[1])


def _assert_told(trace: Trace, claim: str, row: int) -> None:
    """Exactly this claim and row are found, told, and found again in the record alone."""
    checked = check_trace(trace)
    assert checked.violated == {claim: row}
    (finding,) = findings(checked)
    assert (finding.claim.name, finding.row) == (claim, row)
    assert finding.story[-1].startswith(f"row {row} ")
    record = record_of(finding, "tampered.npz")
    again = loads(record.dumps(), "here")
    assert replay(again)[:3] == (claim, row, finding.story)
    assert replay_trace(again) == ""
    assert len(record.trace["rows"]) < 1200


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda t: f"{t.claim}-{t.kind.word}-{t.column}")
def test_a_tampered_row_is_found(tampering: Tampering, place: str) -> None:
    """The claim that the row breaks, and the row."""
    trace, row = tampering(_gcheavy(), PLACES[place])
    _assert_told(trace, tampering.claim, row)


@pytest.mark.parametrize("place", LOWER)
def test_a_higher_run_is_found(place: str) -> None:
    """A span that a cache served from other free pages than its lowest."""
    rows, row, up = LOWER[place]
    trace = replace(_gcheavy().excerpt(np.arange(rows)), numbers=None)
    moved = tampered(trace, {("page", row): int(trace.page[row]) + up})
    _assert_told(moved, "the_lowest_free_run_is_taken", row)


def test_a_search_that_gave_up_too_early_is_found() -> None:
    """A search that finds no room, changed to one that would have fitted."""
    trace = made(3)
    heap, failed = SlowHeap(trace), list[int]()
    for row in range(len(trace)):
        if trace.kind[row] == Kind.PAGES_ALLOC and trace.page[row] == 0 and any(heap.free):
            failed.append(row)
        heap.step(row)
    assert failed
    for row in failed:
        _assert_told(tampered(trace, {("npages", row): 1}), "the_lowest_free_run_is_taken", row)


@pytest.mark.parametrize("column", ["a", "page"])
def test_a_tampered_flush_is_found(column: str) -> None:
    """A flush that gives back other pages than one cache holds."""
    trace = made(3)
    for row in np.flatnonzero(trace.kind == Kind.CACHE_FLUSH).tolist():
        value = int(trace.a[row]) ^ 1 << 63 if column == "a" else int(trace.page[row]) + 64
        _assert_told(tampered(trace, {(column, row): value}), "caches_hold_the_free_pages_of_a_block", row)


def test_every_claim_has_its_tampering() -> None:
    """No claim is left out of the tests above."""
    covered = {t.claim for t in TAMPERINGS} | {"the_lowest_free_run_is_taken"}
    assert covered == {claim.name for claim in TRACE_CLAIMS}
