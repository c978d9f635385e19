"""Bugs of who follows a word that may be a pointer to the span that has it: made up.

Read next: history_faults.py.
"""

from spanproof.checks.faults.fault import fault

_STATE = "if await s.state.load() != IN_USE:\n    return None"
_SIZE = "base = await s.base.read()\nnpages = await s.npages.read()"

READER_FAULTS = (
    fault(
        "state_looked_at_last", "who follows a word looks at the bounds of a span before its state", "plain_accesses_are_ordered",
        "made up: mheap.go, spanOfHeap", "word_into_a_span_being_built",
        ("Heap.span_of_heap", f"{_STATE}\n{_SIZE}", f"{_SIZE}\n{_STATE}"),
    ),
    fault(
        "state_not_looked_at", "who follows a word takes any span for one in use", "span_found_is_built",
        "made up: mheap.go, spanOfHeap", "word_into_what_was_freed",
        ("Heap.span_of_heap", _STATE, ""),
    ),
    fault(
        "bounds_not_looked_at", "who follows a word takes what stands in spans, be it of the page's past", "span_found_is_built",
        "made up: mheap.go, spanOfHeap", "word_into_what_was_freed",
        ("Heap.span_of_heap", "if p < base or p >= base + npages * self.geometry.page_size:\n    return None", ""),
    ),
    fault(
        "first_byte_is_outside", "a span's first byte is not taken for the span's", "live_memory_is_found",
        "made up: mheap.go, spanOfHeap", "word_into_live_memory",
        ("Heap.span_of_heap", "p < base", "p <= base"),
    ),
    fault(
        "marked_while_spans_are_unswept", "marking begins while spans of the last cycle are still to be swept", "span_found_is_built",
        "made up: mgc.go, gcStart", "word_into_garbage",
        ("Marking.gc_start", "await self.finishsweep_m()", ""),
    ),
)  # fmt: skip
