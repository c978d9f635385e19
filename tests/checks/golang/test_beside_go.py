"""Go's own text beside the reference: both agree, and one line that is changed in either is found."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spanproof.checks import cli
from spanproof.checks.again import replayed
from spanproof.checks.faults.planting import subject
from spanproof.checks.golang.comparing.abstractly import judge_abstractly
from spanproof.checks.golang.comparing.compare import COMMANDS, GoSide, judge_go, programmed
from spanproof.checks.golang.comparing.inside import judge_inside
from spanproof.checks.golang.extracted.building import BuildError, built
from spanproof.checks.golang.extracted.driving import CODE, DONE, OPS, REQUEST, THROWN, UNKNOWN, DiedError, Driven
from spanproof.checks.golang.extracted.extracting import HARNESS, extracted, harness
from spanproof.checks.golang.interleaving.drawn_trials import FAMILIES
from spanproof.checks.golang.interleaving.interleave import ALL, judge_interleavings
from spanproof.checks.golang.interleaving.scheduling import Trying
from spanproof.checks.golang.interleaving.steps import CALLS, CELLS, KINDS, Told
from spanproof.checks.golang.reading.sources import GoFile, GoSourceError, nodes
from spanproof.checks.golang.reading.toolchains import Toolchain, compiler, installed, of_each_release
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.model.geometry import GO_AMD64
from tests.checks.golang.conftest import edited

FEW = 6_000


def patiently(_: int) -> None:
    """No reason to stop."""


def test_histories_agree(toolchain: Toolchain) -> None:
    """Every result, and all state after every call; as many calls are compared as are wanted."""
    found = judge_go(toolchain, Subject(), 7, FEW, patiently).result
    assert (found.verdict, found.reason) == (Verdict.HOLDS, "")
    assert found.counts["calls"] >= FEW
    assert found.counts["differences"] == 0


def test_every_interleaving_of_small_programs_agrees(toolchain: Toolchain) -> None:
    """Step by step; 98 of two threads that claim two regions each, as were counted by hand."""
    names = [name for name in ALL if name not in {"two_finds_beside_a_free", *FAMILIES}]
    found = judge_interleavings(toolchain, Subject(), patiently, names=names).results
    assert [(r.name, r.reason) for r in found if r.verdict is not Verdict.HOLDS] == []
    assert next(r for r in found if r.name.startswith("two_allocs_each")).counts["schedules"] == 98
    assert sum(r.counts.get("steps", 0) for r in found) > 300_000
    assert sum(r.counts["schedules"] for r in found) > 280_000


def test_drawn_schedules_of_drawn_programs_agree(toolchain: Toolchain) -> None:
    """Of each family; the same seed draws the same, another one something else."""

    def drawn(seed: int) -> dict[str, dict[str, int]]:
        found = judge_interleavings(toolchain, Subject(), patiently, names=[*FAMILIES], seed=seed, schedules=250)
        assert [(r.name, r.reason) for r in found.results if r.verdict is not Verdict.HOLDS] == []
        return {result.name: dict(result.counts) for result in found.results}

    first = drawn(1)
    assert drawn(1) == first
    assert drawn(2) != first
    assert {counts["schedules"] for counts in first.values()} == {250}


def test_what_is_freed_below_the_cursor_is_missed_by_gos_own_text(toolchain: Toolchain, tmp_path: Path) -> None:
    """docs/findings: nothing is changed, and a promise is broken. The record shows it again."""
    name = "finding_free_below_the_cursor"
    place = ["--goroot", str(toolchain.root), "--out", str(tmp_path)]
    assert cli.main(["go", "interleave", name, *place]) == 1
    (record,) = tmp_path.glob("go-*.json")
    assert cli.main(["replay", str(record)]) == 1
    found = judge_interleavings(toolchain, Subject(), patiently, names=[name])
    assert found.results[0].counts["differences"] == 0
    assert found.records[0].violated.claim == "go_keeps_its_promises"


GO_TEXT = {
    "a free leaves the search address": (
        "mpagealloc.go", "	if b := (offAddr{base}); b.lessThan(p.searchAddr) {\n		p.searchAddr = b\n	}\n	limit", "	limit",
    ),
    "a flush leaves it": (
        "mpagecache.go", "	if b := (offAddr{c.base}); b.lessThan(p.searchAddr) {\n		p.searchAddr = b\n	}\n", "",
    ),
    "a cache is looked for behind its block": (
        "mpagecache.go", "pageSize*(pageCachePages-1)}", "pageSize*pageCachePages}",
    ),
}  # fmt: skip
"""Of what histories find, in Go's text."""
GO_ATOMICS = {
    "a plain store for the swap": (
        "mheap.go", "if atomic.Casuintptr(&ha.zeroedBase, zeroedBase, arenaLimit) {",
        "if atomic.Storeuintptr(&ha.zeroedBase, arenaLimit); true {", "two_allocs_each",
    ),
    "a watermark that is off by a page": (
        "mheap.go", "if arenaBase < zeroedBase {", "if arenaBase+pageSize < zeroedBase {", "the_last_page_again",
    ),
    "a sweeper that does not win its span": (
        "mgcsweep.go", "if !atomic.Cas(&s.sweepgen, l.sweepGen-2, l.sweepGen-1) {",
        "if atomic.Store(&s.sweepgen, l.sweepGen-1); false {", "reclaim_beside_a_sweeper",
    ),
    "a reclaimer that does not look again": (
        "mheap.go", "						inUseUnmarked = atomic.Load8(&inUse[i]) &^ marked[i]\n					}\n				}",
        "					}\n				}", "reclaim_beside_a_sweeper",
    ),
    "a find that stops above the lowest chunk": (
        "mgcscavenge.go", "	for i := start; i >= min; i-- {", "	for i := start; i > min; i-- {", "find_beside_a_free",
    ),
}  # fmt: skip
"""Of what interleavings find."""


@pytest.mark.parametrize("name", GO_TEXT)
def test_a_change_of_gos_text_is_found_by_histories(toolchain: Toolchain, name: str) -> None:
    """With a short history that shows it."""
    found = judge_go(edited(toolchain, *GO_TEXT[name]), Subject(), 0, 5_000, patiently)
    assert found.result.verdict is Verdict.VIOLATED
    assert found.record is not None
    assert len(found.record.program["calls"]) < 10
    again = replayed(found.record, Subject())
    assert again.record is not None
    assert again.difference == ""


@pytest.mark.parametrize("name", GO_ATOMICS)
def test_a_change_of_gos_atomics_is_found_by_interleavings(toolchain: Toolchain, name: str) -> None:
    """In the small program that is for it."""
    file, old, new, trial = GO_ATOMICS[name]
    found = judge_interleavings(edited(toolchain, file, old, new), Subject(), patiently, [trial])
    (result,) = found.results
    assert result.verdict is Verdict.VIOLATED
    assert found.records[0].schedule
    again = replayed(found.records[0], Subject())
    assert again.record is not None
    assert again.difference == ""


@pytest.mark.parametrize("name", GO_ATOMICS)
def test_a_change_of_gos_atomics_is_found_by_drawn_schedules(toolchain: Toolchain, name: str) -> None:
    """In larger programs too, which are drawn; the record shows it again."""
    file, old, new, _ = GO_ATOMICS[name]
    found = judge_interleavings(edited(toolchain, file, old, new), Subject(), patiently, [*FAMILIES])
    assert Verdict.VIOLATED in {result.verdict for result in found.results}
    assert all(len(record.schedule) > 3 for record in found.records)


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (["compare", "--commands", "3000"], "search_address_not_lowered_by_flush"),
        (["interleave", "two_allocs_each"], "failed_cas_treated_as_done"),
        (["interleave", "drawn_zeroing"], "failed_cas_treated_as_done"),
    ],
)
def test_a_change_of_the_reference_is_found_and_replays(
    toolchain: Toolchain, command: list[str], fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a record that comes out the same, byte for byte; on the reference as it is nothing differs."""
    place = ["--goroot", str(toolchain.root), "--out", str(tmp_path)]
    assert cli.main(["go", *command, "--fault", fault, *place]) == 1
    (record,) = tmp_path.glob("go-*.json")
    assert cli.main(["replay", str(record)]) == 1
    assert "the same as recorded" in capsys.readouterr().out
    whole = record.read_text().replace(f'"fault": "{fault}"', '"fault": null')
    (tmp_path / "mended.json").write_text(whole)
    assert cli.main(["replay", str(tmp_path / "mended.json")]) == 3
    assert "nothing differs" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.parametrize("release", ["go1.21", "go1.22", "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"])
def test_every_release_agrees(release: str) -> None:
    """In the usual number of calls, and in every interleaving of every small program."""
    found = of_each_release(installed()).get(release)
    if found is None:
        pytest.skip(f"no Go of {release} is here: `spanproof go fetch` gets it")
    compared = judge_go(found, Subject(), 1, COMMANDS, patiently).result
    results = [compared, *judge_interleavings(found, Subject(), patiently).results]
    assert [(r.name, r.reason) for r in results if r.verdict is not Verdict.HOLDS] == []
    known = judge_interleavings(found, Subject(), patiently, names=["finding_free_below_the_cursor"])
    assert [r.verdict for r in known.results] == [Verdict.VIOLATED]  # docs/findings says so of each release


def test_no_schedule_is_no_verdict(toolchain: Toolchain) -> None:
    """What nothing was drawn of is unknown."""
    found = judge_interleavings(toolchain, Subject(), patiently, names=["drawn_zeroing"], schedules=0)
    assert [(r.verdict, r.reason) for r in found.results] == [(Verdict.UNKNOWN, "no schedule was taken")]


def test_what_is_broken_by_go_alone_has_a_schedule(toolchain: Toolchain) -> None:
    """Found among the ways in which schedules end, and then gone through step by step."""
    file, old, new, _ = GO_ATOMICS["a find that stops above the lowest chunk"]
    found = judge_interleavings(
        edited(toolchain, file, old, new), Subject(), patiently, ["both_scavengers_beside_an_alloc"]
    )
    assert [result.verdict for result in found.results] == [Verdict.HOLDS]  # no promise of that program is about it
    file, old, new, _ = GO_ATOMICS["a plain store for the swap"]
    found = judge_interleavings(edited(toolchain, file, old, new), Subject(), patiently, ["four_threads"])
    assert [result.verdict for result in found.results] == [Verdict.VIOLATED]
    assert found.records[0].schedule


def test_a_death_among_schedules_is_told_and_the_next_goes_on(
    toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked of it is unknown, and it is started anew."""
    through, killed = Trying.schedules, list[int]()

    def dying(self: Trying, *args: Any, **how: Any) -> Iterator[Told]:
        if not killed:
            killed.append(self.driven.pid)
            os.kill(self.driven.pid, signal.SIGKILL)
        return through(self, *args, **how)

    monkeypatch.setattr(Trying, "schedules", dying)
    found = judge_interleavings(toolchain, Subject(), patiently, names=["two_allocs_each", "three_threads"])
    assert [result.verdict for result in found.results] == [Verdict.UNKNOWN, Verdict.HOLDS]
    assert "Go's side is gone: the program ended with -9" in found.results[0].reason


def test_both_sides_number_alike() -> None:
    """What is asked, what is called, which word is meant, and which kind an access is of."""
    assert _constants("ops.go", "op") == [name.replace("_", "") for name in OPS]
    assert _constants("interleave.go", "call") == [name.replace("_", "") for name in IN_GO]
    assert len(_constants("interleave.go", "cell")) == len(CELLS)
    kinds = _constants("atomic/atomic.go", "Kind")
    assert {name: kinds.index(name.rstrip("8").replace("compare_and_swap", "cas")) + 1 for name in KINDS} == KINDS


IN_GO = [f"index_{name}" if name in {"find", "alloc", "free", "set_empty", "next_gen"} else name for name in CALLS]


def _constants(path: str, prefix: str) -> list[str]:
    """The constants that begin so in a file of the harness, in its order, in small letters."""
    source = GoFile("harness", path, (HARNESS / path).read_bytes())
    constants = (name for name, found in source.declarations.items() if found.kind == "const_declaration")
    return [name.removeprefix(prefix).lower() for name in constants if name.startswith(prefix)]


def test_the_text_is_gos_own(toolchain: Toolchain) -> None:
    """Every function that is compiled stands in Go's files, word for word, without directives."""
    found = extracted(toolchain)
    whole = "".join(path.read_text() for path in toolchain.runtime.glob("*.go") if not path.name.endswith("_test.go"))
    functions = [
        node.text.decode() for name, text in found.files.items()
        for node in nodes(GoFile("ours", name, text.encode()).root)
        if node.type in {"function_declaration", "method_declaration"}
    ]  # fmt: skip
    assert len(functions) > 100
    assert [f for f in functions if "//go:" not in f and f not in whole] == []


def test_what_uses_a_package_that_the_harness_lacks_is_named(toolchain: Toolchain) -> None:
    """With version and file: so a new release says at once what is new in it."""
    text = (toolchain.runtime / "mranges.go").read_text()
    text = text.replace("import (\n", 'import (\n	"internal/brandnew"\n').replace(
        "func (a addrRange) size() uintptr {\n", "func (a addrRange) size() uintptr {\n	brandnew.Count()\n"
    )
    with pytest.raises(GoSourceError, match=rf"{toolchain.version}: mranges\.go uses internal/brandnew"):
        extracted(replace(toolchain, laid=(("mranges.go", text.encode()),)))


@pytest.mark.usefixtures("toolchain")
def test_what_does_not_compile_is_told_by_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last lines, and whose text it was; and nothing is kept of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    files = {"go.mod": "module broken\n\ngo 1.23\n", "main.go": "package main\n\nfunc main() { return 1 }\n"}
    with pytest.raises(BuildError, match=r"(?s)the text of go1\.x does not compile.*too many return values"):
        built(compiler(installed()), "go1.x", files)
    assert [path for path in (tmp_path / "spanproof" / "built").iterdir() if not path.name.endswith(".lock")] == []


def test_nothing_is_written_into_a_goroot(toolchain: Toolchain) -> None:
    """Not even when its text is edited: what is built stands in the cache."""
    before = {path: path.stat().st_mtime_ns for path in toolchain.root.glob("*")}
    assert toolchain.root not in programmed(toolchain).parents
    assert {path: path.stat().st_mtime_ns for path in toolchain.root.glob("*")} == before


@pytest.fixture
def driven(toolchain: Toolchain) -> Iterator[Driven]:
    """Go's text in a process."""
    with Driven(programmed(toolchain), patience=5) as running:
        yield running


def test_a_throw_is_told_and_survived(driven: Driven) -> None:
    """Pages that are not the heap's are freed: that ends in a throw or a fault, which is told, and not in a death."""
    driven.ask("new", 4096, 0)
    base = GO_AMD64.heap_base
    assert int(driven.ask("grow", base, GO_AMD64.chunk_size)["status"]) == DONE
    assert int(driven.ask("free", base + 7 * GO_AMD64.arena_size, 1)["status"]) == THROWN
    assert driven.text("thrown")
    driven.ask("new", 4096, 0)
    driven.ask("grow", base, GO_AMD64.chunk_size)
    assert int(driven.ask("alloc", 1)["r0"]) == base


def test_what_is_not_known_is_said(driven: Driven) -> None:
    """A number that stands for nothing, and a call before there is a heap."""
    assert int(driven.ask("alloc", 1)["status"]) == UNKNOWN
    driven.ask("new", 4096, 0)
    assert int(driven.batch(np.array([(99, 0, 0, 0)], REQUEST))[0]["status"]) == UNKNOWN


def test_a_program_that_dies_is_told_with_what_it_wrote(driven: Driven) -> None:
    """And is no hang."""
    driven.ask("new", 4096, 0)
    os.kill(driven.pid, signal.SIGQUIT)
    with pytest.raises(DiedError, match="SIGQUIT"):
        driven.batch(np.array([(CODE["new"], 4096, 0, 0)] * 100_000, REQUEST))


def test_the_harness_is_whole() -> None:
    """Each of its files goes into the program."""
    assert {"go.mod", "main.go", "atomic/atomic.go"} <= set(harness())


def test_a_side_starts_anew(toolchain: Toolchain) -> None:
    """After its program died."""
    side = GoSide(programmed(toolchain), toolchain.release)
    side.driven.end()
    side.again()
    assert int(side.driven.ask("new", 4096, 0)["status"]) == 0
    side.driven.end()


def test_the_real_runtime_agrees(toolchain: Toolchain) -> None:
    """The page allocator inside it, with its own locks; a fault of the reference is a difference there too."""
    found = judge_inside(toolchain, Subject(), 3, FEW, patiently).result
    assert (found.verdict, found.reason) == (Verdict.HOLDS, "")
    assert found.counts["calls"] > FEW * 0.9
    wrong = judge_inside(toolchain, subject(fault="search_address_not_lowered_by_flush"), 3, FEW, patiently)
    assert wrong.result.verdict is Verdict.VIOLATED
    assert wrong.record is not None


def test_the_abstract_allocator_agrees(toolchain: Toolchain) -> None:
    """Results of many calls; a search address that is not lowered shows in them, and the record says so again."""
    found = judge_abstractly(toolchain, 0, 60_000, patiently).result
    assert (found.verdict, found.reason, found.counts["calls"]) == (Verdict.HOLDS, "", 60_000)
    wrong = judge_abstractly(edited(toolchain, *GO_TEXT["a free leaves the search address"]), 0, 60_000, patiently)
    assert wrong.result.verdict is Verdict.VIOLATED
    assert wrong.record is not None
    assert 1 < len(wrong.record.program["calls"]) < 20_000
    again = replayed(wrong.record, Subject())  # with its patch
    assert again.record is not None
    assert again.difference == ""
    as_it_is = replace(wrong.record, program={**wrong.record.program, "patch": ""})
    assert replayed(as_it_is, Subject()).difference.startswith("nothing differs")
