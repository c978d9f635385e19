"""When a task has to stop: the command was interrupted, its time is up, or its process takes too much memory.

Who asks whether it has to says how far it is, and whoever listens hears that.

Read next: performing.py.
"""

import os
import signal
import time
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.synchronize import Event
from types import FrameType

from spanproof.checks.jobs import Setting
from spanproof.checks.resident import MEGABYTE, resident
from spanproof.checks.verdict import EXIT_INTERRUPTED

INTERRUPTED = "interrupted"
OUT_OF_TIME = "the budget of "
"""How the reason begins why something was not done in time."""

_stop: Event | None = None
_listener: Callable[[int], None] | None = None


def listen(listener: Callable[[int], None] | None) -> None:
    """Have the task that is done in this process tell how much it has counted; None ends that."""
    global _listener  # noqa: PLW0603  # one task is done at a time
    _listener = listener


def begin(stop: Event) -> None:
    """In a process of the pool: leave Ctrl-C and SIGTERM to the parent, which says so through the event.

    Both reach the whole group where a terminal or a supervisor sends them. Without a parent SIGTERM ends the process.
    """
    global _stop  # noqa: PLW0603  # what a process of the pool is given once
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _ended)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _ended(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of a handler
    """SIGTERM came: it is the parent's, if there is one."""
    parent = parent_process()
    if parent is None or not parent.is_alive():
        os._exit(EXIT_INTERRUPTED)


def hurrying(setting: Setting) -> Callable[[int], str | None]:
    """What a task asks now and then: why it has to stop, or None."""

    def hurry(done: int) -> str | None:
        if done and _listener is not None:
            _listener(done)
        if _stop is not None and _stop.is_set():
            return INTERRUPTED
        if setting.max_memory and resident() > setting.max_memory * MEGABYTE:
            return f"the {setting.max_memory:,} MB that it may use are used up"
        return f"{OUT_OF_TIME}{setting.budget:g} s is used up" if time.monotonic() > setting.deadline else None

    return hurry
