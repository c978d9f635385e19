"""Steps that are runs: an access and those after it that nobody else can tell from it.

Between two scheduling points a thread's accesses may be done at once if no other thread touches, before the thread's
next point, what they touched: then whatever the others do meanwhile they could as well do afterwards. That is assumed
of every access that may be fused, and seen to be true in the states that were reached, or not (overlaps.py): what does
not keep to it becomes a scheduling point, and the search begins again. Read next: overlaps.py.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.cases import Branch, Leaf, changed, found, grown, looked_at
from spanproof.checks.exploring.passing import passed, told
from spanproof.checks.exploring.reducing.alike import Alike, Who, kinds, moved, nodes_in, refuse_naming
from spanproof.checks.exploring.reducing.footprints import Access, Footprint
from spanproof.checks.exploring.reducing.reductions import Reduction
from spanproof.checks.exploring.tables import DONE, NODE_BITS, NODE_MASK, Adopted, Tables, Witness
from spanproof.checks.ordering import writes
from spanproof.checks.programs import Program
from spanproof.impl.malloc import Runtime

Place = tuple[str, int, str]
"""An access of the text: the function, its line, the name of the cell."""


class Runs(Tables):
    """Tables whose steps are runs. At first every access that may be fused is."""

    def __init__(
        self,
        program: Program,
        heap_class: type[Runtime],
        reductions: frozenset[Reduction],
        *,
        only: str | None = None,
        witness: Witness | None = None,
    ) -> None:
        """Let the heap live through its past."""
        self.reductions = reductions
        super().__init__(program, heap_class, only=only, witness=witness)
        threads = range(len(self.automata))
        self.alike = Alike(self) if Reduction.SYMMETRY in reductions and kinds(program) else None
        self._arranged: dict[int, tuple[int, Who, tuple[bool, ...]]] = {}
        """Per memory: the one that is kept for it, what its threads become, and which may change places."""
        self._names_nobody = set[tuple[int, int]]()
        """Nodes whose access does not let the text know a thread by its number."""
        if self.alike is not None:
            self._take_for_one_another(self.alike)
        self.points: set[Place] = set()
        """The accesses of the text that are scheduling points although they might have been fused."""
        self._runs: list[dict[int, Branch | Leaf]] = [{} for _ in threads]
        self._fused: list[set[int]] = [set() for _ in threads]
        """Per thread: the nodes whose accesses were done together with those before them."""
        self.ahead: list[dict[int, Footprint]] = [{} for _ in threads]
        """Per thread and the node where it rests: what the runs from there touch."""
        self.behind: list[dict[int, Footprint]] = [{} for _ in threads]
        """Per thread and the node where it rests: what was fused on the ways to it since the point before."""
        self.waiting = Footprint(looked={self.lock: {DONE}})
        """Of a thread that wants the heap lock and does not get it."""

    def _take_for_one_another(self, alike: Alike) -> None:
        """Let threads of a kind have the same nodes: those of the first."""
        if self.arranged(self.start)[0] != self.start:  # a ghost names one that has begun
            self.alike = None
            return
        for t, first in alike.first.items():
            self.automata[t].nodes = self.automata[first].nodes
        self.kinds = alike.kinds
        self.arrange = lambda state: self.arranged(state)[0]

    def arranged(self, state: int) -> tuple[int, Who]:
        """(the state that is kept for one, what its threads become in it)."""
        alike, memory = self.alike, state >> self.shift
        assert alike is not None
        known = self._arranged.get(memory)
        if known is None:
            row = self.memories[memory]
            who, like = alike.order(row)
            known = self._arranged[memory] = self._number(alike.row(row, who)), who, like
        kept, who, like = known
        nodes = moved(nodes_in(state, len(who)), who)
        then = alike.settled(nodes, like)
        nodes = moved(nodes, then)
        return kept << self.shift | sum(n << NODE_BITS * t for t, n in enumerate(nodes)), tuple(then[t] for t in who)

    def adopt(self, rows: list[str] | Adopted) -> None:
        """Take the memories of a fast walk; their numbers are new."""
        self._arranged.clear()
        super().adopt(rows)

    def _number(self, row: str) -> int:
        """The number of a memory, all that is said of which was judged of one with other names."""
        number = self._numbers_of.get(row)
        return self._put(row) if number is None else number

    def _access(self, t: int, node: int, row: str) -> tuple[Leaf, list[tuple[int, str]]]:
        """(what a single access does, what it looks at)."""
        alike = self.alike
        if alike is None:
            return super().case(t, node, row), super().path(t, node, row)
        first = alike.first.get(t, t)
        if (first, node) not in self._names_nobody:
            pending = self.automata[first].nodes[node]
            assert pending is not None
            refuse_naming(pending.access)
            self._names_nobody.add((first, node))
        if first == t:
            return super().case(t, node, row), super().path(t, node, row)
        swap = alike.swap(first, t)
        there = alike.row(row, swap)
        leaf = super().case(first, node, there)
        return alike.leaf(leaf, swap), [alike.entry(n, char, swap) for n, char in super().path(first, node, there)]

    def case(self, t: int, source: int, row: str) -> Leaf:
        """What a thread's run from a node does in a memory. Raises as Tables.expand."""
        tree = self._runs[t].get(source)
        known = found(tree, row)
        if known is None:
            path, known = self._composed(t, source, row)
            self._runs[t][source] = grown(self._runs[t].get(source), path, known)
        return known

    def path(self, t: int, source: int, row: str) -> list[tuple[int, str]]:
        """What that run looks at."""
        return looked_at(self._runs[t].get(source), row)

    def _composed(self, t: int, source: int, row: str) -> tuple[list[tuple[int, str]], Leaf]:
        """(what it looks at of the memory before it, all that it does)."""
        looked, written, watches = dict[int, str](), dict[int, str](), set[int]()
        target, fused = source, list[Access]()
        ahead = self.ahead[t].setdefault(source, Footprint())
        for access in self.run(t, source, row):
            looked |= {cell: char for cell, char in access.path if cell not in written and cell not in looked}
            if not access.done:
                break
            ahead.add(access)
            if access.leaf.blocked:
                return [*looked.items()], access.leaf
            written |= dict(access.leaf.updates)
            watches |= set(access.leaf.watches)
            target = access.leaf.target
            fused.append(access)
        behind = self.behind[t].setdefault(target, Footprint())
        for access in fused[1:]:
            behind.add(access)
            self._fused[t].add(access.node)
        return [*looked.items()], Leaf(target, tuple(written.items()), tuple(sorted(watches)))

    def run(self, t: int, source: int, row: str) -> Iterator[Access]:
        """The accesses of a run, one after the other, and the one that it stops before. Memories on the way are judged.

        An access that waits, or ends the program, is a run of its own.

        Raises:
            BrokenError, EndlessError: as Tables.expand.

        """
        node, met = source, set[tuple[int, str]]()
        while (node, row) not in met:
            leaf, path = self._access(t, node, row)
            goes_round = not leaf.blocked and (leaf.target, changed(row, leaf)) in met
            done = node == source or (not (leaf.blocked or goes_round) and self._may_fuse(t, node, leaf))
            yield Access(node, row, path, leaf, done, self._writes(t, node, row))
            if leaf.blocked or not done:
                return
            met.add((node, row))
            row = self.judged(row, changed(row, leaf), leaf)
            node = leaf.target
            if node == DONE or self.place(t, node) in self.points:
                return

    def _writes(self, t: int, node: int, row: str) -> int | None:
        """The cell that an access writes, as far as races are concerned."""
        pending = self.automata[t].nodes[node]
        assert pending is not None
        return pending.number if writes(pending.access, self.values[pending.number][row[pending.number]]) else None

    def _may_fuse(self, t: int, node: int, leaf: Leaf) -> bool:
        """Whether an access may be done together with what comes before it."""
        if Reduction.UNSEEN in self.reductions and not leaf.watches:
            return True
        pending = self.automata[t].nodes[node]
        assert pending is not None
        guarded = pending.held and pending.access.cell.guard is not None
        return Reduction.LOCKED in self.reductions and guarded

    def of_all_alike(self, footprints: list[dict[int, Footprint]]) -> list[dict[int, Footprint]]:
        """Per thread and node, what it or one that it is not told apart from has touched: names change on the way."""
        if self.alike is None:
            return footprints
        joined: list[dict[int, Footprint]] = [dict(of) for of in footprints]
        for kind in self.kinds:
            for t in kind:
                joined[t] = {}
                for u in kind:
                    renamed = partial(self.alike.cell, who=self.alike.swap(t, u))
                    for node, footprint in footprints[u].items():
                        joined[t].setdefault(node, Footprint()).join(footprint, renamed)
        return joined

    def told_passed(self) -> str:
        """A report of the accesses that were not scheduling points."""
        nodes = (passed(self.automata[t].nodes[node]) for t, fused in enumerate(self._fused) for node in fused)
        return told(Counter(nodes), "local states")

    def place(self, t: int, node: int) -> Place:
        """The access of the text that is pending at a node."""
        pending = self.automata[t].nodes[node]
        assert pending is not None
        return pending.function, pending.line, pending.access.cell.name

    def begin_again(self, points: set[Place]) -> None:
        """Forget what was reached, and all runs; these accesses are scheduling points from now on."""
        self.points |= points
        for t in range(len(self.automata)):
            self._runs[t].clear()
            self._fused[t].clear()
            self.ahead[t].clear()
            self.behind[t].clear()
        self._arranged.clear()
        self.forget()

    def finely(self, schedule: tuple[int, ...]) -> tuple[int, ...]:
        """A schedule of runs as one of accesses, by threads that are told apart. Its last run may break a claim."""
        return self.followed(schedule)[0]

    def followed(self, schedule: tuple[int, ...]) -> tuple[tuple[int, ...], Who]:
        """(the schedule as one of accesses, per thread of the last state: which one it is)."""
        state, fine, are = self.start, list[int](), tuple(range(len(self.automata)))
        for t in schedule:
            row, source = self.row_of(state), state >> NODE_BITS * t & NODE_MASK
            try:
                fine += [are[t] for access in self.run(t, source, row) if access.done]
            except BrokenError:
                fine += [are[t]] * (self._done_before(t, source, row) + 1)
                break
            key = state & self.masks[t]
            state += self.deltas[t][key] if key in self.deltas[t] else self.expand(t, key)
            if self.alike is not None:
                state, who = self.arranged(state)
                are = tuple(are[who.index(u)] for u in range(len(are)))
        return tuple(fine), are

    def seen_by(self, number: int, value: Any, are: Who) -> tuple[int, Any]:
        """A cell and its value, of a run in which the threads of a state are these, as the state has them."""
        if self.alike is None:
            return number, value
        who = tuple(are.index(t) for t in range(len(are)))
        cell, char = self.alike.entry(number, self.char(number, value), who)
        return cell, self.values[cell][char]

    def _done_before(self, t: int, source: int, row: str) -> int:
        """The accesses of a run before the one that breaks a claim."""
        done = 0
        try:
            for access in self.run(t, source, row):
                done += access.done
        except BrokenError:
            pass
        return done
