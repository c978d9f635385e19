"""Each layer is held against a fault that it must catch."""

import pytest

from spanproof.checks.faults import alive
from spanproof.checks.faults.alive import ALIVE, judge_alive
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.layers import LAYERS, Hurry, Kill
from spanproof.checks.faults.planting import PLANTABLE
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict


def test_every_layer_has_a_fault() -> None:
    """One at least, that is written down."""
    assert set(ALIVE.values()) == set(LAYERS)
    assert set(ALIVE) <= set(PLANTABLE)


@pytest.mark.parametrize("name", ALIVE)
def test_it_is_caught(name: str) -> None:
    """With what replays."""
    result = judge_alive(name, lambda _: None)
    assert (result.check, result.name, result.verdict) == ("faults", name, Verdict.HOLDS)
    assert result.bound.startswith(f"caught by {ALIVE[name]} ")


def finds_nothing(fault: Fault, heap: Subject, hurry: Hurry) -> Kill | None:  # noqa: ARG001  # a layer's signature
    """A layer that is dead."""
    return None


def test_a_layer_that_catches_nothing_turns_it_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that was stopped says so."""
    monkeypatch.setattr(alive, "LAYERS", {**LAYERS, "explore": finds_nothing})
    dead = judge_alive("failed_cas_treated_as_done", lambda _: None)
    assert (dead.verdict, dead.reason) == (Verdict.VIOLATED, "explore does not catch it any more")
    stopped = judge_alive("failed_cas_treated_as_done", lambda _: "enough")
    assert (stopped.verdict, stopped.reason) == (Verdict.UNKNOWN, "enough")
