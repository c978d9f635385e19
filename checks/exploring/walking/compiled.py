"""The compiled walk: the same states in the same order as the plain search, a hundred nanoseconds each.

What a step does is learned here, path by path, and told to the library; it goes on by itself until it meets what it was
not told. Read next: kernel/walk.c.
"""

import time
from dataclasses import dataclass, field, replace

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.cases import Leaf, changed
from spanproof.checks.exploring.reducing.alike import Alike
from spanproof.checks.exploring.reducing.runs import Runs
from spanproof.checks.exploring.search import Explored, Hurry, deadlock, going_on, show
from spanproof.checks.exploring.tables import ENDED, Adopted, LimitError, Tables
from spanproof.checks.exploring.walking.kernel import calls
from spanproof.checks.exploring.walking.kernel.calls import Calls
from spanproof.checks.exploring.walking.position import Position, TwiceError
from spanproof.checks.exploring.walking.walked import Layout, NarrowError, Walked, as_bytes, layout_of, rounds_in

AT_ONCE = 100_000
"""States between two looks at the clock, where nothing is asked meanwhile."""
OFTEN = 64
"""Questions between two looks at it."""
Told = tuple[int, int, list[tuple[int, str]], Leaf]
"""A thread, its node, what was looked at there, and what the step does."""


@dataclass(slots=True)
class Walk:
    """A program on the library."""

    tables: Tables
    layout: Layout
    told: list[Told]
    """What was learned, also by walks before this one whose fields were too narrow."""
    judged: list[tuple[int, bytes]]
    """Invariants, each with a row of which it holds."""
    position: Position | None = None
    """Where a search of the same tables was stopped."""
    calls: Calls = field(init=False)
    _fields: list[tuple[int, int]] = field(init=False)
    _known: set[Leaf] = field(init=False)

    def __post_init__(self) -> None:
        """Tell the library what is known."""
        tables = self.tables
        self._fields = list(self.layout.fields())
        row, judges = tables.memories[0], [cells for _, cells in tables.monitor.invariants]
        nodes = [automaton.start for automaton in tables.automata]
        deadlock_too = tables.monitor.judges("no_deadlock")
        self.calls = Calls(as_bytes(row), list(self.layout.widths), nodes, judges, deadlock=deadlock_too)
        tables.so_far = self.so_far
        if isinstance(tables, Runs) and tables.alike is not None:
            self._take_for_one_another(tables.alike)
        self._known = {leaf for _, _, _, leaf in self.told}
        for t, node, path, leaf in self.told:
            self._tell(t, node, path, leaf)
        for judge, of in self.judged:
            self.calls.good(judge, of)
        if self.position is not None:
            self._go_to(self.position.laid_out(self.layout))

    def _go_to(self, here: Position) -> None:
        """Go on from there. Raises TwiceError: nobody can have come there."""
        far = here.gone_on_from, here.levels, here.transitions, here.level_states, here.level_transitions
        if not self.calls.restore(here.rows, here.states, here.parents, here.alone, far):
            raise TwiceError("a state or a memory is there twice, or has what no step writes")

    def _tell(self, t: int, node: int, path: list[tuple[int, str]], leaf: Leaf) -> None:
        if leaf.target >> self.layout.widths[t] > 0:
            raise NarrowError(t, leaf.target.bit_length())
        kind = calls.ENDS if leaf is ENDED else calls.BLOCKED if leaf.blocked else calls.MOVES
        self.calls.learn(t, node, path, kind, max(leaf.target, 0), leaf.updates, leaf.watches)

    def _take_for_one_another(self, alike: Alike) -> None:
        number = {t: place for place, kind in enumerate(alike.kinds, 1) for t in kind}
        _, like = alike.order(self.tables.memories[0])
        ties = sum(1 << t for t, is_like in enumerate(like) if is_like)
        threads = range(len(self.layout.widths))
        self.calls.alike([number.get(t, 0) for t in threads], alike.naming, alike.own, ties)

    def answer_name(self) -> None:
        """Say what the library asks of a character."""
        tables = self.tables
        assert isinstance(tables, Runs)
        assert tables.alike is not None
        cell, char, who = self.calls.asked_name()
        if who is None:
            self.calls.tell_names(tables.alike.named(cell, chr(char)))
        else:
            renamed = tables.alike.char(cell, chr(char), who[: len(self.layout.widths)])
            self.calls.tell_renamed(as_bytes(renamed)[0])

    def answer(self, state: int, t: int) -> None:
        """Work out what the library asks: a thread's step from a state.

        Raises:
            BrokenError, EndlessError: as Tables.expand.

        """
        tables, row = self.tables, self.calls.row(state >> self.layout.shift)
        begin, mask = self._fields[t]
        number = state >> begin & mask
        before = row.decode("latin-1")
        leaf = tables.case(t, number, before)
        if not leaf.updates or leaf not in self._known:  # it is asked again where an invariant was not judged yet
            self._known.add(leaf)
            self.told.append((t, number, tables.path(t, number, before), leaf))
            self._tell(*self.told[-1])
        if leaf.updates:
            after = tables.judged(before, changed(before, leaf), leaf)
            new = as_bytes(after)
            for watch in leaf.watches:
                self.judged.append((watch, new))
                self.calls.good(watch, new)

    def reached(self) -> Walked:
        """What was reached; and the tables know its memories."""
        self.tables.adopt(Adopted(self.calls.counts()["memories"], self.calls.rows))
        return self.so_far()

    def so_far(self) -> Walked:
        """The states that were reached. A view, good until it goes on."""
        return Walked(self.layout, self.calls.states(), self.calls.parents(), self.calls.number)


def explore_compiled(tables: Tables, *, hurry: Hurry = going_on, position: Position | None = None) -> Explored:
    """As search.explore, many times faster. The tables must be new, or have learned again what leads to a position.

    Raises:
        NoKernelError: there is no library and no compiler.
        LimitError: the program is too large for the walk.
        EndlessError: as search.explore.

    """
    began, (_, found) = time.perf_counter(), _through(tables, hurry, position)
    return replace(found, seconds=time.perf_counter() - began)


def walked_through(tables: Tables) -> "Walk":
    """The walk at its end: with what it was told, another one needs to ask nothing. Raises as explore_compiled."""
    walk, _ = _through(tables, going_on)
    return walk


def _through(tables: Tables, hurry: Hurry, position: Position | None = None) -> tuple["Walk", Explored]:
    least, told, judged = dict[int, int](), list[Told](), list[tuple[int, bytes]]()
    if position is not None:
        told = [
            (t, node, tables.path(t, node, row), tables.case(t, node, row)) for t, node, row in tables.learned or ()
        ]
    while True:
        try:
            walk = Walk(tables, layout_of(tables, least), told, judged, position)
            return walk, _explored(walk, hurry)
        except NarrowError as e:
            least[e.t] = e.bits  # begin again: what was learned stays


def _explored(walk: Walk, hurry: Hurry) -> Explored:
    """The walk, to its end."""
    tables, asked = walk.tables, 0
    show(hurry, lambda: _ended(walk, "so far"))
    while True:
        code = walk.calls.on(AT_ONCE)
        if code == calls.NAMES:
            walk.answer_name()
            continue
        if code == calls.NEEDS:
            asked += 1
            if asked % OFTEN == 0 and (reason := hurry(walk.calls.counts()["states"])) is not None:
                return _ended(walk, reason)
            state, t = walk.calls.asked()
            try:
                walk.answer(state, t)
            except BrokenError as broken:
                return _broken(walk, broken, (t,))
            continue
        counts = walk.calls.counts()
        if code == calls.DEADLOCK:
            reached = walk.reached()
            said = deadlock(tables, reached.nth(counts["state"]))
            return _broken(walk, BrokenError("no_deadlock", said), ())
        if code == calls.PAUSE:
            reason = hurry(counts["states"])
            if reason is not None:
                return _ended(walk, reason)
        elif code == calls.ENDED_WELL:
            return _ended(walk, "")
        else:
            raise LimitError(f"no memory for more than {counts['states']:,} states")


def _broken(walk: Walk, broken: BrokenError, last: tuple[int, ...]) -> Explored:
    """A claim breaks in the state that the library names."""
    counts, reached = walk.calls.counts(), walk.reached()
    schedule = (*_schedule(walk, counts["state"]), *last)
    states, transitions = counts["level_states"], counts["level_transitions"]
    return Explored(states, transitions, 0, broken, schedule, "", reached, counts["levels"])


def _schedule(walk: Walk, number: int) -> tuple[int, ...]:
    """The schedule by which a state was first reached."""
    states, parents, taken = walk.calls.states(), walk.calls.parents(), list[int]()
    while number:
        before = int(parents[number])
        here, there = int(states[before]), int(states[number])
        taken.append(next(t for t in range(len(walk.layout.widths)) if walk.calls.step(here, t) == there))
        number = before
    return tuple(reversed(taken))


def _ended(walk: Walk, reason: str) -> Explored:
    """All was seen, or it was time to stop."""
    counts = walk.calls.counts()
    reached = walk.reached()
    found = Explored(
        counts["states"], counts["transitions"], 0, None, (), reason, reached,
        counts["levels"], counts["states"] - counts["expanded"] if reason else 0,
        walk.calls.alone() if reason else None, (counts["level_states"], counts["level_transitions"]),
    )  # fmt: skip
    if reason or not walk.tables.monitor.judges("no_deadlock"):
        return found
    return rounds_in(walk.tables, walk.calls.alone(), reached, found)
