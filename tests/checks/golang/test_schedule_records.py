"""How schedules of a patched Go are told: by whom, where, what was thrown, and what comes again and again only once."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from spanproof.checks.again import replayed
from spanproof.checks.golang.interleaving import worth
from spanproof.checks.golang.interleaving.interleave import judge_interleavings
from spanproof.checks.golang.interleaving.stepping import Reference
from spanproof.checks.golang.interleaving.steps import (
    DEADLOCK,
    DONE,
    ENDLESS,
    KINDS,
    THROWN,
    Told,
    difference,
    number_of,
    step_said,
    steps_said,
)
from spanproof.checks.golang.interleaving.trials import TRIALS
from spanproof.checks.golang.interleaving.worth import broken
from spanproof.checks.golang.reading.sources import GoSourceError, read
from spanproof.checks.golang.reading.toolchains import Toolchain
from spanproof.checks.record import Record, loads
from spanproof.checks.reporting.lanes import lanes
from spanproof.checks.reporting.page import render_page
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Report, Result
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import NEWEST
from tests.checks.golang.conftest import edited
from tests.checks.golang.test_worth import LOAD, STORE, patiently

NEEDS = "			needZero = true\n		}\n		// We may observe"
THROWS = "mheap.go", NEEDS, NEEDS.replace("true\n", 'true\n			throw("too low")\n', 1)
"""A thread that is given pages again throws, after the steps that the reference takes too."""
RELOAD = "			zeroedBase = atomic.Loaduintptr(&ha.zeroedBase)\n			// Double check"
LOOPS = "mheap.go", RELOAD, "			// Double check"
"""Who loses once loses for ever."""
CELL = number_of("zeroedBase", 7)


def found(toolchain: Toolchain, edit: tuple[str, str, str], name: str) -> tuple[Result, Record]:
    """What comes of a trial of a changed text, and its record, which shows the same again."""
    came = judge_interleavings(edited(toolchain, *edit), Subject(), patiently, [name])
    (result,), (record,) = came.results, came.records
    again = replayed(record, Subject())
    assert (again.record, again.difference) == (record, "")
    return result, record


def terminal(record: Record) -> str:
    """What a terminal shows, in one line."""
    return " ".join(lanes(record, "spanproof replay it").split())


def page(record: Record) -> str:
    """What the page has, of this record alone."""
    text = render_page(Report("go check", "go1.27", 0, ()), {"it.json": record}, "1", reproducible=True)
    return " ".join(text[text.index("<article") : text.index("</article>")].split())


def test_a_broken_promise_has_a_place_in_go_and_one_name_for_a_word(toolchain: Toolchain) -> None:
    """What is seen calls a word as the steps do."""
    _, record = found(toolchain, STORE, "two_allocs_each")
    assert record.violated.source == "mheap.go, allocNeedsZero"
    (cell,) = {word.partition(",")[0] for line in record.trace["story"] for word in line.split() if "[0x" in word}
    assert record.violated.detail.startswith(f"{cell} is 0x")
    assert all(trial.source for trial in TRIALS)


def test_a_throw_is_told_with_its_words_its_thread_and_its_step(toolchain: Toolchain) -> None:
    """By the steps that Go takes, though the reference takes the same."""
    result, record = found(toolchain, THROWS, "pages_used_again")
    assert "the end: T0 throws" in result.reason
    assert "a thread that is not at its end in the reference" in result.reason
    said = f'T0 throws "too low" after step {len(record.schedule)}'
    assert record.violated.detail == said
    head, *_, last = record.trace["story"]
    assert head.endswith("the steps that Go takes:")
    assert last == f"then: {said}"


def test_a_loop_is_told_once_and_called_what_it_is(toolchain: Toolchain) -> None:
    """The same step to the limit is one line."""
    result, record = found(toolchain, LOOPS, "two_allocs_each")
    assert "; and Go alone breaks comes_to_an_end: no end: T1 still goes on after 1,000 steps" in result.reason
    assert len(record.schedule) == 1_000
    assert len(record.trace["story"]) < 12
    assert record.trace["story"][-2].startswith("... that step 99")
    assert record.trace["story"][-2].endswith(" times more, up to step 1,000")


def test_what_a_difference_is_worth_stands_in_its_record(toolchain: Toolchain) -> None:
    """In the terminal and on the page; one of older code has nothing there, and is read and shown all the same."""
    result, record = found(toolchain, LOAD, "two_allocs_each")
    assert record.why.startswith("a difference, and no harm seen: ")
    assert result.reason.endswith(record.why)
    assert f"worth: {record.why}" in terminal(record)
    assert "<dt>worth</dt><dd>a difference, and no harm seen: " in page(record)
    older = loads(replace(record, why="").dumps(), "here")
    assert "worth" not in terminal(older) + page(older)
    assert replayed(older, Subject()).difference == ""


def test_no_number_of_a_record_hangs_on_how_fast_we_were(toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not all interleavings were gone through."""
    monkeypatch.setattr(worth, "MOST", 100)
    monkeypatch.setattr(worth, "DRAWN", 50)
    _, record = found(toolchain, LOAD, "two_allocs_each")
    assert "were gone through, not in all (no_throw, " in record.why
    assert not any(c.isdigit() for c in record.why)


def test_step_2_of_a_reason_is_line_2_of_the_page(toolchain: Toolchain) -> None:
    """The heading is no line; lines with numbers of their own get no others, older ones do."""
    _, record = found(toolchain, LOAD, "two_allocs_each")
    head, *steps = record.trace["story"]
    assert [step.partition(": ")[0] for step in steps] == [str(n) for n in range(1, len(steps) + 1)]
    assert f'<p>{head}</p> <ol class="story numbered"> <li>1: T0 load of ' in page(record)
    older = replace(record, trace={"story": [head, *(step.partition(": ")[2] for step in steps)]})
    assert f'<p>{head}</p> <ol class="story"> <li>T0 load of ' in page(older)


def step(kind: str, old: int = 0, new: int = 0, seen: int = 0, thread: int = 0) -> tuple[int, ...]:
    """A step on a cell."""
    return thread, KINDS[kind] << 1 | 1, CELL, old, new, seen


SAID: Mapping[str, tuple[tuple[int, ...], str]] = {
    "load": (step("load", seen=5), "T0 load of zeroedBase[0x7], seen 0x5"),
    "store": (step("store", new=6), "T0 store of zeroedBase[0x7], new 0x6, seen 0x0"),
    "swap": (step("compare_and_swap"), "T0 compare_and_swap of zeroedBase[0x7], old 0x0, new 0x0, seen 0x0"),
    "lock": ((1, KINDS["lock"] << 1 | 1, number_of("heap.lock", None), 0, 0, 0), "T1 lock of heap.lock"),
    "what should not be": (step("load", old=3), "T0 load of zeroedBase[0x7], old 0x3, seen 0x0"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_a_step_is_told_with_what_means_something(name: str) -> None:
    """And with what differs, whatever it means."""
    given, said = SAID[name]
    assert step_said(given) == said


def test_cycles_of_a_few_steps_are_told_once() -> None:
    """What comes after them has its own number, and few lines are told as they are."""
    load, store = step("load"), step("store", new=1)
    told = list(steps_said([x for s in (load, *[store, load] * 50, store, store) for x in s]))
    assert told == [
        "1: T0 load of zeroedBase[0x7], seen 0x0", "2: T0 store of zeroedBase[0x7], new 0x1, seen 0x0",
        "... those 2 steps 50 times more, up to step 102", "103: T0 store of zeroedBase[0x7], new 0x1, seen 0x0",
    ]  # fmt: skip
    assert len(list(steps_said([x for s in [load] * 4 for x in s]))) == 4
    assert list(steps_said(())) == []


ENDS = {
    "an end": (Told(DONE, ((),), (), step("load")), Told(DEADLOCK, ((),), (), step("load")), (
        "the end: every thread comes to its end in Go; "
        "after the same steps a thread that is not at its end in the reference"
    )),
    "a result": (Told(DONE, ((1, 0),), (), ()), Told(DONE, ((0, 0),), (), ()), (
        "what the calls of T0 give: (0x1, 0x0) in Go, (0x0, 0x0) in the reference"
    )),
    "a word": (Told(DONE, ((),), (1, 16), ()), Told(DONE, ((),), (1, 32), ()), (
        "scav.gen at the end: 0x10 in Go, 0x20 in the reference"
    )),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_a_difference_at_the_end_is_told_in_words(name: str) -> None:
    """No numbers of ours stand for how it ended."""
    go, ours, said = ENDS[name]
    assert difference(go, ours, [("zeroedBase", 7), ("scav.gen", None)]) == said


@pytest.mark.parametrize(
    ("ended", "promise", "seen"),
    [
        (THROWN, "no_throw", "a throw"),
        (DEADLOCK, "no_deadlock", "a deadlock: threads wait, and none can go on"),
        (ENDLESS, "comes_to_an_end", "no end: a thread goes on for ever"),
    ],
)
def test_each_bad_end_breaks_a_promise_of_its_name(ended: int, promise: str, seen: str) -> None:
    """Of every program to which something is promised; here without its steps."""
    for trial in (trial for trial in TRIALS if trial.promises):
        reference = Reference(trial, Runtime, NEWEST)
        told = Told(ended, ((),) * len(trial.threads), (0,) * len(reference.words), ())
        first = next(broken(reference, told))
        assert (first.promise, first.seen) == (promise, seen)


@pytest.mark.parametrize("wrong", ["if arenaBase < {", "fi arenaBase < zeroedBase {", "if arenaBase <<< zeroedBase {"])
def test_what_cannot_be_read_as_go_is_told_with_its_line(toolchain: Toolchain, wrong: str) -> None:
    """The first that the reader cannot make anything of."""
    right = "if arenaBase < zeroedBase {"
    patched = edited(toolchain, "mheap.go", right, wrong)
    text = (toolchain.runtime / "mheap.go").read_text()
    line = text[: text.index(right)].count("\n") + 1
    with pytest.raises(GoSourceError, match=r"cannot be read as Go") as raised:
        _ = read(patched, "mheap.go").declarations
    assert str(raised.value).endswith(f"cannot be read as Go: the first line that does not fit is {line}: {wrong}")
