"""How long what is left of a command's work will take, from what is done: tasks of one kind are taken to be alike.

Plain arithmetic on seconds that others measure. Read next: progress.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from spanproof.checks.jobs import Task

Kind = tuple[str, bool, bool]
USUAL: Mapping[Kind, float] = {
    ("prove", True, False): 1.0, ("prove", False, False): 5.0, ("compare", False, True): 100.0,
    ("compare", False, False): 25.0, ("explore", False, False): 0.4, ("alive", False, False): 8.0,
    ("trace", False, False): 11.0, ("tables", False, False): 1.3,
}  # fmt: skip
"""What a task of each kind of `spanproof check` takes, if a proof takes 1."""
A_STATE = 7e-6
"""What each state of a search takes besides, by the same measure."""
LONGEST: Mapping[str, float] = {"two_levels_are_first_fit": 90.0}
"""Tasks that take much longer than others of their kind."""


def kind(task: Task) -> Kind:
    """What tasks that take about as long have in common: whether they prove about threads, or draw a part of many."""
    return task.check, bool(task.domain), task.name.isdigit()


def usual(task: Task) -> float:
    """What a task takes, if a proof takes 1: of a search by how many states are expected."""
    if task.check == "explore":
        from spanproof.checks.scenarios import BY_NAME  # noqa: PLC0415  # for these tasks alone

        states = BY_NAME[task.name].states if task.name in BY_NAME else 0
        return USUAL[kind(task)] + states * A_STATE
    return LONGEST.get(task.name, USUAL.get(kind(task), 1.0))


@dataclass(slots=True)
class Sum:
    """What tasks take together: as is usual, and in seconds."""

    usual: float = 0.0
    seconds: float = 0.0

    def add(self, task: Task, seconds: float) -> None:
        """One more."""
        self.usual += usual(task)
        self.seconds += seconds


@dataclass(slots=True)
class Estimate:
    """Of tasks that are done `jobs` at a time."""

    jobs: int
    waiting: dict[Kind, float] = field(default_factory=dict[Kind, float])
    """What the tasks of each kind that are not done usually take."""
    number: int = 0
    """How many tasks those are."""
    took: defaultdict[Kind, Sum] = field(default_factory=lambda: defaultdict[Kind, Sum](Sum))
    """Of each kind, those that are done."""
    took_in_all: Sum = field(default_factory=Sum)

    @classmethod
    def of(cls, tasks: Iterable[Task], jobs: int) -> "Estimate":
        """Nothing is done yet."""
        estimate = cls(max(1, jobs))
        for task in tasks:
            estimate.waiting[kind(task)] = estimate.waiting.get(kind(task), 0.0) + usual(task)
            estimate.number += 1
        return estimate

    def done(self, task: Task, seconds: float) -> None:
        """One is done, and took so long."""
        self.number -= 1
        self.waiting[kind(task)] -= usual(task)
        self.took[kind(task)].add(task, seconds)
        self.took_in_all.add(task, seconds)

    def left(self, begun: float = 0.0, pace: float = 0.0) -> float | None:
        """Seconds by the clock until all are done, or None while nobody can know.

        begun: how much of those that run is done, all added up; pace: how much of it a second. Both are 0 where they
        do not count.
        """
        if not self.took:
            return (self.number - begun) / pace if pace > 0 else None
        of_all = sum(waiting * self._pace(k) for k, waiting in self.waiting.items())
        return of_all * (1 - begun / max(1, self.number)) / min(self.jobs, max(1, self.number))

    def _pace(self, sought: Kind) -> float:
        """Seconds for what usually takes 1: as it was of this kind, else as it was of others."""
        took = self.took.get(sought, self.took_in_all)
        return took.seconds / took.usual
