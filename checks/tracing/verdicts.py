"""Recorded traces as verdicts: one result a claim and file.

What each part does: reading, checking, findings; and predicting, for the claim that runs the text.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from spanproof.checks.record import Record
from spanproof.checks.subject import Subject
from spanproof.checks.tracing.checking import Checked, check_trace
from spanproof.checks.tracing.claims import THE_REFERENCE_PREDICTS_EVERY_EVENT, TRACE_CLAIMS, TraceClaim
from spanproof.checks.tracing.counting import series_of
from spanproof.checks.tracing.findings import Finding, findings
from spanproof.checks.tracing.life import life_of
from spanproof.checks.tracing.predicted import Hurry, Predicted, finding_of_first, predict_trace
from spanproof.checks.tracing.reading import Trace, read_trace
from spanproof.checks.tracing.reads import judge_reads
from spanproof.checks.tracing.replaying import record_of
from spanproof.checks.tracing.series import Series
from spanproof.checks.verdict import Result, Verdict

ASSUMPTIONS = (
    "the patched runtime takes each row's ticket inside the heap lock, so that row order is true for each page",
    "the trace begins with its process",
)

GIVEN = (
    "given by the trace: growth, padding, what is freed, the pages asked for, where and how much a scavenger wants",
    "a span of fewer than 16 pages comes from its P's cache where it fits (mheap.go, allocSpan)",
    "the system's pages have 4096 bytes, its huge pages 2 MiB (or it has none, if a recording says so)",
)


class Judged(NamedTuple):
    """What judging a trace gives."""

    results: tuple[Result, ...]
    """One a claim, in reading order."""
    records: tuple[Record, ...]
    """One for each violated result, in that order."""
    series: Series
    """What stood in the heap, up to the row that breaks who owns what."""


def _whole(trace: Trace) -> str:
    """The bound of a trace that was judged to its end."""
    return f"the first {len(trace):,} events{trace.missing}" if trace.missing else f"all {len(trace):,} events"


def _result(checked: Checked, claim: TraceClaim, told: Mapping[str, Finding], seconds: float) -> Result:
    rows, events, name = len(checked.trace), checked.events(claim), f"{checked.trace.name}: {claim.name}"
    stopped, bound = checked.stopped, _whole(checked.trace)
    counts = {"events": events} | {kind.word: checked.seen[kind] for kind in claim.looks_at}
    verdict, reason = Verdict.HOLDS, ""
    if stopped is not None:
        bound = f"the first {stopped + 1:,} of {rows:,} events"
    if claim.name in told:
        finding = told[claim.name]
        verdict, reason = Verdict.VIOLATED, f"row {finding.row}: {finding.detail}"
    elif claim.name in checked.charged_to_another:
        row = checked.charged_to_another[claim.name]
        verdict, reason = Verdict.UNKNOWN, f"row {row} breaks it too, and is told under another claim"
    elif stopped is not None:
        by = next(other for other, row in checked.violated.items() if row == stopped)
        verdict, reason = Verdict.UNKNOWN, f"judged up to row {stopped} only, which violates {by}"
    elif not events:
        words = ", ".join(kind.word for kind in claim.looks_at)
        verdict, reason = Verdict.UNKNOWN, f"it looked at no event: the trace has no row of kind {words}"
    return Result("trace", name, verdict, reason, bound, ASSUMPTIONS, seconds, counts)


def _prediction(checked: Checked, predicted: Predicted, found: Finding | None, seconds: float) -> Result:
    """The result of stepping the text. After a row that breaks who owns what, nobody knows what was to be predicted."""
    claim, stopped = THE_REFERENCE_PREDICTS_EVERY_EVENT, checked.stopped
    last = stopped if predicted.lost is None else predicted.lost
    counts = {"events": predicted.events, "differences": predicted.differences}
    counts |= {kind.word: number for kind, number in predicted.seen.items()}
    bound = f"{predicted.events:,} events of the page allocator" if last is None else f"the events up to row {last}"
    bound = f"all {bound}" if last is None and not predicted.unknown else bound
    bound += "" if predicted.searched else "; the trace tells no search address"
    bound += checked.trace.missing
    verdict, reason = Verdict.HOLDS, ""
    if predicted.row is not None:
        row = checked.trace.number(predicted.row)
        verdict, reason = Verdict.VIOLATED, f"row {row}: {predicted.detail}"
        reason += "" if predicted.differences == 1 else f"; {predicted.differences:,} differences in all"
        reason += "" if found is not None else "; too many rows to keep as a record"
    elif predicted.unknown:
        verdict, reason = Verdict.UNKNOWN, predicted.unknown
    elif stopped is not None:
        by = next(other for other, row in checked.violated.items() if row == stopped)
        verdict, reason = Verdict.UNKNOWN, f"predicted up to row {stopped} only, which violates {by}"
    name = f"{checked.trace.name}: {claim.name}"
    return Result("trace", name, verdict, reason, bound, (*ASSUMPTIONS, *GIVEN), seconds, counts)


def judge_trace(
    path: Path | str, release: str | None = None, heap: Subject | None = None, hurry: Hurry = lambda _: None
) -> tuple[tuple[Result, ...], tuple[Record, ...]]:
    """Check one file: a result for each claim, in reading order, and a record for each violated one, in that order.

    heap: whose page allocator is stepped through it; None is the reference.

    Raises:
        TraceError: the file is no trace that can be checked; one line.

    """
    judged = judge_and_count(path, release, heap, hurry)
    return judged.results, judged.records


def judge_and_count(
    path: Path | str, release: str | None = None, heap: Subject | None = None, hurry: Hurry = lambda _: None
) -> Judged:
    """Check one file as judge_trace does, and count what stood in the heap.

    Raises:
        TraceError: the file is no trace that can be checked; one line.

    """
    heap = heap or Subject()
    trace = read_trace(path, release)
    begun = time.perf_counter()
    checked = check_trace(trace)
    seconds = (time.perf_counter() - begun) / len(TRACE_CLAIMS)
    told = {finding.claim.name: finding for finding in findings(checked)}
    judged = [_result(checked, claim, told, seconds) for claim in TRACE_CLAIMS]
    records = [record_of(finding, Path(path).name) for finding in told.values()]
    begun = time.perf_counter()
    limit = len(trace) if checked.stopped is None else checked.stopped + 1
    predicted = predict_trace(trace, limit, heap.heap_class, hurry)
    found = None if predicted.row is None else finding_of_first(trace, predicted, heap.heap_class)
    of_text = _prediction(checked, predicted, found, time.perf_counter() - begun)
    of_reads, dirty = judge_reads(trace)
    if found is not None:
        records.append(record_of(found, Path(path).name, heap))
    records += [record_of(finding, Path(path).name) for finding in dirty]
    # Who keeps the records gives each violated result the next of them: the one that may have none must not come before
    # one that has.
    without = of_text.verdict is Verdict.VIOLATED and found is None
    judged += [*of_reads, of_text] if without else [of_text, *of_reads]
    known = len(trace) if checked.stopped is None else checked.stopped
    series = replace(series_of(trace, known), life=life_of(trace, known))
    return Judged(tuple(judged), tuple(records), series)
