"""How far a command is, and about how long what is left will take: one line on stderr.

On a terminal the line is written over; elsewhere, as in the log of continuous integration, there is one now and then.
Work that is done at once says nothing. Read next: estimate.py.
"""

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from spanproof.checks.estimate import Estimate
from spanproof.checks.jobs import Setting, Task
from spanproof.checks.wholes import Whole, whole

SILENT = 1.0
"""Seconds in which nothing is said: most commands are done by then."""
OFTEN, SELDOM = 0.2, 10.0
"""Seconds between two lines on a terminal, and elsewhere."""
LATE = 20.0
"""Seconds from which the pace is taken."""
WIDEST = 99
"""Characters of a line: a terminal's last column would break it."""


class Progress:
    """Of some tasks. `clock` and `out` are for tests."""

    def __init__(
        self, tasks: Sequence[Task], setting: Setting, jobs: int, out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Begin: the clock runs."""
        self._out, self._clock = out or sys.stderr, clock
        self._terminal = self._out.isatty()
        self._setting = setting
        self._estimate = Estimate.of(tasks, jobs)
        self._of, self._finished, self._running = len(tasks), 0, tasks[0] if tasks else Task("")
        self._began = self._heard = self._changed = clock()
        self._count, self._whole = 0, Whole("")
        self._shares: Sequence[float] = ()
        self._marks: deque[tuple[float, float]] = deque()
        self._shown = False

    def begun(self, task: Task) -> None:
        """This is done now, alone."""
        self._running, self._whole, self._count = task, whole(task, self._setting), 0
        self.tick()

    def counted(self, count: int) -> None:
        """The task that runs alone has done so much of what its whole is counted in."""
        self._count = count
        self.tick()

    def done(self, task: Task, seconds: float) -> None:
        """One task is done, and took so long."""
        self._estimate.done(task, seconds)
        self._finished, self._running, self._count = self._finished + 1, task, 0
        self._changed = self._clock()
        if self._finished < self._of:
            self.tick()

    def beside(self, running: Task, shares: Sequence[float]) -> None:
        """Tasks are done side by side: the one that has run longest, and how much of each that runs is done."""
        self._running, self._shares = running, shares
        self.tick()

    def tick(self) -> None:
        """Say how things stand, if it is time to."""
        now = self._clock()
        if now - self._began < SILENT or now - self._heard < (OFTEN if self._terminal else SELDOM):
            return
        self._heard = now
        self._say(self.line(now))

    def line(self, now: float) -> str:
        """How things stand."""
        left = self.left(now)
        rest = f"{span(now - self._began)} so far" + (f", {left}" if left else "")
        counted = ""
        if self._count:
            of = f" of {self._whole.amount:,}" if self._whole.amount else ""
            counted = f", {self._count:,}{of} {self._whole.unit}".rstrip()
        tasks = f"{self._finished} of {self._of} done, " if self._of > 1 else ""
        said = f"{tasks}{rest}: {titled(self._running)}{counted}"
        return said if len(said) <= WIDEST else f"{said[: WIDEST - 1]}…"

    def left(self, now: float) -> str:
        """About how long it will take yet, in words; empty if nobody can know."""
        until = self._setting.deadline - now
        begun = sum(self._shares) or self._whole.share(self._count)
        seconds = self._estimate.left(begun, self._pace(now, begun))
        if seconds is not None and not begun:
            seconds -= now - self._changed
        if seconds is None or seconds <= 0 or seconds > until:  # what was reckoned is over: nobody knows any more
            return "" if math.isinf(until) else f"at most {span(until)} left" if until > 0 else "ending"
        return f"about {span(max(seconds, 1))} left"

    def _pace(self, now: float, begun: float) -> float:
        """How much of a task is done in a second, of late: it begins slowly, as steps are learned."""
        while len(self._marks) > 1 and now - self._marks[0][0] > LATE:
            self._marks.popleft()
        self._marks.append((now, begun))
        then, had = self._marks[0]
        return (begun - had) / (now - then) if now - then > SILENT and begun > had else 0.0

    def close(self) -> None:
        """Leave no line on a terminal: what came out is printed in its place."""
        if self._shown and self._terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _say(self, line: str) -> None:
        self._out.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        self._out.flush()
        self._shown = True


def titled(task: Task) -> str:
    """What a task is, for people: of a file its name alone."""
    name = Path(task.name).name if "/" in task.name else task.name
    return " ".join(word for word in (task.check.replace("_", " "), name, task.release) if word)


def span(seconds: float) -> str:
    """A time in words: 8 s, 3 min 20 s, 1 h 10 min."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
