"""How steady the answers are: each question again from nothing, under several seeds of the solver.

A proof that hangs by a seed is one that the next version of the solver may lose. What moves is the answer, or the work
that it takes, by more than ten times. Work is in the solver's own count, so a busy machine moves nothing. Read next:
other_solver.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import z3

from spanproof.checks.proving import building
from spanproof.checks.proving.heard import Question
from spanproof.checks.proving.questions import SIMPLEX
from spanproof.checks.verdict import Result, Verdict

_z3: Any = z3
SEEDS = (0, 1, 7, 42)
WORK = 100_000_000
"""For one question, in z3's own count."""
FACTOR = 10
FLOOR = 200_000
"""Work below this is little, however it moves: a fifth of what a proof gives its questions at first."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A question whose answer, or whose work, moves with the seed."""

    proof: str
    about: str
    answers: tuple[str, ...]
    work: tuple[int, ...]

    def __str__(self) -> str:
        """In a line."""
        said = f"answers {', '.join(self.answers)}" if len(set(self.answers)) > 1 else self.answers[0]
        return f"{self.proof}: {self.about}: {said}; work {', '.join(f'{w:,}' for w in self.work)}"


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What came of a proof's questions under all seeds."""

    proof: str
    solver: str
    asked: int
    most: int
    """The most work of all answers."""
    moved: tuple[Moved, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` writes for this."""
        return {"kind": "stability", "seeds": list(SEEDS), **asdict(self)}


def moves(answers: Sequence[str], work: Sequence[int]) -> bool:
    """Whether an answer, or the work that it takes, moves."""
    least, most = min(work), max(work)
    return set(answers) != {"unsat"} or (most > FLOOR and most > FACTOR * least)


@dataclass(slots=True)
class Stability:
    """Hears the questions of a proof, and asks each again."""

    proof: str = ""
    asked: int = 0
    most: int = 0
    moved: list[Moved] = field(default_factory=list[Moved])

    def __call__(self, question: Question) -> None:
        """Ask a question that was answered with unsat under each seed."""
        if question.answer != "unsat":
            return
        self.asked += 1
        answers, works = zip(*(_again(question, seed) for seed in SEEDS), strict=True)
        self.most = max(self.most, *works)
        if moves(answers, works):
            self.moved.append(Moved(self.proof, question.about, answers, works))

    def found(self) -> Steadiness:
        """What came out."""
        solver = f"z3 {_z3.get_version_string()}"
        return Steadiness(self.proof, solver, self.asked, self.most, tuple(self.moved))


def _again(question: Question, seed: int) -> tuple[str, int]:
    """The answer and the work."""
    solver: Any = z3.Solver()
    solver.set("rlimit", WORK)
    solver.set("ctrl_c", False)
    solver.set("random_seed", seed)
    for name, value in SIMPLEX.items():  # as proofs ask at first
        solver.set(name, value)
    building.add_to(solver, (*question.known, *question.asked))
    before = _count(solver)
    answer = str(solver.check())
    return answer, _count(solver) - before


def _count(solver: Any) -> int:
    return int(solver.statistics().get_key_value("rlimit count"))


def judged_steady(heard: Sequence[Steadiness]) -> Result:
    """Whether every answer is the same under every seed; that work moves is told, and proves nothing false."""
    moved = [each for one in heard for each in one.moved]
    other = [each for each in moved if set(each.answers) != {"unsat"}]
    reason = f"of {len(other):,} questions some answer is not unsat, the first: {other[0]}" if other else ""
    asked, seeds = sum(one.asked for one in heard), ", ".join(map(str, SEEDS))
    work = len(moved) - len(other)
    bound = f"{asked:,} questions under the seeds {seeds} of {heard[0].solver}; the work of {work:,} moves"
    counts = {"questions": asked, "answers_moved": len(other), "work_moved": work}
    return Result("prove", "stability", Verdict.UNKNOWN if reason else Verdict.HOLDS, reason, bound, counts=counts)


def told_moves(heard: Sequence[Steadiness]) -> Iterator[str]:
    """What moves, each in a line, and how many questions there were."""
    moved = [each for one in heard for each in one.moved]
    yield from map(str, moved)
    asked, most = sum(one.asked for one in heard), max(one.most for one in heard)
    yield (
        f"{len(moved)} of {asked:,} questions move with the seed ({', '.join(map(str, SEEDS))}) of {heard[0].solver}; "
        f"the most work of any is {most:,}"
    )
