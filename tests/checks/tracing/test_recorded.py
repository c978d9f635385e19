"""The recorded traces that are shipped: every claim holds on them, and was judged on something."""

import re
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from spanproof.checks.tracing import checking
from spanproof.checks.tracing.checking import Checked, check_trace
from spanproof.checks.tracing.claims import THE_REFERENCE_PREDICTS_EVERY_EVENT, TRACE_CLAIMS
from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.reading import read_trace
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.tracing.verdicts import judge_trace
from spanproof.checks.verdict import Verdict
from tests.checks.tracing.recorder import Recorder, made, save

EVENTS = {"go1.21.13-gcheavy": 120_000, "go1.27.3-gcheavy": 120_000, "go1.27.3-gofmt": 46_623}
FILES = pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)


def test_three_traces_are_shipped() -> None:
    """The package holds the three recorded traces, and its README describes each with its number of rows."""
    assert {file.stem: len(read_trace(file)) for file in RECORDED} == EVENTS
    text = (RECORDED[0].parent / "README.md").read_text()
    told = re.findall(r"^\| (go\S+)\.npz \|.*\| ([\d,]+) \|$", text, re.MULTILINE)
    assert {name: int(rows.replace(",", "")) for name, rows in told} == EVENTS


@FILES
def test_every_claim_holds(file: Path) -> None:
    """Real programs keep every claim, and each claim was judged on some event of each trace."""
    results, records = judge_trace(file)
    assert records == ()
    claims = [*TRACE_CLAIMS, THE_REFERENCE_PREDICTS_EVERY_EVENT]
    assert [result.name for result in results] == [f"{file.stem}: {claim.name}" for claim in claims]
    assert results[-1].bound == f"all {results[-1].counts['events']:,} events of the page allocator"
    for result in results:
        assert (result.check, result.verdict, result.reason) == ("trace", Verdict.HOLDS, "")
        assert result is results[-1] or result.bound == f"all {EVENTS[file.stem]:,} events"
        assert result.counts["events"] > 0
        assert result.counts["events"] == sum(n for kind, n in result.counts.items() if kind != "events")


def test_the_shipped_traces_hold_what_the_claims_are_about() -> None:
    """Spans across arenas, needzero = 0 on used pages, caches of one block on two Ps: each occurs, so it was judged."""
    gcheavy = read_trace(RECORDED[1])
    kind, page = gcheavy.kind, gcheavy.page
    spans = kind == Kind.ALLOC_SPAN
    assert np.any(page[spans] // 8192 != (page[spans] + gcheavy.npages[spans] - 1) // 8192)
    called_zero = spans & (gcheavy.a >> 16 & 1 == 0)
    freed = page[kind == Kind.FREE_SPAN]
    assert np.isin(page[called_zero], freed).sum() > 1000
    refills = kind == Kind.CACHE_REFILL
    blocks = [set(page[refills & (gcheavy.p == p)].tolist()) for p in (0, 1)]
    assert blocks[0] & blocks[1]
    assert np.any(kind == Kind.PADDING)


@FILES
def test_no_part_of_a_trace_is_judged_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into parts of any size, a trace is judged as a whole."""
    trace = read_trace(file).excerpt(np.arange(4000))
    whole = check_trace(trace)
    for rows, words in ((1000, 2**20), (2**18, 500)):
        monkeypatch.setattr(checking, "PART_ROWS", rows)
        monkeypatch.setattr(checking, "PART_WORDS", words)
        again = check_trace(trace)
        assert (again.violated, again.seen) == (whole.violated, whole.seen) == ({}, whole.seen)


def test_an_empty_trace_is_unknown(tmp_path: Path) -> None:
    """A claim that looked at no event is unknown, and says which kind of row is missing."""
    file = tmp_path / "empty.npz"
    save(file, Recorder().trace())
    results, _ = judge_trace(file)
    assert {result.verdict for result in results} == {Verdict.UNKNOWN}
    assert results[3].reason == "it looked at no event: the trace has no row of kind scavenge_end"


def test_made_traces_hold(tmp_path: Path) -> None:
    """Traces with flushes, failed searches and arenas apart keep every claim, in the old and the new release."""
    for seed in range(20):
        file = tmp_path / "made.npz"
        save(file, made(seed, release="go1.27" if seed % 2 else "go1.21"))
        results, _ = judge_trace(file)
        assert {result.verdict for result in results} == {Verdict.HOLDS}
        assert results[4].counts["cache_flush"] > 0


@FILES
def test_speed(benchmark: BenchmarkFixture, file: Path) -> None:
    """All claims together, after loading: a million events a second or more (not asserted: machines differ)."""
    trace = read_trace(file)
    checked = cast("Checked", benchmark(check_trace, trace))
    assert checked.violated == {}
