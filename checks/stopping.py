"""When a task has to stop: the command was interrupted, its time is up, or its process takes too much memory.

Who asks whether it has to says how far it is, and whoever listens hears that.

Read next: performing.py.
"""

import signal
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event

from spanproof.checks.jobs import Setting
from spanproof.checks.resident import MEGABYTE, resident

INTERRUPTED = "interrupted"

_stop: Event | None = None
_listener: Callable[[int], None] | None = None


def listen(listener: Callable[[int], None] | None) -> None:
    """Have the task that is done in this process tell how much it has counted; None ends that."""
    global _listener  # noqa: PLW0603  # one task is done at a time
    _listener = listener


def begin(stop: Event) -> None:
    """In a process of the pool: leave Ctrl-C to the parent, which says so through the event."""
    global _stop  # noqa: PLW0603  # what a process of the pool is given once
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def hurrying(setting: Setting) -> Callable[[int], str | None]:
    """What a task asks now and then: why it has to stop, or None."""

    def hurry(done: int) -> str | None:
        if done and _listener is not None:
            _listener(done)
        if _stop is not None and _stop.is_set():
            return INTERRUPTED
        if setting.max_memory and resident() > setting.max_memory * MEGABYTE:
            return f"the {setting.max_memory:,} MB that it may use are used up"
        return f"the budget of {setting.budget:g} s is used up" if time.monotonic() > setting.deadline else None

    return hurry
