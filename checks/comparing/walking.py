"""One example of a campaign: a program tabulated, walked along its schedules, and searched whole if it is small.

Every claim is judged after every step, and the abstract heap takes each step beside the real one (monitor.py).
Read next: campaign.py.
"""

from dataclasses import dataclass, field

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.races import Race, races
from spanproof.checks.exploring.search import deadlock, ended, explore
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.ordering import ORDERED
from spanproof.checks.programs import Program
from spanproof.checks.running.machine import going_round
from spanproof.checks.scenarios import CROSSING, FAILED_CAS, LOST_RACE, REUSE
from spanproof.checks.sentinels import Watching
from spanproof.checks.subject import Subject
from spanproof.checks.workloads import decisions, size

SENTINELS = (FAILED_CAS, CROSSING, REUSE, LOST_RACE)
SCHEDULES_EACH = 72
LONG_TURN = 2_000
"""Steps in a row after which it is looked whether a thread goes round."""
LONG_WALK = 100_000
"""Steps after which a schedule is left, whatever threads do."""
SMALL_SIZE, SMALL_STATES = 6, 3_000
"""Programs up to this size are searched through all interleavings, unless there are more states than this."""


@dataclass(slots=True)
class Counts:
    """What a campaign has done so far."""

    programs: int = 0
    schedules: int = 0
    steps: int = 0
    searched: int = 0
    states: int = 0
    waiting: set[str] = field(default_factory=lambda: set(SENTINELS))

    def add(self, other: "Counts") -> None:
        """Count in what another part has done."""
        self.programs += other.programs
        self.schedules += other.schedules
        self.steps += other.steps
        self.searched += other.searched
        self.states += other.states
        self.waiting &= other.waiting

    def as_json(self) -> dict[str, int]:
        """As results hold it."""
        return {
            "examples": self.programs,
            "schedules": self.schedules,
            "steps": self.steps,
            "searched": self.searched,
            "states": self.states,
        }


class FoundError(Exception):
    """An example broke a claim."""

    def __init__(
        self,
        tables: Tables | None,
        program: Program,
        broken: BrokenError,
        schedule: tuple[int, ...],
        race: Race | None = None,
    ) -> None:
        """Keep what is needed for the record."""
        super().__init__(str(broken))
        self.tables, self.program, self.broken, self.schedule, self.race = tables, program, broken, schedule, race


def walk(tables: Tables, schedule: bytes, k: int, visited: set[int]) -> list[int]:
    """Follow the k-th schedule of a byte string from start to end; the threads that took the steps.

    Raises:
        BrokenError: a claim breaks; its attribute `schedule` is the way there.

    """
    state, taken = tables.start, list[int]()
    threads = range(len(tables.masks))
    rounds = set[int]()  # threads that go round, and wait for what another does
    for pick, steps in decisions(schedule, k):
        able = [t for t in threads if _delta(tables, t, state, taken)]
        if not able:
            break
        if rounds.issuperset(able):
            if len(able) > 1:
                return taken  # for ever, each waiting for the others: no run shows that it has no end
            raise _with(BrokenError("no_deadlock", going_round(able[0])), taken)
        able = [t for t in able if t not in rounds]
        t, memory = able[pick % len(able)], state >> tables.shift
        state, goes_round = _turn(tables, t, state, steps, taken, visited)
        if state >> tables.shift != memory:
            rounds.clear()
        if goes_round:
            rounds.add(t)
        if len(taken) > LONG_WALK:
            return taken
    if state & tables.node_mask and not ended(tables, state):
        raise _with(BrokenError("no_deadlock", deadlock(tables, state)), taken)
    return taken


def _turn(
    tables: Tables, t: int, state: int, steps: int, taken: list[int], visited: set[int]
) -> tuple[int, bool]:  # fmt: skip
    """So many steps of a thread, or fewer: the state then, and whether the thread has come back to one it was in."""
    mask, delta, turn = tables.masks[t], tables.deltas[t], set[int]()
    for n in range(steps):
        if n >= LONG_TURN:
            if state in turn:
                return state, True
            turn.add(state)
        visited.add(state)
        step = delta.get(state & mask)
        if step is None:
            step = _delta(tables, t, state, taken)
        if not step:
            break
        state += step
        taken.append(t)
    return state, False


def _with(broken: BrokenError, taken: list[int]) -> BrokenError:
    broken.schedule = tuple(taken)
    return broken


def _delta(tables: Tables, t: int, state: int, taken: list[int]) -> int:
    key = state & tables.masks[t]
    delta = tables.deltas[t].get(key)
    if delta is None:
        try:
            delta = tables.expand(t, key)
        except BrokenError as broken:
            raise _with(broken, [*taken, t]) from None
    return delta


def try_example(program: Program, schedule: bytes, subject: Subject, counts: Counts) -> None:
    """Run one example: its schedules, and all interleavings if it is small.

    Raises:
        FoundError: a claim breaks.

    """
    watching = Watching(counts.waiting, program.geometry)
    try:
        tables = Tables(
            program,
            subject.heap_class,
            witness=lambda node, before, events: watching.see(node.access, node.function, before, events),
        )
    except BrokenError as broken:
        raise FoundError(None, program, broken, ()) from None
    counts.programs += 1
    visited: set[int] = set()
    try:
        for k in range(SCHEDULES_EACH):
            counts.steps += len(walk(tables, schedule, k, visited))
            counts.schedules += 1
    except BrokenError as broken:
        raise FoundError(tables, program, broken, broken.schedule) from None
    _search_if_small(tables, program, counts)
    _judge_order(tables, program, visited)
    counts.waiting &= set(watching.silent)


def _search_if_small(tables: Tables, program: Program, counts: Counts) -> None:
    if size(program) > SMALL_SIZE:
        return
    found = explore(tables, hurry=lambda states: "enough" if states > SMALL_STATES else None)
    if found.broken is not None:
        raise FoundError(tables, program, found.broken, found.schedule)
    counts.searched += not found.reason
    counts.states += found.states


def _judge_order(tables: Tables, program: Program, visited: set[int]) -> None:
    race = next((race for race in races(tables, visited) if race.declared is None), None)
    if race is not None:
        raise FoundError(tables, program, BrokenError(ORDERED, race.says), (), race)
