"""Each sampler keeps what it promises, where that can be counted."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from spanproof.checks.exploring.tables import Tables
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.faults.planting import subject
from spanproof.checks.sampling.pct import Pct
from spanproof.checks.sampling.pos import Pos
from spanproof.checks.sampling.sample import SAMPLERS, named
from spanproof.checks.sampling.sampler import Sampler
from spanproof.checks.sampling.space import Space, dependent
from spanproof.checks.sampling.surw import Surw
from spanproof.checks.sampling.uniform import Uniform
from spanproof.checks.sampling.walk import GOES_ON, walk
from spanproof.checks.scenarios import BY_NAME
from spanproof.impl.access import Cell, Lock, World
from spanproof.impl.malloc import Runtime

PILOTS = 32


def space_of(scenario: str, heap: type[Runtime] = Runtime) -> Space:
    """An empty space over a scenario's tables."""
    return Space(Tables(BY_NAME[scenario].program, heap))


def drawn(space: Space, sampler: Sampler, often: int, seed: int = 1) -> list[list[int]]:
    """So many schedules, after uniform ones to learn from."""
    draw, paths = Random(seed), list[list[int]]()
    for n in range(PILOTS + often):
        path = [space.tables.start]
        walk(Uniform() if n < PILOTS else sampler, space, draw, path)
        if n < PILOTS:
            sampler.learn(space, path)
        else:
            paths.append(path)
    return paths


def preemptions(space: Space, path: list[int]) -> int:
    """How often a thread that could have gone on was left, for one that its last step had not woken."""
    threads = [option[0] for option in space.steps(path)]
    able = [{option[0] for option in space.options[state]} for state in path]
    return sum(a != b and a in able[n + 1] and b in able[n] for n, (a, b) in enumerate(pairwise(threads)))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_pct_preempts_less_often_than_its_depth(depth: int) -> None:
    """A fall is a preemption, and there are depth - 1 of them; that many are met with."""
    space = space_of("manual_against_heap")
    most = max(preemptions(space, path) for path in drawn(space, Pct(depth), 300))
    assert most == depth - 1


def test_pct_of_depth_1_knows_one_schedule_for_each_order_of_threads() -> None:
    """Two threads, two schedules, each about as often."""
    space = space_of("two_allocs_one_arena")
    often = Counter(map(tuple, drawn(space, Pct(1), 400)))
    assert len(often) == 2
    assert min(often.values()) > 150


def test_pct_finds_what_needs_two_preemptions_from_depth_3_on() -> None:
    """And then as often as it promises: at least once in n k^(d-1) schedules; it is in fact far more often."""
    heap = subject(fault="failed_cas_treated_as_done").heap_class
    space, often = space_of("two_allocs_one_arena", heap), 2_000
    assert not any(path[-1] & space.tables.node_mask for path in drawn(space, Pct(2), often))
    sampler = Pct(3)
    found = sum(bool(path[-1] & space.tables.node_mask) for path in drawn(space, sampler, often))
    assert found >= often / (2 * sampler.longest**2)
    assert found > 0
    assert f"1/(n k^2), for n threads and schedules of at most k steps; k = {sampler.longest}" in sampler.guarantee


def test_pct_refuses_a_depth_below_1() -> None:
    """There is no such bug."""
    with pytest.raises(ValueError, match="1 or more"):
        Pct(0)


def _orders(space: Space, sampler: Sampler, word: int) -> Counter[str]:
    """How often threads touched a word in each order."""
    paths = drawn(space, sampler, 1_000)
    return Counter("".join(str(o[0]) for o in space.steps(path) if o[2] == word) for path in paths)


class _OneWord(Surw):
    """SURW that looks at the heap lock alone."""

    @property
    def words(self) -> list[int]:
        """That word."""
        return [0]


def test_surw_draws_all_orders_of_a_word_alike() -> None:
    """Three critical sections of each thread: 20 orders, 50 times in 1,000 each; a plain walk prefers some of them."""
    space = space_of("manual_against_heap")
    assert space.tables.numbering.names[0] == "heap.lock"
    weighed, plain = _orders(space, _OneWord(), 0), _orders(space, Uniform(), 0)
    assert len(weighed) == 20
    assert min(weighed.values()) > 20
    assert max(weighed.values()) < 90
    assert max(plain.values()) > 150


def test_surw_looks_at_words_that_are_shared_and_change() -> None:
    """Not those that one thread alone touches, nor those that all only read."""
    space, sampler = space_of("two_allocs_one_arena"), Surw()
    drawn(space, sampler, 0)
    names = {space.tables.numbering.names[n] for n in sampler.words}
    assert {"heap.lock", "zeroedBase[1]", "pages"} <= names
    assert "sweepgen" not in names
    space, sampler = space_of("alloc_against_sweeper"), Surw()
    drawn(space, sampler, 0)
    touched = [{node.number for node in automaton.nodes if node is not None} for automaton in space.tables.automata]
    assert sampler.words
    assert set(sampler.words) <= touched[0] & touched[1]


def test_uniform_takes_each_thread_as_often() -> None:
    """Where two can go on, each goes on half the time."""
    space = space_of("two_allocs_one_arena")
    first = Counter(space.steps(path)[0][0] for path in drawn(space, Uniform(), 1_000))
    assert 430 < first[0] < 570


def test_pos_draws_priorities_anew_where_accesses_depend_on_each_other() -> None:
    """A thread that lost the race for a lock may win the next: its priority was drawn again, and not another's."""
    space = space_of("two_allocs_one_arena")
    drawn(space, Pos(), 50)
    concerned = {
        (node.access.kind, other.access.kind): option[3]
        for state, options in space.options.items()
        for option in options
        if (node := space.tables.nodes_of(state)[option[0]]) is not None
        and (other := space.tables.nodes_of(state)[1 - option[0]]) is not None
        and node.number == other.number
    }
    assert concerned["lock", "lock"] in {(0, 1), (1, 0)}
    assert concerned["load", "load"] in {(0,), (1,)}
    assert len(concerned["load", "compare_and_swap"]) == 2


def test_what_depends_on_the_order() -> None:
    """Two looks do not, two that count do not; whatever changes a cell does."""
    cell: Cell[int] = Cell("x")
    world, lock = World("world"), Lock("lock")
    assert not dependent(cell.load(), cell.read())
    assert not dependent(world.acquirem(), world.releasem())
    assert dependent(cell.load(), cell.store(1))
    assert dependent(cell.compare_and_swap(0, 1), cell.compare_and_swap(0, 1))
    assert dependent(lock.lock(), lock.lock())
    assert dependent(world.stop(), world.acquirem())


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_schedule_is_a_run(name: str) -> None:
    """It ends where nobody can go on, and each step is one that the tables have."""
    space = space_of("ensure_swept_before_1_17")
    sampler = named(name)
    assert sampler.name == name
    for path in drawn(space, sampler, 50):
        assert not space.options[path[-1]]
        assert len(space.steps(path)) == len(path) - 1


def test_a_thread_that_spins_is_left_in_the_end() -> None:
    """PCT lets the one of highest priority go round for ever; the walk goes on uniformly then, and the other ends."""
    heap = planted((Edit("Heap.reclaim", "credit > 0", "credit >= 0"),))
    space, draw = Space(Tables(BY_NAME["two_cycles"].program, heap, only="refines_the_abstract_heap")), Random(0)
    gone_on = Counter[int]()
    for _ in range(6):
        path = [space.tables.start]
        assert walk(Pct(1), space, draw, path) == GOES_ON
        gone_on[len(space.options[path[-1]])] += 1
    assert gone_on == {1: 6}
