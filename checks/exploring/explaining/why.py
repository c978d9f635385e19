"""Why a run breaks its claim, from runs: the two accesses whose order matters, and the least change that avoids it.

Steps of one thread are moved over steps of others, or a thread runs on for longer before it is interrupted; the least
move after which the program comes to its end with the claim kept is the change. Where a move of one step less still
breaks the claim, the accesses at its two ends are in conflict, and it is their order that matters. A run is completed
fairly: thread after thread, each as far as it can go and no longer than a turn. Read next: ../verdicts.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, islice, permutations
from typing import Any

from spanproof.checks.broken import BrokenError, EndlessError
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.exploring.explaining.board import ENDLESS, NO_END, Board
from spanproof.checks.exploring.explaining.shrinking import shrunk
from spanproof.checks.exploring.search import ended
from spanproof.checks.exploring.tables import LimitError
from spanproof.checks.local_state import HiddenStateError
from spanproof.checks.numbering import UnknownCellError
from spanproof.checks.ordering import ORDERED, writes
from spanproof.checks.programs import Program, ProgramError, program_of
from spanproof.checks.record import Record
from spanproof.checks.running.machine import HeapError
from spanproof.checks.running.replaying import ScheduleError, run
from spanproof.checks.subject import Subject
from spanproof.impl.access import ATOMIC, PLAIN

TURN = 200
"""Steps of a thread, after which a fair scheduler lets the next one run."""
LONGEST = 6_000
"""Steps after which a run is taken for one that does not come to its end."""
MOST_RUNS = 600
"""Changes that are run for one record."""
NOT_RUN = (EndlessError, HeapError, HiddenStateError, LimitError, ProgramError, ScheduleError, UnknownCellError)
"""What a changed schedule may fail with: then it is no way to avoid anything."""
MEMORY = ATOMIC | PLAIN
WORDS = {
    "load": "load", "store": "store", "compare_and_swap": "compare-and-swap", "add": "add", "or8": "or", "and8": "and",
    "read": "read", "write": "write", "update": "update", "lock": "locking", "unlock": "unlocking",
    "acquirem": "acquirem", "releasem": "releasem", "stop": "stopping", "start": "starting",
}  # fmt: skip
"""An access of each kind, as a noun."""


@dataclass(frozen=True, slots=True)
class Described:
    """An access of a run: the number of its step in the record, 0 if it comes only after the record's last."""

    step: int
    thread: int
    function: str
    access: str
    cell: str
    operation: str = ""
    """Kind update: the function that says what becomes of the cell."""


@dataclass(frozen=True, slots=True)
class Flip:
    """The least change of the schedule that avoids the violation: the whole run, and what was moved."""

    schedule: tuple[int, ...]
    moved: str
    alone: bool
    """Only this claim is judged: another breaks in the changed run."""


@dataclass(frozen=True, slots=True)
class Waits:
    """A thread that waits: for what, in which function, and who holds it, if one thread does."""

    thread: int
    cell: str
    function: str
    holder: int | None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a claim breaks."""

    sentence: str
    conflict: tuple[Described, Described] | None = None
    """In the order in which they come in the run that breaks the claim."""
    flip: Flip | None = None
    waits: tuple[Waits, ...] = ()
    runs: int = 0
    """Changed schedules that were run to know it."""


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a run on the tables."""

    thread: int
    function: str
    access: str
    cell: str
    number: int
    seen: Any
    """What the cell held."""
    wrote: bool
    operation: str = ""

    @property
    def what(self) -> tuple[int, str, str, str]:
        """The access, without what it found."""
        return self.thread, self.function, self.access, self.cell


@dataclass(frozen=True, slots=True)
class Change:
    """A changed schedule: what must be followed step by step, and what then as near as can be."""

    size: tuple[int, int]
    """How many steps are moved, and over how many."""
    first: tuple[int, ...]
    rest: tuple[int, ...]
    ends: tuple[int, int] | None
    """The numbers of the two accesses whose order is another, as places in the schedule; None if one is not in it."""
    moved: str


def why(record: Record, subject: Subject) -> Why:
    """Why the run of a record breaks its claim.

    Nothing is said of other kinds of records, and of a text that goes round without an access: its detail says all.
    """
    if record.kind != "run" or ENDLESS in record.violated.detail:
        return Why("")
    with seldom_collected():
        try:
            return _why(record, program_of(record.program), subject)
        except NOT_RUN:
            return Why("")


def explained(record: Record, subject: Subject) -> Record:
    """The record with the sentence that says why."""
    return replace(record, why=why(record, subject).sentence)


def small_and_explained(record: Record, subject: Subject) -> Record:
    """What becomes of a counterexample before anybody reads it."""
    return explained(shrunk(record, subject), subject)


def _why(record: Record, program: Program, subject: Subject) -> Why:
    only = record.violated.claim if record.alone else None
    try:
        board = Board(program, subject.heap_class, only)
    except BrokenError:
        return Why(_alone(record, program, _last_of(record, [])))
    moves, state = played(board, record.schedule)
    last = _last_of(record, moves)
    waits = _waits(board, state, moves) if record.violated.claim == NO_END else ()
    if len(program.threads) == 1:
        return Why(_said(_who_waits(waits), _alone(record, program, last)), waits=waits)
    done, race = len(moves), record.violated.claim == ORDERED
    moves += _waiting(board, state) if waits else _met(board, state, moves[-1]) if race else []
    trying = _Trying(record, program, subject, board, moves, done)
    found = trying.least()
    if found is None:
        return Why(_said(_who_waits(waits), trying.unavoidable(last)), waits=waits, runs=trying.runs)
    change, flip, judged = found
    pair = _pair(moves, done, played(judged, flip.schedule)[0], change)
    if race and len(moves) > done:
        pair = _described(moves, done - 1), _described(moves, done)
        said = f"{_whose(pair[0])} and {_whose(pair[1])} meet, and nothing orders them"
    else:
        said = _order(moves, pair)
    breaks = "" if waits or last is None or any(access.step == done for access in pair) else _breaks_at(last)
    sentence = _said(_who_waits(waits), said, breaks, _kept(flip))
    first, second = (replace(access, step=0 if access.step > done else access.step) for access in pair)
    return Why(sentence, (first, second), flip, waits, trying.runs)


def played(board: Board, schedule: tuple[int, ...]) -> tuple[list[Move], int]:
    """The steps of a schedule, the one that breaks a claim included, and the state before it or at the end."""
    state, moves = board.start, list[Move]()
    for t in schedule:
        move = _pending(board, state, t)
        if move is None:
            break
        moves.append(move)
        there = board.step(state, t)
        if isinstance(there, BrokenError):
            break
        state = there
    return moves, state


def _pending(board: Board, state: int, t: int) -> Move | None:
    """What thread t is about to do."""
    node = board.tables.nodes_of(state)[t]
    if node is None:
        return None
    value = board.tables.values[node.number][board.tables.row_of(state)[node.number]]
    access = node.access
    wrote = access.kind not in MEMORY or writes(access, value)
    operation = getattr(access.args[0], "__name__", "") if access.kind == "update" else ""
    return Move(t, node.function, access.kind, str(access.cell), node.number, value, wrote, operation)


def _waiting(board: Board, state: int) -> list[Move]:
    """What those who wait are about to do: a run that never ends is one in which they do it too late."""
    pending = (_pending(board, state, t) for t in board.threads)
    return [replace(move, wrote=True) if move.access == "compare_and_swap" else move for move in pending if move]


def _met(board: Board, state: int, last: Move) -> list[Move]:
    """What another thread is about to do, with nothing to order it with the last access."""
    pending = (_pending(board, state, t) for t in board.threads)
    return [move for move in pending if move is not None and _meets(move, last)][:1]


class _Trying:
    """Runs of one program along changed schedules."""

    def __init__(
        self, record: Record, program: Program, subject: Subject, board: Board, moves: list[Move], done: int
    ) -> None:
        """moves: those of the record, then those that threads are about to do; done: how many are of the record."""
        self.record, self.program, self.subject, self.board = record, program, subject, board
        self.moves, self.done = moves, done
        self.claim = record.violated.claim
        self.runs = 0

    def least(self) -> tuple[Change, Flip, Board] | None:
        """The least change after which nothing breaks, else the least after which the claim itself does not."""
        changes = list(islice(self._changes(), MOST_RUNS))
        boards = [self.board]
        if not self.record.alone:
            boards.append(Board(self.program, self.subject.heap_class, self.claim))
        for board in boards:
            only = board.tables.monitor.only
            for change in changes:
                self.runs += 1
                schedule = completed(board, change)
                if schedule is not None and self._is_kept(schedule, only):
                    alone = only is not None and not self.record.alone
                    return change, Flip(schedule, change.moved, alone), board
        return None

    def _is_kept(self, schedule: tuple[int, ...], only: str | None) -> bool:
        """Whether a run, done again step by step, keeps the claim."""
        return run(self.program, self.subject.heap_class, schedule, only).broken is None

    def _changes(self) -> Iterator[Change]:
        """Changed schedules, those that move the fewest steps first; last of all one thread after the other."""
        schedule = tuple(move.thread for move in self.moves)
        found = [*self._swaps(schedule), *self._longer(schedule)]
        yield from sorted(found, key=lambda change: change.size)
        for order in permutations(self.board.threads):
            said = f"one thread after the other ({', '.join(f'T{t}' for t in order)})"
            yield Change((len(schedule), 0), (), tuple(t for t in order for _ in range(LONGEST)), None, said)

    def _swaps(self, schedule: tuple[int, ...]) -> Iterator[Change]:
        """Each pair of accesses in conflict the other way round, with the least of the steps that go with them."""
        seen: set[tuple[int, ...]] = set()
        for i, j in _conflicts(self.moves, self.done):
            t, u = schedule[i], schedule[j]
            between = schedule[i : j + 1]
            mine, others = tuple(v for v in between if v == u), tuple(v for v in between if v != u)
            late, early = tuple(v for v in between if v == t), tuple(v for v in between if v != t)
            ways = (
                (mine, mine, others, f"T{u} moved before {self._place(i)}"),
                (late, early, late, f"T{t} moved after {self._place(j)}"),
            )
            for moved, before, after, where in ways:
                first = (*schedule[:i], *before)
                if (*first, *after) in seen:
                    continue
                seen.add((*first, *after))
                said = f"{_steps(len(moved))} of {where}"
                yield Change((len(moved), len(between) - len(moved)), first, (*after, *schedule[j + 1 :]), (i, j), said)

    def _longer(self, schedule: tuple[int, ...]) -> Iterator[Change]:
        """Each thread interrupted later, by one step, by two, and so on."""
        place = 0
        for t, steps in ((t, len(list(steps))) for t, steps in groupby(schedule)):
            place += steps
            if place == len(schedule):
                return
            rest = schedule[place:]
            for more in range(1, TURN):
                if not _can(self.board, (*schedule[:place], *(t for _ in range(more)))):
                    break
                said = f"T{t} running on for {_steps(more)} after {self._place(place - 1)}"
                yield Change((more, len(rest)), (*schedule[:place], *(t for _ in range(more))), rest, None, said)

    def _place(self, n: int) -> str:
        """One of the accesses, with the number of its step if it is one of the record's."""
        access = _whose(_described(self.moves, n))
        return f"step {n + 1} ({access})" if n < self.done else access

    def unavoidable(self, last: Described | None) -> str:
        """What is said where no change avoids it. last: the record's last access."""
        if last is None or _breaks(self.board, last.thread, self.claim):
            return _alone(self.record, self.program, last)
        return f"none of {self.runs} changed orders avoids it; {_breaks_at(last)}"


def _conflicts(moves: list[Move], done: int) -> Iterator[tuple[int, int]]:
    """Places of accesses of different threads to one cell, one of which writes; of a lock, whole holdings of it.

    done: so many accesses were done; of the others, that threads wait to do, the lock itself is what they come to.
    """
    for i, a in enumerate(moves):
        for j in range(i + 1, len(moves)):
            b = moves[j]
            if not _meets(a, b):
                continue
            waits = j >= done and a.access == b.access == "lock"
            if waits or (a.access in MEMORY and b.access in MEMORY) or (a.access, b.access) in (
                ("lock", "unlock"), ("acquirem", "start"), ("stop", "releasem"),
            ):  # fmt: skip
                yield i, j


def _can(board: Board, schedule: tuple[int, ...]) -> bool:
    """Whether each step can be taken, and breaks nothing."""
    return _followed(board, schedule) is not None


def _followed(board: Board, schedule: tuple[int, ...]) -> int | None:
    """The state after these steps; None if one cannot be taken, or breaks something."""
    state = board.start
    for t in schedule:
        there = board.step(state, t)
        if there == state or isinstance(there, BrokenError):
            return None
        state = there
    return state


def completed(board: Board, change: Change) -> tuple[int, ...] | None:
    """The whole run of a change, up to the end of all threads; None if it cannot be done or breaks a claim."""
    state = _followed(board, change.first)
    if state is None:
        return None
    ran = _ran(board, state, change.rest)
    return None if isinstance(ran, BrokenError) else (*change.first, *ran)


def _breaks(board: Board, thread: int, claim: str) -> bool:
    """Whether a thread breaks the claim when no other one takes a step."""
    ran = _ran(board, board.start, (thread,) * LONGEST, fair=False)
    return isinstance(ran, BrokenError) and ran.claim == claim


def _ran(board: Board, state: int, rest: tuple[int, ...], *, fair: bool = True) -> list[int] | BrokenError:
    """The steps of a schedule that can be taken, then turn by turn to the end."""
    taken: list[int] = []
    stuck = -1
    turns = ((t, len(list(steps))) for t, steps in groupby(rest))
    for t, steps in turns:
        ran = _turn(board, state, t, steps, taken)
        if isinstance(ran, BrokenError):
            return ran
        state = ran
    while fair and board.able(state) and len(taken) < LONGEST and stuck != state:
        stuck = state
        for t in board.threads:
            ran = _turn(board, state, t, TURN, taken)
            if isinstance(ran, BrokenError):
                return ran
            state = ran
    said = board.no_end(state)
    unfinished = fair and bool(state & board.tables.node_mask) and not ended(board.tables, state)
    return BrokenError(NO_END, said) if said or unfinished else taken


def _turn(board: Board, state: int, t: int, steps: int, taken: list[int]) -> int | BrokenError:
    """At most so many steps of a thread: the state then."""
    for _ in range(steps):
        there = board.step(state, t)
        if there == state or isinstance(there, BrokenError):
            return there
        state = there
        taken.append(t)
    return state


def _meets(a: Move, b: Move) -> bool:
    return a.number == b.number and a.thread != b.thread and (a.wrote or b.wrote)


def _pair(bad: list[Move], done: int, good: list[Move], change: Change) -> tuple[Described, Described]:
    """The two accesses whose order matters: where the runs first show the violating thread something else.

    Where they show it the same up to its last step, they are the two ends of what was moved. done: how many accesses
    of the bad run were done; threads wait to do the others.
    """
    victims = [move.thread for move in bad[done:]] or [bad[-1].thread]
    for victim in victims:
        found = _first_difference(bad, good, victim)
        if found is not None:
            return found
    if change.ends is not None:
        i, j = change.ends
        return _described(bad, i), _described(bad, j)
    return _late(bad, good)


def _first_difference(bad: list[Move], good: list[Move], victim: int) -> tuple[Described, Described] | None:
    """The first access of a thread that finds another value, with the write of another thread that it depends on."""
    mine = [(n, m) for n, m in enumerate(bad) if m.thread == victim]
    theirs = [(n, m) for n, m in enumerate(good) if m.thread == victim]
    for (n, a), (m, b) in zip(mine, theirs, strict=False):
        if a.what != b.what:
            return None
        if a.seen == b.seen or a.access not in MEMORY:
            continue
        written = [k for k, w in enumerate(bad[:n]) if w.number == a.number and w.thread != victim and w.wrote]
        later = [k for k, w in enumerate(bad) if k > n and w.number == a.number and w.thread != victim and w.wrote]
        if written and not _same_write(bad, written[-1], good, m):
            return _described(bad, written[-1]), _described(bad, n)
        if later:
            return _described(bad, n), _described(bad, later[0])
        undone = [w for w in good[:m] if w.number == a.number and w.thread != victim and w.wrote]
        if undone:
            return _described(bad, n), _not_done(undone[-1])
        if written:
            return _described(bad, written[-1]), _described(bad, n)
    return None


def _same_write(bad: list[Move], k: int, good: list[Move], m: int) -> bool:
    """Whether the write is the last one before the access in the other run too."""
    before = [w for w in good[:m] if w.number == bad[k].number and w.wrote]
    return bool(before) and before[-1].what == bad[k].what


def _late(bad: list[Move], good: list[Move]) -> tuple[Described, Described]:
    """The last access of the run, or the last before it, to a cell that another thread writes only later."""
    done = {t: sum(m.thread == t for m in bad) for t in {m.thread for m in good}}
    left: list[Move] = []
    for move in good:
        done[move.thread] -= 1
        if done[move.thread] < 0:
            left.append(move)
    for n in range(len(bad) - 1, -1, -1):
        a = bad[n]
        for w in left:
            if w.number == a.number and w.thread != a.thread and w.access in MEMORY and (w.wrote or a.wrote):
                return _described(bad, n), _not_done(w)
    others = [n for n, m in enumerate(bad) if m.thread != bad[-1].thread]
    return _described(bad, others[-1]), _described(bad, len(bad) - 1)


def _described(moves: list[Move], n: int) -> Described:
    move = moves[n]
    return Described(n + 1, move.thread, move.function, move.access, move.cell, move.operation)


def _not_done(move: Move) -> Described:
    return Described(0, move.thread, move.function, move.access, move.cell, move.operation)


def _order(moves: list[Move], pair: tuple[Described, Described]) -> str:
    """The order of the two accesses in words: one between two of the other thread's, or before it."""
    first, second = pair
    again = _next(moves, first, second.step)
    if again is not None and second.step:
        return f"{_whose(second)} comes between {_whose(first)} and its {_after(first, again)}"
    before = _last(moves, second, first.step) if second.step else None
    if before is not None:
        return f"{_whose(first)} comes between {_whose(before)} and its {_after(before, second)}"
    return f"{_whose(first)} comes before {_whose(second)}"


def _next(moves: list[Move], access: Described, after: int) -> Described | None:
    """The next access of the same thread to the same cell, after a step."""
    return next((_described(moves, n) for n in range(after, len(moves)) if _is_of(moves[n], access)), None)


def _last(moves: list[Move], access: Described, before: int) -> Described | None:
    """The last access of the same thread to the same cell, before a step."""
    places = (n for n in range(before - 2, -1, -1) if _is_of(moves[n], access))
    return next((_described(moves, n) for n in places), None)


def _is_of(move: Move, access: Described) -> bool:
    return (move.thread, move.cell) == (access.thread, access.cell)


def _whose(access: Described) -> str:
    return f"T{access.thread}'s {_what(access)}"


def _after(first: Described, again: Described) -> str:
    """The later access of two to one cell by one thread."""
    word = WORDS[again.access] + (f" by {again.operation}" if again.operation else "")
    return word if again.function == first.function else f"{word} in {again.function}"


def _what(access: Described) -> str:
    """An access with its cell and its function: load of zeroedBase[1] in alloc_needs_zero."""
    by = f" by {access.operation}" if access.operation else ""
    return f"{WORDS[access.access]} of {access.cell}{by} in {access.function}"


def _kept(flip: Flip) -> str:
    """What holds after the change."""
    return f"with {flip.moved}, " + ("this claim holds" if flip.alone else "nothing breaks")


def _steps(number: int) -> str:
    return f"{number} step" if number == 1 else f"{number} steps"


def _breaks_at(last: Described) -> str:
    return f"the claim breaks at {_whose(last)}"


def _last_of(record: Record, moves: list[Move]) -> Described | None:
    """The last access of a record, of whose run these are the accesses, if they are known."""
    if moves:
        return _described(moves, len(moves) - 1)
    if not record.steps:
        return None
    step = record.steps[-1]
    return Described(len(record.steps), step.thread, step.function, step.access, step.cell)


def _alone(record: Record, program: Program, last: Described | None) -> str:
    """What is said where one thread is enough."""
    if last is None:
        return "no order of the threads avoids it: it breaks before the first access"
    before = ", before the program begins" if not record.schedule else ""
    who = "there is no other thread, and " if len(program.threads) == 1 else ""
    said = f"no order of the threads avoids it: {who}T{last.thread} alone breaks it{before}"
    return f"{said}, with its {_what(last)}"


def _waits(board: Board, state: int, moves: list[Move]) -> tuple[Waits, ...]:
    """Who waits for what, and who holds it."""
    waits: list[Waits] = []
    for t, node in enumerate(board.tables.nodes_of(state)):
        if node is not None:
            value = board.tables.values[node.number][board.tables.row_of(state)[node.number]]
            waits.append(Waits(t, str(node.access.cell), node.function, _holder(node.access.kind, value, moves)))
    return tuple(waits)


def _holder(kind: str, value: Any, moves: list[Move]) -> int | None:
    """The thread that holds a lock, or has stopped the world."""
    if kind == "lock":
        return int(value) - 1
    if kind == "acquirem":
        return next((move.thread for move in reversed(moves) if move.access == "stop"), None)
    return None


def _who_waits(waits: tuple[Waits, ...]) -> str:
    said: list[str] = []
    for wait in waits:
        held = (
            "" if wait.holder is None else f", which {'it' if wait.holder == wait.thread else f'T{wait.holder}'} holds"
        )
        said.append(f"T{wait.thread} waits for {wait.cell} in {wait.function}{held}")
    return "; ".join(said)


def _said(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
