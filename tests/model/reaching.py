"""States that the heap really reached: the memories of searched scenarios, over all three small geometries."""

from collections.abc import Iterator
from functools import cache

from spanproof.checks.exploring.search import explore
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.scenarios import BY_NAME
from spanproof.impl.malloc import Runtime
from spanproof.model.state import FIELDS, HeapState

SEARCHED = (
    "dirty_and_fresh", "manual_against_heap", "caller_clears", "scavenged_is_zero", "chunk_by_chunk",
    "alloc_against_sweeper", "reclaim_against_sweeper", "reclaim_against_reclaim", "cycle_in_the_middle",
    "cached_across_a_cycle", "cleared_late", "memory_runs_out", "two_cycles", "scavenge_against_alloc",
    "two_forced_scavengers", "cache_against_cache",
)  # fmt: skip


@cache
def searched(name: str) -> Tables:
    """The tables of a scenario, filled by visiting all its states."""
    tables = Tables(BY_NAME[name].program, Runtime)
    found = explore(tables)
    assert found.broken is None
    return tables


def reached_in(name: str) -> Iterator[HeapState]:
    """Every memory of a scenario as a snapshot."""
    tables = searched(name)
    for row in tables.memories:
        yield tables.monitor.observer.state(tables.reader(row), FIELDS)


@cache
def reached() -> frozenset[HeapState]:
    """The distinct snapshots of all of them."""
    return frozenset(state for name in SEARCHED for state in reached_in(name))


@cache
def reached_with(column: str, reads: tuple[str, ...]) -> frozenset[HeapState]:
    """The distinct snapshots of these fields, of the scenarios whose releases have this column if one is named."""
    having = (name for name in SEARCHED if not column or getattr(BY_NAME[name].program.release, column))
    return frozenset(
        HeapState(state.geometry, **{field: getattr(state, field) for field in reads})
        for name in having
        for state in reached_in(name)
    )


@cache
def steps_reached() -> frozenset[tuple[HeapState, HeapState]]:
    """Pairs of snapshots, one step apart, of the scenarios in which sweeping and allocation meet."""
    pairs: set[tuple[HeapState, HeapState]] = set()
    for name in ("dirty_and_fresh", "alloc_against_sweeper", "cycle_in_the_middle", "cached_across_a_cycle"):
        tables, states = searched(name), list(reached_in(name))
        for deltas in tables.deltas:
            for key, delta in deltas.items():
                before, after = key >> tables.shift, key + delta >> tables.shift
                if after != before:
                    pairs.add((states[before], states[after]))
    return frozenset(pairs)
