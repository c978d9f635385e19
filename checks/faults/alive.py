"""Each layer held against one fault that it must catch: a tester that catches nothing any more is found by `check`.

Read next: table.py.
"""

import time
from collections.abc import Callable, Mapping

from spanproof.checks.faults.layers import LAYERS, is_shown_again
from spanproof.checks.faults.planting import PLANTABLE, subject
from spanproof.checks.faults.table import text_of
from spanproof.checks.verdict import Result, Verdict

ALIVE: Mapping[str, str] = {
    "summary_not_updated_by_free": "tables",
    "failed_cas_treated_as_done": "explore",
    "marked_span_swept_free": "explore",
    "second_fit": "histories",
    "cache_takes_the_whole_block": "traces",
    "spans_entry_missing": "compare",
    "arena_limit_not_capped": "prove",
}
"""Per fault, the layer that must catch it."""
Hurry = Callable[[int], str | None]


def judge_alive(name: str, hurry: Hurry) -> Result:
    """`holds` when the fault's layer catches it in the reference, with what replays."""
    began, layer = time.perf_counter(), ALIVE[name]
    fault, heap = PLANTABLE[name], subject(fault=name)
    kill = LAYERS[layer](fault, heap, hurry)
    verdict, reason, bound = Verdict.VIOLATED, f"{layer} does not catch it any more", ""
    if kill is not None and is_shown_again(kill, heap):
        verdict, reason, bound = Verdict.HOLDS, "", f"caught by {text_of(kill)}"
    elif stopped := hurry(0):
        verdict, reason = Verdict.UNKNOWN, stopped
    return Result("faults", name, verdict, reason, bound, (), time.perf_counter() - began)
