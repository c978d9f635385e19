"""Recorded traces as verdicts: one result a claim and file. What each part does: reading, checking, findings."""

import time
from collections.abc import Mapping
from pathlib import Path

from spanproof.checks.record import Record
from spanproof.checks.tracing.checking import Checked, check_trace
from spanproof.checks.tracing.claims import TRACE_CLAIMS, TraceClaim
from spanproof.checks.tracing.findings import Finding, findings
from spanproof.checks.tracing.reading import read_trace
from spanproof.checks.tracing.replaying import record_of
from spanproof.checks.verdict import Result, Verdict

ASSUMPTIONS = (
    "the patched runtime takes each row's ticket inside the heap lock, so that row order is true for each page",
    "the trace begins with its process",
)


def _result(checked: Checked, claim: TraceClaim, told: Mapping[str, Finding], seconds: float) -> Result:
    rows, events, name = len(checked.trace), checked.events(claim), f"{checked.trace.name}: {claim.name}"
    stopped, bound = checked.stopped, f"all {rows:,} events"
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


def judge_trace(path: Path | str, release: str | None = None) -> tuple[tuple[Result, ...], tuple[Record, ...]]:
    """Check one file: a result for each claim, in reading order, and a record for each violated one, in that order.

    Raises:
        TraceError: the file is no trace that can be checked; one line.

    """
    trace = read_trace(path, release)
    begun = time.perf_counter()
    checked = check_trace(trace)
    seconds = (time.perf_counter() - begun) / len(TRACE_CLAIMS)
    told = {finding.claim.name: finding for finding in findings(checked)}
    judged = tuple(_result(checked, claim, told, seconds) for claim in TRACE_CLAIMS)
    return judged, tuple(record_of(finding, Path(path).name) for finding in told.values())
