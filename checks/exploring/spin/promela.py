"""A scenario as Promela: its automata written out, so that Spin interleaves them and counts for itself.

One process for each thread, one variable for each cell whose value varies, one step for each edge. Ghosts are in it: at
an edge they follow by the decision trees of following.py. So a state is what it is here, and Spin must store exactly as
many. It shares the tables with our search, and nothing of the search: not the packing of states, not the rows.

Claims are off, here as there (`tables_for`). What Spin judges is what the text itself breaks: an edge that throws or
panics is `assert(!throws)`, and a deadlock is an invalid end state. Invariants and promises are not in the export, nor
is a thread that goes round for ever. An edge that our search never took is in it as well, as `assert(!untold)`: should
Spin come there, our search has left something out.

Three known differences, all exact. Spin counts the first state as a transition. A step that throws, or is refused
memory, leads back to where it began; here it is no transition. Of errors, Spin counts each state and step that has one,
if it is told to go on (`-c0`). Numbers are such that what is there at first is 0, which is how variables begin: an
`init` would add states of its own. Read next: counting.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from spanproof.checks.broken import BrokenError, EndlessError
from spanproof.checks.exploring.search import Explored, ended, explore
from spanproof.checks.exploring.spin.following import Asked, Edge, Tree, trees
from spanproof.checks.exploring.tables import DONE, NODE_BITS, NODE_MASK, LimitError, Node, Tables
from spanproof.checks.programs import Program
from spanproof.impl.malloc import Runtime

NO_CLAIM = ""
"""Judged alone, it switches all claims off. The ghosts move as ever."""
CANNOT, FINISHES, REFUSED, GOES_ON, THROWS, UNTOLD = range(6)
"""What a thread's step is at a node and a value of its cell: it waits or changes nothing, it is its last, the system
refuses memory and the run ends, there is another after it, the text breaks a claim, our search never came here."""
NARROW = 256
"""Values that fit a byte."""
LINE = 20
"""Entries of a table on a line."""
BLOCK = 2048
"""Entries of a table in one piece: Spin's own buffer for a piece of C is of 64 kB."""
MOST_VALUES = 3_000
"""Values of one cell: as many entries still fit a piece."""


class ExportError(ValueError):
    """The scenario cannot be written as Promela, and why."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What Spin must find, all claims off, if it goes on after errors and reduces nothing."""

    states: int
    transitions: int
    errors: int


def tables_for(program: Program, heap_class: type[Runtime]) -> tuple[Tables, Explored]:
    """The tables of a program, filled by a search of all its states with all claims off.

    Raises:
        ExportError: there is no end to it, or the tables cannot hold it.

    """
    try:
        tables = Tables(program, heap_class, only=NO_CLAIM)
        return tables, explore(tables)
    except BrokenError as e:
        raise ExportError(f"before the program begins, or where a thread begins, {e.claim} breaks: {e.detail}") from e
    except (EndlessError, LimitError) as e:
        raise ExportError(str(e)) from e


def expected(tables: Tables, found: Explored) -> Expected:
    """What our own search says that Spin must find."""
    parents = found.parents or {}
    throwing = {(t, key) for t, key in tables.ended if _ends(tables, t, key) == THROWS}
    loops = throws = stuck = 0
    moves = list(zip(tables.masks, tables.deltas, strict=True))
    for state in parents:
        if tables.ended:
            keys = [(t, state & mask) for t, (mask, _) in enumerate(moves)]
            loops += sum(key in tables.ended for key in keys)
            throws += sum(key in throwing for key in keys)
        if not any(delta[state & mask] for mask, delta in moves):
            stuck += bool(state & tables.node_mask) and not ended(tables, state)
    return Expected(found.states, 1 + found.transitions + loops, throws + stuck)


def _ends(tables: Tables, t: int, key: int) -> int:
    """How a step that ended the run did: REFUSED or THROWS."""
    node = tables.automata[t].nodes[key >> NODE_BITS * t & NODE_MASK]
    assert node is not None
    return _broken(tables, t, node, tables.memories[key >> tables.shift][node.number])


def _broken(tables: Tables, t: int, node: Node, char: str) -> int:
    """What a step is that has no edge, and was tried: REFUSED or THROWS."""
    try:
        tables.automata[t].edge(node, char)
    except BrokenError as e:
        before = tables.values[node.number][char]
        return REFUSED if tables.monitor.is_refusal(e, node.access, before) else THROWS
    return CANNOT


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a thread's table: what the step is, the cell's value after it, the next node, the ghosts' tree."""

    kind: int
    after: int = 0
    target: int = 0
    follows: int = -1


def _swapped(number: int, first: int) -> int:
    """A number such that the first one is 0."""
    return 0 if number == first else first if number == 0 else number


class Export:
    """The tables of a program, renumbered for Promela."""

    def __init__(self, tables: Tables) -> None:
        """Find the cells that vary, narrow ones first."""
        self.tables = tables
        self.first = tables.row_of(tables.start)
        vary = [n for n, values in enumerate(tables.values) if len(values) > 1]
        read = {node.number for automaton in tables.automata for node in automaton.nodes if node is not None}
        many = max(len(values) for values in tables.values)
        if many > MOST_VALUES:
            raise ExportError(f"a cell has {many:,} values; Spin takes no table of more than {MOST_VALUES:,}")
        cells = sorted({*vary, *read}, key=lambda n: (len(tables.values[n]) > NARROW, n))
        self.narrow = sum(len(tables.values[n]) <= NARROW for n in cells)
        self.cells = {n: place for place, n in enumerate(cells)}
        self.flat: list[int] = []
        """The ghosts' trees: a cell, then where each value leads; or -1 - how many, then cells and values."""
        self._places: dict[int, int] = {}
        self._trees = trees(tables)

    def value(self, n: int, char: str) -> int:
        """The number of a value of a cell."""
        return _swapped(ord(char), ord(self.first[n]))

    def node(self, t: int, number: int) -> int:
        """The number of a thread's node."""
        return _swapped(number, self.tables.automata[t].start)

    def place(self, tree: Tree) -> int:
        """Where a tree is in `flat`, which it is put into unless it is there."""
        known = self._places.get(id(tree))
        if known is not None:
            return known
        if isinstance(tree, Asked):
            then = {self.value(tree.cell, char): self.place(next_) for char, next_ in tree.then.items()}
            values = range(len(self.tables.values[tree.cell]))
            words = [self.cells[tree.cell], *(then.get(value, -1) for value in values)]
        else:
            writes = [(self.cells[n], self.value(n, char)) for n, char in tree if n in self.cells]
            words = [-1 - len(writes), *(word for write in writes for word in write)]
        place = self._places[id(tree)] = len(self.flat)
        self.flat += words
        return place

    def rows(self, t: int) -> list[tuple[int, list[Entry]]]:
        """By node, as renumbered: its cell, and an entry for each value of that."""
        nodes = self.tables.automata[t].nodes
        tried = self._tried(t)
        rows: list[tuple[int, list[Entry]]] = [(0, [])] * len(nodes)
        for number, node in enumerate(nodes):
            if node is not None:
                entries = [self._entry(t, number, node, c, (number, c) in tried) for c in self._in_order(node.number)]
                rows[self.node(t, number)] = self.cells[node.number], entries
        return rows

    def _in_order(self, n: int) -> list[str]:
        """The characters of a cell's values, by their numbers."""
        return sorted(self.tables.values[n], key=lambda char: self.value(n, char))

    def _tried(self, t: int) -> set[tuple[int, str]]:
        """The nodes of a thread with values of their cells from which the search has done its step."""
        tables, tried = self.tables, set[tuple[int, str]]()
        for key in tables.deltas[t]:
            number = key >> NODE_BITS * t & NODE_MASK
            node = tables.automata[t].nodes[number]
            if node is not None:
                tried.add((number, tables.memories[key >> tables.shift][node.number]))
        return tried

    def _entry(self, t: int, number: int, node: Node, char: str, tried: bool) -> Entry:
        edge = node.edges.get(char)
        if not tried:
            return Entry(UNTOLD)
        if edge is None:
            return Entry(_broken(self.tables, t, node, char))
        after, _, target = edge
        tree = self._trees.get((t, number, char))
        if target == number and after == char and self._still(tree, (t, number, char)):
            return Entry(CANNOT)
        kind = FINISHES if target == DONE else GOES_ON
        follows = -1 if tree is None or tree == () else self.place(tree)
        return Entry(kind, self.value(node.number, after), self.node(t, target), follows)

    def _still(self, tree: Tree | None, edge: Edge) -> bool:
        """Whether a step that leads back to its own node changes nothing at all."""
        if tree is None or tree == ():
            return True
        seen = {bool(self.tables.deltas[edge[0]][key]) for key in self._keys(edge)}
        if len(seen) > 1:
            raise ExportError("a step that goes round moves a ghost in some memories, and nothing in others")
        return not seen.pop()

    def _keys(self, edge: Edge) -> Iterator[int]:
        """The memories in which a thread was at this edge, with its node."""
        t, number, char = edge
        node = self.tables.automata[t].nodes[number]
        assert node is not None
        for key in self.tables.deltas[t]:
            here = key >> NODE_BITS * t & NODE_MASK
            if here == number and self.tables.memories[key >> self.tables.shift][node.number] == char:
                yield key


def promela(name: str, tables: Tables) -> str:
    """The text for Spin: complete in itself.

    Raises:
        ExportError: the tables have a step that cannot be written.

    """
    export = Export(tables)
    threads = range(len(tables.automata))
    rows = [export.rows(t) for t in threads]
    parts = [
        *_head(name, tables),
        *_variables(export),
        "c_decl { struct sp_entry { int kind, after, target, follows; }; }",
        *(line for t in threads for line in _thread_tables(t, rows[t])),
        *_pieces("sp_trees", "int", [str(word) for word in export.flat] or ["-1"]),
        _step(export),
        *(line for t in threads for line in _process(t, tables.automata[t].start, rows[t], export)),
    ]
    return "\n".join(parts) + "\n"


def _head(name: str, tables: Tables) -> Iterator[str]:
    yield f"/* {name}, {tables.program.release.name}: {len(tables.automata)} threads. Written by spanproof. */"
    yield "/* spin -a FILE && cc -O2 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan -c0 -e -m1000000 */"


def _variables(export: Export) -> Iterator[str]:
    """The state: cells of few values, cells of many, the node of each thread. And two flags that are none of it."""
    wide = len(export.cells) - export.narrow
    for n, place in export.cells.items():
        yield f"/* cell {place}: {export.tables.numbering.names[n]} */"
    yield f"byte v[{max(1, export.narrow)}];"
    if wide:
        yield f"short w[{wide}];"
    yield f"short at[{len(export.tables.automata)}];"
    yield "hidden byte throws, untold;"


def _thread_tables(t: int, rows: list[tuple[int, list[Entry]]]) -> Iterator[str]:
    """Of each node its cell, and its entries; rows that are the same are written once."""
    names: dict[tuple[Entry, ...], str] = {}
    for _, entries in rows:
        key = tuple(entries)
        if key and key not in names:
            names[key] = f"sp_e{t}_{len(names)}"
            words = [f"{{{e.kind},{e.after},{e.target},{e.follows}}}" for e in entries]
            yield _array(names[key], "struct sp_entry ", words)
    yield from _pieces(f"sp_cell{t}", "int", [str(cell) for cell, _ in rows])
    yield from _pieces(f"sp_rows{t}", "struct sp_entry *", [names.get(tuple(entries), "0") for _, entries in rows])


def _array(name: str, of: str, words: list[str]) -> str:
    """One array in C."""
    lines = (",".join(words[i : i + LINE]) for i in range(0, len(words), LINE))
    return f"c_decl {{ static const {of}{name}[] = {{\n" + ",\n".join(lines) + "}; }"


def _pieces(name: str, of: str, words: list[str]) -> Iterator[str]:
    """A long array in pieces, and the array of these."""
    names: list[str] = []
    for i in range(0, len(words), BLOCK):
        names.append(f"{name}_{len(names)}")
        yield _array(names[-1], f"{of}const " if of.endswith("*") else f"{of} ", words[i : i + BLOCK])
    yield _array(name, f"{of}const *const " if of.endswith("*") else f"{of} *const ", names)


def _at(name: str, size: int, index: str) -> str:
    """An element of an array in pieces. Spin takes no call where a guard is, so all of this is one expression."""
    return f"{name}[0][{index}]" if size <= BLOCK else f"{name}[({index}) / {BLOCK}][({index}) % {BLOCK}]"


def _value(export: Export, cell: str) -> str:
    """What a cell holds."""
    if export.narrow == len(export.cells):
        return f"now.v[{cell}]"
    return f"(({cell}) < {export.narrow} ? now.v[{cell}] : now.w[({cell}) - {export.narrow}])"


def _step(export: Export) -> str:
    """The function that takes a step: the ghosts' tree first, as all of it is read from the state before."""
    size = len(export.flat)
    here = _at("sp_trees", size, "i")
    next_ = _at("sp_trees", size, f"i + 1 + {_value(export, here)}")
    cell, value = _at("sp_trees", size, "i + 2 * k - 1"), _at("sp_trees", size, "i + 2 * k")
    wide = "" if export.narrow == len(export.cells) else f" else now.w[cell - {export.narrow}] = value;"
    return f"""c_code {{
static void sp_set(int cell, int value) {{ if (cell < {export.narrow}) now.v[cell] = value;{wide} }}
static void sp_step(const struct sp_entry *entry, int thread, int cell) {{
  int i = entry->follows, k;
  throws = entry->kind == {THROWS};
  untold = entry->kind == {UNTOLD};
  while (i >= 0 && {here} >= 0) i = {next_};
  if (i < 0 && entry->follows >= 0) untold = 1;
  if (throws || untold) return;
  if (i >= 0)
    for (k = -1 - {here}; k > 0; k--) sp_set({cell}, {value});
  sp_set(cell, entry->after);
  now.at[thread] = entry->target;
}}
}}"""


def _process(t: int, start: int, rows: list[tuple[int, list[Entry]]], export: Export) -> Iterator[str]:
    """One thread. Where it stands in this text follows from its node, so that makes no states: it is done, or not."""
    cell = _at(f"sp_cell{t}", len(rows), f"now.at[{t}]")
    entry = f"{_at(f'sp_rows{t}', len(rows), f'now.at[{t}]')}[{_value(export, cell)}]"
    step = f"c_code {{ sp_step(&{entry}, {t}, {cell}); }}; assert(!throws); assert(!untold)"
    kinds = {entry.kind for _, entries in rows for entry in entries}
    yield f"active proctype T{t}() {{"
    if start != DONE:
        yield "  do"
        yield f"  :: d_step {{ c_expr {{ {entry}.kind >= {GOES_ON} }} -> {step} }}"
        if FINISHES in kinds:
            yield f"  :: d_step {{ c_expr {{ {entry}.kind == {FINISHES} }} -> {step} }} -> break"
        if REFUSED in kinds:
            yield f"  :: c_expr {{ {entry}.kind == {REFUSED} }} /* the run has ended, and nobody waits */"
        yield "  od;"
    yield "end_done: false"
    yield "}"
