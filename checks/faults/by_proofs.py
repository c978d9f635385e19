"""A fault put to the proofs alone: the obligation that fails, and whether its counterexample was reached by running.

A broken step of induction is no bug yet, so a fault whose counterexample was not reached is unknown; so is one that no
proof notices. Read next: proofs_page.py.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from spanproof.checks.exploring.verdicts import Judged
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.layers import Hurry, proofs_of
from spanproof.checks.faults.planting import subject
from spanproof.checks.faults.speaking import protocols_of, speaking_of
from spanproof.checks.faults.studied import EQUIVALENT
from spanproof.checks.proofs.script import judged
from spanproof.checks.proving.lifted.judging import PlainTheorem, judge_plain
from spanproof.checks.proving.obligations import Kind, Proof
from spanproof.checks.proving.theorem import Theorem
from spanproof.checks.record import Record
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict

NO_PROOF = "no proof runs the edited text"
ALL_HOLD = "all proofs that were asked hold"


@dataclass(frozen=True, slots=True)
class Failure:
    """What does not come out, of one theorem."""

    theorem: str
    obligation: str
    record: Record | None
    seconds: float = 0.0


def judge_by_proofs(fault: Fault, hurry: Hurry) -> Judged:
    """`holds` when an obligation fails and its counterexample runs; or nothing fails, of a fault that breaks nothing."""
    began, heap = time.perf_counter(), subject(fault=fault.name)
    asked, first = 0, None
    for failure in _asked(fault, heap, hurry):
        asked += 1
        if failure is None:
            continue
        first = first or replace(failure, seconds=time.perf_counter() - began)
        if failure.record is not None:
            first = replace(failure, seconds=time.perf_counter() - began)
            break
    return _judged(fault, asked, first, hurry(0), time.perf_counter() - began)


def _judged(fault: Fault, asked: int, failure: Failure | None, stopped: str | None, seconds: float) -> Judged:
    record = None if failure is None else failure.record
    verdict, reason = Verdict.UNKNOWN, ALL_HOLD if asked else NO_PROOF
    if record is not None:
        verdict, reason = Verdict.HOLDS, ""
    elif failure is not None:
        reason = "its counterexample was not reached"
    elif stopped:
        reason = stopped
    elif asked and fault in EQUIVALENT:
        verdict, reason = Verdict.HOLDS, ""
    bound = "" if failure is None else f"{failure.theorem}: {failure.obligation}"
    if verdict is Verdict.HOLDS and failure is None:
        bound = ALL_HOLD
    counts = {
        "theorems": asked,
        "failed": int(failure is not None),
        "reached": int(record is not None),
        "steps": 0 if record is None else len(record.steps),
        "milliseconds": 0 if failure is None else round(1000 * failure.seconds),
    }
    return Judged(Result("faults", fault.name, verdict, reason, bound, (), seconds, counts), record)


def _asked(fault: Fault, heap: Subject, hurry: Hurry) -> Iterator[Failure | None]:
    """One theorem after the other that speaks of the edited text."""
    for plain in speaking_of(fault):
        yield _plain(plain, heap, hurry)
        if hurry(0) is not None:
            return
    for theorems in protocols_of(fault):
        yield _of_paths(theorems, fault, heap, hurry)
        if hurry(0) is not None:
            return


def _plain(theorem: PlainTheorem, heap: Subject, hurry: Hurry) -> Failure | None:
    found = judge_plain(theorem, heap, hurry)[0]
    if found.result.verdict is Verdict.HOLDS or (found.record is None and hurry(0) is not None):
        return None
    return Failure(theorem.name, found.result.reason, found.record)


def _of_paths(theorems: Sequence[Theorem], fault: Fault, heap: Subject, hurry: Hurry) -> Failure | None:
    """What fails of the theorems of one protocol, and a run for the first of them that a run refutes."""
    done = proofs_of(theorems[0], fault, heap, hurry)
    failing = list(_failing(theorems, [proof for _, proof in done]))
    if not failing or hurry(0) is not None:
        return None  # what was not asked in time has not failed
    for theorem, said in {theorem.name: (theorem, said) for theorem, said in reversed(failing)}.values():
        record = judged(theorem, done, heap, "int", None, hurry).record
        if record is not None:
            return Failure(theorem.name, said, record)
    return Failure(failing[0][0].name, failing[0][1], None)


def _failing(theorems: Sequence[Theorem], proofs: list[Proof]) -> Iterator[tuple[Theorem, str]]:
    """What fails, of each theorem what it says itself; then what all rest on, and why a text could not be read."""
    failed = [o for proof in proofs for o in proof.failed if o.kind is not Kind.REACHED]
    for theorem in theorems:
        yield from ((theorem, str(o)) for o in failed if theorem.own(o))
    yield from ((theorems[0], str(o)) for o in failed if not any(theorem.own(o) for theorem in theorems))
    yield from ((theorems[0], proof.error) for proof in proofs if proof.error)
    yield from ((theorems[0], said) for proof in proofs for said in proof.vacuous)
