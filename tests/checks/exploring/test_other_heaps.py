"""A user's heap in the reference's place: what Go breaks is not held against it, and how it differs is told."""

from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.scenarios import BY_NAME, SCENARIOS
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.impl.span import Span


class Same(Runtime):
    """The reference under another name."""


class Longer(Runtime):
    """Looks at a span once more before it frees it."""

    async def free_manual(self, s: Span, typ: int) -> None:
        """As the reference, after a load."""
        await s.state.load()
        await Runtime.free_manual(self, s, typ)


FINDINGS = [s for s in SCENARIOS if s.finding and s.states < 20_000]


def test_what_go_breaks_is_not_held_against_another_heap() -> None:
    """Each small finding holds, as with the reference, and says that Go breaks it."""
    assert len(FINDINGS) > 5
    for scenario in FINDINGS:
        judged = judge(scenario, Subject(Same, "same.py:Same"))
        assert judged.result.verdict is Verdict.HOLDS, scenario.name
        assert "as is known, Go breaks" in judged.result.reason


def test_other_states_than_the_reference_has_are_told() -> None:
    """Not of a heap that has the same."""
    scenario = BY_NAME["free_against_alloc"]
    same, longer = (judge(scenario, Subject(heap, "mine.py:Mine")).result for heap in (Same, Longer))
    assert (same.verdict, longer.verdict) == (Verdict.HOLDS, Verdict.HOLDS)
    assert "the reference" not in same.bound
    assert longer.bound.endswith(f"the reference has {scenario.states:,} states")
