"""The story of one claim, fault or theorem: what it says, why, where Go says it, and how it breaks.

The counterexample is found while it is told, by the search, and so is that of the text as it is now. Lines are plain
text, at most 100 columns wide. Read next: listing.py, which has all names.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import PLANTABLE, subject
from spanproof.checks.proofs.catalogue import PLAIN, THEOREMS
from spanproof.checks.proving.lifted.judging import PlainTheorem
from spanproof.checks.proving.theorem import Theorem
from spanproof.checks.record import Record
from spanproof.checks.reporting.lanes import lanes
from spanproof.checks.reporting.words import WIDTH, placed
from spanproof.checks.scenario import Scenario
from spanproof.checks.scenarios import BY_NAME, SCENARIOS
from spanproof.model.claim import Claim, Invariant, Promise, RunClaim, StepInvariant
from spanproof.model.claims import BY_NAME as CLAIMS
from spanproof.model.releases import row

WHEN: dict[type[Claim], str] = {
    Invariant: "of every state",
    StepInvariant: "of every step",
    Promise: "of every call",
    RunClaim: "of every run",
}
MOST_STATES = 20_000
"""Scenarios with more are not searched for a story: it is to be told at once."""


def tellable() -> Mapping[str, str]:
    """Every name that has a story, and what it is the name of; of one that is several, the first."""
    kinds = (("claim", CLAIMS), ("theorem", [t.name for t in (*THEOREMS, *PLAIN)]), ("fault", PLANTABLE))
    told: dict[str, str] = {}
    for kind, names in kinds:
        for name in names:
            told.setdefault(name, kind)
    return told


def story_of(name: str) -> str:
    """The story that a name has, ending in a newline.

    Raises:
        KeyError: it has none.

    """
    match tellable()[name]:
        case "claim":
            return _text(_of_claim(CLAIMS[name]))
        case "theorem":
            return _text(_of_theorem(next(t for t in (*THEOREMS, *PLAIN) if t.name == name)))
        case _:
            return _text(_of_fault(PLANTABLE[name]))


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _of_claim(claim: Claim) -> Iterator[str]:
    yield f"claim {claim.name}"
    yield from _said("says", claim.says)
    yield from _said("holds", WHEN[type(claim)])
    yield from _said("why", claim.because)
    yield from _said("in Go", placed(claim.source))
    if claim.finding:
        yield from _said("but", "Go's own text breaks it: see docs/reference/findings.md")
    for theorem in THEOREMS:
        if claim.name in theorem.claims or theorem.name == claim.name:
            yield from _said("proved", f"{theorem.name}: {theorem.says}")
    others = [f.name for f in PLANTABLE.values() if f.claim == claim.name and f.name != claim.fault]
    fault = PLANTABLE[claim.fault]
    yield from _said("broken by", f"{fault.name}: {fault.says}")
    yield from _said("also by", ", ".join(others))
    yield from _broken(fault, claim.name)


def _of_theorem(theorem: Theorem | PlainTheorem) -> Iterator[str]:
    yield f"theorem {theorem.name}"
    yield from _said("says", theorem.says)
    yield from _said("why", theorem.because)
    yield from _said("in Go", placed(theorem.source))
    if isinstance(theorem, PlainTheorem):
        yield from _said("for", theorem.inputs)
        yield from _said("lemmas", ", ".join(lemma.name for lemma in theorem.lemmas))
    else:
        yield from _said("for", "any number of threads and steps")
        yield from _said("proofs", ", ".join(theorem.proofs))
        yield from _said("claims", ", ".join(theorem.claims))
    yield f"  prove it  spanproof prove {theorem.name}"
    claims = () if isinstance(theorem, PlainTheorem) else theorem.claims
    for name in claims[:1]:
        fault = PLANTABLE[CLAIMS[name].fault]
        yield from _said("broken by", f"{fault.name}: {fault.says}")
        yield from _broken(fault, name)


def _of_fault(fault: Fault) -> Iterator[str]:
    yield f"fault {fault.name}"
    yield from _said("does", fault.says)
    yield from _said("from", fault.source)
    yield from _said("kind", fault.origin.value)
    for edit in fault.edits:
        yield from _said("edits", edit.function)
        yield from textwrap.indent(edit.old.strip("\n"), "    - ").splitlines()
        yield from textwrap.indent(edit.new.strip("\n"), "    + ").splitlines()
    claim = CLAIMS.get(fault.claim)
    if claim is None:
        return
    yield from _said("breaks", f"{claim.name}: {claim.says}")
    yield from _broken(fault, claim.name)


def _broken(fault: Fault, claim: str) -> Iterator[str]:
    """The shortest run that breaks a claim, and the commands that show it: whole lines, to be copied."""
    every = f"  catches   spanproof faults {fault.name}"
    found = counterexample(fault, claim)
    if found is None:
        yield every
        return
    released = f" --release {fault.release}" if fault.release else ""
    yield f"  see it    spanproof explore {found.name} --fault {fault.name} --claim {claim}{released}"
    yield every
    yield ""
    *shown, _replay = lanes(found, "").splitlines()  # it is in no file that could be replayed
    yield from "\n".join(shown).rstrip().splitlines()


def counterexample(fault: Fault, claim: str) -> Record | None:
    """A shortest run of a small scenario in which a fault breaks a claim: that of the fault, else the smallest."""
    own = [BY_NAME[fault.scenario]] if fault.scenario else []
    small = sorted((s for s in SCENARIOS if s.states <= MOST_STATES and not s.finding), key=lambda s: s.states)
    heap = subject(fault=fault.name)
    release = row(fault.release) if fault.release else None
    found = (judge(scenario, heap, release=release, only=claim).record for scenario in _each(own, small))
    return next((record for record in found if record is not None), None)


def _each(*scenarios: list[Scenario]) -> Iterable[Scenario]:
    return {scenario.name: scenario for group in scenarios for scenario in group}.values()


def _said(what: str, text: str) -> list[str]:
    """A line, and more where it is long; none where there is nothing to say."""
    margin = f"  {what:<9} "
    return textwrap.wrap(
        text, WIDTH, initial_indent=margin, subsequent_indent=" " * len(margin), break_on_hyphens=False
    )
