"""Evidence that an edit changes nothing: whoever looks from outside the edited function sees the same states.

Both texts are searched. Every moment at which no thread is inside the edited function is one of what each cell holds and
what each thread is about to do next, to which cell, with what; the two sets must be equal, and every claim hold in both.
That says something only if the edit is felt, so a second edit, the probe, throws where the two texts part: where the
place is reached, or where a bound is met, a compare-and-swap fails, a reload finds another value. The scenarios in which
it throws are those that count. Read next: table.py.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

from immutables import Map

from spanproof.checks.again import NOT_RUN
from spanproof.checks.exploring.search import Explored, explore
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, Node, Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.edit import Edit, place_of, planted, statement_of
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.mutators import REACHED, THROWS
from spanproof.checks.faults.speaking import names_of
from spanproof.checks.monitor import BrokenError
from spanproof.checks.proofs.catalogue import THEOREMS
from spanproof.checks.proofs.script import proved
from spanproof.checks.proving.closed_world import covered
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import CLEAN
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime

MOST_STATES = 14_000
"""Of a scenario that is searched for evidence."""
MOST_SCENARIOS = 12
"""That reach the edited place and are searched, the smallest first."""
SHARED = frozenset({"plain", "stored"})
"""Kinds of changes that say nothing where only one thread accesses the word."""
Hurry = Callable[[int], str | None]


@dataclass(frozen=True, slots=True)
class Equal:
    """What searching both texts has shown."""

    scenarios: int
    """In which the edit is felt."""
    states: int
    differs: str = ""
    """The first difference, or why there is no evidence."""

    def __str__(self) -> str:
        """In a line."""
        if self.differs:
            return self.differs
        return f"from outside the same {self.states:,} states are seen, in the {self.scenarios} scenarios that reach it"


def probe(fault: Fault) -> tuple[Edit, ...]:
    """Edits that throw where the fault's own would be felt."""
    if fault.probe:
        return fault.probe
    return tuple(_throwing(edit) for edit in fault.edits)


def _throwing(edit: Edit) -> Edit:
    """An edit that throws before the first statement that an edit replaces or changes."""
    old = statement_of(edit)
    return Edit(edit.function, old, f"{ast.unparse(THROWS)}\n{old}")


def evidence(fault: Fault, heap: Subject, hurry: Hurry) -> Equal:
    """Whether the edited text is seen to do as the reference does in the small scenarios in which it is felt."""
    probing = Subject(planted(probe(fault)), fault=fault.name)
    places = frozenset(place_of(edit) for edit in fault.edits)
    small = sorted((s for s in CLEAN if s.states <= MOST_STATES), key=lambda s: s.states)
    scenarios = states = 0
    for scenario in small:
        if scenarios == MOST_SCENARIOS:
            break
        if not _reaches(scenario, probing):
            continue
        found, differs = _compared(scenario, heap.heap_class, places, shared=fault.kind in SHARED)
        if not found and not differs:
            continue
        scenarios += 1
        states += found
        if differs or hurry(0) is not None:
            return Equal(scenarios, states, differs or "stopped")
    return Equal(scenarios, states, "" if scenarios else "no scenario reaches the edited place in a way that matters")


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
        record = judge(scenario, probing, only="heap_never_throws").record
    except NOT_RUN:
        return False
    return record is not None and REACHED in record.violated.detail


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
        ours, theirs = (_searched(scenario, cls) for cls in (Runtime, heap_class))
    except (BrokenError, *NOT_RUN) as e:
        return 0, f"differs in {scenario.name}: {e}"
    if shared and not _is_shared(ours[0], theirs[0], places):
        return 0, ""
    seen, other = (_outside(*side, places, ids) for side in (ours, theirs))
    return len(seen), "" if seen == other else f"differs in {scenario.name}"


def _searched(scenario: Scenario, heap_class: type[Runtime]) -> tuple[Tables, Explored]:
    """All states of a scenario.

    Raises:
        BrokenError: a claim breaks.

    """
    tables = Tables(scenario.program, heap_class, only=scenario.only)
    found = explore(tables)
    if found.broken is not None:
        raise found.broken
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
