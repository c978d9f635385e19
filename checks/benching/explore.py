"""The figures of the search: states a second, against Spin, sampled schedules, the first violation.

Times are by the clock, the least of a few runs; ratios are of one session. Spin's best of what was tried stands for it:
without optimisation and with it, with partial order reduction and without. Read next: rows.py.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from spanproof.checks.benching.rows import AbsentError, Measured, Row, best_of
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.exploring.reducing.overlaps import explored_in_runs
from spanproof.checks.exploring.reducing.reductions import Reduction
from spanproof.checks.exploring.reducing.runs import Runs
from spanproof.checks.exploring.search import Explored, Hurry
from spanproof.checks.exploring.spin.counting import SpinCount, counted_by_spin, missing
from spanproof.checks.exploring.spin.promela import promela, tables_for
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.exploring.walking import compiled
from spanproof.checks.exploring.walking.kernel import calls
from spanproof.checks.exploring.walking.kernel.building import NoKernelError
from spanproof.checks.exploring.walking.walks import WALKS, explored
from spanproof.checks.faults.corpus import FAULTS
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import AllocManual, FreeManual, Program, Thread
from spanproof.checks.sampling.sample import named, sample
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import row as release_row

LARGEST = "sweeper_and_two_allocs"
LARGE = ("three_threads_reuse", "sweeper_reclaimer_allocator", LARGEST)
"""The scenarios of 0.5 to 1.4 million states that Spin is measured on."""
SPIN_FLAGS = (
    ("-O0", "-DSAFETY", "-DNOREDUCE"), ("-O2", "-DSAFETY", "-DNOREDUCE"), ("-O0", "-DSAFETY"), ("-O2", "-DSAFETY"),
)  # fmt: skip
TIMES = 3
SAMPLED = "two_allocs_one_arena"
SCHEDULES = 20_000
ROOMY = "scavenged_is_zero"
"""Its heap has spans enough for four threads."""


def _walked(scenario: Scenario, walk: str) -> float:
    """Seconds from nothing to all states of a scenario, every claim judged."""
    began = time.perf_counter()
    with seldom_collected():
        WALKS[walk](Tables(scenario.program, Runtime, only=scenario.only))
    return time.perf_counter() - began


def states_per_second(walk: str) -> Measured:
    """From nothing, tables and claims included."""
    scenario = BY_NAME[LARGEST]
    with _kernel():
        seconds = best_of(TIMES, lambda: _walked(scenario, walk))
        more = f", {scenario.states / warm(LARGEST)[0]:,.0f} with its tables warm" if walk == "compiled" else ""
    how = f"{walk} walk, {LARGEST}, {scenario.states:,} states with all claims judged, from nothing{more}"
    return Measured(scenario.states / seconds, how)


class _kernel:  # noqa: N801  # used as a function is
    """What lacks the compiled walk is absent."""

    def __enter__(self) -> None:
        """Nothing yet."""

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        """Say so where it lacks."""
        if isinstance(error, NoKernelError):
            raise AbsentError(str(error)) from error


@cache
def warm(name: str) -> tuple[float, float]:
    """(seconds of the compiled walk with all that it asks told before, bytes of a state) of a scenario."""
    walk = compiled.walked_through(_tables(name))
    layout, told, judged = walk.layout, walk.told, walk.judged
    size = 0.0

    def once() -> float:
        nonlocal size
        again = compiled.Walk(_tables(name), layout, told, judged)
        began = time.perf_counter()
        while again.calls.on(compiled.AT_ONCE) == calls.PAUSE:
            pass
        seconds, counts = time.perf_counter() - began, again.calls.counts()
        assert counts["states"] == BY_NAME[name].states
        size = counts["bytes"] / counts["states"]
        again.calls.free()
        return seconds

    return best_of(TIMES, once), size


def _tables(name: str) -> Tables:
    scenario = BY_NAME[name]
    return Tables(scenario.program, Runtime, only=scenario.only)


@cache
def spin(name: str) -> dict[tuple[str, ...], SpinCount]:
    """Spin's counts of a scenario, by flags. Its times leave out that we tabulate for it."""
    if absent := missing():
        raise AbsentError(absent)
    tables, _ = tables_for(BY_NAME[name].program, Runtime)
    text = promela(name, tables)
    found = dict[tuple[str, ...], SpinCount]()
    for flags in SPIN_FLAGS:
        each = [counted_by_spin(text, flags) for _ in range(TIMES)]
        assert {count.states for count in each} == {BY_NAME[name].states}
        found[flags] = min(each, key=lambda count: count.seconds.total)
    return found


def total_against_spin(walk: str) -> Measured:
    """Spin's total over ours, in the scenario where that is least."""
    least, how = float("inf"), ""
    for name in LARGE:
        flags, best = min(spin(name).items(), key=lambda item: item[1].seconds.total)
        with _kernel():
            ours = best_of(TIMES, lambda name=name: _command(name, walk))  # type: ignore[misc]
        ratio = best.seconds.total / ours
        told = f"{name}: Spin {best.seconds.total:.2f} s ({' '.join(flags)}: spin, cc and pan), ours {ours:.2f} s"
        least, how = (ratio, told) if ratio < least else (least, how)
    return Measured(least, f"the least of three, {how}, a whole process with claims judged, {walk} walk")


def _command(name: str, walk: str) -> float:
    """Seconds of a whole process that searches a scenario."""
    command = [sys.executable, "-m", "spanproof.checks", "explore", name, "--walk", walk]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)  # noqa: S603  # ourselves
    if done.returncode == 2:  # it says why
        raise AbsentError(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0
    return time.perf_counter() - began


def search_against_spin() -> Measured:
    """Spin's search alone over ours with warm tables, in the scenario where that is least."""
    least, how = float("inf"), ""
    for name in LARGE:
        flags, best = min(spin(name).items(), key=lambda item: item[1].seconds.pan)
        with _kernel():
            ours, _ = warm(name)
        told = f"{name}: pan {best.seconds.pan:.2f} s ({' '.join(flags)}), ours {ours:.3f} s"
        ratio = best.seconds.pan / ours
        least, how = (ratio, told) if ratio < least else (least, how)
    return Measured(least, f"the least of three, {how}, tables warm, claims judged by what is known of them")


def memory() -> Measured:
    """Bytes of a state with its parent link, memories and tables shared out among the states."""
    with _kernel():
        _, size = warm(LARGEST)
    return Measured(
        size, f"compiled walk, {LARGEST}, all that it has allocated over its {BY_NAME[LARGEST].states:,} states"
    )


OPS = (AllocManual(1), FreeManual(0), AllocManual(1))


def four_threads() -> Measured:
    """Seconds for four identical threads of three operations, with every reduction."""
    large = BY_NAME[ROOMY].program
    return _four(replace(large, threads=(Thread(OPS),) * 4, release=release_row("go1.27")))


def _four(program: Program) -> Measured:
    began = time.perf_counter()

    def hurry(_: int) -> str | None:
        return "60 s are over" if time.perf_counter() > began + 60 else None

    def walk(tables: Tables, hurry: Hurry) -> Explored:
        return explored(tables, hurry=hurry)

    with seldom_collected():
        found = explored_in_runs(Runs(program, Runtime, frozenset(Reduction)), walk, hurry=hurry)
    seconds = time.perf_counter() - began
    assert found.broken is None
    end = f"stopped at {found.states:,} states" if found.reason else f"all {found.states:,} states"
    how = "scheduling points at every access, reduced by unseen, locked and symmetry"
    return Measured(seconds, f"alloc, free, alloc of one page by each, {how}, {end}")


def first_violation() -> Measured:
    """The median, over the faults of the corpus, of the time to the first violation and its shortest schedule."""
    found = list[float]()
    for fault in FAULTS:
        if not fault.scenario:
            continue
        scenario, heap = BY_NAME[fault.scenario], subject(fault=fault.name)
        release = release_row(fault.release) if fault.release else None
        began = time.perf_counter()
        judged = judge(scenario, heap, release=release, only=fault.claim, small=False)
        if judged.result.verdict is Verdict.VIOLATED:  # some break their claim elsewhere alone
            found.append(time.perf_counter() - began)
    worst = max(found)
    return Measured(statistics.median(found), f"median of {len(found)} faults, {worst:.2f} s at most, from nothing")


def sampled() -> Measured:
    """Schedules a second of the default sampler."""
    found = max((sample(_tables(SAMPLED), named("pos"), SCHEDULES) for _ in range(TIMES)), key=lambda each: each.rate)
    how = f"{SCHEDULES:,} schedules of {found.steps / found.schedules:.0f} steps, tables filled meanwhile"
    return Measured(found.rate, f"POS, {SAMPLED}, {how}")


def _of(function: Callable[[str], Measured], walk: str) -> Callable[[], Measured]:
    return lambda: function(walk)


TABULATION = "from nothing the time goes into working out each step once, in Python"
FEWER = "tried: ghosts of a thread apart and moments looked at when asked, which halved the paths to work out"
ROWS = (
    Row("states_per_second_default", "states/s", 1_000_000, _of(states_per_second, "arrays"),
        f"numpy takes a dozen passes over each level; {TABULATION}; {FEWER}"),
    Row("states_per_second_compiled", "states/s", 5_000_000, _of(states_per_second, "compiled"),
        f"{TABULATION}; {FEWER}, and memories not read back where nothing broke"),
    Row("total_against_spin_default", "times", 1, _of(total_against_spin, "arrays"),
        f"Python and numpy take 0.4 s to start, arrays are slow on small levels; {TABULATION}; tried: nothing is "
        "loaded that is not needed; reduced searches, which take longer at this size"),
    Row("total_against_spin_compiled", "times", 3, _of(total_against_spin, "compiled"),
        f"Python takes 0.4 s to start; {TABULATION}, every claim judged; tried: as above"),
    Row("search_against_spin", "times", 4, search_against_spin,
        "a state is one word and a memory; what limits it is the tables' place in the cache; tried: fetching states "
        "and steps ahead, which gains nothing"),
    Row("four_threads_of_three_operations", "s", 1, four_threads,
        "so many states are left, and each step that leads to one of their memories is judged once; tried: a coarser "
        "grain instead, which did not end in a minute; points by place instead of by state, which halved it",
        at_most=True),
    Row("bytes_per_state", "bytes", 32, memory,
        "a memory has a byte for each cell that is ever written, and arrays have room to grow",
        at_most=True),
    Row("first_violation", "s", 0.1, first_violation, "setting up a heap and its tables", at_most=True),
    Row("sampled_schedules", "schedules/s", 20_000, sampled, "a step is a look-up in Python"),
)  # fmt: skip
