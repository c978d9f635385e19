"""The reference page allocator gives what Go gave, event by event; an edit of it, or of a trace, is seen."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_benchmark.fixture import BenchmarkFixture

from spanproof.checks import cli
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.record import load, loads
from spanproof.checks.subject import Subject
from spanproof.checks.tracing import predicted as predicted_module
from spanproof.checks.tracing.claims import THE_REFERENCE_PREDICTS_EVERY_EVENT as CLAIM
from spanproof.checks.tracing.kinds import NO_P, Kind
from spanproof.checks.tracing.predicted import Predicted, finding_of_first, predict_trace
from spanproof.checks.tracing.reading import Trace, read_trace
from spanproof.checks.tracing.replaying import record_of, replay, replay_trace
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.tracing.validating import TraceError, validate
from spanproof.checks.tracing.verdicts import judge_trace
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from tests.checks.tracing.recorder import Recorder, made, save, tampered
from tests.checks.tracing.test_agreement import tampered_traces

PAGE = 8192
FILES = pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
RECORDED_ROWS = 3000
"""Enough of a shipped trace to see an edit of the text."""
EDITS = {
    "the second fit": ("PallocBits.find1", "x == 0", "x & x - 1 == 0"),
    "the second fit of more pages": ("PallocBits.find_small_n", "i * width + j", "i * width + j + 1"),
    "scavenged pages counted one too few": (
        "page_alloc.take", "chunk.scavenged.popcnt_range(si, npages)",
        "max(chunk.scavenged.popcnt_range(si, npages) - 1, 0)",
    ),
    "the search goes on behind a block": ("page_cache.leave_block", "g.pages_per_block - 1", "g.pages_per_block"),
    "the search address stays": (
        "page_alloc.raise_search_addr", "return p.with_search_addr(search_addr), None", "pass",
    ),
    "a cache leaves its pages scavenged": (
        "page_cache.take_block", "chunk.scavenged.clear_block64(cpi, c.cache & c.scav)", "chunk.scavenged",
    ),
    "a cache counts no scavenged pages": ("PageCache.alloc_n", "ones_count(self.scav & mask)", "0"),
    "scavenged pages are not marked": (
        "ScavengingPageAlloc.scavenge_one", "await self.tree.update(mark_scavenged, ci, base, npages)", "pass",
    ),
    "more is scavenged than wanted": ("scavenge.find_scavenge_candidate", "min(run, most)", "run"),
    "padding is not marked as scavenged": (
        "page_alloc.pad", "chunk.scavenged.set_range(si, npages)", "chunk.scavenged",
    ),
}  # fmt: skip
EDITS_SEEN_IN_FLUSHES = {
    "a flush forgets what is scavenged": ("CachingPageAlloc.flush", "c.scav & 1 << i != 0", "False"),
    "a flush does not lower the search address": (
        "CachingPageAlloc.flush", "await self.tree.update(lower_search_addr, c.base)", "pass",
    ),
    "a flush keeps a page": ("CachingPageAlloc.flush", "i < g.pages_per_block", "i < g.pages_per_block - 1"),
}  # fmt: skip
"""No shipped trace has a flush."""


def _predict(trace: Trace, heap: type[Runtime] = Runtime) -> Predicted:
    return predict_trace(trace, len(trace), heap)


@cache
def _begin(number: int, rows: int = RECORDED_ROWS) -> Trace:
    """The first rows of a shipped trace, as if it were the whole."""
    return replace(read_trace(RECORDED[number]).excerpt(np.arange(rows)), numbers=None)


def _edited(edit: tuple[str, str, str]) -> Subject:
    return Subject(planted((Edit(*edit),)), "reference", "an edit")


def _assert_told(trace: Trace, heap: Subject | None = None) -> Predicted:
    """There is a difference, and it is found again in the rows of its record alone."""
    heap = heap or Subject()
    predicted = _predict(trace, heap.heap_class)
    assert predicted.row is not None
    assert "\n" not in predicted.detail
    finding = finding_of_first(trace, predicted, heap.heap_class)
    assert finding is not None
    assert (finding.claim, finding.row, finding.detail) == (CLAIM, predicted.row, predicted.detail)
    record = loads(record_of(finding, "file.npz", heap).dumps(), "here")
    assert replay_trace(record, heap) == ""
    assert replay(record, heap)[:3] == (CLAIM.name, predicted.row, finding.story)
    assert len(record.trace["rows"]) < 1500
    return predicted


@FILES
def test_real_programs_are_predicted(file: Path) -> None:
    """Every event of every kind, search addresses included, without one difference."""
    trace = read_trace(file)
    predicted = _predict(trace)
    assert (predicted.row, predicted.differences, predicted.lost, predicted.unknown) == (None, 0, None, "")
    assert predicted.searched
    assert predicted.seen == {kind: int((trace.kind == kind).sum()) for kind in CLAIM.looks_at}


@pytest.mark.parametrize("seed", range(20))
def test_made_traces_are_predicted(seed: int) -> None:
    """Flushes, searches that find no room, and arenas apart too, which the shipped traces do not have."""
    trace = made(seed, 300, release="go1.27" if seed % 2 else "go1.21")
    predicted = _predict(trace)
    assert (predicted.row, predicted.differences, predicted.unknown) == (None, 0, "")
    assert not predicted.searched
    assert min(predicted.seen[kind] for kind in (Kind.CACHE_FLUSH, Kind.SCAVENGE_END, Kind.GROW)) > 0
    assert np.any((trace.kind == Kind.PAGES_ALLOC) & (trace.page == 0))


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_the_text_is_seen(edit: str) -> None:
    """In the first rows of a real program; a record of few rows shows it again."""
    heap = _edited(EDITS[edit])
    _assert_told(_begin(1), heap)
    assert _predict(_begin(1)).row is None


@pytest.mark.parametrize("edit", EDITS_SEEN_IN_FLUSHES)
def test_an_edit_of_flush_is_seen(edit: str) -> None:
    """In made traces, which have flushes."""
    heap = _edited(EDITS_SEEN_IN_FLUSHES[edit])
    traces = [made(seed, 300, release="go1.21") for seed in range(8)]
    seen = [trace for trace in traces if _predict(trace, heap.heap_class).row is not None]
    assert seen
    _assert_told(seen[0], heap)


TAMPERED: dict[str, tuple[Kind, str, Callable[[int], int]]] = {
    "an address moved by one page": (Kind.PAGES_ALLOC, "page", lambda page: page + 1),
    "a span of a cache moved by one page": (Kind.ALLOC_SPAN, "page", lambda page: page + 1),
    "scavenged bytes": (Kind.PAGES_ALLOC, "a", lambda a: a ^ PAGE),
    "a search address after an allocation": (Kind.PAGES_ALLOC, "b", lambda page: page + 1),
    "a search address before a free": (Kind.PAGES_FREE, "b", lambda page: page - 1),
    "a free bit of a cache": (Kind.CACHE_REFILL, "a", lambda a: a & a - 1),
    "a scavenged bit of a cache": (Kind.CACHE_REFILL, "b", lambda b: b ^ 1 << 63),
    "a cache's block": (Kind.CACHE_REFILL, "page", lambda page: page + 64),
    "scavenged pages": (Kind.SCAVENGE_BEGIN, "page", lambda page: page - 1),
    "pages given back": (Kind.SCAVENGE_END, "npages", lambda n: n + 1),
    "padding": (Kind.PADDING, "npages", lambda n: n + 1),
    "pages freed": (Kind.PAGES_FREE, "page", lambda page: page + 4096),
}


@pytest.mark.parametrize("what", TAMPERED)
@pytest.mark.parametrize("place", [0, -1], ids=["first", "last"])
def test_a_tampered_row_is_seen(what: str, place: int) -> None:
    """At that row, or where its consequence first shows; what follows is predicted again, so that they are few."""
    kind, column, change = TAMPERED[what]
    trace = _begin(1)
    row = int(np.flatnonzero(trace.kind == kind)[place])
    value = change(int(getattr(trace, column)[row]))
    predicted = _assert_told(tampered(trace, {(column, row): value}))
    assert predicted.row is not None
    assert predicted.row == row or kind is Kind.PADDING
    assert predicted.differences < 100


@pytest.mark.parametrize("column", ["a", "b", "page"])
def test_a_tampered_flush_is_seen(column: str) -> None:
    """Go gives back another cache than the text knows of."""
    trace = made(3)
    row = int(np.flatnonzero(trace.kind == Kind.CACHE_FLUSH)[3])
    value = int(getattr(trace, column)[row])
    changed = tampered(trace, {(column, row): value + 64 if column == "page" else value ^ 1 << 63})
    assert _assert_told(changed).row == row


def test_a_growth_that_was_not_needed_is_seen() -> None:
    """Go asks for more only where it finds no room; the search that failed leaves no row of its own."""
    trace = _begin(1)
    row = int(np.flatnonzero(trace.kind == Kind.GROW)[1])
    asked = int(np.flatnonzero((trace.kind == Kind.PAGES_ALLOC) & (np.arange(len(trace)) > row))[0])
    changed = tampered(trace, {("npages", asked): 1, ("p", asked): NO_P})
    predicted = _assert_told(changed)
    assert predicted.row == asked
    assert predicted.detail.startswith("Go grew as it found no room; the reference had [")


def test_a_difference_is_one_line_and_a_verdict(tmp_path: Path) -> None:
    """The verdict is violated, with the row, what Go did and what the text gives; the record comes last."""
    trace = _begin(1)
    row = int(np.flatnonzero(trace.kind == Kind.PAGES_ALLOC)[150])
    file = tmp_path / "moved.npz"
    save(file, tampered(trace, {("page", row): int(trace.page[row]) + 1}))
    results, records = judge_trace(file)
    assert results[-1].name == f"moved: {CLAIM.name}"
    assert results[-1].verdict is Verdict.VIOLATED
    assert results[-1].reason.startswith(f"row {row}: Go gives [")
    assert "; the reference [" in results[-1].reason
    assert results[-1].counts["differences"] > 0
    assert records[-1].violated.claim == CLAIM.name


def test_the_command_steps_the_heap_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`trace --fault` is violated by the claim that runs the text, alone; `replay` shows it again with that fault."""
    file = tmp_path / "begin.npz"
    save(file, _begin(1))
    assert cli.main(["trace", str(file), "--fault", "second_fit", "--out", str(tmp_path)]) == 1
    (record,) = tmp_path.glob("trace-*.json")
    assert load(record).fault == "second_fit"
    assert cli.main(["trace", str(file), "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert cli.main(["replay", str(record)]) == 1
    assert f"violated: {CLAIM.name}, the same as recorded" in capsys.readouterr().out


def _unknown(trace: Trace, tmp_path: Path) -> str:
    file = tmp_path / "unknown.npz"
    save(file, trace)
    result = judge_trace(file)[0][-1]
    assert result.verdict is Verdict.UNKNOWN
    return result.reason


def _without(trace: Trace, *rows: int) -> Trace:
    """A trace that lacks some rows."""
    return replace(trace.excerpt(np.delete(np.arange(len(trace)), rows)), numbers=None)


def test_what_cannot_be_predicted_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never green: the reason names the row, or what the trace lacks."""
    trace = _begin(1)
    assert "does not begin with its process" in _unknown(_without(trace, 0, 1), tmp_path)
    assert "no row tells of padding" in _unknown(_without(trace, 1), tmp_path)
    assert "no row that concerns the page allocator" in _unknown(Recorder().trace(), tmp_path)
    old = made(2, 200, release="go1.20")
    assert "is a scavenger's of go1.20" in _unknown(old, tmp_path)
    far = tampered(trace, {("page", 0): 2**34})
    assert "beyond those of go-amd64" in _unknown(far, tmp_path)
    lost = _without(trace, int(np.flatnonzero(trace.kind == Kind.FREE_SPAN)[3]))
    assert "predicted up to row" in _unknown(lost, tmp_path)
    monkeypatch.setattr(predicted_module, "CHUNK_LIMIT", 2)
    assert "grows by 3 chunks; at most 2 are stepped" in _unknown(trace, tmp_path)


def test_older_releases_are_predicted_without_a_scavenger() -> None:
    """The index is not touched there; no row is a scavenger's."""
    trace = made(5, 300, release="go1.16")
    rows = np.flatnonzero(~np.isin(trace.kind, (Kind.SCAVENGE_BEGIN, Kind.SCAVENGE_END)))
    first = int(np.flatnonzero(trace.kind == Kind.SCAVENGE_BEGIN)[0])
    predicted = _predict(replace(trace.excerpt(rows[rows < first]), numbers=None))
    assert (predicted.row, predicted.unknown) == (None, "")
    assert predicted.events > 10


def test_a_budget_that_is_used_up_is_unknown() -> None:
    """What was not stepped is not green."""
    predicted = predict_trace(_begin(1), RECORDED_ROWS, hurry=lambda done: f"{done} are enough")
    assert predicted.row is None
    assert predicted.unknown.endswith("only: 1024 are enough")


def test_a_page_allocator_that_cannot_be_called_is_unknown() -> None:
    """A heap of the user's may have any."""
    other = type("Other", (Runtime,), {"PageAlloc": object})
    assert "cannot be stepped" in _predict(_begin(1), cast("type[Runtime]", other)).unknown


@settings(deadline=None, max_examples=60)
@given(tampered_traces(), st.booleans())
def test_no_trace_is_too_bad(trace: Trace, told: bool) -> None:
    """Whatever is done to a trace: a verdict; and if rows could be kept that show what differs, they do."""
    try:
        validate(trace.kind, trace.page, trace.npages, "trace")
    except TraceError:
        return
    predicted = _predict(trace)
    if predicted.row is not None and told:
        finding = finding_of_first(trace, predicted, Runtime)
        assert finding is None or replay_trace(record_of(finding, "tampered.npz")) == ""


@FILES
def test_speed(benchmark: BenchmarkFixture, file: Path) -> None:
    """Some 30,000 events a second (not asserted: machines differ)."""
    trace = read_trace(file)
    predicted = cast("Predicted", benchmark(_predict, trace))
    assert predicted.row is None
