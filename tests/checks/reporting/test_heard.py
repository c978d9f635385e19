"""Evidence and traces as tables of the page."""

from typing import Any

from spanproof.checks.reporting.heard import kept, needs, steadiness
from spanproof.checks.reporting.traced import traces
from spanproof.checks.verdict import Result, Verdict

EVIDENCE: tuple[dict[str, Any], ...] = (
    {"kind": "necessity", "proof": "p", "uses": {"idle": {"known": 2}, "used": {"known": 3, "cores": 1}}},
    {"kind": "necessity", "proof": "q", "uses": {"used": {"known": 4, "cores": 2, "needed_by": "q: it"}}},
    {"kind": "stability", "proof": "still", "solver": "z3", "asked": 5, "most": 9, "moved": []},
    {"kind": "stability", "proof": "moves", "asked": 1, "most": 8, "moved": [{"about": "rank", "work": [1, 2000]}]},
    {"kind": "inferred", "proof": "r", "kept": {"loop": ["a", "b"]}},
    {"kind": "necessity", "proof": "without uses"},
)


def test_uses_of_one_hypothesis_are_added_up() -> None:
    """Over all proofs that know it; what nothing needs comes last."""
    assert [(n.name, n.known, n.cores, n.needed_by) for n in needs(EVIDENCE)] == [
        ("used", 7, 3, "q: it"),
        ("idle", 2, 0, ""),
    ]


def test_proofs_whose_work_moves_come_first() -> None:
    """With the work under each seed."""
    assert [(row.proof, row.moved) for row in steadiness(EVIDENCE)] == [("moves", ("rank: 1, 2,000",)), ("still", ())]


def test_what_was_found_is_told() -> None:
    """By what was looked for."""
    assert kept(EVIDENCE) == [("loop", ("a", "b"))]


def test_results_on_one_trace_are_put_together() -> None:
    """A kind of event is counted once, however many claims look at it; what is no event is left out."""
    one = Result("trace", "t: a", Verdict.HOLDS, bound="all 5 events", counts={"events": 4, "grow": 1, "alloc": 3})
    two = Result("trace", "t: b", Verdict.VIOLATED, counts={"events": 3, "alloc": 3, "differences": 1, "flush": 0})
    (trace,) = traces((one, two, Result("explore", "t: c", Verdict.HOLDS)))

    assert [(kind.name, kind.number, kind.share) for kind in trace.kinds] == [("alloc", 3, 1), ("grow", 1, 1 / 3)]
    assert (trace.hold, trace.claims, trace.events) == (1, 2, "all 5 events")
