"""What is said of a run, in words. Read next: waiting.py."""

from spanproof.checks.exploring.explaining.accesses import Described, Move, described
from spanproof.checks.exploring.explaining.differences import Did, Difference, End
from spanproof.checks.exploring.explaining.moment import by_the_access
from spanproof.checks.numbers import how_many
from spanproof.checks.programs import Program
from spanproof.checks.record import Record, Violated

WORDS = {
    "load": "load", "store": "store", "compare_and_swap": "compare-and-swap", "add": "add",
    "or8": "atomic or", "and8": "atomic and",
    "read": "read", "write": "write", "update": "update", "lock": "locking", "unlock": "unlocking",
    "acquirem": "acquirem", "releasem": "releasem", "stop": "stopping", "start": "starting",
}  # fmt: skip
"""An access of each kind, as a noun."""
LONGEST_VALUE = 30
"""Letters of a value that is still told."""


def one_sentence(*parts: str) -> str:
    """Those of the parts that say something, as one sentence."""
    return "; ".join(part for part in parts if part)


def whose(access: Described) -> str:
    """An access with its thread, its cell and its function."""
    return f"T{access.thread}'s {_what(access)}"


def _what(access: Described | Did) -> str:
    """An access with its cell and its function: load of zeroedBase[1] in alloc_needs_zero."""
    by = f" by {access.operation}" if access.operation else ""
    return f"{WORDS[access.access]} of {access.cell}{by} in {access.function}"


def _after(first: Described, again: Described) -> str:
    """The later access of two to one cell by one thread."""
    word = WORDS[again.access] + (f" by {again.operation}" if again.operation else "")
    return word if again.function == first.function else f"{word} in {again.function}"


def steps(number: int) -> str:
    """So many steps."""
    return how_many(number, "steps")


def order(moves: list[Move], pair: tuple[Described, Described]) -> str:
    """The order of the two accesses in words: one between two of the other thread's, or before it."""
    first, second = pair
    again = _next(moves, first, second.step)
    if again is not None and second.step:
        return f"{whose(second)} comes between {whose(first)} and its {_after(first, again)}"
    before = _last(moves, second, first.step) if second.step else None
    if before is not None:
        return f"{whose(first)} comes between {whose(before)} and its {_after(before, second)}"
    return f"{whose(first)} comes before {whose(second)}"


def too_early(pair: tuple[Described, Described]) -> str:
    """The access that breaks the claim, and the write that comes too late for it, in words."""
    first, second = pair
    return f"{whose(first)} comes before {whose(second)}, and the claim looks at both"


def unordered(first: Described, second: Described) -> str:
    """A race in words."""
    return f"{whose(first)} and {whose(second)} meet, and nothing orders them"


def _next(moves: list[Move], access: Described, after: int) -> Described | None:
    """The next access of the same thread to the same cell, after a step."""
    return next((described(moves, n) for n in range(after, len(moves)) if _is_of(moves[n], access)), None)


def _last(moves: list[Move], access: Described, before: int) -> Described | None:
    """The last access of the same thread to the same cell, before a step."""
    places = (n for n in range(before - 2, -1, -1) if _is_of(moves[n], access))
    return next((described(moves, n) for n in places), None)


def _is_of(move: Move, access: Described) -> bool:
    return (move.thread, move.cell) == (access.thread, access.cell)


def kept(moved: str, *, alone: bool) -> str:
    """What holds after a change; alone: only the one claim is judged."""
    return f"with {moved}, " + ("this claim holds" if alone else "nothing breaks")


def breaks_at(violated: Violated, last: Described) -> str:
    """Where the claim breaks, which need not be where it was decided."""
    return f"the claim breaks {'at' if by_the_access(violated, last.cell) else 'after'} {whose(last)}"


def none_avoids(runs: int, violated: Violated, last: Described) -> str:
    """What is said where so many changed schedules were run, and all break something."""
    return f"none of {runs} changed orders avoids it; {breaks_at(violated, last)}"


def no_order(record: Record, program: Program, last: Described | None) -> str:
    """What is said where one thread is enough."""
    if last is None:
        return "no order of the threads avoids it: it breaks before the first access"
    before = ", before the program begins" if not record.schedule else ""
    who = "there is no other thread, and " if len(program.threads) == 1 else ""
    said = f"no order of the threads avoids it: {who}T{last.thread} alone breaks it{before}"
    return f"{said}, {'with' if by_the_access(record.violated, last.cell) else 'after'} its {_what(last)}"


def otherwise(differs: Difference) -> str:
    """Where the reference does something else, in words."""
    where = f"{'after' if differs.about else 'at'} step {differs.place}" if differs.place else "before the first step"
    known = {"", differs.tested.function, differs.reference.function}
    within = f" within {differs.within}" if differs.within not in known else ""
    return f"the reference first does otherwise{within} {where}: {_instead(differs)}"


def _instead(differs: Difference) -> str:
    """What the reference does instead of what the heap under test does."""
    tested, reference = differs.tested, differs.reference
    if isinstance(tested, End) or isinstance(reference, End) or tested.what != reference.what:
        return f"{_from(reference, differs)} instead of {_from(tested, differs)}"
    pairs = zip(reference.values, tested.values, strict=False)
    told = [pair for pair in pairs if pair[0] != pair[1] and max(map(len, pair)) <= LONGEST_VALUE]
    return f"{_from(reference, differs)} with " + (" instead of ".join(told[0]) if told else "another outcome")


def _from(did: Did | End, differs: Difference) -> str:
    """An access, and the function that is called for it by one of the heaps alone."""
    if isinstance(did, End):
        where = f" in {did.function}" if did.function else ""
        return f"breaking off{where}" if did.breaks_off else "nothing more"
    below = differs.below(did)
    return _what(did) + (f" (called from {below})" if below not in {"", did.function, differs.within} else "")
