"""What is told of a violation, and what a record keeps of it."""

from pathlib import Path

import numpy as np
import pytest

from spanproof.checks.record import Record, RecordError
from spanproof.checks.tracing.checking import check_trace
from spanproof.checks.tracing.claims import CLAIMS_BY_NAME, TRACE_CLAIMS
from spanproof.checks.tracing.explaining import EXPLAINED_BY
from spanproof.checks.tracing.findings import Finding, findings
from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.reading import Trace
from spanproof.checks.tracing.replaying import record_of, replay_trace
from spanproof.checks.tracing.story import runs
from spanproof.checks.tracing.verdicts import judge_trace
from spanproof.checks.verdict import Verdict
from tests.checks.tracing.recorder import save, tampered
from tests.checks.tracing.twice import BEFORE, assert_refused, assert_replays, changed, given_twice

STORY = f"""\
{BEFORE}
row 13       alloc_span        [0xbc06000, 0xbc36000) 24 pages, heap, spanclass 2, needzero=0, scav=32768  (M0 P0)"""


def _trace() -> Trace:
    """The pages are given away twice, and the needzero of their second span is lost."""
    trace = given_twice().trace()
    last = len(trace) - 1
    return tampered(trace, {("a", last): int(trace.a[last]) & 0xFFFF})


def _finding() -> Finding:
    (finding,) = findings(check_trace(_trace()))
    return finding


def test_the_story_of_the_page() -> None:
    """The rows that concern the page, in order, up to the row that breaks the claim."""
    finding = _finding()
    assert finding.claim.name == "used_pages_are_not_called_zero"
    assert finding.detail == "page 24067 at 0xbc06000 was used by the span of row 8 and not scavenged since"
    assert "\n".join(finding.story) == STORY


def test_the_record_holds_the_rows_as_numbers() -> None:
    """File, release, page, claim and row, and a row for each that is needed."""
    record = record_of(_finding(), "lost.npz")
    trace = record.trace
    assert (record.kind, record.name, record.release) == ("trace", "made", "go1.27")
    assert record.violated.claim == "used_pages_are_not_called_zero"
    assert (trace["file"], trace["go"], trace["page"], trace["row"]) == ("lost.npz", "go1.27", 24067, 13)
    assert [row[0] for row in trace["rows"]] == [2, 6, 7, 8, 9, 10, 11, 12, 13]
    assert trace["rows"][-1] == [13, "alloc_span", 24067, 24, 0, 0, 512, 32768, 4]


def test_a_record_replays_from_its_own_text() -> None:
    """With its claim and row (see above), and the story that was told."""
    record = record_of(_finding(), "lost.npz")
    assert "\n".join(record.trace["story"]) == STORY
    assert_replays(record)


def test_a_record_that_shows_something_else_says_what() -> None:
    """Rows that violate nothing, or another claim; another story."""
    record = record_of(_finding(), "lost.npz")
    rows = [list(row) for row in record.trace["rows"]]
    rows[-1][6] |= 1 << 16
    assert replay_trace(changed(record, rows=rows)) == "row 13 violates nothing"
    assert replay_trace(changed(record, rows=rows[-1:])) == "row 13 violates no_page_in_two_spans"
    assert replay_trace(changed(record, story=["once upon a time"])) == "row 13 tells another story"


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": []}, {"rows": 5}, {"rows": [[1, 2]]}, {"rows": [["x"] * 9]}, {"fields": ["row"]}, {"rows": None},
        {"rows": [[0, "sings", *[1] * 7]]}, {"rows": [[0, "grow", 2**70, *[1] * 6]]},
        {"rows": [[0, "grow", 1, 0, *[1] * 5]]},
        {"rows": [[0, "grow", -1, *[1] * 6]]}, {"rows": [[5, "grow", *[1] * 7], [4, "grow", *[1] * 7]]},
        {"rows": [[True, "grow", *[1] * 7]]}, {"rows": {"a": 1}},
    ],
)  # fmt: skip
def test_a_damaged_record_is_one_line(changes: dict[str, object]) -> None:
    """Rows that are no rows, foreign kinds, numbers out of range: RecordError, never anything else."""
    assert_refused(changed(record_of(_finding(), "lost.npz"), **changes))


def test_a_record_of_another_kind_is_refused() -> None:
    """A record of a run is replayed elsewhere."""
    record = record_of(_finding(), "lost.npz")
    with pytest.raises(RecordError, match="kind 'run' is not trace"):
        replay_trace(Record("run", record.name, record.release, record.violated))


def test_results_of_a_violation(tmp_path: Path) -> None:
    """One violated, those that the same row breaks as well unknown, the others hold; one record."""
    file = tmp_path / "lost.npz"
    save(file, _trace())
    results, records = judge_trace(file)
    verdicts = {result.name.removeprefix("lost: "): result for result in results}
    lost = verdicts.pop("used_pages_are_not_called_zero")
    assert (lost.verdict, lost.reason) == (Verdict.VIOLATED, f"row 13: {_finding().detail}")
    also = verdicts.pop("needzero_follows_the_release")
    assert (also.verdict, also.reason) == (Verdict.UNKNOWN, "row 13 breaks it too, and is told under another claim")
    idle = verdicts.pop("scavenging_gives_back_what_it_took")
    assert idle.verdict is Verdict.UNKNOWN
    assert {result.verdict for result in verdicts.values()} == {Verdict.HOLDS}
    assert [record.violated.claim for record in records] == ["used_pages_are_not_called_zero"]


def test_nothing_is_judged_once_owners_are_lost() -> None:
    """After a row that violates a claim about owners the others are unknown, and say up to where they were judged."""
    trace = _trace()
    free = int(np.flatnonzero(trace.kind == Kind.FREE_SPAN)[0])
    checked = check_trace(tampered(trace, {("npages", free): 2}))
    assert (checked.violated, checked.stopped) == ({"frees_match_allocations": free}, free)
    assert sum(checked.seen.values()) == free + 1


def test_every_claim_can_be_explained() -> None:
    """Each claim has its explanation and says what it looks at; names are unique."""
    assert set(EXPLAINED_BY) == set(CLAIMS_BY_NAME) == {claim.name for claim in TRACE_CLAIMS}
    assert len(CLAIMS_BY_NAME) == len(TRACE_CLAIMS)
    for claim in TRACE_CLAIMS:
        assert claim.looks_at
        assert claim.says.endswith(".")
        assert ".go, " in claim.source


def test_words_are_told_as_runs() -> None:
    """Bitmaps are half-open runs."""
    assert runs(0b1011) == "{[0, 2), [3, 4)}"
    assert runs(2**64 - 1) == "{[0, 64)}"
    assert runs(0) == "{}"
