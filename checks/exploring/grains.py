"""Where threads may be switched: before every access, or at fewer places, so that larger programs come within reach.

A coarser grain fuses: a thread that is scheduled runs on until its next scheduling point, unless it has to wait. What
it finds is real, as every fused run is a run; what it misses is not gone, so the accesses that were not scheduling
points are named. Read next: search.py.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from spanproof.checks.exploring.passing import Passed, passed, told
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, Automaton, Node, Tables, Witness
from spanproof.checks.observe import advance
from spanproof.checks.programs import Program
from spanproof.impl.access import ATOMIC, PLAIN
from spanproof.impl.malloc import Runtime


class Grain(StrEnum):
    """Which accesses are scheduling points: another thread may go on before them.

    access: all of them.
    lock: those of locks and of the world (lock, unlock, acquirem, releasem, stop, start), and atomic accesses to words
        that no lock guards. Not plain reads and writes, nor what the heap lock guards.
    call: the first access of each operation of a thread's program: MallocLarge, FreeManual, Sweep, ...

    Under each of them a thread that has to wait lets others go on, one that has ended too, and where a thread comes
    back to where it was before it has met a scheduling point, each access of that round is one.
    """

    ACCESS = "access"
    LOCK = "lock"
    CALL = "call"


SAYS = {
    Grain.ACCESS: "scheduling points at every access",
    Grain.LOCK: "scheduling points only at locks and atomics",
    Grain.CALL: "scheduling points only between operations",
}


class Fused(Tables):
    """Tables whose steps are runs of accesses, from one scheduling point to the next."""

    def __init__(
        self,
        program: Program,
        heap_class: type[Runtime],
        grain: Grain,
        *,
        only: str | None = None,
        witness: Witness | None = None,
    ) -> None:
        """Fuse the steps of a program's threads."""
        super().__init__(program, heap_class, only=only, witness=witness)
        self.grain = grain
        self._single: list[dict[int, int]] = [{} for _ in self.masks]
        self._accesses: list[dict[int, int]] = [{} for _ in self.masks]
        """Per thread: memory and node -> how many accesses the step from there has."""
        self._passed_by: dict[tuple[int, int], Passed] = {}
        self._known_operations: dict[tuple[int, int], int] = {}

    def expand(self, t: int, key: int) -> int:
        """Fill in `deltas[t][key]`: where thread t comes from there, up to its next scheduling point.

        Raises:
            BrokenError: an access on the way breaks a claim; nothing is filled in.
            EndlessError: one goes on for ever, and that claim is not judged.

        """
        after, length = self._until_point(t, key)
        self._accesses[t][key] = length
        self.deltas[t][key] = after - key
        return after - key

    def _until_point(self, t: int, key: int) -> tuple[int, int]:
        """Run thread t from its pending access to its next scheduling point: where that is, after how many accesses."""
        met = {key: 0}
        """Where it came by, and after how many accesses."""
        after = here = key
        while here == key or not self._is_point(t, met, here):
            self._accesses[t][key] = len(met)  # what it is if this access breaks a claim
            after = here + self._one(t, here)
            if after in met:  # it has to wait, or goes round
                break
            met[after] = len(met)
            here = after
        if after == key and len(met) > 1:
            return key + self._single[t][key], 1
        self._passed_by |= {(t, k): passed(self._stands_at(t, k)) for k in met if k not in {key, after}}
        return after, met[after]

    def _one(self, t: int, key: int) -> int:
        """What one access adds."""
        fine = self._single[t]
        step = fine.get(key)
        if step is None:
            step = fine[key] = super().expand(t, key)
            del self.deltas[t][key]  # there it must be a whole run
        return step

    def _stands_at(self, t: int, key: int) -> Node | None:
        return self.automata[t].nodes[key >> NODE_BITS * t & NODE_MASK]

    def _is_point(self, t: int, met: Iterable[int], key: int) -> bool:
        """Whether the access at which thread t has arrived, from the first of `met`, is one; its end always is."""
        node = self._stands_at(t, key)
        if node is None or self.grain is Grain.ACCESS:
            return True
        if self.grain is Grain.CALL:
            return self._operation_at(t, next(iter(met))) != self._operation_at(t, key)
        access = node.access
        return access.kind not in PLAIN and (access.kind not in ATOMIC or access.cell.guard is None)

    def _operation_at(self, t: int, key: int) -> int:
        """Which operation of its program thread t is in."""
        place = t, key >> NODE_BITS * t & NODE_MASK
        known = self._known_operations.get(place)
        if known is None:
            node = self._stands_at(t, key)
            assert node is not None, "a thread that is done is in no operation"
            known = self._known_operations[place] = _operation_of(self.automata[t], node)
        return known

    @property
    def passed(self) -> Counter[Passed]:
        """The accesses that were passed by as no scheduling points, and in how many places: memory and local state."""
        return Counter(self._passed_by.values())

    def told_passed(self) -> str:
        """A report of them."""
        return told(self.passed, "memory and local state")

    def finely(self, schedule: tuple[int, ...]) -> tuple[int, ...]:
        """A schedule of runs as one of accesses. Its last run may break a claim."""
        state, fine = self.start, list[int]()
        for t in schedule:
            key = state & self.masks[t]
            fine += [t] * self._accesses[t].get(key, 1)
            state += self.deltas[t].get(key, 0)
        return tuple(fine)


def _operation_of(automaton: Automaton, node: Node) -> int:
    """Which operation of its program a thread is in at a node: its coroutine is run up to there, and asked.

    It is `act` of programs.py, and the number of the operation is its local `i`.
    """
    coroutine: Any = automaton.make()
    advance(coroutine, None)
    for result in node.results:
        advance(coroutine, result)
    operation: int = coroutine.cr_frame.f_locals["i"]
    coroutine.close()
    return operation


def tables_at(
    grain: Grain,
    program: Program,
    heap_class: type[Runtime],
    *,
    only: str | None = None,
    witness: Witness | None = None,
) -> Tables:
    """The tables of a program at this grain."""
    if grain is Grain.ACCESS:
        return Tables(program, heap_class, only=only, witness=witness)
    return Fused(program, heap_class, grain, only=only, witness=witness)
