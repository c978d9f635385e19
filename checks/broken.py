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
