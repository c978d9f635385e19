"""All walks come to the same: states in the same order, transitions, levels, and what breaks, with its schedule."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.cases import Branch, Leaf
from spanproof.checks.exploring.races import races
from spanproof.checks.exploring.search import Explored, Hurry, explore, schedule_to
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, Tables
from spanproof.checks.exploring.walking import compiled, walks
from spanproof.checks.exploring.walking import walked as walked_
from spanproof.checks.exploring.walking.arrays import explore_arrays
from spanproof.checks.exploring.walking.compiled import explore_compiled
from spanproof.checks.exploring.walking.kernel import building
from spanproof.checks.exploring.walking.kernel.building import NoKernelError
from spanproof.checks.exploring.walking.walked import Layout, Walked
from spanproof.checks.exploring.walking.walks import explored
from spanproof.checks.faults.corpus import FAULTS
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import subject
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import BY_NAME, SCENARIOS
from spanproof.impl.malloc import Runtime

FEW, MANY = 3_000, 50_000
Walk = Callable[[Tables], Explored]


def there() -> bool:
    """Whether the compiled walk can be built."""
    try:
        building.library()
    except NoKernelError:
        return False
    return True


NEEDS_KERNEL = pytest.mark.skipif(not there(), reason="no compiled walk here: pip install 'spanproof[fast]'")


def told(found: Explored) -> tuple[object, ...]:
    """What two walks must agree on."""
    return found.states, found.transitions, found.levels, str(found.broken), found.schedule


def both(scenario: Scenario, walk: Walk = explore_compiled) -> tuple[Explored, Explored]:
    """The plain walk and another one."""
    plain = explore(Tables(scenario.program, Runtime, only=scenario.only))
    return plain, walk(Tables(scenario.program, Runtime, only=scenario.only))


@NEEDS_KERNEL
@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.states < MANY], ids=lambda s: s.name)
def test_the_compiled_walk_is_the_plain_one(scenario: Scenario) -> None:
    """In every scenario that is not large: the same states, in the same order."""
    plain, walked = both(scenario)
    assert told(walked) == told(plain)
    assert plain.parents is not None
    assert walked.parents is not None
    if len(plain.parents) < FEW:
        assert [*walked.parents.items()] == [*plain.parents.items()]
    else:
        assert [*walked.parents] == [*plain.parents]


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.states < FEW * 4][::2], ids=lambda s: s.name)
def test_the_walk_over_arrays_is_the_plain_one(scenario: Scenario) -> None:
    """The same counts, and what threads are at together; memories and nodes are numbered otherwise."""
    plain, walked = both(scenario, explore_arrays)
    assert told(walked) == told(plain)
    assert walked.parents is not None
    assert len([*walked.parents]) == len({*walked.parents}) == len(walked.parents)


@NEEDS_KERNEL
@pytest.mark.long
@pytest.mark.parametrize("walk", [explore_compiled, explore_arrays])
@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.states >= MANY], ids=lambda s: s.name)
def test_it_is_so_in_large_ones(scenario: Scenario, walk: Walk) -> None:
    """Up to 1.4 million states."""
    plain, walked = both(scenario, walk)
    assert told(walked) == told(plain)


def same_on(fault: Fault) -> None:
    """All walks see the same of a fault, in the scenario that shows it."""
    scenario, heap_class = BY_NAME[fault.scenario], subject(fault=fault.name).heap_class
    walks: tuple[Walk, ...] = (explore, explore_arrays, *([explore_compiled] if there() else []))
    plain, *others = (told(walk(Tables(scenario.program, heap_class, only=fault.claim))) for walk in walks)
    assert others == [plain] * len(others)


IN_SCENARIOS = [f for f in FAULTS if f.scenario and not f.release and BY_NAME[f.scenario].states < FEW * 4]


@pytest.mark.parametrize("fault", IN_SCENARIOS[::6], ids=lambda f: f.name)
def test_what_breaks_is_the_same(fault: Fault) -> None:
    """Claim, what was seen, and the schedule; a step before the program begins is not walked at all."""
    try:
        same_on(fault)
    except BrokenError:
        pytest.skip("it breaks before the program begins")


@pytest.mark.long
@pytest.mark.parametrize("fault", IN_SCENARIOS, ids=lambda f: f.name)
def test_what_breaks_is_the_same_of_every_fault(fault: Fault) -> None:
    """As above."""
    try:
        same_on(fault)
    except BrokenError:
        pytest.skip("it breaks before the program begins")


@NEEDS_KERNEL
def test_fields_that_are_too_narrow_are_widened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk begins again, and comes to the same."""
    layouts: list[Layout] = []
    through = walked_.layout_of

    def narrow(tables: Tables, least: dict[int, int]) -> Layout:
        layouts.append(Layout(tuple(least.get(t, 3) for t in range(2))) if len(layouts) < 9 else through(tables, least))
        return layouts[-1]

    monkeypatch.setattr(compiled, "layout_of", narrow)
    plain, walked = both(BY_NAME["two_allocs_one_arena"])
    assert told(walked) == told(plain)
    assert len(layouts) > 3


@NEEDS_KERNEL
def test_what_was_reached_can_be_looked_at() -> None:
    """States by number, the nodes that are ever together, races and schedules, as of the plain walk."""
    scenario = BY_NAME["free_against_alloc"]
    tables = [Tables(scenario.program, Runtime) for _ in range(2)]
    plain, walked = explore(tables[0]), explore_compiled(tables[1])
    assert plain.parents is not None
    assert isinstance(walked.parents, Walked)
    mask = NODE_MASK << NODE_BITS | NODE_MASK
    assert walked.parents.pairs(1, 0) == {state & mask for state in plain.parents}
    assert races(tables[1], walked.parents) == races(tables[0], plain.parents)
    last = [*plain.parents][-1]
    assert walked.parents.nth(plain.states - 1) == last
    assert schedule_to(tables[1], walked.parents, last) == schedule_to(tables[0], plain.parents, last)
    with pytest.raises(KeyError):
        walked.parents[last + 1]


@NEEDS_KERNEL
def test_it_stops_when_it_is_told() -> None:
    """With what it has seen so far, and why."""
    scenario = BY_NAME["two_allocs_one_arena"]
    for walk in (explore_compiled, explore_arrays, explore):
        found = walk(Tables(scenario.program, Runtime), hurry=lambda s: "enough" if s > 1000 else None)
        assert (found.reason, found.broken) == ("enough", None)
        assert 1000 < found.states < scenario.states
        assert 0 < found.frontier < found.states


def test_too_many_threads_are_left_to_the_plain_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into a word is searched all the same."""
    monkeypatch.setattr(walked_, "MOST_THREADS", 1)
    scenario = BY_NAME["spans_of_two_pages"]
    assert explored(Tables(scenario.program, Runtime)).states == scenario.states


def nothing(_: str) -> None:
    """Whatever is looked for is not there."""


def test_without_a_compiler_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who names the compiled walk is told; who does not gets another."""
    building.library.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(building, "find_spec", nothing)
    monkeypatch.setattr("shutil.which", nothing)
    scenario = BY_NAME["spans_of_two_pages"]
    try:
        with pytest.raises(NoKernelError, match=r"pip install 'spanproof\[fast\]'"):
            explored(Tables(scenario.program, Runtime), "compiled")
        assert explored(Tables(scenario.program, Runtime)).states == scenario.states
        monkeypatch.setattr(building, "compiler", lambda: ["false"])
        with pytest.raises(NoKernelError, match="the compiled walk is not built: no word of why"):
            building.library()
        monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
        with pytest.raises(NoKernelError, match="cannot be kept or loaded"):
            building.library()
    finally:
        building.library.cache_clear()


@pytest.mark.parametrize("walk", ["plain", "arrays", "best"])
def test_memory_that_is_used_up_is_unknown(walk: str, tmp_path: Path) -> None:
    """With how many states were not gone on from; no more than it takes to begin is too little for any."""
    place = tmp_path / "r.json"
    line = ["explore", "two_allocs_one_arena", "--walk", walk, "--max-memory", "1", "--json", str(place)]
    assert cli.main(line) == 3
    (result,) = json.loads(place.read_text())["results"]
    assert result["reason"] == "the 1 MB that it may use are used up"
    assert re.match(r"the first [\d,]+ states, [\d,]+ of them not gone on from, 2 threads", result["bound"])


def leaves(tree: Branch | Leaf | None) -> int:
    """How many paths a tree has."""
    if isinstance(tree, Branch):
        return sum(leaves(then) for then in tree.follows.values())
    return int(tree is not None)


def test_one_path_stands_for_many_steps() -> None:
    """Ten at least where there are a hundred thousand (docs/decisions/0012)."""
    tables = Tables(BY_NAME["two_arenas_three_threads"].program, Runtime)
    found = explore(tables)
    paths = sum(leaves(node.cases) for automaton in tables.automata for node in automaton.nodes if node is not None)
    assert 10 * paths < sum(map(len, tables.deltas)) < found.transitions


def test_without_a_compiler_many_states_are_walked_over_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """And few by the plain walk, which is faster then."""
    program, many = BY_NAME["spans_of_two_pages"], walks.MANY
    monkeypatch.setattr(walks, "_there", no_kernel)
    monkeypatch.setattr(walks, "explore_arrays", over_arrays)
    assert explored(Tables(program.program, Runtime), expected=many).reason == "over arrays"
    assert explored(Tables(program.program, Runtime), expected=many - 1).states == program.states


def no_kernel() -> bool:
    """There is none."""
    return False


def over_arrays(tables: Tables, *, hurry: Hurry) -> Explored:
    """Says that it was taken."""
    return Explored(len(tables.memories), 0, 0, reason=hurry(1) or "over arrays")
