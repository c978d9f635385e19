"""Ctrl-C and SIGTERM while something is under way that wants to end by itself. Read next: checkpoint.py."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

HEARD = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heard(tell: Callable[[], object]) -> Generator[None]:
    """Meanwhile the first of these signals is only told; from then on each does what it did before."""
    before = {number: signal.getsignal(number) for number in HEARD}
    # In the background Ctrl-C is not heard, and only the main thread may say who hears it.
    ours = [number for number, by in before.items() if callable(by) or by is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        ours = []

    def as_before() -> None:
        for number in ours:
            signal.signal(number, before[number])

    def came(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of a handler
        as_before()
        tell()

    for number in ours:
        signal.signal(number, came)
    try:
        yield
    finally:
        as_before()
