"""Evidence that an edit changes nothing: the edited text walks through whole scenarios in step with the reference.

Both are tabulated, and every pair of states that is reached is compared: what each cell holds, and what each thread is
about to do next, to which cell, with what. That says something only if the edited place is reached, so a second edit
throws there: the scenarios in which it does are those that count. Read next: table.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from immutables import Map

from spanproof.checks.again import NOT_RUN
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, LimitError, Node, Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.edit import Edit, EditError, planted
from spanproof.checks.faults.fault import Fault
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

MOST_STATES = 6_000
"""Of a scenario that is walked through."""
REACHED = "the edited place is reached"
Hurry = Callable[[int], str | None]


@dataclass(frozen=True, slots=True)
class Equal:
    """What walking in step has shown."""

    scenarios: int
    """In which the edited place is reached."""
    states: int
    differs: str = ""
    """The first difference, or why there is no evidence."""

    def __str__(self) -> str:
        """In a line."""
        if self.differs:
            return self.differs
        return f"equal in all {self.states:,} states of the {self.scenarios} scenarios that reach it"


def probe(fault: Fault) -> Fault:
    """The fault whose edits throw where the fault's own would act."""
    throws = f'raise Throw("{REACHED}")'
    edits = tuple(Edit(e.function, e.old, f"{throws}\n{e.old}") for e in fault.edits)
    return replace(fault, edits=edits)


def evidence(fault: Fault, heap: Subject, hurry: Hurry) -> Equal:
    """Whether the edited text is equal to the reference in every small scenario that reaches the edited place."""
    try:
        probing = Subject(planted(probe(fault).edits), fault=fault.name)
    except EditError:
        return Equal(0, 0, "no way to see whether the edited place is reached")
    small = [s for s in CLEAN if s.states <= MOST_STATES]
    reaching = [s for s in small if _reaches(s, probing)]
    if not reaching:
        return Equal(0, 0, "no scenario reaches the edited place")
    states = 0
    for scenario in reaching:
        walked, differs = _in_step(scenario, heap.heap_class)
        states += walked
        if differs or hurry(0) is not None:
            return Equal(len(reaching), states, differs or "stopped")
    return Equal(len(reaching), states)


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


class _Pair:
    """The reference and the edited text in one scenario, and what of their states was found equal."""

    def __init__(self, scenario: Scenario, heap_class: type[Runtime]) -> None:
        self.sides = tuple(Tables(scenario.program, cls, only=scenario.only) for cls in (Runtime, heap_class))
        self.cells = range(self.sides[0].numbering.ghosts_from)
        self._values: set[tuple[int, str, str]] = set()
        self._memories: set[tuple[int, int]] = set()
        self._nodes: set[tuple[int, int, int]] = set()

    def are_equal(self, ours: int, theirs: int) -> bool:
        """Whether two states hold the same, and their threads are about to do the same."""
        a, b = self.sides
        memories = ours >> a.shift, theirs >> b.shift
        if memories not in self._memories:
            rows = a.memories[memories[0]], b.memories[memories[1]]
            if not all(self._same_value(n, rows[0][n], rows[1][n]) for n in self.cells):
                return False
            self._memories.add(memories)
        threads = range(len(a.automata))
        return all(
            self._same_node(t, ours >> NODE_BITS * t & NODE_MASK, theirs >> NODE_BITS * t & NODE_MASK) for t in threads
        )

    def _same_value(self, n: int, x: str, y: str) -> bool:
        if (n, x, y) not in self._values:
            if plain(self.sides[0].values[n][x]) != plain(self.sides[1].values[n][y]):
                return False
            self._values.add((n, x, y))
        return True

    def _same_node(self, t: int, x: int, y: int) -> bool:
        if (t, x, y) not in self._nodes:
            nodes = self.sides[0].automata[t].nodes[x], self.sides[1].automata[t].nodes[y]
            if _about_to(nodes[0]) != _about_to(nodes[1]):
                return False
            self._nodes.add((t, x, y))
        return True

    def step(self, side: int, state: int, t: int) -> int:
        """The state after a step of a thread; the same if it cannot move. Raises BrokenError as the tables do."""
        tables = self.sides[side]
        key = state & tables.masks[t]
        delta = tables.deltas[t].get(key)
        return state + (tables.expand(t, key) if delta is None else delta)


def _about_to(node: Node | None) -> Any:
    """What a thread does next: None at its end."""
    return None if node is None else (node.access.kind, str(node.access.cell), plain(node.access.args))


def plain(value: Any) -> Any:
    """A value without classes: copies of a module have classes and functions of their own."""
    if isinstance(value, Map):
        return tuple(sorted(map(plain, value.items())))  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)  # pyright: ignore[reportUnknownVariableType]
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value).__name__, *(plain(getattr(value, f.name)) for f in fields(value) if f.compare))
    return value.__name__ if callable(value) else value


def _in_step(scenario: Scenario, heap_class: type[Runtime]) -> tuple[int, str]:
    """Walk through a scenario on both sides: (the pairs of states, where they differ or "")."""
    try:
        pair = _Pair(scenario, heap_class)
        start = pair.sides[0].start, pair.sides[1].start
        seen, todo = {start}, [start]
        while todo:
            ours, theirs = todo.pop()
            if not pair.are_equal(ours, theirs):
                return len(seen), f"differs in {scenario.name}"
            for t in range(len(pair.sides[0].automata)):
                target = pair.step(0, ours, t), pair.step(1, theirs, t)
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
    except (BrokenError, *NOT_RUN, LimitError) as e:
        return 0, f"differs in {scenario.name}: {e}"
    return len(seen), ""
