"""Evidence that an edit changes nothing: whoever looks from outside the edited function sees the same states.

A theorem may decide it, if it says all of what the function gives. Else both texts are searched. Every moment at which
no thread is inside the edited function is one of what each cell holds and what each thread is about to do next, to which
cell, with what; the two sets must be equal, and every claim hold in both.

That says something only if the edit is felt, so a second edit, the probe, throws where the two texts part: at a bound
that is met, where a compare-and-swap fails, where a reload finds another value; else, and for all that is written down,
where the place is reached. The scenarios in which it throws are those that count. Where none does, the page allocator's
histories are lived through with both texts, and a word that nobody accesses without the heap lock may be accessed
plainly. Read next: table.py.
"""

import ast
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple

from immutables import Map

from spanproof.checks.again import NOT_RUN
from spanproof.checks.broken import BrokenError
from spanproof.checks.comparing.histories import History
from spanproof.checks.comparing.living import live
from spanproof.checks.comparing.looking import DifferenceError
from spanproof.checks.comparing.plans import SHAPES, Plan, seeded
from spanproof.checks.exploring.search import Explored, explore
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, Node, Tables
from spanproof.checks.exploring.verdicts import unordered
from spanproof.checks.faults.change import REACHED, THROWS
from spanproof.checks.faults.edit import Edit, place_of, planted, statement_of
from spanproof.checks.faults.fault import Fault, in_page_allocator
from spanproof.checks.faults.speaking import names_of
from spanproof.checks.faults.survivors import NEVER_MET
from spanproof.checks.ordering import ORDERED
from spanproof.checks.proofs.catalogue import PLAIN, THEOREMS
from spanproof.checks.proofs.script import proved
from spanproof.checks.proving.closed_world import covered
from spanproof.checks.proving.lifted.judging import judge_plain
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import BY_NAME, HOLDING
from spanproof.checks.sentinels import Watching
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.access import Misuse, Throw, Undefined
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import NEWEST

MOST_STATES = 14_000
"""Of a scenario that is searched for evidence."""
CALLS, EVERY = 400, 20
"""Calls of a history that is lived through with both texts, and after how many all state is compared."""
SHARED = frozenset({"plain", "stored"})
"""Kinds of changes that say nothing where only one thread accesses the word."""
Hurry = Callable[[int], str | None]
PATIENCE = 30.0
"""Seconds for a theorem about an edited text: one whose loops do not end is read for ever."""


def within(seconds: float, hurry: Hurry) -> Hurry:
    """In a hurry too when so much time has gone by."""
    deadline = time.monotonic() + seconds
    return lambda done: hurry(done) or ("it takes too long" if time.monotonic() > deadline else None)


@dataclass(frozen=True, slots=True)
class Equal:
    """What looking at both texts has shown."""

    said: str = ""
    """The evidence that they are equal, in words."""
    differs: str = ""
    """The first difference, or why there is no evidence."""

    def __str__(self) -> str:
        """In a line."""
        return self.differs or self.said


class SilentError(Exception):
    """Nothing breaks, and what a scenario is for does not happen."""


def probe(fault: Fault) -> tuple[Edit, ...]:
    """Edits that throw where the fault's own would be felt."""
    if fault.probe:
        return fault.probe
    return tuple(_throwing(edit) for edit in fault.edits)


def _throwing(edit: Edit) -> Edit:
    """An edit that throws before the first statement that an edit replaces or changes."""
    old = statement_of(edit)
    return Edit(edit.function, old, f"{ast.unparse(THROWS)}\n{old}")


NOT_FELT = Equal(differs="no scenario reaches the edited place in a way that matters")


def decided(fault: Fault, heap: Subject, hurry: Hurry) -> str:
    """The theorem that holds of the edited text, and says all of what the edited function gives; or ""."""
    edited = {edit.function for edit in fault.edits}
    for theorem in PLAIN:
        if edited <= set(theorem.decides) and theorem.tier == "quick":
            if judge_plain(theorem, heap, within(PATIENCE, hurry))[0].result.verdict is Verdict.HOLDS:
                return f"{theorem.name} says all of what it gives, and holds of it, for {theorem.inputs}"
            return ""
    return ""


def evidence(fault: Fault, heap: Subject, hurry: Hurry) -> Equal:
    """Whether the edited text is seen to do as the reference does, wherever the edit is felt."""
    probing = Subject(planted(probe(fault)), fault=fault.name)
    found = _in_scenarios(fault, heap, probing, hurry)
    if found is not NOT_FELT:
        return found
    if fault.kind in SHARED:
        return _locked(fault, heap) if fault.kind == "plain" else found
    if in_page_allocator(fault):
        found = _in_histories(heap, probing, hurry)
    if found is NOT_FELT and fault.name in NEVER_MET:
        tried = f"{len(_small())} scenarios" + (f" and {len(SHAPES)} histories" if in_page_allocator(fault) else "")
        return Equal(f"{NEVER_MET[fault.name]}; in none of {tried} is it otherwise")
    return found


def _in_scenarios(fault: Fault, heap: Subject, probing: Subject, hurry: Hurry) -> Equal:
    """In the small scenarios in which the edit is felt."""
    places = frozenset(place_of(edit) for edit in fault.edits)
    scenarios = states = 0
    for scenario in _small():
        if not _reaches(scenario, probing):
            continue
        found, differs = _compared(scenario, heap.heap_class, places, shared=fault.kind in SHARED)
        scenarios, states = scenarios + bool(found), states + found
        if differs or hurry(0) is not None:
            return Equal(differs=differs or "stopped")
    if not scenarios:
        return NOT_FELT
    return Equal(f"from outside the same {states:,} states are seen, in {scenarios} scenarios that reach it")


def _small() -> list[Scenario]:
    return sorted((s for s in HOLDING if s.states <= MOST_STATES), key=lambda s: s.states)


def _in_histories(heap: Subject, probing: Subject, hurry: Hurry) -> Equal:
    """In histories of the page allocator in which the edit is felt: after every few calls all state is the same."""
    histories = calls = 0
    for number, shape in enumerate(SHAPES):
        plan = seeded(shape, NEWEST, number, CALLS)
        broken = live(plan, probing.heap_class, EVERY, {}).broken
        if broken is None or REACHED not in broken.detail:
            continue
        differs = _lived_alike(plan, heap.heap_class)
        if differs or hurry(0) is not None:
            return Equal(differs=differs or "stopped")
        histories, calls = histories + 1, calls + len(plan.calls)
    if not histories:
        return NOT_FELT
    return Equal(f"all state is the same through {calls:,} calls of the {histories} histories that reach it")


def _lived_alike(plan: Plan, heap_class: type[Runtime]) -> str:
    """Live through a history with both texts: where they differ, or ""."""
    ours, theirs = (plan.begin(cls) for cls in (Runtime, heap_class))
    for place, call in enumerate(plan.calls, 1):
        try:
            ours.call(call)
            theirs.call(call)
        except (DifferenceError, Throw, Undefined, Misuse) as e:
            return f"differs in call {place} of a history: {e}"
        if place % EVERY == 0 and _state(ours) != _state(theirs):
            return f"differs after call {place} of a history"
    return "" if _state(ours) == _state(theirs) else "differs at the end of a history"


def _state(history: History) -> Any:
    return {key: plain(value) for key, value in history.heap.alone.values.items()}


def _locked(fault: Fault, heap: Subject) -> Equal:
    """Whether nobody accesses, without the heap lock, the words that the edited text accesses in another way."""
    places = frozenset(place_of(edit) for edit in fault.edits)
    changed, unlocked, scenarios = set[str](), set[str](), 0
    for scenario in _small():
        try:
            ours, theirs = _reference(scenario.name)[0], _searched(scenario, heap.heap_class)[0]
        except (BrokenError, SilentError, *NOT_RUN) as e:
            return Equal(differs=f"differs in {scenario.name}: {e}")
        here = set[str]()
        for t in range(len(ours.automata)):
            other = _accesses(theirs, t, places) - _accesses(ours, t, places)
            here |= {theirs.numbering.cells[a.number].name for a in other}
            unlocked |= {theirs.numbering.cells[a.number].name for a in _accesses(theirs, t, None) if not a.held}
        changed |= here
        scenarios += bool(here)
    if not changed or changed & unlocked:
        return NOT_FELT
    words = " and ".join(sorted(changed))
    return Equal(f"nobody accesses {words} without the heap lock, in any scenario; {scenarios} of them reach it")


def all_proved(fault: Fault, heap: Subject, hurry: Hurry) -> str:
    """Evidence that an edit which does change something breaks nothing: the theorems that speak of it still hold.

    "" if one does not, or if none speaks of it.
    """
    names = names_of(fault)
    speaking = [theorem for theorem in THEOREMS if names & covered(theorem.protocol, Runtime)]
    for theorem in speaking:
        if hurry(0) or proved(theorem, heap, hurry=hurry)[0].result.verdict is not Verdict.HOLDS:
            return ""
    return f"all {len(speaking)} theorems whose proofs run the edited text hold of it" if speaking else ""


def _reaches(scenario: Scenario, probing: Subject) -> bool:
    try:
        broken = explore(Tables(scenario.program, probing.heap_class, only="heap_never_throws")).broken
    except BrokenError as e:
        broken = e
    except NOT_RUN:
        return False
    return broken is not None and REACHED in broken.detail


Ids = dict[Any, int]
"""A number for each value, the same on both sides."""
Seen = frozenset[tuple[int, ...]]
Places = frozenset[tuple[str, str]]
"""Functions, by file and name."""


def _compared(scenario: Scenario, heap_class: type[Runtime], places: Places, *, shared: bool) -> tuple[int, str]:
    """Search a scenario with both texts: (how many states are seen from outside, the difference or "").

    shared: only if a cell that is accessed in another way is accessed by two threads; else there are no states.
    """
    ids: Ids = {}
    try:
        ours, theirs = _reference(scenario.name), _searched(scenario, heap_class)
    except (BrokenError, SilentError, *NOT_RUN) as e:
        return 0, f"differs in {scenario.name}: {e}"
    if shared and not _is_shared(ours[0], theirs[0], places):
        return 0, ""
    seen, other = (_outside(*side, places, ids) for side in (ours, theirs))
    return len(seen), "" if seen == other else f"differs in {scenario.name}"


@cache
def _reference(name: str) -> tuple[Tables, Explored]:
    """All states of a scenario with the text as it is: searched once."""
    return _searched(BY_NAME[name], Runtime)


def _searched(scenario: Scenario, heap_class: type[Runtime]) -> tuple[Tables, Explored]:
    """All states of a scenario, judged as the search does: races and sentinels count.

    Raises:
        BrokenError: a claim breaks.
        SilentError: what the scenario is for does not happen.

    """
    watching = Watching(scenario.sentinels, scenario.program.geometry)
    tables = Tables(
        scenario.program,
        heap_class,
        only=scenario.only,
        witness=lambda node, before, events: watching.see(node.access, node.function, before, events),
    )
    found = explore(tables)
    if found.broken is not None:
        raise found.broken
    race = unordered(tables, found) if scenario.only is None else None
    if race is not None:
        raise BrokenError(ORDERED, race.says)
    if watching.silent:
        raise SilentError(f"never seen: {'; '.join(watching.silent)}")
    return tables, found


def _is_shared(ours: Tables, theirs: Tables, places: Places) -> bool:
    """Whether a cell that the edited text accesses in another way is accessed by two threads, not both with the lock."""
    threads = range(len(theirs.automata))
    accessed = [_accesses(theirs, t, None) for t in threads]
    changed = [_accesses(theirs, t, places) - _accesses(ours, t, places) for t in threads]
    return any(
        a.number == b.number and not (a.held and b.held)
        for t in threads
        for a in changed[t]
        for u in threads
        if u != t
        for b in accessed[u]
    )


class _Accessed(NamedTuple):
    """How a thread accesses a cell."""

    kind: str
    number: int
    held: bool
    """It holds the heap lock."""


def _accesses(tables: Tables, t: int, places: Places | None) -> set[_Accessed]:
    """How a thread accesses which cells, anywhere or in some places."""
    nodes = (node for node in tables.automata[t].nodes if node is not None)
    return {
        _Accessed(n.access.kind, n.number, n.held) for n in nodes if places is None or not places.isdisjoint(n.stack)
    }


def _outside(tables: Tables, found: Explored, places: Places, ids: Ids) -> Seen:
    """The states in which no thread is in one of these places, as numbers of what cells hold and threads are about to do."""
    words = [
        {char: _number(plain(value), ids) for char, value in tables.values[n].items()}
        for n in range(tables.numbering.ghosts_from)
    ]
    memories = [
        _number(tuple([of[char] for of, char in zip(words, row, strict=False)]), ids) for row in tables.memories
    ]
    nodes = [[_node(node, places, ids) for node in automaton.nodes] for automaton in tables.automata]
    threads = range(len(nodes))
    states = (
        (memories[state >> tables.shift], *(nodes[t][state >> NODE_BITS * t & NODE_MASK] for t in threads))
        for state in found.parents or ()
    )
    return frozenset(state for state in states if _INSIDE not in state)


_INSIDE = -1
"""The number of a thread that is inside the edited function."""


def _node(node: Node | None, places: Places, ids: Ids) -> int:
    """What a thread is about to do, as a number: nothing at its end."""
    if node is None:
        return _number(None, ids)
    if not places.isdisjoint(node.stack):
        return _INSIDE
    return _number((node.access.kind, str(node.access.cell), plain(node.access.args)), ids)


def _number(value: Any, ids: Ids) -> int:
    return ids.setdefault(value, len(ids))


def plain(value: Any) -> Any:
    """A value without classes: copies of a module have classes and functions of their own."""
    if isinstance(value, Map):
        return tuple(sorted(map(plain, value.items())))  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)  # pyright: ignore[reportUnknownVariableType]
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value).__name__, *(plain(getattr(value, f.name)) for f in fields(value) if f.compare))
    return value.__name__ if callable(value) else value
