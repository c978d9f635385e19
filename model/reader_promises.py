"""What must be true when somebody follows a word that may be a pointer to the span that has it.

Read next: claims.py.
"""

import z3

from spanproof.model.claim import Moment, Promise
from spanproof.model.state import IN_USE, HeapState, HeapVars
from spanproof.model.words import uint32


def _span_found_is_built(v: HeapVars, m: Moment) -> z3.BoolRef:
    if m.result is None:
        return z3.BoolVal(True)
    s, (p,), g = m.result.number, m.args, v.geometry
    built = [v.state[s] == IN_USE, v.base[s] <= p, p < v.base[s] + v.npages[s] * g.page_size]
    mapped = v.spans[(p - g.heap_base) // g.page_size] == s
    ahead = uint32(v.span_sweepgen[s] - v.sweepgen)  # type: ignore[arg-type]  # a term behaves like a word
    swept = z3.Or(ahead == 0, ahead == 3)
    return z3.And(*built, mapped, swept)


def _holds_span_found_is_built(h: HeapState, m: Moment) -> bool:
    if m.result is None:
        return True
    s: int = m.result.number
    page: int = (m.args[0] - h.geometry.heap_base) // h.geometry.page_size
    swept = uint32(h.span_sweepgen[s] - h.sweepgen) in {0, 3}
    return h.state[s] == IN_USE and page in h.pages_of(s) and h.spans[page] == s and swept


def _holds_live_memory_is_found(h: HeapState, m: Moment) -> bool:  # noqa: ARG001  # one signature for all
    return m.sought is None or (m.result is not None and bool(m.result.number == m.sought))


READER_PROMISES = (
    Promise(
        "span_found_is_built",
        "While the collector marks, a span that is found for a word is in use, has that address, and is whole.",
        "The state is stored after all other fields and loaded before them, and no span in use is freed meanwhile.",
        "mheap.go, spanOfHeap and initSpan; issues 10958 and 24543",
        "bounds_not_looked_at",
        ("span_of_heap",),
        True,
        ("state", "base", "npages", "spans", "span_sweepgen", "sweepgen"),
        _span_found_is_built,
        _holds_span_found_is_built,
    ),
    Promise(
        "live_memory_is_found",
        "The span of memory that somebody owned before the collector looked is found.",
        "Who gives memory out has set its entries in spans before.",
        "mheap.go, spanOfHeap and setSpans",
        "first_byte_is_outside",
        ("span_of_heap",),
        True,
        (),
        None,
        _holds_live_memory_is_found,
    ),
)
