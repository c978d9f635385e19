"""Judges what a recorded process found where it read memory that claims to be zero. Read next: verdicts.py."""

import numpy as np

from spanproof.checks.tracing.claims import OBJECTS_ASKED_FOR_AS_ZERO_ARE_ZERO, SPANS_CALLED_ZERO_READ_ZERO, TraceClaim
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.story import interval
from spanproof.checks.verdict import Result, Verdict

OBJECTS_LEVEL = 2
SEEN_BY_ITSELF = ("the process read its own memory, before anybody else could write there",)


def judge_reads(trace: Trace) -> list[Result]:
    """A result for spans, and one for objects, if the recording has them."""
    reads = trace.reads
    if reads is None:
        return []
    dirty = np.flatnonzero(reads.span_dirty)
    detail = ""
    if len(dirty):
        i = dirty[0]
        word, at, page = int(reads.span_word[i]), int(reads.span_dirty[i]), int(reads.span[i])
        detail = f"the span {interval(page, int(reads.npages[i]))} has {word:#x} at {at:#x}"
    judged = [_result(trace, SPANS_CALLED_ZERO_READ_ZERO, len(reads.span), len(dirty), detail)]
    if reads.level >= OBJECTS_LEVEL:
        found, detail = len(reads.object_), ""
        if found:
            object_, at, size = (int(c[0]) for c in (reads.object_, reads.object_dirty, reads.object_size))
            detail = f"an object of {size} bytes at {object_:#x} is not zero at {at:#x}"
        judged.append(_result(trace, OBJECTS_ASKED_FOR_AS_ZERO_ARE_ZERO, reads.objects, found, detail))
    return judged


def _result(trace: Trace, claim: TraceClaim, read: int, dirty: int, detail: str) -> Result:
    verdict, reason = Verdict.HOLDS, ""
    if dirty:
        verdict, reason = Verdict.VIOLATED, detail + ("" if dirty == 1 else f"; {dirty:,} of them in all")
    elif not read:
        verdict, reason = Verdict.UNKNOWN, "nothing was read"
    name, bound = f"{trace.name}: {claim.name}", f"all {read:,} that were read{trace.missing}"
    return Result("trace", name, verdict, reason, bound, SEEN_BY_ITSELF, 0.0, {"read": read, "dirty": dirty})
