"""Which walk a search takes: all come to the same states in the same number of steps.

The plain one (../search.py) is the one to read. The compiled one is taken where a compiler is at hand and the program
fits into its words; else the one over arrays where many states are known to be, and the plain one where there are few.
Read next: compiled.py.
"""

from collections.abc import Callable, Mapping

from spanproof.checks.exploring.grains import Fused
from spanproof.checks.exploring.search import Explored, Hurry, explore, going_on
from spanproof.checks.exploring.tables import LimitError, Tables
from spanproof.checks.exploring.walking.arrays import explore_arrays
from spanproof.checks.exploring.walking.compiled import explore_compiled
from spanproof.checks.exploring.walking.kernel.building import NoKernelError, library
from spanproof.checks.exploring.walking.position import Position
from spanproof.checks.exploring.walking.walked import MOST_CHARS

BEST = "best"
MANY = 200_000
"""States from which on the walk over arrays is faster than the plain one."""
WALKS: Mapping[str, Callable[..., Explored]] = {
    "plain": explore,
    "arrays": explore_arrays,
    "compiled": explore_compiled,
}
"""By name."""


def explored(
    tables: Tables, walk: str = BEST, hurry: Hurry = going_on, expected: int = 0, position: Position | None = None
) -> Explored:
    """Visit all states of new tables by a walk: the fastest that is here, unless one is named.

    expected: about how many states there are, if that is known.
    position: where a search was stopped, to go on from there; the tables have learned again what leads to it.

    Raises:
        NoKernelError: the compiled one is named, and there is none.
        LimitError, EndlessError: as search.explore.

    """
    if position is not None:
        return _on_from(position, tables, walk, hurry)
    fine = not isinstance(tables, Fused)
    if walk not in {BEST, "plain"} and not fine:
        raise LimitError("a coarser grain is walked by the plain walk alone")
    if walk == "arrays" and tables.kinds:
        raise LimitError("the walk over arrays tells all threads apart: leave --walk arrays or --reduce symmetry out")
    if walk != BEST:
        return WALKS[walk](tables, hurry=hurry)
    fast = None if not fine else explore_compiled if _there() else explore_arrays if _many(tables, expected) else None
    if fast is None:
        return explore(tables, hurry=hurry)
    try:
        return fast(tables, hurry=hurry)
    except LimitError:
        if len(tables.memories) > 1:
            raise
        return explore(tables, hurry=hurry)


def _on_from(position: Position, tables: Tables, walk: str, hurry: Hurry) -> Explored:
    """The rest of a search, by the walk that is named, or by the fastest that is here and can take it over."""
    if walk == BEST:
        walk = "compiled" if _there() and position.fits_bytes() else "plain"
    if walk == "plain":
        return explore(tables, hurry=hurry, begun=position.begun())
    if not position.fits_bytes():
        raise LimitError(f"a cell has more than {MOST_CHARS} values")
    return WALKS[walk](tables, hurry=hurry, position=position)


def _many(tables: Tables, expected: int) -> bool:
    """Whether there are so many states that the walk over arrays is faster than the plain one; it knows no kinds."""
    return expected >= MANY and not tables.kinds


def _there() -> bool:
    try:
        library()
    except NoKernelError:
        return False
    return True
