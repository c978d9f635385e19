"""The files that recorded processes leave, read without Go: what is whole is judged, what is not is one line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spanproof.checks.cli import main
from spanproof.checks.tracing import raw, verdicts
from spanproof.checks.tracing.checking import check_trace
from spanproof.checks.tracing.kinds import Kind
from spanproof.checks.tracing.raw import FINISHED, OBJECT_READ, SPAN_READ, read_header
from spanproof.checks.tracing.reading import COLUMNS, Trace, read_trace
from spanproof.checks.tracing.validating import TraceError
from spanproof.checks.tracing.verdicts import judge_trace
from spanproof.checks.verdict import Verdict
from tests.checks.tracing.recorder import Recorder, made

GOOD = made(1)
HEADER = {
    0: int.from_bytes(raw.MAGIC, "little"), 1: 1, 3: 2**22, 4: 4711, 6: 8192, 7: 2**26, 8: 4096, 9: 2**21,
}  # fmt: skip
"""Words of the first page, without the tickets."""


def records(trace: Trace) -> NDArray[np.uint64]:
    """The rows of a trace as the recorder writes them."""
    words = np.zeros((len(trace), 8), np.uint64)
    words[:, 0] = trace.kind.astype(np.uint64) | FINISHED
    for word, column in enumerate(("page", "npages", "a", "b", "c"), 1):
        words[:, word] = getattr(trace, column).astype(np.uint64)
    words[:, 6] = trace.m.astype(np.uint64) << np.uint64(32) | trace.p.astype(np.uint64)
    words[:, 7] = np.arange(1, len(trace) + 1)
    return words


def also(words: NDArray[np.uint64], kind: int, *values: int) -> NDArray[np.uint64]:
    """The records with one more."""
    more = np.zeros((1, 8), np.uint64)
    more[0, 0], more[0, 7] = np.uint64(kind) | FINISHED, len(words) + 1
    more[0, 1 : 1 + len(values)] = values
    return np.concatenate([words, more])


def content(words: NDArray[np.uint64], go: str = "go1.27.3", **changes: int) -> bytes:
    """A file with these records; w5=1 puts 1 into word 5 of its first page."""
    page = np.zeros(512, "<u8")
    numbers = HEADER | {2: len(words)} | {int(name[1:]): value for name, value in changes.items()}
    page[list(numbers)] = np.array(list(numbers.values()), np.uint64)
    page[16:24] = np.frombuffer(go.encode().ljust(64, b"\0"), "<u8")
    return page.tobytes() + words.astype("<u8").tobytes()


def written(folder: Path, words: NDArray[np.uint64], go: str = "go1.27.3", **changes: int) -> Path:
    """Such a file."""
    file = folder / "program.4711.trace"
    file.write_bytes(content(words, go, **changes))
    return file


def refused(file: Path) -> str:
    """The one line that is said of a file, without its name."""
    with pytest.raises(TraceError) as raised:
        read_trace(file)
    text = str(raised.value)
    assert text.isprintable()
    assert text.startswith(f"{file}: ")
    return text.removeprefix(f"{file}: ").removesuffix("; copy or record it again")


def test_a_good_file_reads_back(tmp_path: Path) -> None:
    """What the recorder wrote is what is read, with the release in it, and all claims hold on it."""
    file = written(tmp_path, records(GOOD))
    trace = read_trace(file)
    assert (trace.name, trace.go, trace.release.name) == ("program.4711", "go1.27.3", "go1.27")
    assert (trace.missing, trace.reads) == ("", None)
    for column in COLUMNS:
        assert np.array_equal(getattr(trace, column), getattr(GOOD, column))
    results, kept = judge_trace(file)
    assert {result.verdict for result in results} == {Verdict.HOLDS}
    assert kept == ()
    assert read_header(file).told == f"go1.27.3, process 4711, level events, {len(GOOD)} records"


@pytest.mark.parametrize("go", ["go1.27.3-X:nosizespecializedmalloc", "go1.27.3 X:nosizespecializedmalloc"])
def test_experiments_are_no_part_of_the_release(tmp_path: Path, go: str) -> None:
    """A runtime that was built with other experiments names them after its version."""
    assert read_trace(written(tmp_path, records(GOOD), go)).go == "go1.27.3"


def test_a_violation_is_told_of_such_a_file(tmp_path: Path) -> None:
    """`trace` exits with 1 where a claim is violated."""
    words = records(GOOD)
    span = int(np.flatnonzero(GOOD.kind == Kind.ALLOC_SPAN)[1])
    words[span, 1] = words[int(np.flatnonzero(GOOD.kind == Kind.ALLOC_SPAN)[0]), 1]  # the page of another span
    file = written(tmp_path, words)
    results, kept = judge_trace(file)
    assert Verdict.VIOLATED in {result.verdict for result in results}
    assert kept
    assert main(["trace", str(file), "--out", str(tmp_path / "report")]) == 1
    assert main(["trace", str(written(tmp_path, records(GOOD)))]) == 0


def test_what_a_process_left_open_ends_what_is_judged(tmp_path: Path) -> None:
    """A record that was never finished: the rows before it are judged, and the bound says so."""
    words = records(GOOD)
    words[100, 0] = 0
    file = written(tmp_path, words)
    trace = read_trace(file)
    assert len(trace) == 100
    results, _ = judge_trace(file)
    bound = f"the first 100 events; record 101 of {len(GOOD)} was never finished"
    assert results[0].bound == bound
    assert f"record 101 of {len(GOOD)} was never finished" in results[13].bound


def test_a_full_file_says_so(tmp_path: Path) -> None:
    """More tickets than room: what had room is judged, and the bound says how many had none."""
    file = written(tmp_path, records(GOOD), w2=len(GOOD) + 1234, w3=len(GOOD))
    results, _ = judge_trace(file)
    assert {result.verdict for result in results} == {Verdict.HOLDS}
    assert results[0].bound == f"the first {len(GOOD)} events; 1,234 more had no room in the file"
    assert read_header(file).told.endswith(f"{len(GOOD)} records, and full: 1,234 more had no room")


def test_memory_that_was_read_is_judged(tmp_path: Path) -> None:
    """Level spans and objects: what was read and was zero holds, what was not is violated, nothing read is unknown."""
    words = also(records(GOOD), SPAN_READ, 5 * 8192, 3, 0, 0)
    spans = judge_trace(written(tmp_path, words, w5=1))[0]
    assert [result.name.split()[1] for result in spans[14:]] == ["spans_called_zero_read_zero"]
    assert (spans[14].verdict, spans[14].counts) == (Verdict.HOLDS, {"read": 1, "dirty": 0})

    words = also(words, SPAN_READ, 7 * 8192, 1, 7 * 8192 * 8192 + 8, 0xA5)
    words = also(words, OBJECT_READ, 7 * 8192, 0, 7 * 8192 * 8192, 7 * 8192 * 8192 + 8, 48)
    both = judge_trace(written(tmp_path, words, w5=2, w32=1000))[0][14:]
    assert [result.verdict for result in both] == [Verdict.VIOLATED, Verdict.VIOLATED]
    assert both[0].reason == "the span [0x1c000000, 0x1c002000) 1 page has 0xa5 at 0x1c000008"
    assert both[1].reason == "an object of 48 bytes at 0x1c000000 is not zero at 0x1c000008"
    assert (both[0].counts["read"], both[1].counts["read"]) == (2, 1000)

    nothing = judge_trace(written(tmp_path, records(GOOD), w5=2))[0][14:]
    assert [result.verdict for result in nothing] == [Verdict.UNKNOWN, Verdict.UNKNOWN]


def test_dirty_memory_leaves_records_that_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A span and an object that are not zero: a record of each, with the rows before it alone, which `replay` shows."""
    words = records(GOOD)
    span = int(np.flatnonzero(GOOD.kind == Kind.ALLOC_SPAN)[3])
    page, npages = int(GOOD.page[span]), int(GOOD.npages[span])
    before = also(also(words[: span + 1], SPAN_READ, page, npages, page * 8192 + 8, 0xA5), OBJECT_READ, page, 0)
    before[-1, 3:6] = page * 8192, page * 8192 + 8, 48
    words = np.concatenate([before, words[span + 1 :]])
    words[:, 7] = np.arange(1, len(words) + 1)
    file = written(tmp_path, words, w5=2, w32=7)
    results, kept = judge_trace(file)
    names = ["spans_called_zero_read_zero", "objects_asked_for_as_zero_are_zero"]
    assert [result.name.split()[1] for result in results if result.verdict is Verdict.VIOLATED] == names
    assert [record.violated.claim for record in kept] == names
    assert [record.trace["read"]["after"] for record in kept] == [span + 1, span + 1]
    assert [record.trace["row"] for record in kept] == [span, span]
    for record in kept:
        assert record.trace["rows"][-1][:3] == [span, "alloc_span", page]
    assert main(["trace", str(file), "--out", str(tmp_path)]) == 1
    capsys.readouterr()
    for name in names:
        assert main(["replay", str(tmp_path / f"trace-program.4711-{name}.json")]) == 1
        assert f"violated: {name}, the same as recorded" in capsys.readouterr().out


def test_a_violation_without_a_record_takes_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rows of a difference are not kept, its result comes after those that have a record."""

    def too_many(*_: object) -> None:
        return None

    monkeypatch.setattr(verdicts, "finding_of_first", too_many)
    row = int(np.flatnonzero(GOOD.kind == Kind.SCAVENGE_BEGIN)[-1])
    words = records(GOOD)
    words[row : row + 2, 2] += 1  # more than the reference would return
    file = written(tmp_path, also(words, SPAN_READ, 7 * 8192, 1, 7 * 8192 * 8192 + 8, 0xA5), w5=1)
    results, kept = judge_trace(file)
    assert [r.name.split()[1] for r in results if r.verdict is Verdict.VIOLATED] == [
        "spans_called_zero_read_zero", "the_reference_predicts_every_event",
    ]  # fmt: skip
    assert "too many rows to keep as a record" in results[-1].reason
    assert [record.violated.claim for record in kept] == ["spans_called_zero_read_zero"]


def test_huge_pages_are_those_of_the_system(tmp_path: Path) -> None:
    """The reference returns a whole huge page rather than a part of it, where a recording says that there are any."""
    heap = Recorder()
    heap.alloc(512, 0, 1)
    heap.release_span(next(iter(heap.spans)), 0)
    heap.scavenge(2, 0)
    words = records(heap.trace())
    assert words[-1, 2] == 256
    words[-2:, 1] += 254  # a part of the huge page alone
    words[-2:, 2] = 2
    for size, verdict in ((0, Verdict.HOLDS), (2**21, Verdict.VIOLATED)):
        results, _ = judge_trace(written(tmp_path, words, w9=size))
        assert results[13].name.endswith("the_reference_predicts_every_event")
        assert results[13].verdict is verdict


FIRST_PAGES: dict[str, tuple[dict[str, int], str]] = {
    "format": ({"w1": 2}, "format 2, must be 1: recorded by another version of this"),
    "level": ({"w5": 3}, "level 3, at most 2"),
    "pages": ({"w6": 4096}, "pages of 4096 bytes, must be 8192"),
    "arenas": ({"w7": 2**22}, "arenas of 4194304 bytes, must be 67108864"),
    "system": ({"w8": 65536}, "a system with pages of 65536 bytes, must be 4096"),
    "huge pages": ({"w9": 2**25}, "a system with huge pages of 33554432 bytes, must be 2097152"),
    "too many": ({"w2": 2**30, "w3": 2**30}, "1,073,741,824 records, at most 16,777,216 are read"),
    "impossible": ({"w2": 2**60}, "1,152,921,504,606,846,976 tickets are more than were ever taken"),
    "more than there are": ({"w2": len(GOOD) + 1}, f"cut short: {len(GOOD)} of {len(GOOD) + 1} records are there"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FIRST_PAGES)
def test_a_wrong_first_page_is_refused(fault: str, tmp_path: Path) -> None:
    """Numbers that the recorder cannot have written, or that are of a system which cannot be judged."""
    changes, line = FIRST_PAGES[fault]
    assert refused(written(tmp_path, records(GOOD), "go1.27.3", **changes)) == line


def test_a_release_must_be_named(tmp_path: Path) -> None:
    """No release, or an unknown one, is asked for."""
    line = "the release in it is empty, so no release is known; give --release"
    assert refused(written(tmp_path, records(GOOD), "")) == line
    assert refused(written(tmp_path, records(GOOD), "devel")).endswith("give --release")
    file = written(tmp_path, records(GOOD), "go9.9")
    assert refused(file).startswith("the release in it: unknown release 'go9.9'")
    assert read_trace(file, "go1.27").release.name == "go1.27"
    assert refused(written(tmp_path, records(GOOD), "go1\x1b[31m")) == "names no Go release"


ROWS: dict[str, tuple[int, int, str]] = {
    "kind": (0, 99 | int(FINISHED), "record 8: kind is unknown (0x63)"),
    "no mark": (0, 3, "record 8: kind has no mark that it was finished (0x3)"),
    "flags": (0, 3 | 1 << 40 | int(FINISHED), "record 8: kind is unknown (0x10000000003)"),
    "ticket": (7, 9, "record 8: ticket is out of order (0x9)"),
    "npages": (2, 2**32, "record 8: npages is out of range (0x100000000)"),
    "P": (6, 65536, "record 8: P is out of range (0x10000)"),
}  # fmt: skip


@pytest.mark.parametrize("fault", ROWS)
def test_a_record_that_nobody_wrote_is_refused(fault: str, tmp_path: Path) -> None:
    """Kinds, tickets and numbers out of range, by record."""
    word, value, line = ROWS[fault]
    words = records(GOOD)
    words[7, word] = value
    assert refused(written(tmp_path, words)) == line


def test_pages_out_of_range_are_refused(tmp_path: Path) -> None:
    """As in the files that are shipped."""
    words = records(GOOD)
    words[0, 1] = 2**63
    assert "is out of range, must be below 34359738368" in refused(written(tmp_path, words))


@pytest.mark.parametrize("size", [8, 100, 4095, 4096, 4096 + 64 * 50, 4096 + 64 * 50 + 3])
def test_a_file_cut_short_is_refused(size: int, tmp_path: Path) -> None:
    """The beginning of such a file is none."""
    file = tmp_path / "cut.trace"
    file.write_bytes(content(records(GOOD))[:size])
    assert refused(file).startswith(("no recording, or it ended or the disk", "cut short: "))


def test_no_such_file_is_a_line(tmp_path: Path) -> None:
    """Files that are missing, empty, or folders."""
    (tmp_path / "empty.trace").write_bytes(b"")
    for name in ("none.trace", "empty.trace", "."):
        refused(tmp_path / name)
        with pytest.raises(TraceError):
            read_header(tmp_path / name)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_random_damage_is_a_line_or_harmless(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bytes changed, put in or left out at random, anywhere or in the first page: a line, or what can be judged."""
    damaged = bytearray(content(records(GOOD)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 300) | st.integers(0, max(0, len(damaged) - 1)))
        match data.draw(st.sampled_from(["flip", "huge", "zero", "cut", "drop", "put"])):
            case "flip" if at < len(damaged):
                damaged[at] ^= data.draw(st.integers(1, 255))
            case "huge":
                damaged[at // 8 * 8 : at // 8 * 8 + 8] = b"\xff" * 8
            case "zero":
                damaged[at // 64 * 64 : at // 64 * 64 + 64] = bytes(64)
            case "cut":
                del damaged[max(at, 16) :]
            case "drop":
                del damaged[at : at + 64]
            case _:
                damaged[at:at] = b"put in"
    file = tmp_path_factory.getbasetemp() / "random.trace"
    file.write_bytes(damaged)
    try:
        trace = read_trace(file)
    except TraceError as e:
        assert str(e).isprintable()  # noqa: PT017  # either outcome is right
    else:
        check_trace(trace)
