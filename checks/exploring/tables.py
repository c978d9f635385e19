"""Every thread as a finite automaton, filled in as the search comes by.

A node is a local state with its pending access. An edge is (node, value of the cell) -> (new value, events, next node):
the access has been done and the coroutine has run on to its next. What else follows the access and the calls after it
hangs on a few more cells: cases.py. A memory is the row of all cells, one character for
each value seen. A state of the whole is one integer: the number of the memory, then the node of each thread. What a
step of thread t does depends on the memory and on t's node alone, so it is one look-up: `delta[t][state & mask[t]]` is
what to add to the state. Zero means that the thread cannot move. Read next: search.py.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter
from typing import Any

from spanproof.checks.broken import BrokenError, EndlessError, still_held
from spanproof.checks.exploring.cases import Branch, Leaf, Looking, changed, found, grown, looked_at
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
BLOCKED_HERE = Leaf(-1, (), (), blocked=True)
ENDED = Leaf(-1, (), (), blocked=True)
"""The run ends here by breaking a claim that is not judged, or for want of memory."""


Witness = Callable[["Node", Any, tuple[Event, ...]], None]


class LimitError(RuntimeError):
    """The tables cannot hold this program: an unknown, never a verdict."""


class Node:
    """A local state: the access that is pending, and where the text stands."""

    __slots__ = (
        "access",
        "cases",
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
        self.cases: Branch | Leaf | None = None
        """What the step does to the whole memory, as far as it is known."""
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
            if pending is None and held and self.tables.monitor.judges("lock_discipline_is_kept"):
                raise still_held(self.thread)  # noqa: TRY301  # as what the text raises
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


class Adopted(Sequence[str]):
    """The memories of a fast walk, each made a text when it is asked for; more can be put behind them."""

    def __init__(self, many: int, rows: Callable[[], Any]) -> None:
        """rows: the bytes of all of them, once one is asked for."""
        self._many, self._read = many, rows
        self._rows: Any = None
        self._more: list[str] = []

    def __len__(self) -> int:
        """How many."""
        return self._many + len(self._more)

    def __getitem__(self, number: Any) -> str:
        """One, by its number from 0 on."""
        place: int = number - self._many
        return self._text(number) if place < 0 else self._more[place]

    def _text(self, number: int) -> str:
        if self._rows is None:
            self._rows = self._read()
        return bytes(self._rows[number]).decode("latin-1")

    def append(self, row: str) -> None:
        """One more."""
        self._more.append(row)


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
        self.memories: list[str] | Adopted = []
        self._memory: dict[str, int] | None = {}
        self._judges: list[tuple[Invariant, Callable[[str], Any], dict[Any, bool]]] = []
        self._watches: list[list[int]] = [[] for _ in machine.values]
        for invariant, cells in self.monitor.invariants:
            for n in cells:
                self._watches[n].append(len(self._judges))
            self._judges.append((invariant, _picker(cells), {}))
        self._steps = frozenset(self.monitor.watched_steps)
        self._good_steps: set[Any] = set()
        fields = self.monitor.observer.fields
        self._fields: dict[str, tuple[Callable[[str], Any], dict[Any, Any]]] = {
            name: (itemgetter(*numbers), {}) for name, (numbers, _) in fields.items()
        }
        self.witness = witness
        self.so_far: Callable[[], Collection[int]] = tuple
        """The states that were reached, once a search is on its way."""
        self.kinds: tuple[tuple[int, ...], ...] = ()
        """Threads that a search does not tell apart."""
        self.arrange: Callable[[int], int] | None = None
        """Of the states that a search takes for one another, the one that it keeps; None if it tells all apart."""
        self.ended: set[tuple[int, int]] = set()
        """Steps that break a claim which is not judged, or are refused memory: the run ends, and nobody waits."""
        self.learned: list[tuple[int, int, str]] | None = None
        """Thread, node and memory of each step that was worked out, in order, where a search is to be kept."""
        self.rounds: dict[int, int] = {}
        """States to which a thread that alone can go on comes back for ever, as a search has found them."""
        row = "".join(self.char(n, value) for n, value in enumerate(machine.values))
        self.automata: list[Automaton] = []
        for t, make in enumerate(machine.makes):
            self.automata.append(Automaton(make, t, self))
        for automaton in self.automata:
            look = Looking(row, self.values, self._numbers, self.field)
            for event in automaton.first_events:
                for n, value in self.monitor.event(event, automaton.thread, look):
                    look.write(n, self.char(n, value))
            row = look.row
        threads = range(len(self.automata))
        self.shift = NODE_BITS * len(self.automata)
        self.node_mask = (1 << self.shift) - 1
        self.masks = [~self.node_mask | NODE_MASK << NODE_BITS * t for t in threads]
        self.deltas: list[dict[int, int]] = [{} for _ in threads]
        everything = Leaf(-1, tuple(enumerate(row)), tuple(range(len(self._judges))))
        self._first = self.judged(" " * len(row), row, everything)
        self.start = self._put(self._first) << self.shift
        for automaton in self.automata:
            self.start |= automaton.start << NODE_BITS * automaton.thread

    def forget(self) -> None:
        """Forget what was reached, but not what was learned: a search can begin again."""
        self.memories, self._memory = [self._first], {self._first: 0}
        self.deltas = [{} for _ in self.deltas]
        self.ended.clear()
        self.rounds.clear()

    def char(self, number: int, value: Any) -> str:
        """The character that stands for a value of this cell."""
        chars = self._chars[number]
        char = chars.get(value)
        if char is None:
            char = chars[value] = chr(len(chars))
            self.values[number][char] = value
        return char

    def share_characters(self, number: int, other: int) -> None:
        """Write a cell's values as another's are written. It has the same value, and none else was written yet."""
        assert self.values[number] == self.values[other]
        self.values[number], self._chars[number] = self.values[other], self._chars[other]

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

    def holds(self, watch: int, row: str) -> bool:
        """Whether an invariant holds in a memory; worked out once for the values that it looks at."""
        invariant, pick, memo = self._judges[watch]
        seen = pick(row)
        holds = memo.get(seen)
        if holds is None:
            holds = memo[seen] = invariant.holds(self.monitor.state(self.reader(row), invariant.reads))
        return holds

    def _put(self, row: str) -> int:
        """The number of a memory that is new."""
        number = self._numbers_of[row] = len(self.memories)
        self.memories.append(row)
        return number

    def expand(self, t: int, key: int) -> int:
        """Fill in `deltas[t][key]`: what thread t does from this memory and node.

        Raises:
            BrokenError: the step breaks a claim; nothing is filled in.
            EndlessError: it goes on for ever, and that claim is not judged.

        """
        source = key >> NODE_BITS * t & NODE_MASK
        node = self.automata[t].nodes[source]
        delta = 0
        if node is not None:
            memory = key >> self.shift
            row = self.memories[memory]
            leaf = self.case(t, source, row)
            if leaf is ENDED:
                self.ended.add((t, key))
            elif not leaf.blocked:
                delta = leaf.target - source << NODE_BITS * t
                if leaf.updates:
                    delta += self._reached(row, leaf) - memory << self.shift
        self.deltas[t][key] = delta
        return delta

    def _reached(self, row: str, leaf: Leaf) -> int:
        """The number of the memory after a step, which is judged if it is new."""
        new = changed(row, leaf)
        number = self._numbers_of.get(new)
        return self._put(self.judged(row, new, leaf)) if number is None else number

    def judged(self, row: str, new: str, leaf: Leaf) -> str:
        """The memory after a step, judged by the invariants that look at what it wrote. row: the one before.

        Raises:
            BrokenError: one does not hold.

        """
        for watch in leaf.watches:
            if not self.holds(watch, new):
                differ = frozenset(n for n, _ in leaf.updates if new[n] != row[n])
                invariant, _, _ = self._judges[watch]
                raise BrokenError(invariant.name, self.monitor.describe(invariant.name, differ, self.reader(new)))
        return new

    def case(self, t: int, source: int, row: str) -> Leaf:
        """What a thread's step from a node does in a memory. Raises as `expand`."""
        node = self.automata[t].nodes[source]
        assert node is not None
        leaf = found(node.cases, row)
        if leaf is None:
            leaf = self._learn(t, node, row)
            if self.learned is not None:
                self.learned.append((t, source, row))
        return leaf

    def path(self, t: int, source: int, row: str) -> list[tuple[int, str]]:
        """What that step looks at."""
        node = self.automata[t].nodes[source]
        return looked_at(None if node is None else node.cases, row)

    def adopt(self, rows: "list[str] | Adopted") -> None:
        """Take the memories of a fast walk, which all were judged, in the order in which it numbered them."""
        assert len(self.memories) <= len(rows)
        self.memories = rows
        self._memory = None

    @property
    def _numbers_of(self) -> dict[str, int]:
        """The number of each memory; of those of a fast walk it is made when one is looked for."""
        if self._memory is None:
            self._memory = {row: number for number, row in enumerate(self.memories)}
        return self._memory

    def _learn(self, t: int, node: Node, row: str) -> Leaf:
        """Work out a step, and remember it for all memories that have the same in what was looked at."""
        look = Looking(row, self.values, self._numbers, self.field)
        before = look(node.number)
        try:
            leaf = self._work_out(t, node, look)
        except BrokenError as broken:
            if self.monitor.is_refusal(broken, node.access, before):
                self._refused(node, before, broken)
            elif self.monitor.judges(broken.claim):
                raise
            if broken in node.endless.values():
                raise EndlessError(broken.detail) from None
            leaf = ENDED
        node.cases = grown(node.cases, look.path, leaf)
        return leaf

    def _work_out(self, t: int, node: Node, look: Looking) -> Leaf:
        """Do the pending access, and follow the calls and returns after it, every claim about them judged."""
        char = look.row[node.number]
        after, events, target = node.edges.get(char) or self.automata[t].edge(node, char)
        if target < 0:
            return BLOCKED_HERE
        if after != char:
            self._accessed(t, node, char, after, look)
        for event in events:
            for n, value in self.monitor.event(event, t, look):
                look.write(n, self.char(n, value))
        if self.witness is not None:
            self.witness(node, self.values[node.number][char], events)
        watches = sorted({watch for n in look.written if self._is_seen(n, look) for watch in self._watches[n]})
        return Leaf(target, tuple(look.written.items()), tuple(watches))

    def _is_seen(self, n: int, look: Looking) -> bool:
        """Whether invariants look at a cell after a step that wrote it."""
        alive = self.monitor.observer.of_the_living.get(n)
        return alive is None or any(look(cell) != 0 for cell in alive)

    def _accessed(self, t: int, node: Node, char: str, after: str, look: Looking) -> None:
        """The access changes its cell: judge that as a step, and move the ghosts that follow it."""
        n, values = node.number, self.values[node.number]
        if n in self._steps:
            self._judge_step(look, n, after)
        ghosts: list[tuple[int, Any]] = []
        if n in self.monitor.acquiring:
            ghosts = self.monitor.after_access(node.access, t, n, (values[char], values[after]), look)
        look.write(n, after)
        for ghost, value in ghosts:
            look.write(ghost, self.char(ghost, value))

    def _numbers(self, name: str) -> tuple[int, ...]:
        """The cells behind a field."""
        return self.monitor.observer.fields[name][0]

    def _refused(self, node: Node, before: Any, broken: BrokenError) -> None:
        """Tell the witness of a throw that ended the run rightly."""
        if self.witness is not None:
            self.witness(node, before, (Event("throw", True, (broken.detail,)),))

    def _judge_step(self, look: Looking, n: int, after: str) -> None:
        """Judge a change of cell n, once for the values that the step invariants read."""
        seen = n, tuple([look.look(cell) for cell in self.monitor.watched_steps[n]]), after
        if seen in self._good_steps:
            return
        old, new = look.row, look.row[:n] + after + look.row[n + 1 :]
        broken = self.monitor.broken_step(n, self.reader(old), self.reader(new))
        if broken is not None:
            raise BrokenError(broken, self.monitor.describe_step(n, self.values[n][old[n]], self.values[n][after]))
        self._good_steps.add(seen)

    def finely(self, schedule: tuple[int, ...]) -> tuple[int, ...]:
        """A schedule over these tables as one of single accesses."""
        return schedule

    def followed(self, schedule: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(a schedule as one of single accesses, per thread of the state that it leads to which one that is)."""
        return self.finely(schedule), tuple(range(len(self.automata)))

    def seen_by(self, number: int, value: Any, are: tuple[int, ...]) -> tuple[int, Any]:  # noqa: ARG002  # see runs.py
        """A cell and its value, of a run in which the threads of a state are these, as the state has them."""
        return number, value

    def first_of_its_kind(self, t: int) -> int:
        """The thread whose nodes a thread has."""
        return next((kind[0] for kind in self.kinds if t in kind), t)

    def told_passed(self) -> str:
        """A report of the accesses that were not scheduling points; nothing where all are."""
        return ""

    def nodes_of(self, state: int) -> list[Node | None]:
        """The node of each thread in a state; None for a thread that is done."""
        return [a.nodes[state >> NODE_BITS * a.thread & NODE_MASK] for a in self.automata]

    def row_of(self, state: int) -> str:
        """The memory of a state."""
        return self.memories[state >> self.shift]
