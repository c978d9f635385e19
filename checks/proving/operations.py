"""Operations judged by running them: on the pool of mspans, on the sets of spans, on locks.

Proofs take each for one step with a meaning: what is taken was there, and nothing else changes. They are pure, so this
is judged on every small structure. Read next: owning.py.
"""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import permutations
from typing import Any

from spanproof.impl.access import BLOCKED, STOPPED, Cell, Lock, Misuse, Throw, World, perform
from spanproof.impl.heap_cells import MspanCache, SpanSet
from spanproof.impl.span import Span

CELL: Cell[Any] = Cell("any")
POOL = 6
"""Mspans in the pool."""
SPANS = tuple(Span(n) for n in range(3))


def _done(operation: Any, value: Any, *args: Any) -> Any:
    """What an update by this operation does: (new value, result)."""
    return perform(CELL.update(operation, *args), value, 0)


def _takes(operation: Any) -> bool:
    for free in range(1, 1 << POOL):
        after, s = _done(operation, free)
        if after | 1 << s.number != free or after >> s.number & 1:
            return False
    try:
        _done(operation, 0)
    except Throw:
        return True
    return False


def _gives(operation: Any) -> bool:
    out = [(free, n) for free in range(1 << POOL) for n in range(POOL) if not free >> n & 1]
    return all(_done(operation, free, Span(n)) == (free | 1 << n, None) for free, n in out)


def _sets() -> list[SpanSet]:
    return [SpanSet(some) for n in range(len(SPANS) + 1) for some in permutations(SPANS, n)]


def _sorted(spans: SpanSet, *more: Span) -> list[int]:
    return sorted(s.number for s in (*spans.spans, *more))


def _pushes(operation: Any) -> bool:
    pairs = [(spans, s, *_done(operation, spans, s)) for spans in _sets() for s in SPANS if s not in spans.spans]
    return all(_sorted(after) == _sorted(spans, s) and result is None for spans, s, after, result in pairs)


def _pops(operation: Any) -> bool:
    for spans in _sets():
        after, s = _done(operation, spans)
        if (spans != after or spans.spans) if s is None else _sorted(after, s) != _sorted(spans):
            return False
    return True


def _kept() -> list[MspanCache]:
    return [MspanCache(spans.spans) for spans in _sets()]


def _keeps(operation: Any) -> bool:
    pairs = [(kept, s) for kept in _kept() for s in SPANS if s not in kept.spans]
    return all(_done(operation, kept, s) == (MspanCache((*kept.spans, s)), None) for kept, s in pairs)


def _pulls(operation: Any) -> bool:
    some = [kept for kept in _kept() if kept.spans]
    return all(_done(operation, kept) == (MspanCache(kept.spans[:-1]), kept.spans[-1]) for kept in some)


def _counts(operation: Any) -> bool:
    return all(_done(operation, kept) == (kept, len(kept.spans)) for kept in _kept())


JUDGES: Mapping[str, Callable[[Any], bool]] = {
    "take_mspan": _takes,
    "give_mspan": _gives,
    "push": _pushes,
    "pop": _pops,
    "push_mspan": _keeps,
    "pull_mspan": _pulls,
    "cached_mspans": _counts,
}


@cache
def keeps_its_word(operation: Any) -> bool:
    """Whether an operation takes, or adds, one thing that was there, or not, and changes nothing else."""
    judge = JUDGES.get(operation.__name__)
    try:
        return judge is not None and judge(operation)
    except Exception:  # noqa: BLE001  # an operation that fails, in whatever way, does not keep its word
        return False


HOLDERS = range(4)
"""Values of a lock: free, or held by one of three threads."""


@cache
def locks_keep_their_word() -> bool:
    """Whether one thread at most holds a lock, who releases it held it, and a stopped world waits for all threads."""
    lock, world = Lock("lock"), World("world")
    for thread in range(3):
        takes = {value: (thread + 1, None) if value == 0 else (value, BLOCKED) for value in HOLDERS}
        if any(perform(lock.lock(), value, thread) != takes[value] for value in HOLDERS):
            return False
        if any(_released(lock, value, thread) != (value == thread + 1) for value in HOLDERS):
            return False
    begins = {STOPPED: (STOPPED, BLOCKED)} | {n: (n + 1, None) for n in HOLDERS}
    stops = {0: (STOPPED, None)} | {n: (n, BLOCKED) for n in (STOPPED, 1, 2, 3)}
    return (
        all(perform(world.acquirem(), value, 0) == then for value, then in begins.items())
        and all(perform(world.stop(), value, 0) == then for value, then in stops.items())
        and all(perform(world.releasem(), value, 0) == (value - 1, None) for value in HOLDERS if value > 0)
        and perform(world.start(), STOPPED, 0) == (0, None)
    )


def _released(lock: Lock, value: int, thread: int) -> bool:
    try:
        return perform(lock.unlock(), value, thread) == (0, None)
    except Misuse:
        return False
