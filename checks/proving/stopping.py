"""Giving up a proof: when its time is over, or on Ctrl-C, also while the solver is at a question.

Python hears of a signal only when the solver has come back, so a thread listens in its place. Read next: questions.py.
"""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from select import select
from socket import socketpair
from threading import Event, Thread, current_thread, main_thread
from typing import Any

from spanproof.checks.proving import building

LOOK = 0.2
"""Seconds between two looks at whether to stop."""
Hurry = Callable[[int], str | None]
"""Asked now and then, with how much is done: a reason to stop, or None."""


def patient(done: int) -> str | None:  # noqa: ARG001  # the signature of Hurry
    """No reason to stop."""
    return None


class OutOfTimeError(Exception):
    """There was a reason to stop."""


@contextmanager
def heeding(hurry: Hurry, context: Any = None) -> Generator[None]:
    """While this lasts, the solver gives up its question when there is a reason to stop, or on Ctrl-C or SIGTERM.

    context: of the solver, if it has one of its own.
    """
    heard, told = socketpair()
    told.setblocking(False)
    done = Event()

    def watch() -> None:
        while not done.is_set():
            signals = heard.recv(64) if select([heard], [], [], LOOK)[0] else b""
            ended = signal.SIGINT in signals or signal.SIGTERM in signals
            if ended or (not done.is_set() and hurry(0) is not None):
                building.interrupt(context)

    listens = current_thread() is main_thread()
    before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False) if listens else -1
    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        if listens:
            signal.set_wakeup_fd(before)
        done.set()
        told.send(b"\0")
        watcher.join()
        heard.close()
        told.close()
