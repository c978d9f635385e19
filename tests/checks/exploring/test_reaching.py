"""The shortest run to a state: shortest against an oracle, reached on the plain machine, unreachable only if it is."""

from collections.abc import Iterator

import pytest

from spanproof.checks.exploring.expressions import ExpressionError, compiled, functions
from spanproof.checks.exploring.grains import Grain
from spanproof.checks.exploring.reaching import judge_reach, reach
from spanproof.checks.exploring.search import explore
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.faults.planting import subject
from spanproof.checks.reporting.reached import told_reached
from spanproof.checks.running.machine import Machine, innermost
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.state import FIELDS

SMALL = BY_NAME["two_allocs_one_arena"]
BOTH_LOADED = 'pending(0, "init_span") and pending(1, "alloc_needs_zero") and not locked'
NEEDS_ONE = 'spans[1] == 1 and pending(0, "alloc_needs_zero")'


@pytest.fixture(scope="module")
def tables() -> Tables:
    """The tables of a small scenario."""
    return Tables(SMALL.program, Runtime)


def _runs(tables: Tables, most: int) -> Iterator[tuple[int, int, int]]:
    """Every state on a run that is left for another thread so often at most: (preemptions, steps, state)."""
    todo: list[tuple[int, int, int, int]] = [(0, 0, tables.start, -1)]
    seen: set[tuple[int, int, int, int]] = set()
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        spent, steps, state, running = here
        yield spent, steps, state
        moves = {
            t: d[state & m] for t, (m, d) in enumerate(zip(tables.masks, tables.deltas, strict=True)) if d[state & m]
        }
        for t, delta in moves.items():
            after = spent + (running in moves and t != running)
            if after <= most:
                todo.append((after, steps + 1, state + delta, t))


@pytest.mark.parametrize("expression", [BOTH_LOADED, NEEDS_ONE, "in_use_bytes[0] > 0", "locked"])
def test_the_run_is_the_shortest(tables: Tables, expression: str) -> None:
    """The fewest preemptions, and of those the fewest steps, among all runs."""
    explore(tables)
    holds = compiled(expression, tables)
    found = reach(tables, holds)
    assert found.schedule is not None
    best = min((spent, steps) for spent, steps, state in _runs(tables, 2) if holds(state))
    assert (found.preemptions, len(found.schedule)) == best


def test_the_run_is_one_on_the_plain_machine() -> None:
    """Taken there step by step, the condition holds at its end, and not a step before."""
    judged = judge_reach(SMALL, Subject(), NEEDS_ONE)
    assert (judged.result.verdict, judged.result.counts["preemptions"]) == (Verdict.HOLDS, 1)
    assert judged.run is not None
    machine = Machine(SMALL.program, Runtime)
    machine.start()
    held = list[bool]()
    for t in judged.run.schedule:
        machine.step(t)
        state = machine.monitor.state(machine.read, ("spans",))
        held.append(state.spans[1] == 1 and innermost(machine.threads[0]).cr_code.co_name == "alloc_needs_zero")
    assert held.index(True) == len(held) - 1
    assert judged.result.counts["steps"] == len(held)
    assert judged.result.reason == f"reached in {len(held)} steps with 1 preemption: {NEEDS_ONE}"


def test_the_run_is_told_step_by_step() -> None:
    """What is asked for first, then the lanes, the last step marked; and a state that is there at once."""
    run = judge_reach(SMALL, Subject(), NEEDS_ONE).run
    assert run is not None
    told = told_reached(run)
    assert told.startswith(f"REACHED  {NEEDS_ONE}")
    assert "<-- holds here" in told
    assert "violated" not in told.lower()
    at_once = judge_reach(SMALL, Subject(), "not locked").run
    assert at_once is not None
    assert "it holds at the start" in told_reached(at_once)


def test_what_holds_nowhere_is_unreachable() -> None:
    """Proved by the whole space; not where time ran out, the grain is coarse or a claim breaks on the way."""
    nowhere = "state[0] == 3"
    assert judge_reach(SMALL, Subject(), nowhere).result.verdict is Verdict.VIOLATED
    assert judge_reach(SMALL, Subject(), nowhere).result.counts == {"states": SMALL.states}
    late = judge_reach(SMALL, Subject(), nowhere, hurry=lambda n: "late" if n > 50 else None).result
    assert (late.verdict, late.reason) == (Verdict.UNKNOWN, "late")
    assert judge_reach(SMALL, Subject(), nowhere, grain=Grain.LOCK).result.verdict is Verdict.UNKNOWN
    broken = judge_reach(SMALL, subject(fault="failed_cas_treated_as_done"), nowhere).result
    assert broken.verdict is Verdict.UNKNOWN
    assert "what lies beyond a broken claim was not looked at" in broken.reason


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("span[1] == 2", "no field 'span': did you mean spans?"),
        ("spans[8] == 1", "8 is no index; there are 8 entries"),
        ("spans[-1] == 1", "-1 is no index"),
        ("spans == 1", "give the index of one"),
        ("spans", "give the index of one"),
        ("locked[0]", "is one number and has no index"),
        ('pending(0, "alloc_need_zero")', "did you mean alloc_needs_zero?"),
        ('pending(2, "alloc")', "no thread 2; there are 2"),
        ("pending(0)", 'write pending(thread, "function")'),
        ("pending == 1", 'write pending(thread, "function")'),
        ('pendin(0, "alloc")', "no function 'pendin': did you mean pending?"),
        ('__import__("os").system("true")', "is not allowed here"),
        ("[s for s in (1, 2)]", "is not allowed here"),
        ("spans.__class__", "is not allowed here"),
        ("spans[0:2]", "is not allowed here"),
        ("locked + 1", "is not allowed here"),
        ("locked in spans", "give the index of one"),
        ("locked is 1", "is not allowed here"),
        ("True", "is not allowed here"),
        ("1.5 < 2", "is not allowed here"),
        ("(x := 1)", "is not allowed here"),
        ("spans[0", "cannot be read"),
        ("", "cannot be read"),
        ("not " * 50_000 + "1", "cannot be read"),
        ("not " * 500 + "1", "too long"),
    ],
)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_what_is_no_condition_is_refused(tables: Tables, expression: str, said: str) -> None:
    """In one line, with the nearest name."""
    with pytest.raises(ExpressionError) as refused:
        compiled(expression, tables)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 < 2 < 3", True), ("1 < 2 > 2", False), ("not 0 and 2", True), ("0 or 0", False), ("0 or -1 == -1", True),
        ("spans[0] == -1", True), ("spans[locked] != -1", False), ("locked", False), ("1 and spans[7] >= 0", False),
        ("locked and spans[spans[0]] == 1", False),
    ],
)  # fmt: skip
def test_what_a_condition_means(tables: Tables, expression: str, value: bool) -> None:
    """As in Python; what stands behind `and` is looked at only if needed, so an index may be guarded."""
    assert compiled(expression, tables)(tables.start) is value


def test_every_field_can_be_asked_for(tables: Tables) -> None:
    """By name: a number, or the first entry of a row."""
    for name in FIELDS:
        try:
            holds = compiled(f"{name} == 0", tables)
        except ExpressionError:
            holds = compiled(f"{name}[0] == 0", tables)
        assert holds(tables.start) in {True, False}


def test_every_function_that_threads_come_by_is_known(tables: Tables) -> None:
    """So none that could be asked for is refused."""
    explore(tables)
    met = {node.function for automaton in tables.automata for node in automaton.nodes if node is not None}
    assert met <= functions(tables)
    assert "alloc_needs_zero" in met
