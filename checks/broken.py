"""What every engine raises when a claim breaks, or the text does not come back. Read next: monitor.py."""


class BrokenError(Exception):
    """A claim was seen broken: its name, and what was seen."""

    def __init__(self, claim: str, detail: str) -> None:
        """Name the claim and say what was seen."""
        super().__init__(f"{claim}: {detail}")
        self.claim, self.detail = claim, detail
        self.schedule: tuple[int, ...] = ()
        """The way there, where an engine knows it."""


class EndlessError(Exception):
    """It would run for ever."""


STILL_HELD = "is done, and holds heap.lock"
"""Of a thread."""


def still_held(thread: int) -> BrokenError:
    """A thread has come to its end and has not let go of the lock."""
    return BrokenError("lock_discipline_is_kept", f"T{thread} {STILL_HELD}")
