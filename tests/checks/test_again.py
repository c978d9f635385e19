"""Records of every kind are replayed, pinned, and judged again by `check`."""

import json
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.again import CHECK, judged, replayed
from spanproof.checks.comparing.history_campaign import judge_seeded
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.golang.comparing.compare import judge_go
from spanproof.checks.golang.interleaving.interleave import judge_interleavings
from spanproof.checks.golang.reading.toolchains import Toolchain, installed
from spanproof.checks.jobs import Done, Setting, Task
from spanproof.checks.performing import perform
from spanproof.checks.programs import program_of
from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME
from spanproof.checks.proving.lifted.judging import judge_plain
from spanproof.checks.record import KINDS, Record, load, save
from spanproof.checks.running.machine import HeapError
from spanproof.checks.running.replaying import run
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.subject import Subject
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.tracing.verdicts import judge_trace
from spanproof.checks.verdict import Verdict

pytestmark = pytest.mark.xdist_group("records of every kind")  # what they find is found once, in one process

FAULT = "second_fit"
OTHER = "plain_store_for_cas"
"""A fault that breaks nothing of what a second fit breaks."""
OWN = {"go schedule": OTHER}
"""The fault that is in the heap of a record of some kinds; the other way round nothing breaks either."""


def fault_of(kind: str) -> str:
    """The fault in the heap of a record of this kind."""
    return OWN.get(kind, FAULT)


@cache
def record_of(kind: str) -> Record:
    """A record of this kind, of a heap with the fault in it."""
    heap = subject(fault=fault_of(kind))
    match kind:
        case "go history":
            found = judge_go(newest_go(), heap, 0, 3_000, lambda _: None).record
        case "go schedule":
            found = judge_interleavings(newest_go(), heap, lambda _: None, names=["two_allocs_each"]).records[0]
        case "run":
            found = judge(BY_NAME["two_allocs_one_arena"], heap).record
        case "history":
            found = judge_seeded(heap, calls=3_000).record
        case "inputs":
            found = judge_plain(PLAIN_BY_NAME["find1_finds_the_lowest_free_page"], heap)[0].record
        case _:
            found = judge_trace(RECORDED[0], heap=heap)[1][-1]
    assert found is not None
    assert found.kind == kind
    return found


def newest_go() -> Toolchain:
    """The newest Go that is here."""
    if find_spec("tree_sitter_go") is None or not installed():
        pytest.skip("the extra `go` is not installed")
    return installed()[-1]


def pin(record: Record, name: str) -> Path:
    """Pin a record that is in a file of this name: the place that is printed."""
    save(record, Path(name))
    assert cli.main(["pin", name]) == 0
    (place,) = Path("spanproof-pins").iterdir()
    return place


def judged_with(place: Path, fault: str | None) -> Done:
    """What `check` makes of a pinned record."""
    return perform(Task("pin", str(place)), Setting(fault=fault))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_any_kind_is_replayed(kind: str) -> None:
    """The same bytes on its heap, and nothing on the reference."""
    assert replayed(record_of(kind), subject(fault=fault_of(kind))).difference == ""
    assert replayed(record_of(kind), Subject()).record is None


def test_a_record_keeps_the_change_that_avoids_it(tmp_path: Path) -> None:
    """The pair is two of its steps, the changed schedule keeps the claim, and both come back from the file."""
    heap = subject(fault=OTHER)
    record = judge(BY_NAME["two_allocs_one_arena"], heap).record
    assert record is not None
    assert record.flip is not None
    for access in record.flip.pair:
        step = record.steps[access.step - 1]
        assert (step.thread, step.function, step.access, step.cell) == tuple(access.as_json()[1:])

    save(record, tmp_path / "r.json")
    assert load(tmp_path / "r.json") == record
    assert run(program_of(record.program), heap.heap_class, record.flip.schedule, None).broken is None


def test_a_record_without_the_change_is_replayed() -> None:
    """Older code kept none: the replay is the same, and what is found now is told."""
    heap = subject(fault=OTHER)
    record = judge(BY_NAME["two_allocs_one_arena"], heap).record
    assert record is not None
    again = replayed(replace(record, flip=None), heap)
    assert again.difference == ""
    assert again.record == record


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_any_kind_can_be_pinned(kind: str) -> None:
    """Violated where the fault is, with a record that replays; it holds on the reference and with another fault."""
    place = pin(record_of(kind), f"{kind}.json")
    assert place.read_text() == record_of(kind).dumps()

    done = judged_with(place, fault_of(kind))
    (result,) = done.results
    assert (result.check, result.name, result.verdict) == (CHECK[kind], f"pinned {kind}.json", Verdict.VIOLATED)
    assert result.reason.startswith(record_of(kind).violated.claim)
    (again,) = done.records
    assert replayed(again, subject(fault=fault_of(kind))).difference == ""

    for fault in (None, FAULT if fault_of(kind) == OTHER else OTHER):
        (result,) = judged_with(place, fault).results
        assert (result.check, result.verdict) == (CHECK[kind], Verdict.HOLDS), result.reason


def test_a_pin_of_another_heap_names_the_heap_that_it_was_judged_on() -> None:
    """The record that a pin gives is of the heap under test, not of the one that the pin was made on."""
    elsewhere = replace(record_of("history"), fault=OTHER, heap="gone.py:Gone")
    _, again = judged(elsewhere, subject(fault=FAULT), "x.json")
    assert again is not None
    assert (again.heap, again.fault) == ("reference", FAULT)
    _, again = judged(replace(record_of("run"), fault=OTHER), subject(fault=FAULT), "x.json")
    assert again is not None
    assert (again.heap, again.fault) == ("reference", FAULT)


def test_numbers_that_a_lemma_does_not_speak_of_are_unknown() -> None:
    """A pin of inputs that no longer meet the lemma's premises says so, and is not green."""
    record = record_of("inputs")
    beyond = {name: str(1 << 80) for name in record.program["inputs"]}
    result, again = judged(replace(record, program={**record.program, "inputs": beyond}), Subject(), "x.json")
    assert (result.verdict, again) == (Verdict.UNKNOWN, None)
    assert result.reason == "its inputs do not meet the premises of the lemma"


def test_a_pin_whose_heap_cannot_be_run_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The result is one of the record's own kind of check, with the reason."""
    place = pin(record_of("history"), "h.json")

    def broken(*_: object) -> None:
        raise HeapError("it has no alloc")

    monkeypatch.setattr("spanproof.checks.performing.judged", broken)
    (result,) = judged_with(place, None).results
    assert (result.check, result.verdict) == ("compare", Verdict.UNKNOWN)
    assert result.reason == "the heap cannot be run: it has no alloc"


def test_pins_keep_apart() -> None:
    """Two records in files of one name are both kept, the same one once, whatever the file is called."""
    pin(record_of("run"), "a.txt")
    assert [p.name for p in Path("spanproof-pins").iterdir()] == ["a.json"]
    assert cli.main(["pin", "a.txt"]) == 0
    save(record_of("inputs"), Path("a.json"))
    assert cli.main(["pin", "a.json"]) == 0
    assert {p.name: load(p).kind for p in Path("spanproof-pins").iterdir()} == {"a.json": "run", "a-2.json": "inputs"}


@pytest.mark.parametrize(
    ("kind", "program"),
    [
        ("run", {"threads": 3}),
        ("history", {"calls": [["fly", 0, 0]]}),
        ("inputs", {"lemma": "no such lemma"}),
        ("inputs", {"inputs": {"x": "y"}}),
    ],
)
def test_what_cannot_be_judged_is_not_pinned(
    kind: str, program: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """A record that is damaged inside is refused when it is pinned, in one line."""
    record = record_of(kind)
    save(replace(record, program={**record.program, **program}), Path("bad.json"))
    assert cli.main(["pin", "bad.json"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not Path("spanproof-pins").exists()


def test_a_damaged_pin_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """`check` names the file and does no work."""
    place = pin(record_of("run"), "a.json")
    text = place.read_text()
    place.write_text(text[: len(text) // 2])
    assert cli.main(["check", "--budget", "1", "--jobs", "1"]) == 2
    assert (
        capsys.readouterr().err
        == "spanproof: spanproof-pins/a.json: not a record: not JSON; make one with `spanproof explore`\n"
    )


def test_check_runs_pins_of_all_kinds_first() -> None:
    """In the order of their names, before all else."""
    Path("spanproof-pins").mkdir()
    for kind in KINDS:
        save(record_of(kind), Path("spanproof-pins") / f"{kind}.json")
    assert cli.main(["check", "--fault", FAULT, "--budget", "1", "--jobs", "1", "--json", "r.json"]) == 1
    results = json.loads(Path("r.json").read_text())["results"]
    assert [r["name"] for r in results[: len(KINDS)]] == [f"pinned {kind}.json" for kind in sorted(KINDS)]
    verdicts = ["violated" if fault_of(kind) == FAULT else "holds" for kind in sorted(KINDS)]
    assert [r["verdict"] for r in results[: len(KINDS)]] == verdicts
    first = next(r["record"] for r in results[: len(KINDS)] if r["record"])
    assert cli.main(["replay", first]) == 1
