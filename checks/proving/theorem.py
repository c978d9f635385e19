"""A theorem: a claim in English, the proofs that add up to it, and the verdict over them.

What one thread may rely on is what all others guarantee, so a theorem takes all the proofs of its protocol. It holds
when every obligation of them is met; no hypothesis contradicts another; each part of the claim was shown; no function
of the heap acts beside the proofs; each way that a decision of the text can go was taken on some path; and no proof of
another protocol, of those done in the same run, fails that its premises lead to. Read next: induction.py, ../proofs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from spanproof.checks.proving import jobs
from spanproof.checks.proving.arms import Arm, never_taken
from spanproof.checks.proving.asking import PURE
from spanproof.checks.proving.closed_world import beside, covered
from spanproof.checks.proving.cursors_jobs import JOBS as CURSORS
from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.finishing_jobs import JOBS as FINISHING
from spanproof.checks.proving.following_jobs import JOBS as FOLLOWING
from spanproof.checks.proving.footprint import columns
from spanproof.checks.proving.growing_jobs import JOBS as GROWING
from spanproof.checks.proving.heaps import function_of
from spanproof.checks.proving.jobs import Job, Premise
from spanproof.checks.proving.obligations import Kind, Obligation, Outcome, Proof
from spanproof.checks.proving.owning_jobs import JOBS as BUILDING
from spanproof.checks.proving.retrying import JOBS as RETRYING
from spanproof.checks.proving.scavenging_jobs import JOBS as SCAVENGING
from spanproof.checks.proving.stopping import Hurry, patient
from spanproof.checks.proving.sweeping_jobs import JOBS as SWEEPING
from spanproof.checks.proving.zeroing_jobs import JOBS as ZEROING
from spanproof.checks.record import Record
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import RELEASES, Release, row

OWNING = (*BUILDING, *FOLLOWING)
PROTOCOLS = (GROWING, ZEROING, OWNING, SWEEPING, SCAVENGING, FINISHING, CURSORS, RETRYING)
_PAGES = (GROWING, ZEROING, OWNING, SWEEPING, SCAVENGING)
RESTS_ON: Mapping[Any, tuple[tuple[Job, ...], ...]] = {
    **{jobs_[0].protocol: _PAGES for jobs_ in _PAGES},
    FINISHING[0].protocol: (*_PAGES, FINISHING),
    CURSORS[0].protocol: (*_PAGES, CURSORS),
    RETRYING[0].protocol: (RETRYING,),
}
"""The protocols that a protocol's premises lead to, itself included."""
JOBS: Mapping[str, Job] = {job.name: job for jobs_ in PROTOCOLS for job in jobs_}
REMOVABLE: Mapping[str, Premise] = {premise.name: premise for job in JOBS.values() for premise in job.removable}
"""The premises that can be left out."""


@dataclass(frozen=True, slots=True)
class Part:
    """Obligations that are a part of a claim: with this goal, of this kind, in these functions, as far as it says."""

    goal: str = ""
    kind: Kind | None = None
    functions: frozenset[str] = frozenset()
    pruned: bool = False
    """So are branches that cannot be taken: a throw behind one needs no more to be shown."""

    def has(self, o: Obligation) -> bool:
        """Whether this is one of them."""
        named = not self.goal or o.goal == self.goal
        here = not self.functions or o.function in self.functions
        return named and here and (self.kind in {None, o.kind} or (self.pruned and o.kind is Kind.PRUNED))

    def __str__(self) -> str:
        """What they show."""
        return self.goal or f"any {self.kind}"


@dataclass(frozen=True, slots=True)
class Theorem:
    """One claim."""

    name: str
    says: str
    because: str
    source: str
    protocol: tuple[Job, ...]
    """The proofs that it is a matter of."""
    parts: tuple[Part, ...]
    """The obligations that are the claim itself."""
    claims: tuple[str, ...]
    """The claims of model that a run breaks when the theorem is false."""
    excludes: Callable[[Any], object] | None = None
    """Shows, on a heap class, what a premise keeps out."""

    @property
    def proofs(self) -> tuple[str, ...]:
        """The names of its proofs."""
        return tuple(job.name for job in self.protocol)

    def own(self, o: Obligation) -> bool:
        """Whether an obligation is a part of the claim itself."""
        return any(part.has(o) for part in self.parts)


def goals(*names: str, functions: Iterable[str] = ()) -> tuple[Part, ...]:
    """Obligations with these goals."""
    return tuple(Part(name, functions=frozenset(functions)) for name in names)


@dataclass(frozen=True, slots=True)
class Unit:
    """One proof to be done: a job on a row of the release table, for all rows on which the text is the same."""

    job: str
    release: str
    rows: tuple[str, ...]

    def __str__(self) -> str:
        """The job and the rows."""
        first, last = self.rows[0], self.rows[-1]
        return f"{self.job} ({first} to {last})" if first != last else f"{self.job} ({first})"


def units(job: Job, heap_class: Any, release: str | None = None) -> list[Unit]:
    """The proofs that a job stands for: one for each way in which its text differs by release."""
    if release is not None:
        wanted = row(release)
        return [Unit(job.name, wanted.name, (wanted.name,))] if job.applies(wanted) else []
    try:
        read = columns(heap_class, job.function, frozenset(job.by_contract)) if job.function else frozenset[str]()
    except LiftError:
        read = frozenset[str]()  # a heap that lacks the function: the proof will say so
    names = read.union(*(job.protocol.calls[n].columns for n in job.by_contract if n in job.protocol.calls))
    groups: dict[tuple[Any, ...], list[Release]] = {}
    for r in RELEASES:
        if job.applies(r):
            groups.setdefault(tuple(getattr(r, name) for name in sorted(names)), []).append(r)
    return [Unit(job.name, rows[-1].name, tuple(r.name for r in rows)) for rows in groups.values()]


def prove(unit: Unit, heap_class: Any, domain: str, hurry: Hurry = patient, without: str = "") -> Proof:
    """Do one proof. It stands for other rows only if what it read of its own is the same there."""
    watched = Watched(row(unit.release))
    job = JOBS[unit.job]
    proof = jobs.run(job, heap_class, watched, domain, hurry=hurry, called=unit.release, without=without)  # type: ignore[arg-type]  # it reads as a release does
    for column in sorted(watched.read):
        others = [name for name in unit.rows if getattr(row(name), column) != getattr(row(unit.release), column)]
        if others and not proof.error:
            return replace(proof, error=f"it reads {column}, so it does not stand for {others[0]}")
    return proof


class Watched:
    """A row of the release table that remembers which of its columns were read."""

    def __init__(self, release: Release) -> None:
        """Watch this row."""
        self._release, self.read = release, set[str]()

    def __getattr__(self, name: str) -> Any:
        """A column, or the name of the row."""
        self.read.add(name)
        return getattr(self._release, name)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the proofs of a theorem amount to, before any counterexample was run."""

    own: tuple[Obligation, ...]
    """Obligations that are a part of the claim, and fail."""
    support: tuple[Obligation, ...]
    """Others that fail and that the claim rests on."""
    reasons: tuple[str, ...]
    """Why nothing can be said."""
    shown: int
    """How many obligations of its own were met."""

    @property
    def holds(self) -> bool:
        """Whether the theorem holds."""
        return not (self.own or self.support or self.reasons)


def standing(
    theorem: Theorem, proofs: Iterable[Proof], heap_class: Any, release: str | None = None, others: Iterable[Proof] = ()
) -> Standing:
    """What the proofs amount to; `release`: of one release alone; `others`: proofs of other theorems in this run."""
    found = list(proofs)
    obligations = [o for proof in found for o in proof.obligations]
    failed = [o for o in obligations if o.outcome is not Outcome.PROVED and o.kind is not Kind.REACHED]
    own = tuple(_once(o for o in failed if theorem.own(o)))
    support = tuple(_once(o for o in failed if not theorem.own(o) and _rests_on(o)))
    shown = sum(theorem.own(o) and o.outcome is Outcome.PROVED for o in obligations)
    reasons = list(_together(((proof.job, proof.error) for proof in found if proof.error), "{}: {}"))
    reasons += [said for proof in found if not _assumed_a_failure(proof) for said in proof.vacuous]
    below = RESTS_ON[theorem.protocol[0].protocol]
    try:
        reasons += [said for protocol in below for said in beside(protocol, heap_class)]
    except LiftError as e:
        reasons.append(str(e))
    names = {job.name for protocol in below for job in protocol}
    reasons += _fails_elsewhere(proof for proof in others if proof not in found and proof.job in names)
    wanted = RELEASES if release is None else (row(release),)
    needed = {name for name in theorem.proofs if any(JOBS[name].applies(r) for r in wanted)}
    missing = needed - {proof.job for proof in found}
    if missing:
        reasons.append(f"not done: {', '.join(sorted(missing))}")
    if not failed and not reasons:
        reasons += _not_shown(theorem, obligations, release)
        reasons += _not_looked_at(theorem.protocol, found, heap_class, release)
    return Standing(own, support, tuple(dict.fromkeys(reasons)), shown)


def _not_shown(theorem: Theorem, obligations: list[Obligation], release: str | None) -> Iterator[str]:
    """Parts of the claim of which no obligation came up; of one release alone some may have none."""
    met = [part for part in theorem.parts if any(part.has(o) for o in obligations)]
    if len(met) < len(theorem.parts) and (release is None or not met):
        yield from (f"nothing was shown of {part}" for part in theorem.parts if part not in met)


def _not_looked_at(
    protocol: tuple[Job, ...], proofs: list[Proof], heap_class: Any, release: str | None
) -> Iterator[str]:
    """Ways that the text can go and no path went."""
    taken = frozenset[Arm]().union(*(proof.arms for proof in proofs))
    functions = [function_of(heap_class, name) for name in sorted(covered(protocol, heap_class))]
    some = release is not None or not all(any(job.applies(r) for job in protocol) for r in RELEASES)
    for arm in never_taken(functions, taken, one_release=some):
        yield f"{arm}: nothing is shown of what follows"


def _assumed_a_failure(proof: Proof) -> bool:
    """Whether hypotheses may contradict each other because a claim that failed was assumed, to go on."""
    return any(o.kind not in PURE and o.kind is not Kind.REACHED for o in proof.failed)


def _rests_on(o: Obligation) -> bool:
    """Whether an obligation is taken for granted elsewhere in the proofs."""
    return o.kind not in {Kind.THROW, Kind.RANK} and o.goal not in JUST_SAID


JUST_SAID = frozenset({"asked_for_zero_gets_zero", "in_use_span_has_its_bit"})
"""Promises to the user, which no proof assumes."""


def _not_done(theorem: Theorem, done: Iterable[Proof], release: str | None) -> Iterator[str]:
    """The proofs that its premises and its callers lead to, and that this run did not do."""
    below = RESTS_ON[theorem.protocol[0].protocol]
    wanted = RELEASES if release is None else (row(release),)
    names = {job.name for protocol in below for job in protocol if any(job.applies(r) for r in wanted)}
    missing = sorted(names - {proof.job for proof in done})
    if missing:
        yield f"NOT DONE in this run, `spanproof prove` does them: {len(missing)} proofs of other protocols"


def _fails_elsewhere(proofs: Iterable[Proof]) -> Iterator[str]:
    """What other proofs do not show, the first of each."""
    return _together(
        ((proof.job, said) for proof in proofs for said in _failures(proof)[:1]), "rests on {}, not shown: {}"
    )


def _failures(proof: Proof) -> list[str]:
    failed = [str(o) for o in proof.failed if o.kind is not Kind.REACHED and _rests_on(o)]
    return failed + [said for said in (proof.error, *proof.vacuous) if said]


def _together(reasons: Iterable[tuple[str, str]], form: str) -> Iterator[str]:
    """Each reason once, with the proofs that it keeps from standing: dozens, where time ran out."""
    jobs = dict[str, list[str]]()
    for job, reason in reasons:
        jobs.setdefault(reason, []).append(job)
    for reason, names in jobs.items():
        distinct = list(dict.fromkeys(names))
        more = f" and {len(distinct) - 1} other proofs" if len(distinct) > 1 else ""
        yield form.format(f"{distinct[0]}{more}", reason)


def _once(obligations: Iterable[Obligation]) -> list[Obligation]:
    """Each place and goal once."""
    return list({(o.place, o.goal, o.kind): o for o in reversed(list(obligations))}.values())[::-1]


@dataclass(frozen=True, slots=True)
class Judged:
    """A theorem's result, and the run that refutes it if there is one."""

    result: Result
    record: Record | None = None


def verdict(
    theorem: Theorem,
    done: Iterable[tuple[Unit, Proof]],
    heap_class: Any,
    run: Callable[[Theorem, Standing], tuple[Record | None, str]],
    domain: str,
    release: str | None = None,
    others: Iterable[Proof] = (),
) -> Judged:
    """The verdict over the proofs; `run` looks for a run that refutes the theorem: (record, what was searched)."""
    pairs, others = list(done), list(others)
    found = [proof for _, proof in pairs]
    state = standing(theorem, found, heap_class, release, others)
    counts = {
        "obligations": sum(len(p.obligations) for p in found),
        "paths": sum(p.paths for p in found),
        "own": state.shown,
        "failed": len(state.own) + len(state.support),
    }
    seconds = sum(p.seconds for p in found)
    taken = [premise for p in found for premise in p.premises]
    assumptions = tuple(dict.fromkeys([*taken, *_not_done(theorem, [*found, *others], release)]))
    bound = f"any number of threads; {DOMAIN_NAMES[domain]}; {_rows([unit for unit, _ in pairs])}"
    record, searched = (None, "") if state.holds else run(theorem, state)
    verdict_, reason = Verdict.HOLDS, ""
    if not state.holds:
        verdict_ = Verdict.UNKNOWN if record is None else Verdict.VIOLATED
        looked = [searched] if state.own or state.support else []  # nothing was there to be run
        reason = "; ".join([*looked, *_said(state)])
    if record is not None:
        bound = record.length
    return Judged(Result("prove", theorem.name, verdict_, reason, bound, assumptions, seconds, counts), record)


DOMAIN_NAMES = {"int": "integers", "bv64": "64-bit words"}


def _said(state: Standing) -> list[str]:
    said = [f"{_how(o)}: {o}" for o in state.own]
    said += [f"rests on what {_how(o)}: {o}" for o in state.support]
    return [*said, *state.reasons]


def _how(o: Obligation) -> str:
    return "fails" if o.outcome is Outcome.FAILED else "the solver gave up on"


def _rows(units_: list[Unit]) -> str:
    """The releases that all proofs together speak of."""
    names = {name for unit in units_ for name in unit.rows}
    rows = [r.name for r in RELEASES if r.name in names] or ["no release"]
    return rows[0] if len(rows) == 1 else f"{rows[0]} to {rows[-1]}"
