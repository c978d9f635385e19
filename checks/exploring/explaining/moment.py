"""When a claim breaks: at an access itself, or at what the text comes to after it. Read next: sentences.py."""

from spanproof.checks.broken import STILL_HELD
from spanproof.checks.ordering import ORDERED
from spanproof.checks.record import Violated
from spanproof.model.invariants import STEP_INVARIANTS

AT_THE_ACCESS = {ORDERED, "lock_discipline_is_kept", *(claim.name for claim in STEP_INVARIANTS)}
"""Claims that break at an access itself; of the others the text has run on to its next access by then."""


def at_the_access(violated: Violated) -> bool:
    """Whether the claim breaks at the last access, and not at what comes of it."""
    return violated.claim in AT_THE_ACCESS and STILL_HELD not in violated.detail


def by_the_access(violated: Violated, cell: str) -> bool:
    """Whether what the last access does to its cell breaks the claim: else a call, a return, an end or a throw does."""
    return at_the_access(violated) or f"{cell} = " in violated.detail
