"""Why a run breaks its claim, from runs: the two accesses whose order matters, and the least change that avoids it.

Steps of one thread are moved over steps of others, or a thread runs on for longer before it is interrupted; the least
move after which the program comes to its end with the claim kept is the change. Where a move of one step less still
breaks the claim, the accesses at its two ends are in conflict, and it is their order that matters.
Read next: ../verdicts.py.
"""

import re
from dataclasses import dataclass, replace

from spanproof.checks.broken import BrokenError, EndlessError
from spanproof.checks.collecting import seldom_collected
from spanproof.checks.exploring.explaining.accesses import Described, Move, described, played
from spanproof.checks.exploring.explaining.avoiding import Avoiding, Flip
from spanproof.checks.exploring.explaining.beside import first_difference
from spanproof.checks.exploring.explaining.board import ENDLESS, NO_END, Board
from spanproof.checks.exploring.explaining.completing import breaks_alone
from spanproof.checks.exploring.explaining.conflicts import decisive, met, too_late
from spanproof.checks.exploring.explaining.differences import Difference
from spanproof.checks.exploring.explaining.sentences import (
    breaks_at,
    kept,
    no_order,
    none_avoids,
    one_sentence,
    order,
    otherwise,
    too_early,
    unordered,
)
from spanproof.checks.exploring.explaining.shrinking import shrunk
from spanproof.checks.exploring.explaining.waiting import Waits, about_to_do, in_words, who_waits
from spanproof.checks.exploring.tables import LimitError
from spanproof.checks.local_state import HiddenStateError
from spanproof.checks.numbering import UnknownCellError
from spanproof.checks.ordering import ORDERED
from spanproof.checks.programs import Program, ProgramError, program_of
from spanproof.checks.record import Access, Record
from spanproof.checks.record import Flip as RecordedFlip
from spanproof.checks.running.machine import HeapError
from spanproof.checks.running.replaying import ScheduleError
from spanproof.checks.subject import REFERENCE, Subject

NOT_RUN = (EndlessError, HeapError, HiddenStateError, LimitError, ProgramError, ScheduleError, UnknownCellError)
"""What a changed schedule may fail with: then it is no way to avoid anything."""


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


def why(record: Record, subject: Subject) -> Why:
    """Why the run of a record breaks its claim.

    Nothing is said of other kinds of records, and of a text that goes round without an access: its detail says all.
    """
    if record.kind != "run" or ENDLESS in record.violated.detail:
        return Why("")
    with seldom_collected():
        try:
            program = program_of(record.program)
            differs = first_difference(record, program, subject.heap_class)
            return _beside(_why(record, program, subject), differs, own=subject.heap != REFERENCE)
        except NOT_RUN:
            return Why("")


def explained(record: Record, subject: Subject) -> Record:
    """The record with the sentence that says why, and with the change that avoids it."""
    found = why(record, subject)
    return replace(record, why=found.sentence, flip=_as_data(found))


def _as_data(found: Why) -> RecordedFlip | None:
    """The pair and the flip as a record keeps them."""
    if found.conflict is None or found.flip is None:
        return None
    first, second = (Access(a.step, a.thread, a.function, a.access, a.cell) for a in found.conflict)
    return RecordedFlip((first, second), found.flip.schedule, found.flip.moved, found.flip.alone)


def small_and_explained(record: Record, subject: Subject) -> Record:
    """What becomes of a counterexample before anybody reads it."""
    return explained(shrunk(record, subject), subject)


def _why(record: Record, program: Program, subject: Subject) -> Why:
    claim = record.violated.claim
    try:
        board = Board(program, subject.heap_class, claim if record.alone else None)
    except BrokenError:
        return Why(no_order(record, program, _last_of(record, [])))
    moves, state = played(board, record.schedule)
    last, done = _last_of(record, moves), len(moves)
    waits = who_waits(board, state, moves) if claim == NO_END else ()
    if len(program.threads) == 1:
        return Why(one_sentence(in_words(waits), no_order(record, program, last)), waits=waits)
    if waits:
        moves += about_to_do(board, state)
    elif claim == ORDERED:
        moves += met(board, state, moves[-1])
    avoiding = Avoiding(program, subject.heap_class, claim)
    found = avoiding.least(board, moves, done)
    if found is None:
        if last is None or breaks_alone(board, last.thread, claim):
            said = no_order(record, program, last)
        else:
            said = none_avoids(avoiding.runs, record.violated, last)
        return Why(one_sentence(in_words(waits), said), waits=waits, runs=avoiding.runs)
    if claim == ORDERED and len(moves) > done:
        pair = described(moves, done - 1), described(moves, done)
        said = unordered(*pair)
    else:
        good = played(found.board, found.flip.schedule)[0]
        late = too_late(moves, good, found.change.last) if len(moves) == done else None
        pair = late or decisive(moves, done, good, found.change.ends)
        said = too_early(pair) if late else order(moves, pair)
    told = waits or last is None or any(access.step == done for access in pair)
    elsewhere = "" if told or last is None else breaks_at(record.violated, last)
    sentence = one_sentence(in_words(waits), said, elsewhere, kept(found.flip.moved, alone=found.flip.alone))
    first, second = (replace(access, step=0 if access.step > done else access.step) for access in pair)
    return Why(sentence, (first, second), found.flip, waits, avoiding.runs)


def _beside(found: Why, differs: Difference | None, *, own: bool) -> Why:
    """The same, and what the reference does in its place.

    Where the order matters that is said of a heap of the user's own, and of a fault if it names another text: a fault
    is known, and in a heap of one's own the order may be only what lets the mistake be seen.
    """
    if differs is None:
        return found
    named = set(re.findall(r"\b(?:in|by) (\w+)", found.sentence))
    if found.flip is not None and differs.text & named and not own:
        return found
    return replace(found, sentence=one_sentence(found.sentence, otherwise(differs)))


def _last_of(record: Record, moves: list[Move]) -> Described | None:
    """The last access of a record, of whose run these are the accesses, if they are known."""
    if moves:
        return described(moves, len(moves) - 1)
    if not record.steps:
        return None
    step = record.steps[-1]
    return Described(len(record.steps), step.thread, step.function, step.access, step.cell)
