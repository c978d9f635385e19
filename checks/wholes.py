"""What a task counts, and how many there will be, where that is known beforehand. Read next: jobs.py."""

from dataclasses import dataclass

from spanproof.checks.exploring.grains import Grain
from spanproof.checks.jobs import Setting, Task


@dataclass(frozen=True, slots=True)
class Whole:
    """What a task counts, and how many there will be, at most; 0 if nobody knows."""

    unit: str
    amount: int = 0

    def share(self, count: int) -> float:
        """How much of it is done when so many are counted; 0 if nobody knows."""
        return min(count / self.amount, 1.0) if self.amount else 0.0


def whole(task: Task, setting: Setting) -> Whole:
    """Of one task."""
    if task.check == "explore":
        return _searched(task, setting)
    if task.check == "compare":
        from spanproof.checks.comparing.campaign import PARTS  # noqa: PLC0415  # for this task alone
        from spanproof.checks.comparing.history_campaign import SEEDED  # noqa: PLC0415  # as above

        if task.name == SEEDED:
            return Whole("calls", setting.calls)
        return Whole("programs", setting.examples // PARTS) if task.name.isdigit() else Whole("histories")
    if task.check in ("go_compare", "go_abstract", "go_inside"):
        return Whole("calls", setting.calls)
    return Whole("")


def _searched(task: Task, setting: Setting) -> Whole:
    if setting.sampling is not None:
        return Whole("schedules", setting.sampling.schedules)
    from spanproof.checks.scenarios import BY_NAME  # noqa: PLC0415  # for this task alone

    scenario = BY_NAME[task.name]
    release = setting.release in (None, scenario.program.release.name)
    as_counted = release and setting.grain is Grain.ACCESS and not setting.reductions and not setting.reach
    return Whole("states", scenario.states if as_counted else 0)
