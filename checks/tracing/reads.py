"""Judges what a recorded process found where it read memory that claims to be zero, and tells of what is not.

A violation is what was read, with the rows before it that concern the page: who had it, when it was given back to the
system, to whom it was given now. Read next: verdicts.py.
"""

import numpy as np

from spanproof.checks.tracing.claims import OBJECTS_ASKED_FOR_AS_ZERO_ARE_ZERO, SPANS_CALLED_ZERO_READ_ZERO, TraceClaim
from spanproof.checks.tracing.findings import NEAR, Finding
from spanproof.checks.tracing.kinds import PAGE_SIZE, Kind
from spanproof.checks.tracing.raw import Read
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.story import WIDTH, interval, tell, touching
from spanproof.checks.tracing.words import Numbers, distinct
from spanproof.checks.verdict import Result, Verdict

OBJECTS_LEVEL = 2
SEEN_BY_ITSELF = ("the process read its own memory, before anybody else could write there",)
CLAIMS_BY_KIND = {"span_read": SPANS_CALLED_ZERO_READ_ZERO, "object_read": OBJECTS_ASKED_FOR_AS_ZERO_ARE_ZERO}
"""What a read that is not zero violates."""


def judge_reads(trace: Trace) -> tuple[list[Result], list[Finding]]:
    """A result for spans, and one for objects, if the recording has them; a finding for each violated one."""
    reads = trace.reads
    if reads is None:
        return [], []
    dirty = np.flatnonzero(reads.span_dirty)
    found = [finding_of_read(trace, reads.span_read(int(dirty[0]))) if len(dirty) else None]
    judged = [_result(trace, SPANS_CALLED_ZERO_READ_ZERO, len(reads.span), len(dirty), found[0])]
    if reads.level >= OBJECTS_LEVEL:
        objects = np.flatnonzero(reads.object_dirty)
        found.append(finding_of_read(trace, reads.object_read(int(objects[0]))) if len(objects) else None)
        judged.append(_result(trace, OBJECTS_ASKED_FOR_AS_ZERO_ARE_ZERO, reads.objects, len(objects), found[1]))
    return judged, [finding for finding in found if finding is not None]


def _result(trace: Trace, claim: TraceClaim, read: int, dirty: int, found: Finding | None) -> Result:
    verdict, reason = Verdict.HOLDS, ""
    if found is not None:
        verdict, reason = Verdict.VIOLATED, found.detail + ("" if dirty == 1 else f"; {dirty:,} of them in all")
    elif not read:
        verdict, reason = Verdict.UNKNOWN, "nothing was read"
    name, bound = f"{trace.name}: {claim.name}", f"all {read:,} that were read{trace.missing}"
    return Result("trace", name, verdict, reason, bound, SEEN_BY_ITSELF, 0.0, {"read": read, "dirty": dirty})


def finding_of_read(trace: Trace, read: Read) -> Finding | None:
    """What was read, with the rows before it that concern the page; None if it was zero. It needs no other rows."""
    if not read.dirty:
        return None
    page = read.dirty // PAGE_SIZE
    limit = read.after if trace.numbers is None else len(trace)  # an excerpt has no rows after it
    about = touching(trace, page, 1, limit)
    spans = about[trace.kind[about] == Kind.ALLOC_SPAN][-2:]
    rows = distinct(np.concatenate([about[:1], about[1 - NEAR :], spans]))
    story = (*(tell(trace, row) for row in rows.tolist()), _tell(read))
    detail = _what(read) + _given(trace, page, spans)
    return Finding(CLAIMS_BY_KIND[read.kind], max(0, read.after - 1), page, detail, story, trace.excerpt(rows), read)


def _what(read: Read) -> str:
    """What was found, in a sentence."""
    if read.kind == "span_read":
        return f"the span {_pages(read)} has {read.word:#x} at {read.dirty:#x}"
    return f"an object of {read.size} bytes at {read.at:#x} is not zero at {read.dirty:#x}"


def _pages(read: Read) -> str:
    return interval(read.at // PAGE_SIZE, read.size // PAGE_SIZE)


def _given(trace: Trace, page: int, spans: Numbers) -> str:
    """To which span the page was given last, and to which before: whose bytes they may be. spans: two rows at most."""
    if not len(spans):
        return ""
    row, *before = (trace.number(row) for row in reversed(spans.tolist()))
    earlier = f"that of row {before[0]}" if before else "none"
    return f"; page {page} was given to the span of row {row}, and to {earlier} before"


def _tell(read: Read) -> str:
    """One line, like those of rows: after which row, what was read, what it has."""
    when = f"after {read.after - 1}" if read.after else "at first"
    if read.kind == "span_read":
        return f"{when:<12} {read.kind:<{WIDTH}}  {_pages(read)}: {read.word:#x} at {read.dirty:#x}"
    return f"{when:<12} {read.kind:<{WIDTH}}  {read.size} bytes at {read.at:#x}: not zero at {read.dirty:#x}"
