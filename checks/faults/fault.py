"""What a planted fault is. Read next: corpus.py."""

from dataclasses import dataclass

from spanproof.checks.faults.edit import Edit


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted bug."""

    name: str
    says: str
    claim: str
    """A claim that it breaks, when that claim is judged alone."""
    source: str
    scenario: str
    """A scenario of the catalogue that shows it; empty where only histories do (history_faults.py)."""
    edits: tuple[Edit, ...]


def fault(name: str, says: str, claim: str, source: str, scenario: str, *edits: tuple[str, str, str]) -> Fault:
    """A fault; each edit as (function, old, new)."""
    return Fault(name, says, claim, source, scenario, tuple(Edit(*edit) for edit in edits))
