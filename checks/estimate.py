"""How long what is left of a command's work will take, from what is done: tasks of one kind are taken to be alike.

Plain arithmetic on seconds that others measure. Read next: progress.py.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from spanproof.checks.jobs import Task

Kind = tuple[str, bool, bool]
USUAL: Mapping[Kind, float] = {
    ("prove", True, False): 1.0, ("prove", False, False): 6.0, ("compare", False, True): 48.0,
    ("compare", False, False): 12.0, ("explore", False, False): 0.6, ("alive", False, False): 5.0,
    ("trace", False, False): 8.0, ("tables", False, False): 0.5,
}  # fmt: skip
"""What a task of each kind of `spanproof check` takes, if a proof takes 1: until one of the kind itself is done."""


def kind(task: Task) -> Kind:
    """What tasks that take about as long have in common: whether they prove about threads, or draw a part of many."""
    return task.check, bool(task.domain), task.name.isdigit()


@dataclass(slots=True)
class Estimate:
    """Of tasks that are done `jobs` at a time."""

    jobs: int
    waiting: Counter[Kind] = field(default_factory=Counter[Kind])
    """Tasks of each kind that are not done."""
    took: defaultdict[Kind, list[float]] = field(default_factory=lambda: defaultdict[Kind, list[float]](list))
    """The seconds of each that is done."""

    @classmethod
    def of(cls, tasks: Iterable[Task], jobs: int) -> "Estimate":
        """Nothing is done yet."""
        return cls(max(1, jobs), Counter(map(kind, tasks)))

    def done(self, task: Task, seconds: float) -> None:
        """One is done, and took so long."""
        self.waiting[kind(task)] -= 1
        self.took[kind(task)].append(seconds)

    def left(self, begun: float = 0.0, pace: float = 0.0) -> float | None:
        """Seconds by the clock until all are done, or None while nobody can know.

        begun: how much of those that run is done, all added up; pace: how much of it a second. Both are 0 where they
        do not count.
        """
        waiting = self.waiting.total()
        if not self.took:
            return (waiting - begun) / pace if pace > 0 else None
        of_all = sum(n * self._each(k) for k, n in self.waiting.items())
        return of_all * (1 - begun / max(1, waiting)) / min(self.jobs, max(1, waiting))

    def _each(self, sought: Kind) -> float:
        """Seconds that one of a kind takes: as those did that are done, else as is usual beside other kinds."""
        if sought in self.took:
            return sum(self.took[sought]) / len(self.took[sought])
        usual = sum(len(took) * USUAL.get(k, 1.0) for k, took in self.took.items())
        return USUAL.get(sought, 1.0) * sum(map(sum, self.took.values())) / usual
