"""Whether what was fused may have been, in all states that were reached; and the search that goes on until it may.

In a state a thread rests at a node; `behind` it is what it has done since its last scheduling point. If another thread
can do something there that touches the same, the two do not commute, and what was fused must be a scheduling point.
Read next: ../verdicts.py.
"""

from collections.abc import Callable, Collection

from spanproof.checks.exploring.races import together
from spanproof.checks.exploring.reducing.runs import Place, Runs
from spanproof.checks.exploring.search import Explored, Hurry, going_on
from spanproof.checks.exploring.tables import NODE_BITS, NODE_MASK, Node

FIRST_LOOK = 1_000
OVERLAP = "what was fused overlaps"


def overlapping(tables: Runs, states: Collection[int]) -> set[Place]:
    """The accesses that were fused and must not be."""
    found = set[Place]()
    behinds, aheads = (tables.of_all_alike(footprints) for footprints in (tables.behind, tables.ahead))
    for t, behind in enumerate(behinds):
        for u, ahead in enumerate(aheads):
            if u == t:
                continue
            for pair in together(states, t, u):
                rest, pending = pair >> NODE_BITS * t & NODE_MASK, pair >> NODE_BITS * u & NODE_MASK
                if rest in behind and pending in ahead:
                    is_waiting = waits(tables, tables.automata[t].nodes[rest], tables.automata[u].nodes[pending])
                    nodes = behind[rest].overlaps(tables.waiting if is_waiting else ahead[pending])
                    found |= {tables.place(t, node) for node in nodes}
    return found


def waits(tables: Runs, rest: Node | None, pending: Node | None) -> bool:
    """Whether one thread wants the heap lock while the other holds it: then it does nothing but look at it."""
    if rest is None or pending is None:
        return False
    return rest.held and pending.number == tables.lock and pending.access.kind == "lock"


def explored_in_runs(tables: Runs, walk: Callable[..., Explored], *, hurry: Hurry = going_on) -> Explored:
    """Visit all states of runs, breadth first; begin again wherever something was fused that may not be.

    A claim that breaks breaks in a real run, whatever was fused. Raises as the walk.
    """
    while True:
        look = Looks(tables, hurry)
        found = walk(tables, hurry=look)
        if found.broken is not None or found.reason not in {"", OVERLAP}:
            return found
        assert found.parents is not None
        points = look.points or overlapping(tables, found.parents)
        if not points:
            return found
        tables.begin_again(points)


class Looks:
    """A search's hurry, which looks now and then whether what was fused may have been: most of it shows early."""

    def __init__(self, tables: Runs, hurry: Hurry) -> None:
        """Look for the first time after FIRST_LOOK states, and again whenever there are twice as many."""
        self.points = set[Place]()
        self._tables, self._hurry, self._most = tables, hurry, FIRST_LOOK

    def __call__(self, states: int) -> str | None:
        """Why the search is to end."""
        if states > self._most:
            self._most = 2 * states
            points = overlapping(self._tables, self._tables.so_far())
            if points:
                self.points = points
                return OVERLAP
        return self._hurry(states)
