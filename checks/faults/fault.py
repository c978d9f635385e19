"""What a planted fault is. Read next: corpus.py."""

from dataclasses import dataclass
from enum import Enum

from spanproof.checks.faults import copies
from spanproof.checks.faults.edit import Edit


class Origin(Enum):
    """Where a fault comes from."""

    HISTORY = "a bug that Go had, in the form that its fix removed"
    STUDY = "a mutant that was studied before (model checking, proofs)"
    MADE_UP = "made up, to break one claim"
    GENERATED = "made from the syntax tree"


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
    origin: Origin = Origin.MADE_UP
    release: str = ""
    """The row of the release table on which it is shown, whose text is nearest to what had it; empty: any row."""
    threads: int = 1
    """How many threads it needs: one, where it shows in sequence."""
    switches: int = 0
    """Context switches of the shortest run that shows it."""
    probe: tuple[Edit, ...] = ()
    """What throws where the edits would be felt; empty where that is wherever they are reached."""
    kind: str = ""
    """Of one made from the syntax tree: what kind of change it is."""


def fault(
    name: str,
    says: str,
    claim: str,
    source: str,
    scenario: str,
    *edits: tuple[str, str, str],
    origin: Origin = Origin.MADE_UP,
    release: str = "",
    threads: int = 1,
    switches: int = 0,
) -> Fault:
    """A fault; each edit as (function, old, new)."""
    made = tuple(Edit(*edit) for edit in edits)
    return Fault(name, says, claim, source, scenario, made, origin, release, threads, switches)


def in_page_allocator(fault: Fault) -> bool:
    """Whether its edits are of the page allocator's modules, which histories, tables and traces run alone."""
    return all(copies.is_there(*edit.function.split(".")) for edit in fault.edits)
