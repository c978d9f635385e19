"""The work of a command, as plain values: tasks, what they share, what each gives and what is found by all.

A process of its own can take a task and hand back what it gave. Read next: task_lists.py.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spanproof.checks.comparing.amounts import FEWEST_PROGRAMS, SEEDED_CALLS
from spanproof.checks.exploring.grains import Grain
from spanproof.checks.exploring.reducing.reductions import NOTHING, Reduction
from spanproof.checks.exploring.walking.walks import BEST
from spanproof.checks.proving.evidence.wanted import Wanted
from spanproof.checks.record import Record
from spanproof.checks.subject import REFERENCE
from spanproof.checks.verdict import Result

if TYPE_CHECKING:
    from spanproof.checks.comparing.campaign import Part
    from spanproof.checks.proving.evidence.gathering import Evidence
    from spanproof.checks.proving.obligations import Proof
    from spanproof.checks.sampling.verdicts import Sampling
    from spanproof.checks.tracing.series import Series

GO = "go_"
"""What tasks with a Go toolchain begin with (golang/work.py has the kinds)."""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work: check is one of performing.py, or go_ and a kind of golang/work.py.

    Name a scenario, a file, a fault, a part, a proof, a folder of Go's.

    For prove, `name` is a job, `release` the row it is done on, `domain` its kind of words; without a domain it is a
    theorem about plain functions.
    """

    check: str
    name: str = ""
    release: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all tasks of a command share. `deadline` is on time.monotonic's clock."""

    heap: str = REFERENCE
    fault: str | None = None
    claim: str | None = None
    release: str | None = None
    seed: int = 0
    examples: int = FEWEST_PROGRAMS
    deadline: float = float("inf")
    budget: float = float("inf")
    theorems: tuple[str, ...] = ()
    """Task prove: the theorems to judge."""
    calls: int = SEEDED_CALLS
    """Of seeded histories."""
    keeps: bool = False
    """Task faults: whether the records of what was caught are kept."""
    wanted: Wanted = Wanted.NOTHING
    """Task prove: what is to be heard of proofs."""
    folder: str = ""
    """Tasks prove and recheck: what proofs are written to, or read from."""
    without: str = ""
    """Task prove: the premise that is left out."""
    solvers: tuple[str, ...] = ()
    """Task recheck: who is asked. Task prove, for stability: whose answers are heard instead of our own solver's."""
    trials: tuple[str, ...] = ()
    """Task go_interleave: those that are meant, if not all."""
    schedules: int = 0
    """Task go_interleave: so many are drawn of each family of larger programs."""
    patch: str = ""
    """Task go_check: a unified diff of the runtime; none means the text as it is."""
    sampling: "Sampling | None" = None
    """Task explore: schedules are drawn, instead of all interleavings searched."""
    reach: str = ""
    """Task explore: a condition on states, to which the shortest run is looked for instead."""
    grain: Grain = Grain.ACCESS
    """Task explore: where threads may be switched."""
    walk: str = BEST
    """Task explore: which walk is taken."""
    max_memory: int = 0
    """Task explore: the megabytes that a process may use; 0 sets no limit."""
    checkpoint: str = ""
    """Task explore: the file that a search is kept in when it is stopped."""
    resume: str = ""
    """Task explore: the file that it goes on from."""
    reductions: frozenset[Reduction] = NOTHING
    """Task explore: what may be left out."""


BY_SPACER = "alloc_needs_zero by Spacer"
"""The task infer that has no templates."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a task gave."""

    results: tuple[Result, ...]
    records: tuple[Record, ...] = ()
    part: "Part | None" = None
    """Task compare: a part of the campaign, judged when all are there."""
    proof: "Proof | None" = None
    """Task prove: one proof; the theorems are judged when all are there."""
    told: str = ""
    """Task prove: a theorem about plain functions, told at length."""
    evidence: "Evidence | None" = None
    """Task prove: what was heard of it, if that was wanted."""
    interrupted: bool = False
    """Task explore: Ctrl-C ended it, and what it had found was kept."""
    unwritten: str = ""
    """Task explore: why what it had found could not be kept."""
    series: "Series | None" = None
    """Task trace: what stood in the heap along it."""
    seconds: float = 0.0
    """How long it took."""


@dataclass(slots=True)
class Work:
    """What a command has found so far. A result's record is named when it is kept."""

    results: list[Result] = field(default_factory=list[Result])
    records: dict[str, Record] = field(default_factory=dict[str, Record])
    told: dict[str, str] = field(default_factory=dict[str, str])
    """Theorems, each told at length."""
    evidence: "list[Evidence]" = field(default_factory=list["Evidence"])
    """What was heard of proofs."""
    interrupted: bool = False
    unwritten: str = ""
    """What could not be written, in a line."""
    series: "list[Series]" = field(default_factory=list["Series"])
    """What stood in the heap along each trace."""
