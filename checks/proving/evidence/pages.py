"""The evidence of proofs as pages of docs, from the JSON that `spanproof prove` writes: docs/generate.py writes them.

Read next: unneeded.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from spanproof.checks.proving.evidence.necessity import Use, merged
from spanproof.checks.proving.evidence.unneeded import WHY
from spanproof.checks.proving.evidence.uses import is_needed

Items = Sequence[Mapping[str, Any]]
"""Of the results, or of the evidence, of a file."""
RECHECKED = """\
# Proofs that other solvers were asked about

Generated from the results of `spanproof prove --certificates DIR` and `spanproof prove --recheck DIR --json FILE`.
Each question that a proof puts to z3, and that z3 answers with "unsat", is put to cvc5, and where it is of bits alone
to bitwuzla too: bitwuzla reads no integers. A question is agreed on when one of them says "unsat" as well; how many
each has answered, in the time that it was given, stands beside it. One that says "sat" is a disagreement. What nobody
answers is open, and named.
"""
NECESSITY = """\
# What each conjunct is needed for

Generated from the results of `spanproof prove --necessity --json FILE`, in integers. A conjunct of an invariant, a
rely, a guarantee or a contract is needed when some question has another answer without it, all else being as it was:
named is the first obligation that fails then, or the first branch that could be taken. Beside it: in how many
unsatisfiable cores it stands, of the questions at which it is known.
"""
UNNEEDED = """\
## Nothing needs

Each of these can be left out of what is known, by itself, and every question keeps its answer. Why it stands there:
"""
STABILITY = """\
# How steady the answers are

Generated from the results of `spanproof prove --stability --json FILE`. Each question that was answered with "unsat"
is put again, from nothing, under the seeds {seeds}. It moves when an answer is not "unsat", or when the work of one
seed is more than {factor} times that of another and more than {floor:,}: the count is the solver's own, so a busy
machine moves nothing. Another solver was named by `--solver CMD`; it gets the questions of a proof as one script.
"""


def rechecked_page(results: Items) -> str:
    """Who agrees with what."""
    rows = [result for result in results if "agreed" in result["counts"]]
    solvers = sorted({name for row in rows for name in row["counts"] if name.startswith("by_")}, reverse=True)
    return "\n".join((RECHECKED, *_totals(rows, solvers), *_rechecked(rows, solvers), *_open(rows), ""))


def _totals(rows: Items, solvers: Sequence[str]) -> Iterator[str]:
    sums = {name: sum(row["counts"].get(name, 0) for row in rows) for name in ("questions", "agreed", "open", *solvers)}
    disagreed = sum(row["counts"]["disagreed"] for row in rows)
    by = ", ".join(f"{name.removeprefix('by_')} on {sums[name]:,}" for name in solvers)
    yield (
        f"{sums['questions']:,} questions of {len(rows)} proofs: on {sums['agreed']:,} somebody agrees ({by}), "
        f"{sums['open']:,} are open, on {disagreed:,} somebody disagrees.\n"
    )


def _rechecked(rows: Items, solvers: Sequence[str]) -> Iterator[str]:
    names = " | ".join(name.removeprefix("by_") for name in solvers)
    yield f"| proof | questions | agreed | {names} | open |"
    yield "|---|---|---|" + "---|" * len(solvers) + "---|"
    for row in sorted(rows, key=lambda row: row["name"]):
        counts = row["counts"]
        by = " | ".join(str(counts.get(name, "")) for name in solvers)
        yield f"| {row['name']} | {counts['questions']} | {counts['agreed']} | {by} | {counts['open'] or ''} |"


def _open(rows: Items) -> Iterator[str]:
    left = [row for row in rows if row["verdict"] != "holds"]
    if left:
        yield "\nOpen, and so not green:\n"
        yield from (f"* {row['name']}: {_cell(row['reason'])}" for row in left)


def necessity_page(evidence: Items) -> str:
    """Who needs what."""
    uses = merged({name: Use(**use) for name, use in item["uses"].items()} for item in evidence)
    needed = {name: use for name, use in sorted(uses.items()) if is_needed(use)}
    rest = {name: use for name, use in sorted(uses.items()) if not is_needed(use)}
    goals = {name: use for name, use in rest.items() if not use.known}
    unneeded = {name: use for name, use in rest.items() if use.known}
    head = (
        f"{len(uses)} conjuncts in {len(evidence)} proofs: {len(needed)} are needed, {len(unneeded)} are known "
        f"somewhere and needed nowhere, {len(goals)} are shown and assumed nowhere.\n"
    )
    return "\n".join((NECESSITY, head, *_needed(needed), UNNEEDED, *_unneeded(unneeded), *_goals(goals), ""))


def _needed(needed: Mapping[str, Use]) -> Iterator[str]:
    for module, names in groupby(needed, key=lambda name: name.partition(".")[0]):
        yield f"## {module}\n"
        yield "| conjunct | in cores | needed by |"
        yield "|---|---|---|"
        for name in names:
            use = needed[name]
            by = use.needed_by or f"which way is gone: {use.branch}"
            yield f"| {_of(name)} | {use.cores:,} of {use.known:,} | {_cell(by)} |"
        yield ""


def _of(name: str) -> str:
    """A conjunct, with the part of the contract that it stands in."""
    part, _, conjunct = name.partition(": ")
    return f"{part.partition('.')[2]}: `{conjunct}`"


def _unneeded(unneeded: Mapping[str, Use]) -> Iterator[str]:
    for name, use in unneeded.items():
        perhaps = f" Perhaps it is: the solver gave up without it on {_cell(use.perhaps)}." if use.perhaps else ""
        yield f"* {name.partition('.')[0]}, {_of(name)}, in {use.cores:,} of {use.known:,} cores: {why(name)}.{perhaps}"
    yield ""


def why(name: str) -> str:
    """Why a conjunct stands where it does though nothing needs it."""
    part, _, conjunct = name.partition(": ")
    return WHY.get(name) or WHY.get(f": {conjunct}") or WHY.get(f"{part}: ") or "not explained yet"


def _goals(goals: Mapping[str, Use]) -> Iterator[str]:
    yield "## Shown, and assumed nowhere\n"
    yield "Goals: what a function promises to the user, or to a proof of another kind.\n"
    yield from (f"* {name.partition('.')[0]}, {_of(name)}: shown {use.shown:,} times" for name, use in goals.items())


def left_to_do(names: Iterable[str], done: Iterable[str]) -> str:
    """The proofs that the page does not have, by name: it was made before them, or its time was up."""
    left = sorted(set(names) - set(done))
    said = "\n".join(f"* {name}" for name in left)
    return f"\n## Not looked at yet\n\n{said}\n" if left else ""


def stability_page(evidence: Items, factor: int, floor: int) -> str:
    """What moves."""
    seeds = ", ".join(map(str, evidence[0]["seeds"]))
    parts = [STABILITY.format(seeds=seeds, factor=factor, floor=floor)]
    for solver in dict.fromkeys(item["solver"] for item in evidence):
        parts += _steady(solver, [item for item in evidence if item["solver"] == solver])
    return "\n".join((*parts, ""))


def _steady(solver: str, items: Items) -> Iterator[str]:
    moved = [each for item in items for each in item["moved"]]
    asked = sum(item["asked"] for item in items)
    answers = sum(set(each["answers"]) != {"unsat"} for each in moved)
    yield f"## {solver}\n"
    yield (
        f"{asked:,} questions of {len(items)} proofs; {len(moved)} move, {answers} of them in their answer; the most "
        f"work of any answer is {max(item['most'] for item in items):,}.\n"
    )
    if moved:
        yield "| proof | question | answers | work |"
        yield "|---|---|---|---|"
    for each in moved:
        said = ", ".join(each["answers"]) if set(each["answers"]) != {"unsat"} else "unsat"
        work = ", ".join(f"{w:,}" for w in each["work"])
        yield f"| {each['proof']} | {_cell(each['about'])} | {said} | {work} |"
    yield "\n| proof | questions | most work |\n|---|---|---|"
    yield from (f"| {item['proof']} | {item['asked']} | {item['most']:,} |" for item in items)
    yield ""


def _cell(text: str) -> str:
    """What a table can hold."""
    return text.replace("|", "\\|")
