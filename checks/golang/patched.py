"""A patch of Go's page heap judged: what it changes, what rests on that, and the patched text beside the reference.

What is changed and is not compared here makes the verdict unknown, whatever the rest says: little was shown of it.
Where programs can be traced, one is run with the patched runtime all the same, and what its trace violates is wrong.
Read next: drifting/drift.py.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from spanproof.checks.golang.comparing.abstractly import with_worth
from spanproof.checks.golang.comparing.compare import judge_go
from spanproof.checks.golang.drifting.drift import between, load, nearest, text_of
from spanproof.checks.golang.extracted.extracting import extracted
from spanproof.checks.golang.interleaving.interleave import judge_interleavings
from spanproof.checks.golang.reading.patches import elsewhere, laid_over
from spanproof.checks.golang.reading.sources import read
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain
from spanproof.checks.golang.recording.programs import Level, Run, build, record
from spanproof.checks.golang.untried import folders, ran, untried
from spanproof.checks.proofs.catalogue import THEOREMS
from spanproof.checks.proving.closed_world import covered
from spanproof.checks.record import Record
from spanproof.checks.subject import Subject
from spanproof.checks.tracing.validating import TraceError
from spanproof.checks.tracing.verdicts import judge_trace
from spanproof.checks.verdict import Result, Verdict
from spanproof.impl.malloc import Runtime

GCHEAVY = Path(str(files("spanproof.checks.golang.recording") / "gcheavy"))
"""The program that is traced."""
ROUNDS, SECONDS = 300, 60
"""Of its work, and of patience with it."""
DIED = 2
"""The exit code of a Go program whose runtime ends it."""
LIMIT = 10
"""Names that are told of what rests on a change."""
Hurry = Callable[[int], str | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """What came out."""

    results: tuple[Result, ...]
    records: tuple[Record, ...] = ()


def changed_by_patch(toolchain: Toolchain) -> list[str]:
    """The declarations that what is laid over a toolchain changes, adds or takes away, by name."""
    names, own = set[str](), replace(toolchain, laid=())
    for file, _ in toolchain.laid:
        there = (toolchain.runtime / file).exists()  # or the patch makes it
        before, after = read(own, file).declarations if there else {}, read(toolchain, file).declarations
        digests = [{name: d.digest() for name, d in found.items()} for found in (before, after)]
        names |= {n for n in digests[0].keys() | digests[1].keys() if digests[0].get(n) != digests[1].get(n)}
    return sorted(names)


def changed_since_kept(toolchain: Toolchain) -> tuple[list[str], str]:
    """(the mirrored declarations of a toolchain that are not as they are kept, of which version).

    Raises:
        GoError: nothing is kept, or the text cannot be read.

    """
    kept = load()
    since = nearest(toolchain.version, kept)
    return list(between(since, kept[since], text_of(toolchain).digests).names), since


def judge_patch(toolchain: Toolchain, patch: str, subject: Subject, seed: int, commands: int, hurry: Hurry) -> Judged:
    """Judge a patched text: a unified diff against this toolchain, or, without one, the toolchain as it is.

    Raises:
        GoError: the patch does not fit, or the text cannot be read or built.

    """
    started, since = time.perf_counter(), toolchain.version
    if patch:
        toolchain = laid_over(toolchain, patch)
        changed = [*changed_by_patch(toolchain), *elsewhere(patch)]
    else:
        changed, since = changed_since_kept(toolchain)
    seconds = time.perf_counter() - started
    with folders() as place:
        histories, trials = Path(place) / "histories", Path(place) / "trials"
        for folder in (histories, trials):
            folder.mkdir()
        compared = judge_go(toolchain, subject, seed, commands, hurry, histories)
        compared = with_worth(compared, toolchain, seed, hurry)
        schedules = judge_interleavings(toolchain, subject, hurry, seed=seed, covering=trials)
        beyond = _beyond(toolchain, changed, histories, trials)
    wrong = any(r.verdict is Verdict.VIOLATED for r in (compared.result, *schedules.results))
    trace = Traced("no program was traced, as the text is wrong") if wrong else _traced(toolchain, hurry)
    first = _what_changed(toolchain, changed, since, beyond, trace.said, seconds)
    records = (*(() if compared.record is None else (compared.record,)), *schedules.records, *trace.records)
    return Judged((first, compared.result, *schedules.results, *trace.results), records)


def _beyond(toolchain: Toolchain, changed: list[str], histories: Path, trials: Path) -> list[str]:
    """What is changed and was not compared: what is not in the text that is, and what of it was not run."""
    names = extracted(toolchain).names
    beyond = [name for name in changed if name not in names]
    if not toolchain.laid:
        return beyond  # what it was before is not here, so which lines are new is not known
    return beyond + untried(toolchain, [name for name in changed if name in names], ran(toolchain, histories, trials))


@dataclass(frozen=True, slots=True)
class Traced:
    """What came of the program that was traced."""

    said: str
    """In words: that it was run, or why not."""
    results: tuple[Result, ...] = ()
    records: tuple[Record, ...] = ()


def _traced(toolchain: Toolchain, hurry: Hurry) -> Traced:
    """Run the program with the toolchain's runtime and judge its trace: each claim that is violated, or one result."""
    if stop := hurry(0):
        return Traced(f"no program was traced: {stop}")
    started, name = time.perf_counter(), f"traced {toolchain.version}"
    try:
        with TemporaryDirectory() as folder:
            program = build(toolchain, GCHEAVY, Level.SPANS)
            found = record([str(program), str(ROUNDS)], Path(folder), Level.SPANS, SECONDS, quiet=True)
            results, records = _judged(found.files)
    except GoError as e:
        return Traced(f"no program was traced: {e}")
    seconds, ended = time.perf_counter() - started, found.run.code
    violated = tuple(replace(r, name=f"{name}: {r.name}") for r in results if r.verdict is Verdict.VIOLATED)
    if violated:
        return Traced("a traced program shows violations", violated, tuple(records))
    wrong = "" if ended == 0 else f"the program ended with {ended}" if ended is not None else "the program has no end"
    wrong += f": {found.run.said}" if wrong and found.run.said else ""
    reason = wrong or next((r.reason for r in results if r.verdict is not Verdict.HOLDS), "")
    bound = f"{found.records:,} records of a program that is heavy on the collector, {len(results)} claims"
    verdict = Verdict.UNKNOWN if reason or not results else Verdict.HOLDS
    if wrong and dies_of_its_runtime(found.run):
        verdict, reason = Verdict.VIOLATED, f"a program without a fault of its own dies of its runtime; {wrong}"
    one = Result("go", name, verdict, reason, bound, ("one run",), seconds, {"records": found.records})
    return Traced("a traced program shows no violation" if not wrong else "a traced program did not end well", (one,))


def dies_of_its_runtime(run: Run) -> bool:
    """Whether the runtime ended the program, for another reason than that the system has no memory left."""
    return run.code == DIED and run.said.startswith("fatal error: ") and "out of memory" not in run.said


def _judged(paths: Iterable[Path]) -> tuple[list[Result], list[Record]]:
    """What the files of a run show."""
    results, records = list[Result](), list[Record]()
    for path in paths:
        try:
            found, told = judge_trace(path)
        except TraceError as e:
            results.append(Result("go", path.name, Verdict.UNKNOWN, str(e)))
            continue
        results += found
        records += told
    return results, records


def _what_changed(
    toolchain: Toolchain, changed: list[str], since: str, beyond: list[str], traced: str, seconds: float
) -> Result:
    counts = {"changed": len(changed), "not_compared": len(beyond)}
    bound = f"changed since {since}: {', '.join(changed)}" if changed else f"nothing is changed since {since}"
    rests = tuple(f"{name} is proved of the reference's {', '.join(of)}" for name, of in resting_on(changed).items())
    more = (f"and {len(rests) - LIMIT} theorems more",) if len(rests) > LIMIT else ()
    reason = f"changed, and not compared with the reference: {', '.join(beyond)}; {traced}" if beyond else ""
    verdict = Verdict.UNKNOWN if reason else Verdict.HOLDS
    name = f"changes {toolchain.version}"
    return Result("go", name, verdict, reason, bound, (*rests[:LIMIT], *more, traced), seconds, counts)


def snake(name: str) -> str:
    """`mheap.allocNeedsZero` as the reference writes it, without its receiver."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda found: f"_{found[0]}", name.rpartition(".")[2]).lower()


def resting_on(changed: list[str]) -> dict[str, list[str]]:
    """Theorems whose proofs run the reference's text of these functions, and which."""
    ours = {snake(name) for name in changed}
    found = {theorem: sorted(ours & names) for theorem, names in _run_by().items()}
    return {theorem: names for theorem, names in found.items() if names}


@cache
def _run_by() -> Mapping[str, frozenset[str]]:
    """The functions that the proofs of each theorem run."""
    return {
        theorem.name: frozenset(name.rpartition(".")[2] for name in covered(theorem.protocol, Runtime))
        for theorem in THEOREMS
    }
