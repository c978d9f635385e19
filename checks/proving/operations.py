"""Operations on frozen structures, judged by running them: the pool of mspans and the sets of spans.

Proofs take each for one step with a meaning: what is taken was there, and nothing else changes. They are pure, so this
is judged on every small structure. Read next: owning.py.
"""

from collections.abc import Callable
from functools import cache
from itertools import permutations
from typing import Any

from spanproof.impl.access import Throw
from spanproof.impl.heap_cells import SpanSet
from spanproof.impl.span import Span

POOL = 6
"""Mspans in the pool."""
SPANS = tuple(Span(n) for n in range(3))


def _takes(operation: Callable[[int], Any]) -> bool:
    for free in range(1, 1 << POOL):
        after, s = operation(free)
        if after | 1 << s.number != free or after >> s.number & 1:
            return False
    try:
        operation(0)
    except Throw:
        return True
    return False


def _gives(operation: Callable[[int, Span], Any]) -> bool:
    out = [(free, n) for free in range(1 << POOL) for n in range(POOL) if not free >> n & 1]
    return all(operation(free, Span(n)) == (free | 1 << n, None) for free, n in out)


def _sets() -> list[SpanSet]:
    return [SpanSet(some) for n in range(len(SPANS) + 1) for some in permutations(SPANS, n)]


def _sorted(spans: SpanSet, *more: Span) -> list[int]:
    return sorted(s.number for s in (*spans.spans, *more))


def _pushes(operation: Callable[[SpanSet, Span], Any]) -> bool:
    pairs = [(spans, s, *operation(spans, s)) for spans in _sets() for s in SPANS if s not in spans.spans]
    return all(_sorted(after) == _sorted(spans, s) and result is None for spans, s, after, result in pairs)


def _pops(operation: Callable[[SpanSet], Any]) -> bool:
    for spans in _sets():
        after, s = operation(spans)
        if (spans != after or spans.spans) if s is None else _sorted(after, s) != _sorted(spans):
            return False
    return True


JUDGES: dict[str, Callable[[Any], bool]] = {
    "take_mspan": _takes,
    "give_mspan": _gives,
    "push": _pushes,
    "pop": _pops,
}


@cache
def keeps_its_word(operation: Any) -> bool:
    """Whether an operation takes, or adds, one thing that was there, or not, and changes nothing else."""
    judge = JUDGES.get(operation.__name__)
    return judge is not None and judge(operation)
