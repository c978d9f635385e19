"""A finding as a record that replays: the rows stand in it as plain numbers, and they alone are judged again."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from spanproof.checks.record import Record, RecordError, Violated
from spanproof.checks.subject import Subject
from spanproof.checks.tracing.checking import check_trace
from spanproof.checks.tracing.claims import CLAIMS_BY_NAME, THE_REFERENCE_PREDICTS_EVERY_EVENT
from spanproof.checks.tracing.findings import Finding, finding_of
from spanproof.checks.tracing.kinds import KINDS_BY_WORD, Kind
from spanproof.checks.tracing.predicted import finding_of_difference
from spanproof.checks.tracing.raw import Read
from spanproof.checks.tracing.reading import COLUMNS, Trace
from spanproof.checks.tracing.reads import CLAIMS_BY_KIND, finding_of_read
from spanproof.checks.tracing.validating import validate
from spanproof.model.releases import row

FIELDS = ("row", *COLUMNS)
"""What each embedded row holds, in order; kind as a word, all else as numbers."""
EMBEDDED_LIMIT = 2**20


class Replay(NamedTuple):
    """What the rows of a record show."""

    claim: str
    row: int
    """Its number in the file that the record was made from."""
    story: tuple[str, ...]
    record: Record | None
    """The record made anew from these rows."""


def record_of(finding: Finding, file: str, heap: Subject | None = None) -> Record:
    """The record of a finding; `file` is the name of the trace's file, `heap` what was stepped through it, if any."""
    heap = heap or Subject()
    excerpt, claim = finding.excerpt, finding.claim
    rows = [
        [
            excerpt.number(at),
            Kind(int(excerpt.kind[at])).word,
            *(int(getattr(excerpt, column)[at]) for column in FIELDS[2:]),
        ]
        for at in range(len(excerpt))
    ]
    return Record(
        kind="trace",
        name=excerpt.name,
        release=excerpt.release.name,
        violated=Violated(claim.name, claim.says, claim.source, finding.detail),
        heap=heap.heap,
        fault=heap.fault,
        trace={
            "file": file,
            "go": excerpt.go,
            "claim": claim.name,
            "row": finding.row,
            "page": finding.page,
            "fields": list(FIELDS),
            "rows": rows,
            "story": list(finding.story),
        }
        | ({} if finding.read is None else {"read": finding.read._asdict()}),
    )


def _excerpt(record: Record) -> Trace:
    """The embedded rows as a trace."""
    trace = record.trace
    rows = trace["rows"]
    if list(trace["fields"]) != list(FIELDS) or not ("read" not in trace) <= len(rows) <= EMBEDDED_LIMIT:
        raise ValueError("fields or number of rows")
    if any(len(values) != len(FIELDS) or not all(type(v) is int for v in (values[0], *values[2:])) for values in rows):
        raise TypeError("a row does not hold one word and numbers")
    if not all(0 <= v < 2**64 for values in rows for v in (values[0], *values[2:])):
        raise ValueError("a number out of range")
    columns = dict(zip(FIELDS, zip(*rows, strict=True) if rows else [()] * len(FIELDS), strict=True))
    kinds = np.array([KINDS_BY_WORD[word] for word in columns["kind"]], np.uint8)
    numbers = np.array(columns["row"], np.int64)
    if np.any(numbers[1:] <= numbers[:-1]):
        raise ValueError("rows do not ascend")
    arrays: Mapping[str, Any] = {name: np.array(columns[name], COLUMNS[name]) for name in FIELDS[2:]}
    excerpt = Trace(
        name=record.name, release=row(record.release), go=str(trace["go"]), kind=kinds,
        page=arrays["page"].astype(np.int64), npages=arrays["npages"].astype(np.int64),
        **{name: arrays[name] for name in "mpabc"}, numbers=numbers,
    )  # fmt: skip
    validate(excerpt.kind, excerpt.page, excerpt.npages, "the record")
    return excerpt


def _read(record: Record, excerpt: Trace) -> Read | None:
    """What was read after the embedded rows, if the record tells of memory that was read."""
    if "read" not in record.trace:
        return None
    read = Read(**record.trace["read"])
    if read.kind not in CLAIMS_BY_KIND:
        raise ValueError("nothing was read")
    if not all(type(v) is int and 0 <= v < 2**64 for v in read[1:]):
        raise ValueError("a read does not hold numbers in range")
    if len(excerpt) and excerpt.number(len(excerpt) - 1) >= read.after:
        raise ValueError("rows do not come before what was read")
    return read


def replay(record: Record, heap: Subject | None = None) -> Replay:
    """Judge the rows embedded in a record again, and nothing else; the claim is "" if they violate none at the last.

    heap: the one that the record names; None is the reference.

    Raises:
        RecordError: not of a trace, or damaged.

    """
    if record.kind != "trace":
        raise RecordError(f"record {record.name}: kind {record.kind!r} is not trace; replay it as what it is")
    try:
        excerpt = _excerpt(record)
        read = _read(record, excerpt)
        file = str(record.trace["file"])
    except (KeyError, TypeError, ValueError, OverflowError) as e:  # TraceError and UnknownReleaseError are ValueErrors
        what = " ".join(f"{type(e).__name__}: {e}".split())
        raise RecordError(f"record {record.name}: damaged rows ({what}); check the trace again") from e
    heap = heap or Subject()
    by_text = record.violated.claim == THE_REFERENCE_PREDICTS_EVERY_EVENT.name
    if by_text:
        finding = finding_of_difference(excerpt, heap.heap_class)
    else:
        finding = _violation(excerpt) if read is None else finding_of_read(excerpt, read)
    if finding is None:
        return Replay("", excerpt.number(len(excerpt) - 1) if len(excerpt) else 0, (), None)
    return Replay(finding.claim.name, finding.row, finding.story, record_of(finding, file, heap if by_text else None))


def _violation(excerpt: Trace) -> Finding | None:
    """The finding at the last row, if it violates a claim."""
    violated = check_trace(excerpt, judged_from=len(excerpt) - 1).violated
    return finding_of(excerpt, CLAIMS_BY_NAME[next(iter(violated))]) if violated else None


def replay_trace(record: Record, heap: Subject | None = None) -> str:
    """Judge the rows embedded in a record again: "" if they show what is recorded, byte for byte, else what differs.

    Raises:
        RecordError: not of a trace, or damaged.

    """
    again = replay(record, heap)
    if again.record is None:
        return f"row {again.row} violates nothing"
    if again.claim != record.violated.claim:
        return f"row {again.row} violates {again.claim}"
    return "" if again.record.dumps() == record.dumps() else f"row {again.row} tells another story"
