"""What a proof script does when it is run by itself: prove its theorem, and tell it."""

import argparse
import sys
from collections.abc import Iterable

from spanproof.checks.proving.induction import run_counterexample
from spanproof.checks.proving.jobs import DOMAINS
from spanproof.checks.proving.obligations import Proof
from spanproof.checks.proving.stopping import Hurry, patient
from spanproof.checks.proving.telling import Done, story
from spanproof.checks.proving.theorem import JOBS, Judged, Standing, Theorem, prove, units, verdict
from spanproof.checks.record import Record
from spanproof.checks.running.endless import watched
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import EXIT_CODES


def proved(
    theorem: Theorem, subject: Subject, domain: str = "int", release: str | None = None, hurry: Hurry = patient,
    without: str = "",
) -> tuple[Judged, list[Done]]:  # fmt: skip
    """Do all proofs of a theorem, one after the other, and judge them. without: leave this premise out."""
    done = [
        (unit, prove(unit, subject.heap_class, domain, hurry, without))
        for name in theorem.proofs
        for unit in units(JOBS[name], subject.heap_class, release)
    ]
    return judged(theorem, done, subject, domain, release, hurry, without=without), done


def judged(
    theorem: Theorem, done: list[Done], subject: Subject, domain: str, release: str | None, hurry: Hurry = patient,
    others: Iterable[Proof] = (), without: str = "",
) -> Judged:  # fmt: skip
    """The verdict over proofs that are done; what fails is run. `others`: the other proofs of this run."""
    proofs = [proof for _, proof in done]

    def run(theorem: Theorem, state: Standing) -> tuple[Record | None, str]:
        return run_counterexample(theorem, state, subject, proofs, release, hurry, without)

    return verdict(theorem, done, subject.heap_class, run, domain, release, others)


def main(theorem: Theorem) -> None:
    """Prove the theorem about the reference heap and exit as `spanproof prove` does."""
    parser = argparse.ArgumentParser(description=theorem.says)
    parser.add_argument("--domain", choices=DOMAINS, default="int", help="unbounded integers, or 64-bit words")
    domain = parser.parse_args().domain
    with watched():
        found, done = proved(theorem, Subject(), domain)
    sys.stdout.write(story(theorem, found.result, done))
    sys.exit(EXIT_CODES[found.result.verdict])
