"""Progress: how far the work is, about how long the rest takes, and silence where nothing is to be said."""

import io
import math
from collections.abc import Iterator

import pytest

from spanproof.checks import progress as module
from spanproof.checks.estimate import Estimate
from spanproof.checks.exploring.grains import Grain
from spanproof.checks.jobs import Setting, Task
from spanproof.checks.progress import OFTEN, SELDOM, WIDEST, Progress, span, titled
from spanproof.checks.sampling.verdicts import Sampling
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.wholes import Whole, whole

LARGE = "sweeper_and_two_allocs"
PROOFS = [Task("prove", f"p{n}", "go1.27", "int") for n in range(10)]


class Terminal(io.StringIO):
    """What takes the place of a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def made(tasks: list[Task], jobs: int = 1, out: io.StringIO | None = None, **setting: object) -> tuple[Progress, Clock]:
    """Progress of tasks, and its clock."""
    clock = Clock()
    given = Setting(**setting)  # type: ignore[arg-type]
    return Progress(tasks, given, jobs, out or io.StringIO(), clock), clock


def lines(tasks: list[Task], seconds: float, out: io.StringIO) -> Iterator[str]:
    """What is said while each task takes so long."""
    progress, clock = made(tasks, out=out)
    for task in tasks:
        progress.begun(task)
        clock.now += seconds
        progress.done(task, seconds)
    progress.close()
    yield from out.getvalue().splitlines()


def test_what_is_done_at_once_says_nothing() -> None:
    """Neither on a terminal nor elsewhere."""
    assert not list(lines(PROOFS, 0.05, io.StringIO()))
    assert not list(lines(PROOFS, 0.05, Terminal()))


def test_elsewhere_a_line_comes_seldom() -> None:
    """Ten tasks of six seconds: a line at most every ten seconds, each with what is left."""
    said = [
        f"{n} of 10 done, {span(6 * n)} so far, about {span(60 - 6 * n)} left: prove p{n - 1} go1.27"
        for n in (2, 4, 6, 8)
    ]
    assert list(lines(PROOFS, 6.0, io.StringIO())) == said


def test_on_a_terminal_one_line_is_written_over_and_cleared() -> None:
    """No line is left, and none is as wide as the terminal."""
    terminal = Terminal()
    list(lines([Task("trace", "/a/very/long/" + "x" * 200)] * 4, 2.0, terminal))

    said = terminal.getvalue()
    shown = said.split("\r\x1b[K")
    assert said.endswith("\r\x1b[K")
    assert "\n" not in said
    assert len(shown) == 1 + 3 + 1
    assert max(map(len, shown)) <= WIDEST
    assert "/a/very" not in said


def test_a_task_that_counts_says_how_much_is_left_of_it() -> None:
    """A third of the states in ten seconds: twenty are left; from the recent pace, not from that at the start."""
    progress, clock = made([Task("explore", LARGE)])
    whole_of_it = BY_NAME[LARGE].states
    progress.begun(Task("explore", LARGE))
    clock.now += 10
    progress.counted(whole_of_it // 3)
    progress.line(clock.now)

    assert progress.line(clock.now) == (f"10 s so far: explore {LARGE}, {whole_of_it // 3:,} of {whole_of_it:,} states")
    for tenth in range(1, 31):
        clock.now += 1
        progress.counted(whole_of_it // 3 + tenth * whole_of_it // 100)
        progress.line(clock.now)
    said = progress.line(clock.now)
    assert "40 s so far, about 37 s left" in said


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({}, BY_NAME[LARGE].states),
        ({"grain": Grain.LOCK}, 0),
        ({"release": "go1.27"}, 0),
        ({"release": BY_NAME[LARGE].program.release.name}, BY_NAME[LARGE].states),
        ({"reach": "heap.lock == 1"}, 0),
        ({"sampling": Sampling(500)}, 500),
    ],
)
def test_the_whole_is_said_where_it_is_known(setting: dict[str, object], expected: int) -> None:
    """And nowhere else: another grain or release has another number of states."""
    assert whole(Task("explore", LARGE), Setting(**setting)).amount == expected  # type: ignore[arg-type]


def test_units_of_other_tasks() -> None:
    """Calls, programs, histories."""
    setting = Setting(calls=700, examples=60)
    assert whole(Task("compare", "seeded histories"), setting) == Whole("calls", 700)
    assert whole(Task("compare", "1"), setting) == Whole("programs", 30)
    assert whole(Task("compare", "drawn histories"), setting) == Whole("histories")
    assert whole(Task("go_compare", "/goroot", "go1.27"), setting) == Whole("calls", 700)
    assert whole(Task("prove", "zeroing"), setting).share(5) == 0


def test_tasks_side_by_side_lend_their_shares() -> None:
    """Two processes, no task done: half of each of two in ten seconds leaves ten."""
    parts = [Task("compare", str(n)) for n in range(2)]
    progress, clock = made(parts, jobs=2)
    progress.beside(parts[0], (0.0, 0.0))
    assert "left" not in progress.line(clock.now)
    clock.now += 10
    progress.beside(parts[0], (0.5, 0.5))
    assert "0 of 2 done, 10 s so far, about 10 s left: compare 0" in progress.line(clock.now)


def test_a_budget_bounds_what_is_left() -> None:
    """What would take longer than the budget is cut off there, and so is what nobody can estimate."""
    progress, clock = made(PROOFS, deadline=100 + 20.0)
    assert "at most 20 s left" in progress.line(clock.now)
    clock.now += 10
    progress.done(PROOFS[0], 10.0)
    assert "at most 10 s left" in progress.line(clock.now)


def test_an_estimate_that_has_run_out_is_not_repeated() -> None:
    """The last task takes longer than those before: nobody says how long any more."""
    progress, clock = made(PROOFS[:2])
    clock.now += 5
    progress.done(PROOFS[0], 5.0)
    clock.now += 4
    assert "about 1 s left" in progress.line(clock.now)
    clock.now += 2
    assert "left" not in progress.line(clock.now)


def test_kinds_that_are_not_done_yet_count_as_usual() -> None:
    """A proof that took 2 s says that a part of the workloads takes 200 s; one that is done says so itself."""
    estimate = Estimate.of([*PROOFS, Task("compare", "0"), Task("compare", "1")], 2)
    assert estimate.left() is None
    estimate.done(PROOFS[0], 2.0)
    assert estimate.left() == pytest.approx((9 * 2 + 2 * 200) / 2)
    estimate.done(Task("compare", "0"), 10.0)
    assert estimate.left() == pytest.approx((9 * 2 + 10) / 2)


def test_a_large_search_takes_longer_than_a_small_one() -> None:
    """By its states: the large one was done in a second, so the small one will not take half of that."""
    estimate = Estimate.of([Task("explore", LARGE), Task("explore", "two_allocs_one_arena")], 1)
    estimate.done(Task("explore", LARGE), 1.0)
    left = estimate.left()
    assert left is not None
    assert 0 < left < 0.1


def test_times_and_names_in_words() -> None:
    """Of files their names alone."""
    assert [span(s) for s in (0.4, 59.4, 60, 200, 3600, 4230)] == [
        "0 s", "59 s", "1 min 0 s", "3 min 20 s", "1 h 0 min", "1 h 10 min",
    ]  # fmt: skip
    assert titled(Task("go_compare", "/a/goroot", "go1.27")) == "go compare goroot go1.27"
    assert OFTEN < SELDOM < math.inf
    assert module.SILENT >= OFTEN
