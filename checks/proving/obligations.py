"""What a proof consists of: obligations with their place in the text, and their outcome.

Read next: engine.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from spanproof.checks.proving.arms import Arm


class Kind(StrEnum):
    """Why something must be shown."""

    GUARANTEE = "guarantee"
    """A write does no more than other threads rely on."""
    INVARIANT = "invariant"
    """A loop's invariant, where the loop is entered and where it goes round."""
    KEEPS = "keeps"
    """What a loop or a function does to the world, all in all; that this relation is an order; what it leaves alone."""
    RANK = "rank"
    """A loop ends."""
    REQUIRES = "requires"
    """A callee's precondition."""
    ENSURES = "ensures"
    """What a function promises on its return."""
    THROW = "throw"
    """A throw is not reached."""
    LOCK = "lock"
    """Locks are taken and released by turns, and what one protects is whole when it is released."""
    RELY = "rely"
    """What every thread guarantees is what each relies on; relies can be chained."""
    PRUNED = "pruned"
    """A branch cannot be taken."""
    LEMMA = "lemma"
    """A step of an argument about no function in particular."""
    REACHED = "reached"
    """The hypotheses at the end of a path are satisfiable: nothing on it was proved from a contradiction."""


class Outcome(StrEnum):
    """What the solver said."""

    PROVED = "proved"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Obligation:
    """One thing that had to be shown, on one path, and what came out."""

    goal: str
    """The conjunct's name: of a contract, a rely or a guarantee. What theorems are about."""
    kind: Kind
    where: str
    """What it belongs to: `alloc_needs_zero loop 1`, `call sweep`, `write of zeroedBase`."""
    function: str
    file: str
    line: int
    outcome: Outcome
    seconds: float = 0.0
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """FAILED: a counterexample to induction, by name."""
    lines: tuple[tuple[str, int], ...] = ()
    """FAILED: the lines of the text on a path that comes to this, in order, with their files."""

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"

    def __str__(self) -> str:
        """One line: place, function, what fails."""
        return f"{self.place} {self.function}: {self.kind.value}, {self.where}: {self.goal}"


@dataclass(frozen=True, slots=True)
class Proof:
    """A function, or a lemma, and all its obligations."""

    job: str
    release: str
    domain: str
    obligations: tuple[Obligation, ...] = ()
    paths: int = 0
    seconds: float = 0.0
    vacuous: tuple[str, ...] = ()
    """Places whose hypotheses contradict each other, or could not be shown not to."""
    unclaimed: tuple[str, ...] = ()
    """Throws that some path reaches under the hypotheses, and that the job does not speak about."""
    error: str = ""
    """Why the text could not be lifted."""
    premises: tuple[str, ...] = ()
    """Contracts that stood for callees, and what else was taken for granted."""
    arms: frozenset[Arm] = frozenset()
    """The arms of decisions that its paths took."""

    @property
    def solver_seconds(self) -> float:
        """The time in the solver."""
        return sum(o.seconds for o in self.obligations)

    @property
    def failed(self) -> tuple[Obligation, ...]:
        """The obligations that are not proved."""
        return tuple(o for o in self.obligations if o.outcome is not Outcome.PROVED)
