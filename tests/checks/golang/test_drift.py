"""The drift alarm and the release table ring: on edited, missing and new text, and on rows that say something else."""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from spanproof.checks.cli import main
from spanproof.checks.golang.drifting.drift import (
    KeptError,
    between,
    differences,
    judge_drift,
    keep,
    load,
    nearest,
    number,
    older_text,
    short,
    text_of,
)  # fmt: skip
from spanproof.checks.golang.drifting.releases import survey
from spanproof.checks.golang.drifting.rows import READERS, judge_row, readings
from spanproof.checks.golang.reading.sources import GoSourceError
from spanproof.checks.golang.reading.toolchains import installed, of_each_release
from spanproof.checks.verdict import Verdict
from spanproof.model.releases import COLUMNS, NEWEST, ManualAccounting, SweepDone, Zeroing, row
from tests.checks.golang.fake import Edits, toolchain

pytestmark = pytest.mark.skipif(find_spec("tree_sitter_go") is None, reason="the extra `go` is not installed")

Place = tuple[str, str]
BARRIER: Place = ("mheap.go", "\tpublicationBarrier()\n")
ALIGNED: Place = ("mheap.go", "aligned := physPageAlignedStacks")
GROW: Place = ("mheap.go", "func (h *mheap) grow() {")
HUGE: Place = ("mpagealloc.go", "func (p *pageAlloc) enableChunkHugePages() {}")
TWO: Edits = {BARRIER: "", ALIGNED: "aligned := physPageAlignedStacks && true"}


def test_comments_and_layout_are_no_drift(tmp_path: Path) -> None:
    """A text that says the same in other lines is the same."""
    kept = {"go1.27.3": text_of(toolchain(tmp_path / "a")).digests}
    edits = {BARRIER: "\n\t// Said at last.\n\tpublicationBarrier() // here\n\n", GROW: "func ( h * mheap ) grow( ) {"}
    result, found = judge_drift(text_of(toolchain(tmp_path / "b", edits=edits)), kept)
    assert (result.verdict, result.reason, found.names) == (Verdict.HOLDS, "", ())
    assert result.name == "drift go1.27.3"
    assert result.counts["declarations"] == found.of > 10


@pytest.mark.parametrize("version", ["go1.27.3", "go1.27.4", "go1.28rc1", "devel go1.28-0123abc"])
def test_what_changed_is_named(tmp_path: Path, version: str) -> None:
    """A newer Go with other text is told by name; so is a patched one that calls itself by the old version."""
    kept = {"go1.27.3": text_of(toolchain(tmp_path / "a")).digests}
    result, _ = judge_drift(text_of(toolchain(tmp_path / "b", version, TWO)), kept)
    assert result.verdict is Verdict.UNKNOWN
    assert result.reason == "changed since go1.27.3: allocSpan, initSpan"
    assert result.counts["changed"] == 2


def test_what_is_missing_or_new_is_named(tmp_path: Path) -> None:
    """A declaration that went, and one that came, are drift as well."""
    kept = {"go1.27.3": text_of(toolchain(tmp_path / "a")).digests}
    edits = {GROW: "func (h *mheap) growMore() {", HUGE: HUGE[1] + "\n\nfunc (p *pageAlloc) merge() {}"}
    result, found = judge_drift(text_of(toolchain(tmp_path / "b", "go1.27.4", edits)), kept)
    assert result.reason == "changed since go1.27.3: missing: mheap.grow; new: pageAlloc.merge"
    assert result.verdict is Verdict.UNKNOWN
    assert (found.changed, found.missing, found.new) == ((), ("mheap.grow",), ("pageAlloc.merge",))


def test_a_declaration_may_move(tmp_path: Path) -> None:
    """The same text in another file of those that are read is no drift."""
    kept = {"go1.27.3": text_of(toolchain(tmp_path / "a")).digests}
    moved = "func isSweepDone() bool { return sweep.active.isDone() }"
    edits = {("mgcsweep.go", moved): "", GROW: f"{moved}\n\n{GROW[1]}"}
    result, _ = judge_drift(text_of(toolchain(tmp_path / "b", edits=edits)), kept)
    assert result.verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("go1.27.3", "go1.27.3"),
        ("go1.27.9", "go1.27.10"),
        ("go1.28rc1", "go1.27.10"),
        ("go1.24.1", "go1.23.9"),
        ("go1.20", "go1.21.13"),
    ],
)
def test_which_release_is_nearest(version: str, expected: str) -> None:
    """The version itself, else the newest of its release, else of the nearest; the older where two are as near."""
    assert nearest(version, ["go1.21.13", "go1.23.9", "go1.25.5", "go1.27.3", "go1.27.10"]) == expected


def test_nothing_kept_is_said() -> None:
    """Without digests nothing is taken to agree."""
    with pytest.raises(KeptError, match="--keep"):
        nearest("go1.27.3", [])
    assert number("go1.28rc1") == (1, 28, 0)


def test_names_are_short_where_that_is_enough() -> None:
    """The receiver is left out of a name that says enough without it."""
    among = ["mheap.allocSpan", "activeSweep.end", "pageAlloc.sysGrow", "scavengeIndex.sysGrow"]
    assert short(among, among) == ["allocSpan", *among[1:]]


def test_the_difference_is_shown(tmp_path: Path) -> None:
    """Line by line against the toolchain that has the older text, without what is only comment or layout."""
    old = toolchain(tmp_path / "a")
    kept = {"go1.27.3": text_of(old).digests}
    new = text_of(toolchain(tmp_path / "b", "go1.27.4", {BARRIER: "\t// no   barrier\n\tnobarrier()\n"}))
    _, found = judge_drift(new, kept)
    told = differences(found, new, older_text(found, [old], kept))
    assert told[:2] == ["--- go1.27.3 mheap.initSpan", "+++ go1.27.4 mheap.initSpan"]
    assert [line for line in told[2:] if line[0] in "+-"] == ["-\tpublicationBarrier()", "+\tnobarrier()"]


def test_a_patched_text_never_stands_for_the_older_one(tmp_path: Path) -> None:
    """Where no toolchain has the text that is kept, the names are told and no difference."""
    kept = {"go1.27.3": text_of(toolchain(tmp_path / "a")).digests}
    patched = toolchain(tmp_path / "b", edits={BARRIER: ""})
    broken = toolchain(tmp_path / "e", edits={BARRIER: "\t} } {\n"})
    poorer = toolchain(tmp_path / "d", edits={GROW: "func (h *mheap) growMore() {"})
    new = text_of(toolchain(tmp_path / "c", "go1.27.4", TWO))
    _, found = judge_drift(new, kept)
    assert older_text(found, [patched, poorer, broken], kept) is None
    assert older_text(found, [new.toolchain], kept) is None
    assert differences(found, new, None) == [
        "mheap.allocSpan: the text of go1.27.3 is not at hand",
        "mheap.initSpan: the text of go1.27.3 is not at hand",
    ]


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    """Digests are written by version, the oldest first, beside those that were there; no text of Go's is among them."""
    path = tmp_path / "kept" / "digests.json"
    new, old = toolchain(tmp_path / "a"), toolchain(tmp_path / "b", "go1.9.1", {BARRIER: ""})
    assert load(path) == {}
    assert keep([text_of(new)], path) == ["go1.27.3"]
    assert keep([text_of(old)], path) == ["go1.9.1", "go1.27.3"]
    assert load(path)["go1.27.3"] == text_of(new).digests
    assert "publicationBarrier" not in path.read_text(encoding="utf-8")
    assert between("go1.9.1", load(path)["go1.9.1"], load(path)["go1.27.3"]).names == ("mheap.initSpan",)


@pytest.mark.parametrize(
    "edits",
    [{BARRIER: ""}, {GROW: "func (h *mheap) growMore() {"}, {HUGE: HUGE[1] + "\n\nfunc (p *pageAlloc) more() {}"}],
)
def test_a_patched_text_is_not_kept(tmp_path: Path, edits: Edits) -> None:
    """A version that is kept is never kept with other text: that would be the mismatch without a word."""
    path = tmp_path / "digests.json"
    keep([text_of(toolchain(tmp_path / "a"))], path)
    before = path.read_bytes()
    with pytest.raises(KeptError, match=r"is not the go1\.27\.3 that is kept"):
        keep([text_of(toolchain(tmp_path / "b", edits=edits))], path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    """What is no digests by version is said to be none, in a line."""
    path = tmp_path / "digests.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KeptError, match="--keep"):
        load(path)


OTHERWISE: Mapping[str, tuple[Edits, object]] = {
    "zeroing": ({("mheap.go", "npages uintptr, class spanClass)"): "npages uintptr, needzero bool)"}, Zeroing.ALLOC),
    "sweep_done": ({("mgcsweep.go", "sweep.active.isDone()"): "mheap_.sweepdone != 0"}, SweepDone.SWEEPDONE),
    "manual_accounting": ({("mheap.go", "typ spanAllocType"): "stat *uint64"}, ManualAccounting.STAT),
    "alloc_span_pushes": ({ALIGNED: f"h.sweepSpans.push(0)\n\t{ALIGNED[1]}"}, True),
    "publication_barrier": ({BARRIER: ""}, False),
    "scavenged_is_zero": ({("mheap.go", "needZeroAfterSysUnused()"): "h.grow()"}, False),
    "user_arenas": ({("mheap.go", "s.isUserArenaChunk"): "s.inUse"}, False),
    "random_heap_base": ({("mheap.go", "h.pages.markRandomPaddingPages()"): ""}, False),
    "aligned_stacks": ({ALIGNED: "aligned := false"}, False),
    "metadata_huge_pages": ({("malloc.go", "enableMetadataHugePages"): "enable"}, False),
    "scavenge_index": ({("mgcscavenge.go", "searchAddrBg, searchAddrForce"): "searchAddrBg"}, False),
}
"""For each column an edit by which the text says something else, and what."""


def test_every_column_is_read() -> None:
    """No column of the release table is left out, here or there."""
    assert tuple(sorted(READERS)) == tuple(sorted(OTHERWISE)) == tuple(sorted(COLUMNS))


@pytest.mark.parametrize("column", COLUMNS)
def test_a_row_that_says_something_else_is_violated(tmp_path: Path, column: str) -> None:
    """Each column alone is read off the text; the row that disagrees is named with its column."""
    edits, expected = OTHERWISE[column]
    sources = text_of(toolchain(tmp_path / "go", edits=edits)).sources
    result = judge_row("go1.27.3", NEWEST, sources)
    assert result.verdict is Verdict.VIOLATED
    assert result.reason.startswith(f"{column}: go1.27 has ")
    assert result.counts == {"columns": len(COLUMNS), "differences": 1}
    assert readings(sources)[column] is expected


def test_older_forms_are_read(tmp_path: Path) -> None:
    """The middle values of the two columns that have three."""
    edits = {
        ("mheap.go", "npages uintptr, class spanClass) *mspan"): "npages uintptr, needzero bool) (*mspan, bool)",
        ("mgcsweep.go", "sweep.active.isDone()"): "mheap_.sweepDrained != 0",
    }
    found = readings(text_of(toolchain(tmp_path / "go", edits=edits)).sources)
    assert found["zeroing"] is Zeroing.ALLOC_OR_CALLER
    assert found["sweep_done"] is SweepDone.DRAINED_AND_SWEEPERS


def test_a_barrier_in_a_comment_or_a_string_is_none(tmp_path: Path) -> None:
    """Names count where they are called, not where they are spoken of."""
    edits = {BARRIER: '\t// publicationBarrier()\n\tprint("publicationBarrier()")\n'}
    result = judge_row("go1.27.3", NEWEST, text_of(toolchain(tmp_path / "go", edits=edits)).sources)
    assert result.verdict is Verdict.VIOLATED


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    """A declaration that is gone is named with release and file, and decides nothing."""
    edits = {("mheap.go", "func (h *mheap) freeSpanLocked("): "func (h *mheap) freeLocked("}
    result = judge_row("go1.27.3", NEWEST, text_of(toolchain(tmp_path / "go", edits=edits)).sources)
    assert result.verdict is Verdict.UNKNOWN
    assert result.reason == "user_arenas: go1.27.3: mheap.go has no declaration of mheap.freeSpanLocked"
    (tmp_path / "go" / "src" / "runtime" / "mgcsweep.go").unlink()
    error = readings(text_of(toolchain(tmp_path / "other", edits={
        ("mgcsweep.go", "sweep.active.isDone()"): "true",
    })).sources)["sweep_done"]  # fmt: skip
    assert isinstance(error, GoSourceError)


def test_a_release_without_a_row_is_told(tmp_path: Path) -> None:
    """Of a release that the table does not know, what its row would say is read off the text."""
    there = toolchain(tmp_path / "go", "go1.28.1")
    found = survey([there], {"go1.27.3": text_of(there).digests})
    by_name = {result.name: result for result in found.results}
    assert by_name["row go1.28.1"].verdict is Verdict.UNKNOWN
    assert "zeroing: caller, sweep_done: active" in by_name["row go1.28.1"].reason
    assert by_name["drift go1.28.1"].verdict is Verdict.HOLDS
    assert any(line.split()[:2] == ["1.28.1", "?"] for line in found.told.splitlines())


def test_the_table_has_all_releases(tmp_path: Path) -> None:
    """One line for each, with the number of what changed since the release before; the names stand below."""
    old, new = toolchain(tmp_path / "a", "go1.26.6"), toolchain(tmp_path / "b", edits=TWO)
    kept = {each.version: text_of(each).digests for each in (old, new)}
    found = survey([old, new], kept, [old, new])
    lines = found.told.splitlines()
    assert [result.verdict for result in found.results if result.name.startswith("drift")] == [Verdict.HOLDS] * 2
    assert [line.split()[-1] for line in lines if line.startswith("1.2")] == ["-", "2"]
    assert "go1.27.3: changed since go1.26.6: allocSpan, initSpan" in lines
    assert max(map(len, lines)) <= 100
    assert "…" not in found.told
    patched = toolchain(tmp_path / "c", edits={BARRIER: ""})
    assert "+++ go1.27.3 mheap.grow" not in found.told
    assert "-\tpublicationBarrier()" in survey([patched], {"go1.26.6": kept["go1.26.6"]}, [old]).told.splitlines()
    only = survey([new], kept, release="go1.27").told
    assert not any(line.startswith("1.26") for line in only.splitlines())


def test_a_text_that_cannot_be_read_spoils_no_other(tmp_path: Path) -> None:
    """One broken file is unknown by name, and the other toolchains are judged."""
    good, bad = toolchain(tmp_path / "a", "go1.26.6"), toolchain(tmp_path / "b", edits={BARRIER: "\t} } {\n"})
    kept = {"go1.26.6": text_of(good).digests}
    verdicts = {r.name: (r.verdict, r.reason) for r in survey([bad, good], kept).results}
    verdict, said = verdicts["drift go1.27.3"]
    assert verdict is Verdict.UNKNOWN
    assert said.startswith("go1.27.3: mheap.go cannot be read as Go: the first line that does not fit is ")
    assert verdicts["drift go1.26.6"][0] is Verdict.HOLDS


def test_a_limit_is_said(tmp_path: Path) -> None:
    """What is not done in time is unknown, with that reason."""
    there = toolchain(tmp_path / "go")
    found = survey([there], {"go1.27.3": text_of(there).digests}, hurry=lambda _: "no time")
    assert [(r.verdict, r.reason) for r in found.results] == [(Verdict.UNKNOWN, "no time")]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of the user's is judged against what is kept, and exits by its verdict."""
    edited = toolchain(tmp_path / "go", edits={BARRIER: ""})
    assert main(["go", "releases", "--goroot", str(edited.root), "--json", "-"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {r["name"]: r["verdict"] for r in found["results"]} == {
        "row go1.27.3": "violated", "drift go1.27.3": "unknown",
    }  # fmt: skip
    assert found["not_run"] == []
    assert main(["go", "releases", "--goroot", str(edited.root)]) == 1
    said = capsys.readouterr().out
    assert said.count("changed since go1.26.6") == 1  # the table is printed once
    assert main(["go", "releases", "--goroot", str(tmp_path)]) == 2


def test_without_go(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not at hand stands in not_run with a count; nothing checked is no green."""
    monkeypatch.setattr("spanproof.checks.golang.reading.toolchains.installed", list)
    assert main(["go", "releases", "--json", "-"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["results"] == []
    (item,) = found["not_run"]
    assert (item["check"], item["name"], item["count"]) == ("go", "releases", 7)
    assert main(["go", "releases", "--require", "go"]) == 2


def test_keep_refuses_a_patched_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command does not write over a version with other text."""
    assert main(["go", "releases", "--keep", "--goroot", str(toolchain(tmp_path / "go").root)]) == 2
    assert "only an unpatched Go is kept" in capsys.readouterr().err


def test_seven_releases_are_kept() -> None:
    """One version of each release whose text is read, each with as much as its neighbours."""
    kept = load()
    assert [row(version).name for version in kept] == [f"go1.{minor}" for minor in range(21, 28)]
    assert all(len(file) > 0 for version in kept.values() for file in version.values())
    assert {sum(map(len, version.values())) // 20 for version in kept.values()} <= {10, 11, 12}


def test_every_go_that_is_here_is_as_it_is_kept() -> None:
    """Row and text agree, and the text is the one that was kept. If impl mirrors more now: go releases --keep."""
    there = list(of_each_release(installed()).values())
    if not there:
        pytest.skip("no Go is installed: the extra `go` is not installed")
    found = survey(there, load())
    assert [(r.name, r.reason) for r in found.results if r.verdict is not Verdict.HOLDS] == []
    assert len(found.results) == 2 * len(there)
