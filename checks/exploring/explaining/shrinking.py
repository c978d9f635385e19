"""Counterexamples made smaller: fewest context switches, then fewest steps, then the smallest program.

A smaller program is tried where a thread, an operation or a part of one is left out, or where one thread does what two
did. It is taken if the same claim still breaks, at no greater cost. What a program costs is searched for exactly on its
tables; where that is too far, the schedule at hand is followed as near as can be. All bounds are counts and not times,
so the same record always shrinks to the same one. Read next: accesses.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import groupby
from typing import Any

from spanproof.checks.broken import BrokenError, EndlessError
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.exploring.explaining.board import ENDLESS, NO_END, Board, Cost, least
from spanproof.checks.exploring.tables import LimitError
from spanproof.checks.local_state import HiddenStateError
from spanproof.checks.numbering import UnknownCellError
from spanproof.checks.programs import ALLOCATING, SWITCHES, Op, Program, ProgramError, Thread, program_of
from spanproof.checks.record import Record
from spanproof.checks.running.machine import HeapError
from spanproof.checks.running.replaying import ScheduleError, record_of, run
from spanproof.checks.subject import Subject
from spanproof.impl.malloc import Runtime

PLACES = 15_000
"""Places that one search looks at."""
LONGEST_WAY = 5_000
"""Steps after which a schedule that is followed is given up."""
MOST_PROGRAMS = 60
"""Programs tried for one record."""
MOST_PLACES = 30_000
"""Places that all searches for one record may look at."""
NOT_TRIED = (EndlessError, HeapError, HiddenStateError, LimitError, ProgramError, ScheduleError, UnknownCellError)
"""What a smaller program may fail with: then it is not taken."""
Size = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A program with the way in which it breaks the claim."""

    program: Program
    schedule: tuple[int, ...]
    steps: int

    @property
    def key(self) -> tuple[Cost, Size]:
        """What is made small, the first first."""
        return (_switches(self.schedule), self.steps), size_of(self.program)


def _switches(schedule: tuple[int, ...]) -> int:
    return sum(1 for _ in groupby(schedule)) - 1 if schedule else 0


def size_of(program: Program) -> Size:
    """How large a program is: its threads, their operations, their pasts, then the sizes of the operations."""
    ops = [op for thread in program.threads for op in thread.ops]
    past = [op for thread in program.threads for op in thread.before]
    unusual = sum(getattr(program, name) != usual for name, usual in _USUAL.items())
    return len(program.threads), len(ops), len(past), sum(map(_amount, ops)) + sum(map(_amount, past)), unusual


_USUAL = {f.name: f.default for f in fields(Program) if f.name in SWITCHES}
_AMOUNTS = {"npages": 1, "page": 0}
"""Arguments that say how much, and the least of each."""


def _amount(op: Op) -> int:
    return sum(getattr(op, f.name) for f in fields(op) if f.name in _AMOUNTS)


class _Trying:
    """One record's shrinking: what may still be spent, and what a program comes to."""

    def __init__(self, record: Record, heap_class: type[Runtime]) -> None:
        self.claim = record.violated.claim
        self.only = self.claim if record.alone else None
        self.heap_class = heap_class
        self.programs, self.places = MOST_PROGRAMS, MOST_PLACES

    def better(self, program: Program, than: Shrunk) -> Shrunk | None:
        """The cheapest way in which a program breaks the claim, if that is better than what is known."""
        (switches, steps), size = than.key
        most = (switches, steps if size_of(program) < size else steps - 1)
        try:
            if not than.schedule:
                return self._broken_before(program, than)
            board = Board(program, self.heap_class, self.only)
            found = least(board, self.claim, most, min(PLACES, self.places))
            self.places -= found.places
            self.programs = 0 if board.endless else self.programs
            schedule = found.schedule
            if schedule is None and not found.exact and program != than.program:
                schedule = followed(board, self.claim, turns_on(self._turns(than), than.program, program))
        except EndlessError:
            self.programs = 0
            return None
        except (BrokenError, *NOT_TRIED):
            return None
        if schedule is None:
            return None
        better = Shrunk(program, schedule, len(schedule))
        return better if better.key < than.key else None

    def _broken_before(self, program: Program, than: Shrunk) -> Shrunk | None:
        """A program that breaks the claim before any schedule begins."""
        try:
            Board(program, self.heap_class, self.only)
        except BrokenError:
            ran = run(program, self.heap_class, (), self.only)
        else:
            return None  # a run of no steps takes some, to see whether it is at its end, and those may break it
        if ran.broken is None or ran.broken.claim != self.claim:
            return None
        better = Shrunk(program, (), len(ran.steps))
        return better if better.key < than.key else None

    def _turns(self, known: Shrunk) -> "list[Turn]":
        """The turns of what is known."""
        return turns_of(Board(known.program, self.heap_class, self.only), known.schedule)


@dataclass(frozen=True, slots=True)
class Turn:
    """Steps of one thread in a row, and where it is interrupted: at which access, after how many like it."""

    thread: int
    stop: tuple[str, str, str] | None
    """Function, kind and cell of the access; None for the last turn, and where the thread cannot go on."""
    passed: int


def turns_of(board: Board, schedule: tuple[int, ...]) -> list[Turn]:
    """A schedule as turns."""
    turns: list[Turn] = []
    state = board.start
    for t, steps in ((t, len(list(steps))) for t, steps in groupby(schedule)):
        seen: list[tuple[str, str, str] | None] = []
        for _ in range(steps):
            seen.append(_pending(board, state, t))
            there = board.step(state, t)
            if isinstance(there, BrokenError):
                return [*turns, Turn(t, None, 0)]
            state = there
        stop = _pending(board, state, t)
        turns.append(Turn(t, stop, seen.count(stop)))
    return turns


def turns_on(turns: list[Turn], known: Program, smaller: Program) -> list[Turn]:
    """The turns as a smaller program's threads take them: without those of a thread that it has not."""
    now = _numbers(known.threads, smaller.threads)
    return [replace(turn, thread=now[turn.thread]) for turn in turns if turn.thread in now]


def _numbers(known: tuple[Thread, ...], left: tuple[Thread, ...]) -> dict[int, int]:
    """The numbers of threads where one fewer is left, which may do what the one that is gone did."""
    if len(left) == len(known):
        return {t: t for t in range(len(known))}

    def others(gone: int) -> list[int]:
        """The places of threads that do something else now, if this one is gone."""
        return [n for n, thread in enumerate(known[:gone] + known[gone + 1 :]) if thread != left[n]]

    gone = min(range(len(known)), key=lambda n: len(others(n)))
    now = {t: t - (t > gone) for t in range(len(known)) if t != gone}
    heirs = others(gone)
    return now | {gone: heirs[0]} if heirs else now


def _pending(board: Board, state: int, t: int) -> tuple[str, str, str] | None:
    node = board.tables.nodes_of(state)[t]
    return None if node is None else (node.function, node.access.kind, node.access.cell.name)


def followed(board: Board, claim: str, turns: list[Turn]) -> tuple[int, ...] | None:
    """The schedule of these turns, as near as can be, if it breaks the claim; its last thread runs on.

    Where there is less to do, an access may come at once that others like it came before.
    """
    found = _followed(board, claim, turns)
    return _followed(board, claim, [replace(turn, passed=0) for turn in turns]) if found is None else found


def _followed(board: Board, claim: str, turns: list[Turn]) -> tuple[int, ...] | None:
    state, taken = board.start, list[int]()
    for turn in turns:
        left = turn.passed
        last = turn is turns[-1]
        while len(taken) < LONGEST_WAY:
            if not last and _pending(board, state, turn.thread) == turn.stop:
                if left == 0:
                    break
                left -= 1
            there = board.step(state, turn.thread)
            if there == state:
                break
            taken.append(turn.thread)
            if isinstance(there, BrokenError):
                return tuple(taken) if there.claim == claim else None
            state = there
            if last and claim == NO_END and board.no_end(state):
                going = board.able(state)
                return (*taken, *going)
    return None


def shrunk(record: Record, subject: Subject) -> Record:
    """The record, or a smaller one of the same claim.

    Other kinds than runs are left as they are, and runs that end in a text without an end: each try takes a second.
    """
    if record.kind != "run" or ENDLESS in record.violated.detail:
        return record
    try:
        program = program_of(record.program)
    except ProgramError:
        return record  # it has operations of a user's own, which a record only names
    trying = _Trying(record, subject.heap_class)
    found = Shrunk(program, record.schedule, len(record.steps))
    with seldom_collected():
        found = trying.better(program, found) or found
        found = _smaller(found, trying)
        only = record.violated.claim if record.alone else None
        small = record_of(
            record.name, found.program, subject.heap_class, found.schedule, record.heap, record.fault, only
        )
    same = small is not None and small.violated.claim == record.violated.claim
    return small if small is not None and same else record


def _smaller(found: Shrunk, trying: _Trying) -> Shrunk:
    """Take smaller programs, pass after pass, until none is better or all that may be tried is."""
    tried = {found.program}
    again = True
    while again:
        again = False
        for change in CHANGES:
            place = 0
            while trying.programs > 0 and trying.places > 0:
                candidate = next((p for n, p in enumerate(change(found.program)) if n >= place), None)
                if candidate is None:
                    break
                better = None
                if candidate not in tried:
                    tried.add(candidate)
                    trying.programs -= 1
                    better = trying.better(candidate, found)
                if better is None:
                    place += 1
                else:
                    found, again = better, True
    return found


def _programs(program: Program, threads: tuple[Thread, ...]) -> Iterator[Program]:
    """The program with other threads, if that is one."""
    try:
        yield replace(program, threads=threads)
    except ProgramError:
        return


def _fewer_threads(program: Program) -> Iterator[Program]:
    threads = program.threads
    for n in range(len(threads)):
        if len(threads) > 1:
            yield from _programs(program, threads[:n] + threads[n + 1 :])


def _one_for_two(program: Program) -> Iterator[Program]:
    """One thread does first what it did, then what another did."""
    threads = program.threads
    for n, first in enumerate(threads):
        for m, second in enumerate(threads):
            if n != m:
                joined = _joined(first, second)
                kept = [joined if k == n else thread for k, thread in enumerate(threads) if k != m]
                yield from _programs(program, tuple(kept))


def _joined(first: Thread, second: Thread) -> Thread:
    """One thread with the pasts of both and then the operations of both; each still names the spans that it did."""
    past_of_first, past_of_second = _held(first.before), _held(second.before)
    mine = [_renamed(op, lambda nth: nth + (past_of_second if nth >= past_of_first else 0)) for op in first.ops]
    before = [_renamed(op, lambda nth: nth + past_of_first) for op in second.before]
    ops_of_first = past_of_first + _held(first.ops)
    ops = [
        _renamed(op, lambda nth: nth + (past_of_first if nth < past_of_second else ops_of_first)) for op in second.ops
    ]
    return Thread((*mine, *ops), (*first.before, *before))


def _held(ops: tuple[Op, ...]) -> int:
    """How many places for spans these operations fill."""
    return sum(isinstance(op, ALLOCATING) for op in ops)


def _renamed(op: Op, name: Callable[[int], int]) -> Op:
    """An operation that names a span, with the place where that is now."""
    nth: int | None = getattr(op, "nth", None)
    changed: Any = op
    return op if nth is None else replace(changed, nth=name(nth))


def _fewer_ops(program: Program) -> Iterator[Program]:
    """Without one operation, the last first: of what threads do, then of their pasts."""
    places = [(n, k) for n, thread in enumerate(program.threads) for k in range(len(_every(thread)))]
    past = [len(thread.before) for thread in program.threads]
    for n, k in sorted(places, key=lambda place: (place[1] < past[place[0]], place[0], -place[1])):
        thread = _without(program.threads[n], k)
        yield from _programs(program, (*program.threads[:n], thread, *program.threads[n + 1 :]))


def _every(thread: Thread) -> tuple[Op, ...]:
    return (*thread.before, *thread.ops)


def _without(thread: Thread, k: int) -> Thread:
    """A thread without its k-th operation, and those of the later ones that name its span."""
    every = _every(thread)
    place = _held(every[:k]) if isinstance(every[k], ALLOCATING) else None
    kept: list[tuple[Op, bool]] = []
    for n, op in enumerate(every):
        nth: int | None = getattr(op, "nth", None)
        if n == k or (place is not None and nth == place):
            continue
        moved = place is not None and nth is not None and nth > place
        kept.append((_renamed(op, lambda nth: nth - 1) if moved else op, n < len(thread.before)))
    return Thread(tuple(op for op, past in kept if not past), tuple(op for op, past in kept if past))


def _smaller_ops(program: Program) -> Iterator[Program]:
    """One operation with less of what it takes."""
    for n, thread in enumerate(program.threads):
        every = _every(thread)
        for k, op in enumerate(every):
            for smaller in _less(op):
                changed = (*every[:k], smaller, *every[k + 1 :])
                past = len(thread.before)
                threads = (*program.threads[:n], Thread(changed[past:], changed[:past]), *program.threads[n + 1 :])
                yield from _programs(program, threads)


def _less(op: Op) -> Iterator[Op]:
    changed: Any = op
    for name, lowest in _AMOUNTS.items():
        amount: int = getattr(op, name, lowest)
        for less in sorted({lowest, amount // 2, amount - 1}):
            if lowest <= less < amount:
                yield replace(changed, **{name: less})


def _usual(program: Program) -> Iterator[Program]:
    """With one switch less that is not as it is by default."""
    for name, usual in _USUAL.items():
        if getattr(program, name) != usual:
            changed: Any = program
            try:
                yield replace(changed, **{name: usual})
            except ProgramError:
                continue


CHANGES: tuple[Callable[[Program], Iterator[Program]], ...] = (
    _fewer_threads, _one_for_two, _fewer_ops, _smaller_ops, _usual,
)  # fmt: skip
"""How a program becomes smaller, the largest first."""
