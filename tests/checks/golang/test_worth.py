"""What a difference is worth: a harmless patch and a harmful one are told apart, and what was not judged is said."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from spanproof.checks.again import replayed
from spanproof.checks.golang.comparing.abstractly import with_worth
from spanproof.checks.golang.comparing.compare import judge_go, programmed
from spanproof.checks.golang.interleaving import interleave, worth
from spanproof.checks.golang.interleaving.interleave import judge_interleavings
from spanproof.checks.golang.interleaving.scheduling import Trying
from spanproof.checks.golang.interleaving.stepping import Reference
from spanproof.checks.golang.interleaving.steps import Told
from spanproof.checks.golang.interleaving.trials import BY_NAME
from spanproof.checks.golang.interleaving.worth import OFTEN, worth_of
from spanproof.checks.golang.reading.toolchains import Toolchain
from spanproof.checks.record import Record
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.impl.malloc import Runtime
from tests.checks.golang.conftest import edited

LOADED = "		zeroedBase := atomic.Loaduintptr(&ha.zeroedBase)\n"
LOAD = "mheap.go", LOADED, f"{LOADED}		_ = atomic.Loaduintptr(&ha.zeroedBase)\n"
"""One load more, of which nothing comes."""
STORE = (
    "mheap.go", "if atomic.Casuintptr(&ha.zeroedBase, zeroedBase, arenaLimit) {",
    "if atomic.Storeuintptr(&ha.zeroedBase, arenaLimit); true {",
)  # fmt: skip
"""What another thread has raised is lowered again."""
ELSEWHERE = "mheap.go", LOADED, f"{LOADED}		var told uintptr\n		atomic.Storeuintptr(&told, 1)\n"
"""A word that no trial knows."""
NO_STEP = "mheap.go", "(h *mheap) allocNeedsZero(base, npage uintptr) (needZero bool) {\n", (
    "(h *mheap) allocNeedsZero(base, npage uintptr) (needZero bool) {\n	if npage > 0 {\n		return true\n	}\n"
)  # fmt: skip
"""No thread takes a step."""
NO_HARM = "; a difference, and no harm seen: Go alone keeps the promises of this program in "
JUDGED = " (no_throw, no_deadlock, comes_to_an_end, watermarks_cover, used_pages_need_zero)"
UNJUDGED = "; what it is worth was not judged: "


def patiently(_: int) -> None:
    """No reason to stop."""


def one(toolchain: Toolchain, name: str) -> tuple[Result, Record]:
    """The result of a trial that is different, and its record, which shows the same again."""
    found = judge_interleavings(toolchain, Subject(), patiently, [name])
    (result,), (record,) = found.results, found.records
    assert result.verdict is Verdict.VIOLATED
    assert result.reason.startswith("go_agrees: ")
    assert result.counts["differences"] == 1
    again = replayed(record, Subject())
    assert again.record is not None
    assert again.difference == ""
    return result, record


def as_it_is(record: Record) -> Record:
    """The record, of Go without the patch."""
    return replace(record, program={**record.program, "patch": ""})


def worth_in(result: Result) -> tuple[int, int | None]:
    """(interleavings of Go alone, whether they break a promise)."""
    return result.counts["interleavings_alone"], result.counts.get("promises_broken")


def test_a_difference_that_does_no_harm_is_told_as_one(toolchain: Toolchain) -> None:
    """All interleavings of it are gone through: with a load more there are more of them."""
    result, record = one(edited(toolchain, *LOAD), "two_allocs_each")
    assert result.reason.endswith(f"{NO_HARM}all 2,023 interleavings{JUDGED}")
    assert worth_in(result) == (2_023, 0)
    assert record.violated.claim == "go_agrees"
    assert "load of zeroedBase" in record.violated.detail
    assert replayed(as_it_is(record), Subject()).difference.startswith("nothing differs")


def test_a_difference_that_breaks_a_promise_is_told_with_what_was_seen(toolchain: Toolchain) -> None:
    """Its record is of that, by Go's own steps; nothing of it is so without the patch."""
    result, record = one(edited(toolchain, *STORE), "two_allocs_each")
    difference, _, seen = result.reason.partition("; and Go alone breaks watermarks_cover: ")
    assert "compare_and_swap of zeroedBase" in difference
    assert (record.violated.claim, record.violated.detail) == ("go_keeps_its_promises", seen)
    assert "which was claimed" in seen
    walked, is_broken = worth_in(result)
    assert is_broken == 1
    assert walked < 98
    head, *steps = record.trace["story"]
    assert head.endswith("the steps that Go takes:")
    assert len(steps) == len(record.schedule)
    assert any("store of zeroedBase" in step for step in steps)
    assert replayed(as_it_is(record), Subject()).difference.startswith("no promise is broken")


@pytest.mark.parametrize(("edit", "said"), [(LOAD, NO_HARM), (STORE, "; and Go alone breaks ")])
def test_so_it_is_of_programs_that_are_drawn(toolchain: Toolchain, edit: tuple[str, str, str], said: str) -> None:
    """There are too many interleavings of those: some are drawn."""
    result, _ = one(edited(toolchain, *edit), "drawn_zeroing")
    assert said in result.reason
    assert worth_in(result) == (worth.DRAWN, 0) or edit is STORE
    assert result.reason.endswith(f"3,000 interleavings that were drawn{JUDGED}") or edit is STORE


def test_where_nothing_is_promised_nothing_is_judged(toolchain: Toolchain) -> None:
    """Two threads that were given the same pages break what the heap rests on."""
    result, record = one(edited(toolchain, *LOAD), "the_same_region")
    assert result.reason.endswith(f"{UNJUDGED}nothing is promised of this program")
    assert worth_in(result) == (0, None)
    assert record.violated.claim == "go_agrees"
    assert record.why == "not judged: nothing is promised of this program"


def test_a_word_that_is_not_set_back_spoils_what_comes_after(toolchain: Toolchain) -> None:
    """So no more is said than of the first interleaving."""
    result, _ = one(edited(toolchain, *ELSEWHERE), "two_allocs_each")
    assert result.reason.endswith(f"{UNJUDGED}{worth.ELSEWHERE}")
    assert worth_in(result) == (1, None)


def test_of_too_many_some_more_are_drawn(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said how many, where four threads are too much even for Go alone."""
    monkeypatch.setattr(worth, "MOST", 100)
    monkeypatch.setattr(interleave, "ALONE", 1_000)
    monkeypatch.setattr(worth, "DRAWN", 50)
    result, _ = one(edited(toolchain, *LOAD), "four_threads")
    assert result.reason.endswith(f"{NO_HARM}100 interleavings, stopped there, and in 50 that were drawn{JUDGED}")
    assert worth_in(result) == (150, 0)


def test_what_is_seen_without_a_schedule_is_told(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the ways in which all interleavings of four threads end; the record is then of the difference."""
    monkeypatch.setattr(worth, "MOST", 1)
    monkeypatch.setattr(worth, "DRAWN", 1)
    result, record = one(edited(toolchain, *STORE), "four_threads")
    assert "; and Go alone breaks watermarks_cover: " in result.reason
    assert worth_in(result) == (2, 1)
    assert record.violated.claim == "go_agrees"


def test_a_hurry_ends_it(toolchain: Toolchain) -> None:
    """After a few interleavings, and a few that are drawn."""
    patched = edited(toolchain, *LOAD)
    reference = Reference(BY_NAME["two_allocs_each"], Runtime, patched.release)
    found = worth_of(programmed(patched), reference, lambda _: "the time is up", 1, small=True)
    assert (found.schedules, found.drawn, found.whole) == (OFTEN, OFTEN, False)
    assert f"in {OFTEN} interleavings, stopped there, and in {OFTEN} that were drawn" in found.said


def test_a_death_leaves_the_difference(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which was seen before, by another process."""
    through, started = Trying.schedules, list[int]()

    def dying(self: Trying, *args: Any, **how: Any) -> Iterator[Told]:
        started.append(self.driven.pid)
        if len(started) == 2:
            os.kill(self.driven.pid, signal.SIGKILL)
        return through(self, *args, **how)

    monkeypatch.setattr(Trying, "schedules", dying)
    result, record = one(edited(toolchain, *LOAD), "two_allocs_each")
    assert f"{UNJUDGED}Go's side is gone: the program ended with -9" in result.reason
    assert record.violated.claim == "go_agrees"


@pytest.mark.parametrize("name", ["two_allocs_each", "drawn_zeroing"])
def test_a_schedule_without_a_step_is_one(toolchain: Toolchain, name: str) -> None:
    """Go that does nothing at all is different, and breaks what is promised of what it does."""
    result, record = one(edited(toolchain, *NO_STEP), name)
    assert result.counts["steps"] == 0
    assert "; and Go alone breaks watermarks_cover: " in result.reason
    assert record.schedule == ()


HISTORIES = {
    "results that are wrong": (
        (
            "mpagealloc.go",
            "	if b := (offAddr{base}); b.lessThan(p.searchAddr) {\n		p.searchAddr = b\n	}\n	limit", "	limit",
        ),
        "; and Go alone gives what the abstract allocator does not: call ", 1,
    ),
    "state alone that is another": (
        ("mpagecache.go", "pageSize*(pageCachePages-1)}", "pageSize*pageCachePages}"),
        "; a difference, and no harm seen: the results of Go alone are those of the abstract allocator in 200,000 ", 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_histories_that_differ_are_held_against_the_abstract_allocator(toolchain: Toolchain, name: str) -> None:
    """Whose results are right; what it does not know is not judged, nor anything once the time is up."""
    edit, said, wrong = HISTORIES[name]
    patched = edited(toolchain, *edit)
    compared = judge_go(patched, Subject(), 0, 2_000, patiently)
    told = with_worth(compared, patched, 0, patiently)
    assert told.result.reason.startswith(f"{compared.result.reason}{said}")
    assert (told.result.verdict, told.result.counts["results_wrong"]) == (Verdict.VIOLATED, wrong)
    assert compared.record is not None
    assert told.record is not None
    assert told.record == replace(compared.record, why=told.record.why)
    assert told.result.reason.endswith(told.record.why)
    again = replayed(told.record, Subject())
    assert (again.record, again.difference) == (told.record, "")
    late = with_worth(compared, patched, 0, lambda _: "the time is up")
    assert late.result.reason == f"{compared.result.reason}{UNJUDGED}the time is up"
    other = replace(told.record, program={**told.record.program, "calls": [["scavenge", 0, 0]]})
    unknown = with_worth(replace(compared, record=other), patched, 0, patiently)
    assert unknown.result.reason.endswith(f"{UNJUDGED}the abstract allocator does not know scavenge")
    assert "results_wrong" not in {**late.result.counts, **unknown.result.counts}


def test_histories_that_agree_are_left_as_they_are(toolchain: Toolchain) -> None:
    """There is nothing to tell the worth of."""
    compared = judge_go(toolchain, Subject(), 0, 200, patiently)
    assert with_worth(compared, toolchain, 0, patiently) is compared
