"""Faults and the obligations that fail of them, as a page of docs, from `spanproof faults --proofs`. Read next: page.py."""

from collections.abc import Iterator, Sequence

from spanproof.checks.faults.by_proofs import ALL_HOLD, NO_PROOF
from spanproof.checks.faults.fault import Fault
from spanproof.checks.faults.planting import named
from spanproof.checks.verdict import Result

HEAD = """\
# Faults and the obligations that fail

Generated from the results of `spanproof faults --proofs`. Each fault of the corpus is planted, and the proofs that run
the edited text are done again, in integers: protocol by protocol, that of what the fault breaks first, until a
counterexample also runs; and all of the quick tier about plain functions. Named is the first theorem whose
counterexample also runs, with the obligation that fails; where none runs, the first that fails. A counterexample to
induction is no bug until a run reaches it: "not reached" is unknown. Seconds are until the run is found, on one core.
"""


def proofs_page(results: Sequence[Result]) -> str:
    """The whole page."""
    known = [(result, fault) for result in results if (fault := named(result.name)) is not None]
    return "\n".join((HEAD, *_summary(results), *_rows(known), *_others(known)))


def _summary(results: Sequence[Result]) -> Iterator[str]:
    failed, rest = ([r for r in results if bool(r.counts["failed"]) == fails] for fails in (True, False))
    reached = sum(r.counts["reached"] for r in failed)
    holding, nowhere = (sum(_what(r) == what for r in rest) for what in (ALL_HOLD, NO_PROOF))
    late = len(results) - len(failed) - holding - nowhere
    yield (
        f"{len(results)} faults: of {len(failed)} an obligation fails, and of {reached} of these a run reaches what it "
        f"breaks; of {holding} all proofs hold; the text of {nowhere} is run by no proof"
        f"{f'; {late} were not asked in time' if late else ''}.\n"
    )


def _rows(known: Sequence[tuple[Result, Fault]]) -> Iterator[str]:
    yield "| fault | theorem: obligation that fails | counterexample | seconds |"
    yield "|---|---|---|---|"
    for result, fault in known:
        if result.counts["failed"]:
            counts = result.counts
            said = f"reached, {counts['steps'] or 1} steps" if counts["reached"] else "not reached"
            bound = " ".join(result.bound.split()).replace("|", "\\|")
            yield f"| `{fault.name}` | {bound} | {said} | {counts['milliseconds'] / 1000:.2f} |"
    yield ""


def _others(known: Sequence[tuple[Result, Fault]]) -> Iterator[str]:
    """Those of which nothing fails."""
    for what in dict.fromkeys(_what(result) for result, _ in known if not result.counts["failed"]):
        yield f"## {what[0].upper()}{what[1:]}\n"
        mine = (f for r, f in known if not r.counts["failed"] and _what(r) == what)
        yield from (f"* `{fault.name}`: {fault.says}" for fault in mine)
        yield ""


def _what(result: Result) -> str:
    """Why nothing fails."""
    return result.reason or ALL_HOLD
