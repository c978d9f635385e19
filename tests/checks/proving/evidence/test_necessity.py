"""What a conjunct is needed for, and how steady answers are, on questions whose answers are plain."""

from typing import Any

import pytest
import z3

from spanproof.checks import cli
from spanproof.checks.jobs import Setting, Task
from spanproof.checks.performing import perform
from spanproof.checks.proving.evidence.necessity import BRANCH, Necessity, Use, Uses, merged
from spanproof.checks.proving.evidence.other_solver import steadiness_of
from spanproof.checks.proving.evidence.script import Script
from spanproof.checks.proving.evidence.stability import SEEDS, Stability, told_moves
from spanproof.checks.proving.evidence.uses import told_uses
from spanproof.checks.proving.evidence.wanted import Wanted
from spanproof.checks.proving.heard import Question, listening
from spanproof.checks.proving.theorem import JOBS, prove, units
from spanproof.impl.malloc import Runtime
from tests.checks.proving.evidence.programs import Z3, runs, says

_z3: Any = z3
X = _z3.Int("x")
KNOWN = (X > 3, X > 1, X < 9, X > 0)
NAMES = ("c: more than three", "c: more than one", "c: less than nine", "")


def question(goal: object, answer: str = "unsat", about: str = "a goal", goals: tuple[str, ...] = ()) -> Question:
    """Whether the goal's opposite can be."""
    return Question(KNOWN, NAMES, (_z3.Not(goal),), about, answer, 0.0, 0, goals)


def test_a_conjunct_is_needed_where_nothing_else_says_it() -> None:
    """Of two that say the same the weaker is not; what only others rest on is not."""
    heard = Necessity("p")
    heard(question(X > 2))
    assert heard.uses["c: more than three"].needed_by == "p: a goal"
    assert not heard.uses["c: more than one"].needed_by
    assert heard.uses["c: less than nine"] == Use(0, 1)
    heard(question(X < 9))
    assert heard.uses["c: less than nine"].needed_by == "p: a goal"


def test_what_stands_changes_from_question_to_question() -> None:
    """What was known at one question and is not at the next is taken back, and what is new is there."""
    heard = Necessity("p")
    heard(question(X > 2))
    heard(Question(KNOWN[:1], NAMES[:1], (X < 2,), "less is known", "unsat", 0.0, 0))
    heard(Question((X < 0, X > 3), (NAMES[2], NAMES[0]), (X > 8,), "other things are", "unsat", 0.0, 0))
    assert heard.uses["c: less than nine"].needed_by == "p: other things are"
    assert heard.uses["c: more than three"].cores == 2
    assert heard.uses["c: more than one"].known == 1


def test_of_goals_that_are_asked_together_the_broken_one_is_named() -> None:
    """Without a conjunct one of them can be false, and the other cannot."""
    heard = Necessity("p")
    heard(question(_z3.And(X > 0, X > 2), about="ensures, f returns: is positive; is more than two"))
    assert heard.uses["c: more than three"].needed_by == "p: ensures, f returns: is more than two"


def test_a_branch_is_not_an_obligation() -> None:
    """What only shows which way is gone is told apart, and gives way to an obligation."""
    heard = Necessity("p")
    heard(question(X > 2, about=BRANCH))
    use = heard.uses["c: more than three"]
    assert (use.branch, use.needed_by) == (f"p: {BRANCH}", "")
    heard(question(X > 2))
    assert use.needed_by == "p: a goal"


def test_a_goal_that_is_assumed_nowhere_is_told() -> None:
    """It is no hypothesis that nothing needs."""
    heard = Necessity("p")
    heard(question(X > 2, goals=("c: more than two",)))
    assert heard.uses["c: more than two"] == Use(shown=1)
    assert any("assumed nowhere" in line for line in told_uses(heard.found().uses))


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
    assert "0 of 1 questions move" in list(told_moves([heard.found()]))[-1]


def test_an_answer_that_is_wrong_moves() -> None:
    """What was said to be unsatisfiable and is not."""
    heard = Stability("p")
    heard(question(X > 5))
    assert heard.moved[0].answers == ("sat",) * len(SEEDS)
    assert ": sat; work" in next(told_moves([heard.found()]))


def test_another_solver_is_asked_under_each_seed() -> None:
    """A program that is the same solver does its work in its own count, and answers as ours does."""
    script = Script()
    for goal in (X > 2, X < 9, X > 0):
        script(question(goal))
    steady = steadiness_of("p", script, Z3)
    assert (steady.asked, steady.moved, steady.solver) == (3, (), f"z3 {_z3.get_version_string()}")
    assert 0 < steady.most < 10_000


def test_another_solver_that_sees_it_otherwise_moves() -> None:
    """Whether it has another answer, or none; or needs more work under one seed."""
    script = Script()
    script(question(X > 2))
    assert steadiness_of("p", script, says("sat")).moved[0].answers == ("sat",) * len(SEEDS)
    assert steadiness_of("p", script, says()).moved[0].answers == ("none",) * len(SEEDS)
    work = "10 ** (7 if ':random-seed 7' in open(sys.argv[1]).read() else 5)"
    text = f"import sys; print('unsat'); print('(:rlimit %d)' % ({work}))"
    moved = steadiness_of("p", script, runs(text)).moved
    assert moved[0].work == (10**5, 10**5, 10**7, 10**5)


def test_the_command_tells(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the verdicts, how steady a theorem is."""
    assert cli.main(["prove", "sweepgen_may_wrap", "--stability"]) == 0
    assert "0 of 7 questions move" in capsys.readouterr().out
    assert cli.main(["prove", "sweepgen_may_wrap", "--stability", "--solver", Z3]) == 0
    assert cli.main(["prove", "sweepgen_may_wrap", "--stability", "--solver", "false"]) == 3
    assert cli.main(["prove", "sweepgen_may_wrap", "--stability", "--solver", "no_such_program"]) == 3
    assert f"0 of 7 questions move with the seed (0, 1, 7, 42) of z3 {_z3.get_version_string()};" in (
        capsys.readouterr().out
    )
    assert cli.main(["prove", "sweepgen_may_wrap", "--stability", "--solver", Z3, "--solver", Z3]) == 2


def test_a_task_brings_what_was_heard() -> None:
    """From the process that proves."""
    task = Task("prove", "memclr", units(JOBS["memclr"], Runtime)[0].release, "int")
    done = perform(task, Setting(wanted=Wanted.NECESSITY))
    assert isinstance(done.evidence, Uses)
    assert any(use.needed_by.startswith("memclr") for use in done.evidence.uses.values())
