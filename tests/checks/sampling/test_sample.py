"""Sampling finds planted faults, is the same for the same seed, sees no more than there is, and says what is left."""

from dataclasses import replace
from random import Random

import pytest

from spanproof.checks.exploring.search import explore
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.faults.planting import subject
from spanproof.checks.running.replaying import replay
from spanproof.checks.sampling.pos import Pos
from spanproof.checks.sampling.sample import SAMPLERS, named, sample
from spanproof.checks.sampling.seen import Seen, said_left
from spanproof.checks.sampling.space import Space
from spanproof.checks.sampling.uniform import Uniform
from spanproof.checks.sampling.verdicts import Sampling, judge_sampled
from spanproof.checks.sampling.walk import walk
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime

SMALL = "two_allocs_one_arena"
FOUND_BY_POS = (
    "plain_store_for_cas", "need_zero_not_raised", "failed_cas_treated_as_done", "needzero_cleared_without_memclr",
    "sweep_without_acquiring", "forced_cursor_not_marked", "in_use_not_reloaded",
)  # fmt: skip
"""Each needs some interleaving: the first schedule finds none of them."""


def tables_of(scenario: str, heap: type[Runtime] = Runtime) -> Tables:
    """The tables of a scenario."""
    return Tables(BY_NAME[scenario].program, heap)


@pytest.mark.parametrize("name", FOUND_BY_POS)
def test_pos_finds_planted_faults(name: str) -> None:
    """In 1,000 schedules at most, with a record that replays; the reference breaks nothing in as many."""
    scenario, asked = BY_NAME[FAULTS[name].scenario], Sampling(1_000)
    heap = subject(fault=name)
    judged = judge_sampled(scenario, heap, asked)
    assert judged.result.verdict is Verdict.VIOLATED
    assert judged.result.counts["schedules"] > 1
    assert judged.record is not None
    assert replay(judged.record, heap.heap_class).difference == ""
    assert judge_sampled(scenario, Subject(), asked).result.verdict is Verdict.HOLDS


@pytest.mark.parametrize("name", ["needzero_cleared_without_memclr", "sweep_without_acquiring"])
def test_a_plain_walk_misses_what_pos_finds(name: str) -> None:
    """What needs a long run of one thread: that is why POS is the default."""
    judged = judge_sampled(BY_NAME[FAULTS[name].scenario], subject(fault=name), Sampling(1_000, "uniform"))
    assert judged.result.verdict is not Verdict.VIOLATED
    assert next(iter(SAMPLERS)) == Sampling(1).sampler == "pos"


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_same_seed_draws_the_same(name: str) -> None:
    """And another seed something else."""
    one, two, other = (sample(tables_of(SMALL), named(name), 300, seed) for seed in (7, 7, 8))
    assert replace(one, seconds=0) == replace(two, seconds=0)
    assert (one.steps, one.coverage) != (other.steps, other.coverage)


@pytest.mark.parametrize("name", SAMPLERS)
def test_coverage_stays_below_what_there_is(name: str) -> None:
    """It never falls, and each state seen is one that the search reaches."""
    searched = explore(tables_of("ensure_swept_before_1_17"))
    found = sample(tables_of("ensure_swept_before_1_17"), named(name), 500)
    counts = [states for _, states in found.coverage]
    assert counts == sorted(counts)
    assert found.coverage[-1] == (500, found.states)
    assert [schedules for schedules, _ in found.coverage] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 500]
    assert 500 < found.states <= searched.states


def test_pos_sees_all_there_is_of_a_small_scenario() -> None:
    """Every state and every final memory, and says that little is left."""
    tables = tables_of(SMALL)
    searched = explore(tables)
    found = sample(tables_of(SMALL), Pos(), 20_000)
    assert found.states == searched.states == BY_NAME[SMALL].states
    assert found.memories == sum(not state & tables.node_mask for state in searched.parents or ())
    assert found.alone == 0
    assert found.broken is None


def test_the_estimate_is_about_what_the_next_schedules_see() -> None:
    """Of fresh schedules, about as many see a new state as was estimated from those before."""
    space, draw = Space(tables_of(SMALL)), Random(0)
    seen = Seen(space.tables.start)

    def path() -> list[int]:
        steps = [space.tables.start]
        walk(Pos(), space, draw, steps)
        return steps

    for _ in range(500):
        seen.add(path())
    new = sum(not seen.parents.keys() >= set(path()) for _ in range(1_000))
    assert 0.1 < seen.alone / seen.schedules < 0.9
    assert abs(seen.alone / seen.schedules - new / 1_000) < 0.08


def test_what_is_seen_once() -> None:
    """A schedule counts as alone as long as no other saw one of its states that was new with it."""
    seen = Seen(0)
    seen.add([0, 1, 2])
    assert (seen.alone, seen.schedules) == (1, 1)
    seen.add([0, 1, 3])
    assert seen.alone == 2
    seen.add([0, 2, 3])
    assert seen.alone == 0
    assert seen.parents == {0: -1, 1: 0, 2: 1, 3: 1}
    assert seen.curve() == ((1, 3), (2, 4), (3, 4))


def test_what_is_left_is_said() -> None:
    """With a probability, or below which it is."""
    assert said_left(3, 300) == "the next schedule sees a new state with probability about 0.01"
    assert said_left(0, 300) == "the next schedule sees a new state with probability below about 0.01"
    assert said_left(0, 4) == "the next schedule sees a new state with probability below about 0.8"
    assert all(said_left(0, few).startswith("so few schedules say nothing") for few in (1, 2, 3))
    assert said_left(0, 0) == "nothing was drawn, so everything is left"


def test_nothing_breaking_holds_with_its_bound() -> None:
    """The bound says that these are not all interleavings; sentinels that nobody saw make it unknown."""
    judged = judge_sampled(BY_NAME[SMALL], Subject(), Sampling(400, seed=3))
    assert judged.result.verdict is Verdict.HOLDS
    assert judged.result.bound.startswith("400 schedules drawn by POS (seed 3), ")
    assert "not all interleavings: the next schedule sees a new state with probability about 0." in judged.result.bound
    assert "it promises: every order of dependent accesses" in judged.told
    assert "a second" in judged.told
    few = judge_sampled(BY_NAME[SMALL], Subject(), Sampling(1)).result
    assert (few.verdict, few.reason) == (Verdict.UNKNOWN, "never seen: a compare-and-swap of zeroedBase failed")


def test_a_budget_that_runs_out_is_unknown() -> None:
    """It says so, and what was drawn by then."""
    judged = judge_sampled(BY_NAME[SMALL], Subject(), Sampling(10**6), hurry=lambda n: "late" if n > 2_000 else None)
    assert (judged.result.verdict, judged.result.reason) == (Verdict.UNKNOWN, "late")
    assert 0 < judged.result.counts["schedules"] < 10**6


def test_a_thread_that_goes_round_for_ever_is_found() -> None:
    """As by the search."""
    heap = planted((Edit("Heap.reclaim", "credit > 0", "credit >= 0"),))
    found = sample(tables_of("two_cycles", heap), Uniform(), 10)
    assert found.broken is not None
    assert str(found.broken) == "no_deadlock: T0 goes round for ever, and no other thread can go on"
    judged = judge_sampled(BY_NAME["two_cycles"], Subject(heap), Sampling(10))
    assert judged.record is not None
    assert replay(judged.record, heap).difference == ""


def test_a_finding_that_is_missed_is_unknown() -> None:
    """What Go is known to break need not be met by a few schedules."""
    finding = next(s for s in BY_NAME.values() if s.finding)
    many = judge_sampled(finding, Subject(), Sampling(5_000)).result
    assert many.verdict is Verdict.HOLDS
    assert many.reason.startswith("as is known, Go breaks")
