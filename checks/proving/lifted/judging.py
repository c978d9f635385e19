"""A theorem about plain functions: its lemmas, the verdict over them, and the record of inputs that break one.

A counterexample of the solver counts only when the text, run with its numbers, breaks the same lemma. Where the text
cannot be read, or the solver gives up, numbers are drawn: what they break is a violation too.
Read next: ../../proofs/pages.
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace

from spanproof.checks.proving import building
from spanproof.checks.proving.cuts import LiftError
from spanproof.checks.proving.lifted.lemma import Lemma, NotMetError, Numbers, Symbols, broken
from spanproof.checks.proving.obligations import Kind, Obligation, Outcome
from spanproof.checks.proving.stopping import Hurry, OutOfTimeError, heeding, patient
from spanproof.checks.proving.theorem import Judged
from spanproof.checks.record import Record, RecordError, Violated
from spanproof.checks.running.pages_alone import page_text
from spanproof.checks.running.replaying import Replayed
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.model.releases import NEWEST

DRAWS = 2_000
"""Numbers that are drawn for a lemma of which nothing is known."""


@dataclass(frozen=True, slots=True)
class PlainTheorem:
    """One claim about functions that only compute."""

    name: str
    says: str
    because: str
    source: str
    inputs: str
    """Of what inputs it is proved: the bound of its verdict."""
    lemmas: tuple[Lemma, ...]
    premises: tuple[str, ...] = ()
    tier: str = "quick"
    """quick, or long: minutes."""
    decides: tuple[str, ...] = ()
    """Functions of which it says all: what they give is the only thing that it allows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A lemma, and what came out."""

    lemma: Lemma
    obligations: tuple[Obligation, ...] = ()
    seconds: float = 0.0
    inputs: Mapping[str, int] = field(default_factory=dict[str, int])
    """Numbers that break it, when the text is run."""
    unclear: str = ""
    """Why nothing can be said."""

    @property
    def broken(self) -> bool:
        """Whether numbers break it."""
        return bool(self.inputs)


@building.afresh()
def shown(lemma: Lemma, text: SimpleNamespace, hurry: Hurry = patient) -> Shown:
    """Read a lemma for all inputs; what fails is run."""
    started, symbols = time.perf_counter(), Symbols(text, hurry)
    unclear = ""
    try:
        with heeding(hurry):
            lemma.read(symbols)
            symbols.end()
    except OutOfTimeError as e:
        return Shown(lemma, tuple(symbols.obligations), time.perf_counter() - started, unclear=str(e))
    except LiftError as e:
        unclear = f"the text cannot be read with symbols: {e}"
    except Exception as e:  # noqa: BLE001  # a text may fail in any way when it is read with symbols
        unclear = hurry(0) or f"the text cannot be read with symbols: {type(e).__name__}: {e}"
    failed = [o for o in symbols.obligations if o.outcome is not Outcome.PROVED]
    inputs = {} if not (failed or unclear) else _breaking(lemma, text, symbols.counterexamples)
    if failed and not inputs:
        unclear = unclear or _unclear(failed[0])
    seconds = time.perf_counter() - started
    return Shown(lemma, tuple(symbols.obligations), seconds, inputs, "" if inputs else unclear)


def _unclear(o: Obligation) -> str:
    if o.kind is Kind.REACHED:
        return "its premises contradict each other, or no call comes back"
    if o.outcome is Outcome.UNKNOWN:
        return f"the solver gave up on: {o}"
    return f"the solver's counterexample breaks nothing when it is run: {o}"


def _breaking(lemma: Lemma, text: SimpleNamespace, found: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Numbers that break a lemma: some of the solver's, or some that are drawn. Empty if none were found."""
    for inputs in found:
        if _goals(lemma, text, inputs):
            return dict(inputs)
    rng = random.Random(0)  # noqa: S311  # no secret
    for _ in range(DRAWS):
        given = Numbers(text, partial(drawn, rng))
        if _reads(lemma, given) and given.broken:
            return given.given
    return {}


def _reads(lemma: Lemma, given: Numbers) -> bool:
    """Whether a lemma's premises hold of these numbers, and it can speak of what the calls give."""
    try:
        given.read(lemma)
    except Exception:  # noqa: BLE001  # a result of another shape than the lemma speaks of
        return False
    return True


def drawn(rng: random.Random, name: str, lo: int, hi: int) -> int:  # noqa: ARG001  # what Numbers asks with
    """A number: near an end, of few bits, or any."""
    few = sum(1 << rng.randrange(max(hi.bit_length(), 1)) for _ in range(rng.randrange(4)))
    return rng.choice(
        (min(lo + rng.randrange(9), hi), max(hi - rng.randrange(9), lo), rng.randint(lo, hi), max(lo, min(few, hi)))
    )


def _goals(lemma: Lemma, text: SimpleNamespace, inputs: Mapping[str, int]) -> list[str]:
    """The goals that these numbers break; none if they do not meet the premises."""
    try:
        return broken(lemma, text, inputs)
    except (NotMetError, KeyError):
        return []


def judge_plain(theorem: PlainTheorem, subject: Subject, hurry: Hurry = patient) -> tuple[Judged, str]:
    """The verdict over a theorem's lemmas, and all of it told."""
    text, found, stopped = page_text(subject.heap_class), list[Shown](), ""
    for lemma in theorem.lemmas:
        stopped = hurry(0) or ""
        if stopped:
            break
        found.append(shown(lemma, text, hurry))
        if found[-1].broken:
            break
    result, record = _judged(theorem, found, stopped, text, subject)
    return Judged(result, record), "\n".join(_told(theorem, result, found)) + "\n"


def _judged(
    theorem: PlainTheorem, found: list[Shown], stopped: str, text: SimpleNamespace, subject: Subject
) -> tuple[Result, Record | None]:
    obligations = [o for each in found for o in each.obligations]
    failed = sum(o.outcome is not Outcome.PROVED for o in obligations)
    counts = {"obligations": len(obligations), "own": len(obligations) - failed, "failed": failed}
    seconds = sum(each.seconds for each in found)
    bad = next((each for each in found if each.broken), None)
    if bad is not None:
        record = _record(theorem, bad.lemma, bad.inputs, text, subject)
        reason = f"{bad.lemma.name}: {record.violated.detail}"
        bound = f"{len(bad.inputs)} inputs"
        return Result("prove", theorem.name, Verdict.VIOLATED, reason, bound, theorem.premises, seconds, counts), record
    unclear = stopped or next((f"{each.lemma.name}: {each.unclear}" for each in found if each.unclear), "")
    verdict = Verdict.UNKNOWN if unclear else Verdict.HOLDS
    return Result("prove", theorem.name, verdict, unclear, theorem.inputs, theorem.premises, seconds, counts), None


def _record(
    theorem: PlainTheorem, lemma: Lemma, inputs: Mapping[str, int], text: SimpleNamespace, subject: Subject
) -> Record:
    given = Numbers(text, inputs)
    given.read(lemma)
    return Record(
        kind="inputs",
        name=theorem.name,
        release=NEWEST.name,
        violated=Violated(theorem.name, theorem.says, theorem.source, "; ".join(dict.fromkeys(given.broken))),
        heap=subject.heap,
        fault=subject.fault,
        program={"lemma": lemma.name, "inputs": {name: str(number) for name, number in inputs.items()}},
        trace={"story": given.story},
    )


def replay_inputs(record: Record, theorems: Mapping[str, PlainTheorem], subject: Subject) -> Replayed:
    """Call the functions of a record again.

    Raises:
        RecordError: it names no lemma, or its inputs are damaged.

    """
    theorem = theorems.get(record.name)
    named = [lemma for lemma in theorem.lemmas if lemma.name == record.program.get("lemma")] if theorem else []
    given = record.program.get("inputs")
    if theorem is None or not named or not isinstance(given, dict):
        raise RecordError(f"{record.name}: a damaged record: there is no such lemma; run the proof again")
    try:
        inputs = {str(name): int(str(number)) for name, number in given.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        goals = broken(named[0], page_text(subject.heap_class), inputs)
    except (ValueError, KeyError) as e:
        raise RecordError(f"{record.name}: a damaged record ({type(e).__name__}: {e}); run the proof again") from e
    except NotMetError:
        return Replayed(None, "its inputs do not meet the premises of the lemma", met=False)
    if not goals:
        return Replayed(None, f"nothing breaks; the record says {record.violated.detail}")
    again = _record(theorem, named[0], inputs, page_text(subject.heap_class), subject)
    return Replayed(
        again,
        "" if again.dumps() == record.dumps() else f"was {record.violated.detail!r}, is {again.violated.detail!r}",
    )


def _told(theorem: PlainTheorem, result: Result, found: list[Shown]) -> Iterator[str]:
    yield f"{result.verdict.value.upper():8}  {theorem.name}"
    for said in (theorem.says, theorem.because, theorem.source, result.bound, result.reason):
        if said:
            yield f"          {said}"
    yield ""
    yield "  takes for granted:"
    yield from (f"    {premise}" for premise in theorem.premises or ("nothing: no callee is left out",))
    yield ""
    yield "  lemmas:"
    for each in found:
        met = sum(o.outcome is Outcome.PROVED for o in each.obligations)
        yield f"    {each.lemma.name}: {met} of {len(each.obligations)} obligations, {each.seconds:.2f} s"
        for o in each.obligations:
            if o.outcome is not Outcome.PROVED:
                yield f"      NOT MET: {o}"
        yield from (f"      {name} = {number:#x}" for name, number in each.inputs.items())
