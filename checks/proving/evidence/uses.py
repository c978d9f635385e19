"""What conjuncts are needed for, told: on the command line, and as the page of docs. Read next: stability.py."""

from collections.abc import Iterator, Mapping

from spanproof.checks.proving.evidence.necessity import Use


def said_of(use: Use) -> str:
    """What needs it, or that nothing does."""
    if use.needed_by:
        return f"needed by {use.needed_by}"
    if use.branch:
        return f"needed to see which way is gone by {use.branch}"
    if not use.known:
        return "shown, and assumed nowhere"
    return f"perhaps needed by {use.perhaps}" if use.perhaps else "nothing needs it"


def is_needed(use: Use) -> bool:
    """Whether something cannot be shown without it."""
    return bool(use.needed_by or use.branch)


def told_uses(uses: Mapping[str, Use]) -> Iterator[str]:
    """Each conjunct in a line, those that nothing needs last."""
    width = max(map(len, uses))
    for name, use in sorted(uses.items(), key=lambda pair: (not is_needed(pair[1]), pair[0])):
        yield f"{name:{width}}  in {use.cores:5,} of {use.known:6,} cores; {said_of(use)}"
    yield f"{sum(map(is_needed, uses.values()))} of {len(uses)} conjuncts are needed"
