"""What a search may leave out, each to be asked for by name. Read next: alike.py."""

from enum import StrEnum


class Reduction(StrEnum):
    """A way to fewer states.

    unseen: an access is done at once where nobody can tell when it was done: no other thread touches what it touched
        until the thread's next scheduling point, and no invariant looks at what it wrote. So are those to a span that
        nobody else can reach yet. Exact: whatever breaks a claim breaks it here too.
    locked: so is an access, under the heap lock, to what the lock guards, also where invariants look at it. What they
        say of a state inside such a section is judged where the section was first worked out, not again with all
        that other threads do meanwhile.
    symmetry: threads that run the same operations are not told apart. Exact.
    """

    UNSEEN = "unseen"
    LOCKED = "locked"
    SYMMETRY = "symmetry"


NOTHING: frozenset[Reduction] = frozenset()
SAYS = {
    Reduction.UNSEEN: "accesses that nobody else can see are no steps",
    Reduction.LOCKED: "sections of the heap lock are judged at their ends",
    Reduction.SYMMETRY: "identical threads are not told apart",
}
