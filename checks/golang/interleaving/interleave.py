"""Go's own text under our scheduler, and the reference heap on the same schedules: every step must be equal.

All schedules of small programs are gone through; of larger ones, which are drawn, some schedules are drawn.

Go's atomics and locks are the steps on both sides. What is plain in Go is done with the step before it, on both sides
too: of that the search with its happens-before relation speaks. Where steps differ, Go's text is gone through alone,
and the promises of the program say what that is worth. Read next: ../drifting/drift.py.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spanproof.checks.golang.comparing.compare import programmed
from spanproof.checks.golang.extracted.driving import DiedError
from spanproof.checks.golang.interleaving.drawn_trials import FAMILIES, drawn_trial
from spanproof.checks.golang.interleaving.scheduling import Trying
from spanproof.checks.golang.interleaving.stepping import Reference
from spanproof.checks.golang.interleaving.steps import DONE, STEP, THROWN, Told, difference, end_said, steps_said
from spanproof.checks.golang.interleaving.trials import BY_NAME, TRIALS, Trial
from spanproof.checks.golang.interleaving.worth import Broken, Hurry, Worth, broken, worth_of
from spanproof.checks.golang.reading.patches import named
from spanproof.checks.golang.reading.patches import told as told_of
from spanproof.checks.golang.reading.toolchains import GoError, Toolchain
from spanproof.checks.record import Record, RecordError, Violated
from spanproof.checks.running.replaying import Replayed
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Result, Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.releases import Release

MOST = 30_000
"""Schedules of a trial."""
ALONE = 300_000
"""Schedules that Go's side takes alone: all of each trial, unless a patch makes more of them."""
SAMPLED = 3_000
"""Schedules that are drawn of each family of programs."""
EACH = 100
"""Schedules of a drawn program."""
ALL = (*(trial.name for trial in TRIALS if not trial.finding), *FAMILIES)
"""What is gone through unless something is named."""
NAMES = (*BY_NAME, *FAMILIES)
"""What can be gone through."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a trial, or of some."""

    schedules: int = 0
    steps: int = 0
    different: str = ""
    broken: Broken | None = None
    told: Told | None = None
    """The schedule in which it is different or broken, as Go tells it."""
    whole: bool = True
    throws: int = 0

    @property
    def choices(self) -> tuple[int, ...]:
        """Which thread took each step of that schedule."""
        return () if self.told is None else self.told.choices

    @property
    def claim(self) -> tuple[str, str]:
        """The claim that does not hold in it: its name, what it says."""
        return AGREES[:2] if self.different else PROMISED

    @property
    def detail(self) -> str:
        """What was seen in it."""
        return self.different or ("" if self.broken is None else self.broken.seen)


def tried(
    trial: Trial, heap_class: type[Runtime], release: Release, go: Trying, most: int = MOST, seed: int = 0
) -> Tried:
    """Go through the schedules of a trial on both sides, until the two differ or a promise is broken.

    seed: if not 0, `most` of them are drawn.

    Raises:
        DiedError: Go's side is gone.

    """
    reference = Reference(trial, heap_class, release)
    schedules = steps = throws = 0
    found = Tried()
    for told in go.schedules(reference, most, seed=seed):
        schedules, steps, throws = schedules + 1, steps + len(told.steps) // STEP, throws + (told.ended == THROWN)
        different = difference(told, reference.play(told.choices), reference.words)
        promise = None if different else next(broken(reference, told), None)
        if different or promise is not None:
            found = Tried(different=different, broken=promise, told=told)
            go.again()  # it would tell of all the others
            break
    whole = not seed and (schedules < most or not most)
    return replace(found, schedules=schedules, steps=steps, whole=whole, throws=throws)


def tried_alone(trial: Trial, heap_class: type[Runtime], release: Release, go: Trying) -> Tried:
    """Go through the schedules on Go's side alone, and judge the promises on each way in which they end.

    Raises:
        DiedError: Go's side is gone.

    """
    reference = Reference(trial, heap_class, release)
    schedules = ways = 0
    found: Broken | None = None
    for many, told in go.endings(reference, ALONE):
        schedules, ways = schedules + many, ways + 1
        found = found or next(broken(reference, told), None)
    return Tried(schedules, ways, broken=found, whole=schedules < ALONE)


@dataclass(frozen=True, slots=True)
class Interleaved:
    """What came out of all trials on a toolchain's text."""

    results: tuple[Result, ...]
    records: tuple[Record, ...] = ()


@dataclass(slots=True)
class Judging:
    """Go's text on trials, one after the other, with the subject beside it. It is started anew when it died."""

    toolchain: Toolchain
    subject: Subject
    program: Path
    hurry: Hurry
    seed: int
    schedules: int
    """Of each family of drawn programs."""
    covering: Path | None
    """Where it is told what of the text was run."""
    go: Trying = field(init=False)

    def __post_init__(self) -> None:
        """Start it."""
        self.go = Trying(self.program, self.covering)

    def of(self, name: str) -> tuple[Result, Record | None]:
        """What comes of a trial, or of a family of drawn ones."""
        try:
            return self._of_family(name) if name in FAMILIES else self._of_all(BY_NAME[name])
        except DiedError as e:
            self.go.again()
            named_ = f"{name} {self.toolchain.version}"
            return Result("go", named_, Verdict.UNKNOWN, f"Go's side is gone: {e}", "", PREMISES), None

    def _of_all(self, trial: Trial) -> tuple[Result, Record | None]:
        """All schedules of a trial."""
        started, heap_class, release = time.perf_counter(), self.subject.heap_class, self.toolchain.release
        alone = Tried()
        if trial.alone:
            alone = tried_alone(trial, heap_class, release, self.go)
            if alone.broken is None and alone.whole:
                return _judged_alone(trial, self._name(trial.name), alone, time.perf_counter() - started), None
        # What is broken is gone through with every step, for its schedule; and some of what is too much.
        found = tried(trial, heap_class, release, self.go, MOST if alone.broken is None else 0)
        how_many = "all" if found.whole else "the first"
        bound = f"{how_many} {found.schedules:,} interleavings of {trial.says}, {found.steps:,} steps compared"
        missed = "no schedule throws, and some should" if trial.throws and not found.throws else ""
        reason = missed or ("" if found.whole else f"there are more than {found.schedules:,} interleavings")
        worth = self._worth(trial, found, self.seed + 1)
        if worth is not None and worth.broken is None:
            worth = replace(worth, broken=alone.broken)  # of all of them, where that was looked at
        return self._judged(trial, trial.name, found, worth, bound, reason, started)

    def _of_family(self, name: str) -> tuple[Result, Record | None]:
        """Drawn schedules of drawn programs, until something is wrong."""
        started, all_found, programs = time.perf_counter(), Tried(), 0
        trial, worth = drawn_trial(name, self.seed), None
        while all_found.schedules < self.schedules and all_found.told is None:
            number = self.seed * 1_000_003 + programs
            trial, most = drawn_trial(name, number), min(EACH, self.schedules - all_found.schedules)
            found = tried(trial, self.subject.heap_class, self.toolchain.release, self.go, most, number + 1)
            schedules, steps = all_found.schedules + found.schedules, all_found.steps + found.steps
            all_found, programs = replace(found, schedules=schedules, steps=steps), programs + 1
            worth = self._worth(trial, found, number + 1)
        bound = f"{all_found.schedules:,} schedules, drawn (POS) of {programs:,} drawn programs of {trial.says}, "
        bound += f"{all_found.steps:,} steps compared, seed {self.seed}"
        return self._judged(trial, name, all_found, worth, bound, "", started)

    def _worth(self, trial: Trial, found: Tried, seed: int) -> Worth | None:
        """What a difference is worth; None where there is none."""
        if not found.different:
            return None
        reference = Reference(trial, self.subject.heap_class, self.toolchain.release)
        return worth_of(self.program, reference, self.hurry, seed, small=trial.name in BY_NAME)

    def _judged(
        self, trial: Trial, name: str, found: Tried, worth: Worth | None, bound: str, reason: str, started: float
    ) -> tuple[Result, Record | None]:
        """The verdict, with the record of what is worse: that Go breaks a promise, if a schedule shows it."""
        differs = int(bool(found.different))
        counts = {"schedules": found.schedules, "steps": found.steps, "differences": differs}
        counts |= {} if worth is None else worth.counts
        seconds, name, record = time.perf_counter() - started, self._name(name), None
        if found.told is not None:
            worst = found if worth is None or worth.told is None else Tried(broken=worth.broken, told=worth.told)
            why = "" if worth is None or worst is not found else worth.why
            record = _record(trial, self.toolchain, self.subject, worst, why)
            reason = f"{found.claim[0]}: {found.detail}{'' if worth is None else f'; {worth.said}'}"
            bound = f"{len(worst.choices)} steps"
        reason = reason or ("" if found.schedules else "no schedule was taken")
        verdict = Verdict.VIOLATED if record is not None else Verdict.UNKNOWN if reason else Verdict.HOLDS
        return Result("go", name, verdict, reason, bound, PREMISES, seconds, counts), record

    def _name(self, name: str) -> str:
        return f"{name} {self.toolchain.version}"


def judge_interleavings(
    toolchain: Toolchain, subject: Subject, hurry: Hurry,
    names: Sequence[str] = (), seed: int = 0, schedules: int = SAMPLED, covering: Path | None = None,
) -> Interleaved:  # fmt: skip
    """All trials and families, or those named, on a toolchain's text.

    schedules: so many are drawn of each family. covering: where it is told what of the text was run.

    Raises:
        GoError: its text cannot be read or built.

    """
    judging = Judging(toolchain, subject, programmed(toolchain, covering), hurry, seed, schedules, covering)
    results, records = list[Result](), list[Record]()
    for name in names or ALL:
        stop = hurry(len(results))
        if stop is not None:
            results.append(Result("go", f"{name} {toolchain.version}", Verdict.UNKNOWN, stop))
            continue
        result, record = judging.of(name)
        results.append(result)
        records += [record] if record is not None else []
    judging.go.driven.end()
    return Interleaved(tuple(results), tuple(records))


PREMISES = (
    "what is plain in Go is done with the step before it",
    "sequentially consistent atomics",
    "Go's text compiled with stubs for what is around it (golang/extracted/harness)",
)


def _judged_alone(trial: Trial, name: str, found: Tried, seconds: float) -> Result:
    """What came of schedules that Go's side took alone."""
    counts = {"schedules": found.schedules, "endings": found.steps}
    rate = found.schedules / max(seconds, 1e-9)
    bound = f"all {found.schedules:,} interleavings of {trial.says}, by Go's text alone, {rate:,.0f} a second; "
    bound += f"promises judged on each of the {found.steps:,} ways in which they end"
    return Result("go", name, Verdict.HOLDS, "", bound, PREMISES, seconds, counts)


AGREES = (
    "go_agrees",
    "Go's own text takes the steps that the reference takes.",
    "the runtime of the toolchain that is named",
)
PROMISED = (
    "go_keeps_its_promises",
    "Go's own text keeps what the model says at the end of every interleaving.",
)


def _record(trial: Trial, toolchain: Toolchain, subject: Subject, found: Tried, why: str = "") -> Record:
    """The record of a schedule. why: what its difference is worth."""
    source = AGREES[2] if found.different else trial.source or AGREES[2]
    return Record(
        kind="go schedule",
        name=f"{trial.name} {toolchain.version}",
        release=toolchain.release.name,
        violated=Violated(*found.claim, source, found.detail),
        heap=subject.heap,
        fault=subject.fault,
        program={"trial": trial.name, **told_of(toolchain)},
        schedule=found.choices,
        trace={"story": list(_story(trial, toolchain, subject, found))},
        why=why,
    )


def trial_named(name: str) -> Trial:
    """A trial, or a drawn one by its family and number. Raises KeyError or ValueError: there is none."""
    family, _, number = name.partition(" ")
    return drawn_trial(family, int(number)) if number else BY_NAME[name]


def replay_schedule(record: Record, subject: Subject) -> Replayed:
    """Take the schedule of a record again, on both sides; of a broken promise only Go's side is judged.

    Raises:
        RecordError: it is damaged, or the Go that it names is not here.

    """
    try:
        trial, toolchain = trial_named(str(record.program["trial"])), named(record)
        go = Trying(programmed(toolchain))
    except (GoError, KeyError, ValueError) as e:
        raise RecordError(f"{record.name}: {e}") from e
    reference = Reference(trial, subject.heap_class, toolchain.release)
    threads = range(len(trial.threads))
    if not all(choice in threads for choice in record.schedule):
        raise RecordError(f"{record.name}: its schedule has threads that {trial.name} does not have")
    told = go.to_the_end(reference, record.schedule)
    go.driven.end()
    of_promise = record.violated.claim == PROMISED[0]
    different = "" if of_promise else difference(told, reference.play(told.choices), reference.words)
    promise = None if different else next(broken(reference, told), None)
    if not different and promise is None:
        nothing = "no promise is broken" if of_promise else "nothing differs"
        return Replayed(None, f"{nothing}; the record says {record.violated.detail}")
    # What a difference is worth is no matter of this one schedule: it is not judged again.
    again = _record(trial, toolchain, subject, Tried(different=different, broken=promise, told=told), record.why)
    if again.dumps() == record.dumps():
        return Replayed(again, "")
    same = again.violated.detail == record.violated.detail
    return Replayed(again, "it is told otherwise" if same else f"was {record.violated.detail!r}")


def _story(trial: Trial, toolchain: Toolchain, subject: Subject, found: Tried) -> Iterator[str]:
    """The schedule step by step: on the reference, or on Go where Go breaks a promise, with an end that is not good."""
    reference = Reference(trial, subject.heap_class, toolchain.release)
    who, steps, end = "the reference", reference.play(found.choices).steps, ""
    if found.broken is not None and found.told is not None:
        who, steps = "Go", found.told.steps
        end = end_said(found.told) if found.told.ended != DONE else ""
    yield f"{trial.says}, on {toolchain.version}; the steps that {who} takes:"
    yield from steps_said(steps)
    yield from (f"then: {each}" for each in [end] if each)
