"""What a conjunct is needed for, and how steady answers are, on questions whose answers are plain."""

from typing import Any

import pytest
import z3

from spanproof.checks import cli
from spanproof.checks.jobs import Setting, Task, perform
from spanproof.checks.proving.evidence.gathering import Wanted
from spanproof.checks.proving.evidence.necessity import Necessity, Use, merged, told_uses
from spanproof.checks.proving.evidence.stability import SEEDS, Stability, told_moves
from spanproof.checks.proving.heard import Question, listening
from spanproof.checks.proving.theorem import JOBS, prove, units
from spanproof.impl.malloc import Runtime

_z3: Any = z3
X = _z3.Int("x")
KNOWN = (X > 3, X > 1, X < 9, X > 0)
NAMES = ("c: more than three", "c: more than one", "c: less than nine", "")


def question(goal: object, answer: str = "unsat") -> Question:
    """Whether the goal's opposite can be."""
    return Question(KNOWN, NAMES, (_z3.Not(goal),), "a goal", answer, 0.0, 0)


def test_a_conjunct_is_needed_where_nothing_else_says_it() -> None:
    """Of two that say the same the weaker is not; what only others rest on is not."""
    heard = Necessity("p")
    heard(question(X > 2))
    assert heard.uses["c: more than three"].needed_by == "p: a goal"
    assert not heard.uses["c: more than one"].needed_by
    assert heard.uses["c: less than nine"] == Use(0, 1)
    heard(question(X < 9))
    assert heard.uses["c: less than nine"].needed_by == "p: a goal"


def test_only_what_was_shown_counts() -> None:
    """A question with another answer needs nothing."""
    heard = Necessity("p")
    heard(question(X > 5, "sat"))
    assert not heard.uses


def test_what_processes_found_is_put_together() -> None:
    """Counts add up; a reason stays."""
    whole = merged([{"a": Use(1, 2), "b": Use(0, 1)}, {"a": Use(2, 2, "there")}])
    assert whole["a"] == Use(3, 4, "there")
    lines = list(told_uses(whole))
    assert lines[0].startswith("a")
    assert "nothing needs it" in lines[1]
    assert lines[-1] == "1 of 2 conjuncts are needed"


def test_relies_are_needed() -> None:
    """Each conjunct of the zeroing rely by alloc_needs_zero: as the study found."""
    (unit,) = units(JOBS["alloc_needs_zero"], Runtime)
    heard = Necessity("alloc_needs_zero")
    with listening(heard):
        prove(unit, Runtime, "int")
    relies = {name: use for name, use in heard.uses.items() if name.startswith("zeroing.rely: ")}
    needed = {name.partition(": ")[2] for name, use in relies.items() if use.needed_by}
    assert needed >= {
        "zeroed_base_never_decreases",
        "zeroed_base_ends_in_the_raiser's_region",
        "only_the_holder_writes",
    }


def test_answers_are_asked_for_again() -> None:
    """Under each seed; easy ones do not move."""
    heard = Stability("p")
    heard(question(X > 2))
    heard(question(X > 5, "sat"))
    assert (heard.asked, heard.moved) == (1, [])
    assert "0 of 1 questions move" in list(told_moves([heard]))[-1]


def test_an_answer_that_is_wrong_moves() -> None:
    """What was said to be unsatisfiable and is not."""
    heard = Stability("p")
    heard(question(X > 5))
    assert heard.moved[0].answers == ("sat",) * len(SEEDS)
    assert ": sat; work" in next(told_moves([heard]))


def test_the_command_tells(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the verdicts, how steady a theorem is."""
    assert cli.main(["prove", "sweepgen_may_wrap", "--stability"]) == 0
    assert "0 of 7 questions move" in capsys.readouterr().out


def test_a_task_brings_what_was_heard() -> None:
    """From the process that proves."""
    task = Task("prove", "memclr", units(JOBS["memclr"], Runtime)[0].release, "int")
    done = perform(task, Setting(wanted=Wanted.NECESSITY))
    assert isinstance(done.evidence, Necessity)
    assert any(use.needed_by.startswith("memclr") for use in done.evidence.uses.values())
