"""Counterexamples to induction are run: is there a run that breaks the claim, and not only the argument for it?

First a program in the shape of the counterexample: the failed proof is done again on a small heap, and the region, what
was used before it and what another thread may do are taken from its values. Then the catalogue, from small to large.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from spanproof.checks.broken import EndlessError
from spanproof.checks.exploring.verdicts import Judged, judge
from spanproof.checks.local_state import HiddenStateError
from spanproof.checks.numbering import UnknownCellError
from spanproof.checks.programs import (
    AllocManual,
    FreeManual,
    MallocLarge,
    MallocSmall,
    Op,
    Program,
    Reclaim,
    Sweep,
    Thread,
)
from spanproof.checks.proving import jobs
from spanproof.checks.proving.obligations import Obligation, Proof
from spanproof.checks.proving.sweeping import SweepingProtocol
from spanproof.checks.proving.theorem import JOBS, REMOVABLE, Standing, Theorem
from spanproof.checks.record import Record
from spanproof.checks.running.machine import HeapError
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import CLEAN, OLD_SPANS, SCENARIOS
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.claim import FINDINGS
from spanproof.model.geometry import BYTES, SMALL
from spanproof.model.releases import Release, row

MOST_STATES = 60_000
"""A scenario is searched no further."""
SMALL_SCENARIOS = 25_000
"""Scenarios of the catalogue with more states are left out."""


@dataclass(slots=True)
class Searched:
    """What was looked at in vain."""

    scenarios: int = 0
    states: int = 0
    unfinished: int = 0

    def __str__(self) -> str:
        """In words."""
        rest = f", {self.unfinished} of them not to their end" if self.unfinished else ""
        return f"not reached in {self.states:,} states of {self.scenarios} programs{rest}"


def run_counterexample(
    theorem: Theorem, state: Standing, subject: Subject, proofs: list[Proof], release: str | None,
    stop: Callable[[int], str | None], without: str = "",
) -> tuple[Record | None, str]:  # fmt: skip
    """Look for a run that breaks one of the theorem's claims: (its record or None, what was searched).

    without: the premise that was left out; then the programs are those in which it is not so.
    """
    searched = Searched()
    if not (state.own or state.support):
        return None, "nothing to run"
    programs = _lacking(without, release) if without else _programs(state, proofs, subject, release)
    for scenario in programs:
        for claim in theorem.claims:
            if scenario.only not in (None, claim) or (scenario.only is None and claim in FINDINGS):
                continue  # it is there for other claims: this one may not hold in it, whatever is planted
            try:
                found = _search(scenario, subject, claim, release, stop)
            except EndlessError as e:  # and so it would be in the next
                return None, f"{searched}; {e}"
            if found.record is not None and found.result.verdict is Verdict.VIOLATED:
                record = found.record
                said = f"reached: {record.violated.claim} breaks in {len(record.schedule)} steps of {scenario.name}"
                return record, said
            searched.scenarios += 1
            searched.states += found.result.counts.get("states", 0)
            searched.unfinished += found.result.verdict is Verdict.UNKNOWN
            said_stop = stop(0)
            if said_stop is not None:
                return None, f"{searched}; {said_stop}"
    return None, str(searched)


def _search(
    scenario: Scenario, subject: Subject, claim: str, release: str | None, stop: Callable[[int], str | None]
) -> Judged:
    def hurry(states: int) -> str | None:
        return f"{MOST_STATES:,} states" if states > MOST_STATES else stop(states)

    wanted: Release | None = None if release is None else row(release)
    try:
        return judge(scenario, subject, release=wanted, only=claim, hurry=hurry)
    except (HeapError, HiddenStateError, UnknownCellError) as e:  # the text fails where no claim speaks of it
        return Judged(Result("explore", scenario.name, Verdict.UNKNOWN, str(e)))


def _lacking(premise: str, release: str | None) -> Iterator[Scenario]:
    """The programs of the catalogue in which a premise is not so, each for any claim."""
    switches = REMOVABLE[premise].without
    for scenario in SCENARIOS:
        program = scenario.program
        there = all(getattr(program, name) == value for name, value in switches)
        if there and release in {None, program.release.name}:
            yield replace(scenario, only=None, finding=False, sentinels=())


def _programs(state: Standing, proofs: list[Proof], subject: Subject, release: str | None) -> Iterator[Scenario]:
    for place, obligation in enumerate((*state.own, *state.support)):
        yield from _shaped(obligation, place, proofs, subject)
    wanted = None if release is None else row(release)
    rows = {row(p.release).name for p in proofs if p.failed}
    catalogue = sorted((s for s in CLEAN if s.states <= SMALL_SCENARIOS), key=lambda s: s.states)
    first = [s for s in catalogue if wanted is not None or s.program.release.name in rows]
    yield from (replace(s, sentinels=()) for s in (*first, *(s for s in catalogue if s not in first)))


def _shaped(obligation: Obligation, place: int, proofs: list[Proof], subject: Subject) -> Iterator[Scenario]:
    """A small program in the shape of a failed obligation's counterexample."""
    proof = next((p for p in proofs if obligation in p.obligations), None)
    if proof is None or not JOBS[proof.job].function:
        return
    release = row(proof.release)
    again = jobs.run(JOBS[proof.job], subject.heap_class, release, "int", SMALL)
    like = [o for o in again.failed if (o.goal, o.line, o.kind) == (obligation.goal, obligation.line, obligation.kind)]
    values = like[0].values if like else obligation.values
    name, says = f"counterexample {place + 1}", "in the shape of a counterexample to induction"
    if JOBS[proof.job].protocol is SweepingProtocol:
        programs = iter(
            [Program((Thread((Reclaim(1),), OLD_SPANS), Thread((Sweep(), AllocManual(1)))), BYTES, release)]
        )
    else:
        take = MallocSmall if JOBS[proof.job].function == "malloc_small" else MallocLarge
        programs = _like(_sizes(values), release, take)
    for program in programs:
        yield Scenario(name, says, program, 0, ())


def _like(sizes: dict[str, int], release: Release, take: type[MallocLarge | MallocSmall]) -> Iterator[Program]:
    """Two threads: one takes the counterexample's region, the other one as long, on fresh memory and on used."""
    page = SMALL.page_size
    npages = _clipped(sizes.get("npage", sizes.get("npages", page)), 1, SMALL.pages_per_arena)
    before = _clipped(sizes.get("hand.base", 0) % SMALL.arena_size // page, 0, SMALL.pages_per_arena - 1)
    used = _clipped(sizes.get("world.zeroed_base", 0) // page, 0, SMALL.pages_per_arena)
    past: tuple[Op, ...] = (AllocManual(before),) if before else ()
    other = Thread((AllocManual(npages), FreeManual(0)))
    yield Program((Thread((take(npages),)), other), SMALL, release)
    past = (*past, AllocManual(max(used - before, 1)), FreeManual(len(past)))
    yield Program((Thread((take(npages),), past), other), SMALL, release)


def _sizes(values: Mapping[str, str]) -> dict[str, int]:
    return {name: int(value) for name, value in values.items() if value.lstrip("-").isdigit()}


def _clipped(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))
