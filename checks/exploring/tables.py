"""Every thread as a finite automaton, filled in as the search comes by.

A node is a local state with its pending access. An edge is (node, value of the cell) -> (new value, events, next node):
the access has been done and the coroutine has run on to its next. A memory is the row of all cells, one character for
each value seen. A state of the whole is one integer: the number of the memory, then the node of each thread. What a
step of thread t does depends on the memory and on t's node alone, so it is one look-up: `delta[t][state & mask[t]]` is
what to add to the state. Zero means that the thread cannot move. Read next: search.py.
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from spanproof.checks.broken import BrokenError, EndlessError
from spanproof.checks.local_state import HiddenStateError, Link, chain_of, place_of
from spanproof.checks.numbering import UnknownCellError
from spanproof.checks.observe import Event, advance
from spanproof.checks.programs import Program
from spanproof.checks.running.machine import Machine, Make, finding, innermost
from spanproof.impl.access import BLOCKED, Access, perform
from spanproof.impl.malloc import Runtime
from spanproof.model.claim import Invariant

NODE_BITS = 14
NODE_MASK = (1 << NODE_BITS) - 1
DONE = 0
"""The node of a thread that has finished."""


Witness = Callable[["Node", Any, tuple[Event, ...]], None]


class LimitError(RuntimeError):
    """The tables cannot hold this program: an unknown, never a verdict."""


class Node:
    """A local state: the access that is pending, and where the text stands."""

    __slots__ = (
        "access",
        "chain",
        "coroutine",
        "edges",
        "endless",
        "function",
        "held",
        "line",
        "number",
        "results",
        "stack",
    )

    def __init__(
        self, access: Access[Any], number: int, held: bool, results: tuple[Any, ...], coroutine: Any, chain: list[Link]
    ) -> None:
        """Remember one way to get here: the results that the accesses before gave."""
        where = innermost(coroutine)
        self.access, self.number, self.held, self.results = access, number, held, results
        self.function, self.line = where.cr_code.co_name, where.cr_frame.f_lineno
        self.edges: dict[str, tuple[str, tuple[Event, ...], int]] = {}
        self.endless: dict[str, BrokenError] = {}
        """Values from which the text goes on for ever: that takes seconds to see, so it is seen once."""
        self.stack = tuple([place_of(link) for link in chain])
        """Where it stands, outermost first: the file and the name of each function."""
        self.coroutine, self.chain = coroutine, chain
        """A coroutine suspended here, for the first edge that leads on; later edges run a fresh one over `results`."""


class Automaton:
    """One thread."""

    def __init__(self, make: Make, thread: int, tables: "Tables") -> None:
        """Begin with the node at the thread's first access."""
        self.make, self.thread, self.tables = make, thread, tables
        self.nodes: list[Node | None] = [None]
        self._index: dict[Any, int] = {}
        coroutine: Any = make()
        try:
            pending, self.first_events, _ = advance(coroutine, None)
            self.start = self._node(coroutine, [], pending, (), held=False)
        except (LimitError, HiddenStateError, UnknownCellError):
            raise
        except Exception as e:  # whatever the text raises is judged
            raise finding(e) from e

    def _suspended(self, node: Node) -> tuple[Any, list[Link]]:
        """A coroutine suspended at a node; a coroutine cannot be copied, so it may have to be run up to there again."""
        coroutine, chain = node.coroutine, node.chain
        node.coroutine, node.chain = None, []
        if coroutine is None:
            coroutine = self.make()
            advance(coroutine, None)
            for result in node.results:
                advance(coroutine, result)
        return coroutine, chain

    def _node(
        self,
        coroutine: Any,
        known_chain: list[Link],
        pending: Access[Any] | None,
        results: tuple[Any, ...],
        *,
        held: bool,
    ) -> int:
        """The node at which a coroutine is suspended; `known_chain` is its chain of awaits one step before."""
        if pending is None:
            return DONE
        number = self.tables.numbering.of(pending.cell)
        liveness = self.tables.liveness
        chain = chain_of(coroutine, known_chain, liveness=liveness is not False)
        place = results if liveness is None else tuple([key for _, _, key in chain])
        key = pending.kind, number, pending.args, held, place
        known = self._index.get(key)
        if known is None:
            if len(self.nodes) > NODE_MASK:
                raise LimitError(f"thread {self.thread} has more than {NODE_MASK} local states")
            known = self._index[key] = len(self.nodes)
            self.nodes.append(Node(pending, number, held, results, coroutine, chain))
        return known

    def edge(self, node: Node, char: str) -> tuple[str, tuple[Event, ...], int]:
        """Do the pending access on a value of its cell. The edge is kept; a broken step is not.

        Raises:
            BrokenError: the step breaks a claim about single accesses.

        """
        access = node.access
        before = self.tables.values[node.number][char]
        if char in node.endless:
            raise node.endless[char]
        unguarded = access.cell.guard is not None and not node.held
        if unguarded and self.tables.monitor.judges("lock_discipline_is_kept"):
            raise BrokenError("lock_discipline_is_kept", f"{access.cell} is touched without {access.cell.guard}")
        try:
            after, result = perform(access, before, self.thread)
            if result is BLOCKED:
                return char, (), -1
            held = node.held
            if node.number == self.tables.lock:
                held = access.kind == "lock"
            coroutine, chain = self._suspended(node)
            pending, events, _ = advance(coroutine, result)
            target = self._node(coroutine, chain, pending, (*node.results, result), held=held)
        except (LimitError, HiddenStateError, UnknownCellError):
            raise
        except EndlessError as e:
            node.endless[char] = finding(e)
            raise node.endless[char] from e
        except Exception as e:  # whatever the text raises is judged
            raise finding(e) from e
        edge = self.tables.char(node.number, after), events, target
        node.edges[char] = edge
        return edge


class Memory:
    """A row as values."""

    __slots__ = ("row", "tables")

    def __init__(self, tables: "Tables", row: str) -> None:
        """Read this row."""
        self.tables, self.row = tables, row

    def __call__(self, n: int) -> Any:
        """The value of cell n."""
        return self.tables.values[n][self.row[n]]

    def field(self, name: str) -> Any:
        """A field of HeapState."""
        return self.tables.field(self.row, name)


def _picker(cells: Iterable[int]) -> Callable[[str], Any]:
    return itemgetter(*cells)


class Tables:
    """The automata of a program's threads, and the memories reached."""

    def __init__(
        self,
        program: Program,
        heap_class: type[Runtime],
        *,
        only: str | None = None,
        liveness: bool | None = True,
        witness: Witness | None = None,
    ) -> None:
        """Let the heap live through its past, and number what is there.

        witness: told of every step that is filled in: node, value of the cell before, calls and returns.
        only: judge this claim alone.
        liveness: key local states by live locals, by all locals (False), or, as an oracle, by all results seen (None).
        """
        machine = Machine(program, heap_class, only)
        self.program, self.machine, self.liveness = program, machine, liveness
        self.numbering, self.monitor = machine.numbering, machine.monitor
        self.lock = self.numbering.of(machine.heap.lock)
        self.values: list[dict[str, Any]] = [{} for _ in machine.values]
        self._chars: list[dict[Any, str]] = [{} for _ in machine.values]
        self.memories: list[str] = []
        self._memory: dict[str, int] = {}
        self._judges: list[tuple[Invariant, Callable[[str], Any], dict[Any, bool]]] = []
        self._watches: list[list[int]] = [[] for _ in machine.values]
        for invariant, cells in self.monitor.invariants:
            for n in cells:
                self._watches[n].append(len(self._judges))
            self._judges.append((invariant, _picker(cells), {}))
        self._steps = {n: _picker(cells) for n, cells in self.monitor.watched_steps.items()}
        self._good_steps: set[Any] = set()
        fields = self.monitor.observer.fields
        self._fields: dict[str, tuple[Callable[[str], Any], dict[Any, Any]]] = {
            name: (itemgetter(*numbers), {}) for name, (numbers, _) in fields.items()
        }
        self.witness = witness
        self.ended: set[tuple[int, int]] = set()
        """Steps that break a claim which is not judged, or are refused memory: the run ends, and nobody waits."""
        self.rounds: dict[int, int] = {}
        """States to which a thread that alone can go on comes back for ever, as a search has found them."""
        row = "".join(self.char(n, value) for n, value in enumerate(machine.values))
        self.automata: list[Automaton] = []
        for t, make in enumerate(machine.makes):
            self.automata.append(Automaton(make, t, self))
        for automaton in self.automata:
            row = self._after_events(row, automaton.thread, automaton.first_events, [])
        threads = range(len(self.automata))
        self.shift = NODE_BITS * len(self.automata)
        self.node_mask = (1 << self.shift) - 1
        self.masks = [~self.node_mask | NODE_MASK << NODE_BITS * t for t in threads]
        self.deltas: list[dict[int, int]] = [{} for _ in threads]
        self.start = self._intern(row, range(len(row))) << self.shift
        for automaton in self.automata:
            self.start |= automaton.start << NODE_BITS * automaton.thread

    def char(self, number: int, value: Any) -> str:
        """The character that stands for a value of this cell."""
        chars = self._chars[number]
        char = chars.get(value)
        if char is None:
            char = chars[value] = chr(len(chars))
            self.values[number][char] = value
        return char

    def reader(self, row: str) -> "Memory":
        """Reads the values of a memory by number, and its fields."""
        return Memory(self, row)

    def field(self, row: str, name: str) -> Any:
        """A field of HeapState in a memory; worked out once for the values behind it."""
        pick, memo = self._fields[name]
        chars = pick(row)
        found = memo.get(chars)
        if found is None:
            numbers, convert = self.monitor.observer.fields[name]
            found = memo[chars] = convert(tuple(self.values[n][row[n]] for n in numbers))
        return found

    def _set(self, row: str, updates: list[tuple[int, Any]], changed: list[int]) -> str:
        for n, value in updates:
            char = self.char(n, value)
            if char != row[n]:
                changed.append(n)
                row = row[:n] + char + row[n + 1 :]
        return row

    def _after_events(self, row: str, thread: int, events: tuple[Event, ...], changed: list[int]) -> str:
        """The memory after the ghosts have followed the calls and returns of a step."""
        for event in events:
            row = self._set(row, self.monitor.event(event, thread, self.reader(row)), changed)
        return row

    def _intern(self, row: str, changed: Iterable[int]) -> int:
        """The number of a memory; one that is new is judged first, by the invariants that read what differs."""
        number = self._memory.get(row)
        if number is not None:
            return number
        for watch in sorted({watch for n in changed for watch in self._watches[n]}):
            invariant, pick, memo = self._judges[watch]
            seen = pick(row)
            holds = memo.get(seen)
            if holds is None:
                holds = memo[seen] = invariant.holds(self.monitor.state(self.reader(row), invariant.reads))
            if not holds:
                raise BrokenError(invariant.name, self.monitor.describe(frozenset(changed), self.reader(row)))
        number = self._memory[row] = len(self.memories)
        self.memories.append(row)
        return number

    def expand(self, t: int, key: int) -> int:
        """Fill in `deltas[t][key]`: what thread t does from this memory and node.

        Raises:
            BrokenError: the step breaks a claim; nothing is filled in.
            EndlessError: it goes on for ever, and that claim is not judged.

        """
        automaton = self.automata[t]
        source = key >> NODE_BITS * t & NODE_MASK
        node = automaton.nodes[source]
        delta = 0
        if node is not None:
            memory = key >> self.shift
            row = self.memories[memory]
            char = row[node.number]
            try:
                after, events, target = node.edges.get(char) or automaton.edge(node, char)
                if target >= 0:
                    delta = target - source << NODE_BITS * t
                    if after != char or events:
                        delta += self._next(row, t, node, after, events) - memory << self.shift
                    if self.witness is not None:
                        self.witness(node, self.values[node.number][char], events)
            except BrokenError as broken:
                before = self.values[node.number][char]
                if self.monitor.is_refusal(broken, node.access, before):
                    self._refused(node, before, broken)
                elif self.monitor.judges(broken.claim):
                    raise
                if broken in node.endless.values():
                    raise EndlessError(broken.detail) from None
                self.ended.add((t, key))
        self.deltas[t][key] = delta
        return delta

    def _refused(self, node: Node, before: Any, broken: BrokenError) -> None:
        """Tell the witness of a throw that ended the run rightly."""
        if self.witness is not None:
            self.witness(node, before, (Event("throw", True, (broken.detail,)),))

    def _next(self, row: str, t: int, node: Node, after: str, events: tuple[Event, ...]) -> int:
        """The memory after an access and the calls and returns that follow it, every claim judged."""
        changed: list[int] = []
        n = node.number
        new = row
        if after != row[n]:
            changed.append(n)
            new = row[:n] + after + row[n + 1 :]
            if n in self.monitor.watched_steps:
                self._judge_step(row, new, n)
            if n in self.monitor.acquiring:
                values = self.values[n]
                change = values[row[n]], values[after]
                ghosts = self.monitor.after_access(node.access, t, n, change, self.reader(row))
                new = self._set(new, ghosts, changed)
        if events:
            new = self._after_events(new, t, events, changed)
        return self._intern(new, changed)

    def _judge_step(self, old: str, new: str, n: int) -> None:
        """Judge a change of cell n, once for the values that the step invariants read."""
        pick = self._steps[n]
        seen = n, pick(old), new[n]
        if seen in self._good_steps:
            return
        broken = self.monitor.broken_step(n, self.reader(old), self.reader(new))
        if broken is not None:
            raise BrokenError(broken, self.monitor.describe_step(n, self.values[n][old[n]], self.values[n][new[n]]))
        self._good_steps.add(seen)

    def nodes_of(self, state: int) -> list[Node | None]:
        """The node of each thread in a state; None for a thread that is done."""
        return [a.nodes[state >> NODE_BITS * a.thread & NODE_MASK] for a in self.automata]

    def row_of(self, state: int) -> str:
        """The memory of a state."""
        return self.memories[state >> self.shift]
