"""The command as a user meets it: verdicts, exit codes, records that replay, and one clear line for bad input."""

import errno
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from spanproof.checks import cli, scenarios, task_lists
from spanproof.checks.faults.corpus import FAULTS
from spanproof.checks.faults.fault import Fault
from spanproof.checks.jobs import Setting, Task
from spanproof.checks.performing import perform
from spanproof.checks.proofs import catalogue
from spanproof.checks.reporting.shipped import schema
from spanproof.checks.tracing import shipped

SOURCE = Path(__file__).parents[2]
QUICK = "two_allocs_one_arena"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


def validate(value: Any, name: str) -> None:
    """Validate against one of the published schemas."""
    importlib.import_module("jsonschema").validate(value, schema(name))


def results(path: Path) -> dict[str, Any]:
    """The JSON that a command wrote, validated."""
    data: dict[str, Any] = json.loads(path.read_text())
    validate(data, "result")
    return data


def test_a_theorem_without_its_premise_is_refuted(tmp_path: Path) -> None:
    """`prove --without` exits 1, with a record that replays; before 1.26 nothing depends on that premise."""
    line = ["prove", "needzero_false_is_already_zero", "--without", "sys_unused_zeroes", "--jobs", "1", "--out", "out"]

    assert cli.main([*line, "--json", "r.json"]) == 1
    (result,) = results(tmp_path / "r.json")["results"]
    assert "fails: heap.py:" in result["reason"]
    assert not [said for said in result["assumptions"] if said.startswith("sys_unused zeroes:")]
    assert cli.main(["replay", result["record"]]) == 1


def test_a_scenario_that_holds_exits_0(tmp_path: Path) -> None:
    """`explore` of a clean scenario holds, and says its bound in states."""
    assert cli.main(["explore", QUICK, "--json", "r.json"]) == 0

    (result,) = results(tmp_path / "r.json")["results"]
    assert (result["verdict"], result["counts"]["states"]) == ("holds", 3260)
    assert result["bound"].startswith("all 3,260 states")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_is_caught_through_the_command(fault: Fault, tmp_path: Path) -> None:
    """`explore --fault` finds each planted fault; its record replays to the same claim and the same bytes, twice."""
    assert cli.main(["explore", fault.scenario, "--fault", fault.name, "--json", "r.json"]) == 1

    (result,) = results(tmp_path / "r.json")["results"]
    record = Path(result["record"])
    kept = record.read_bytes()
    validate(json.loads(kept), "record")
    assert cli.main(["replay", str(record), "--json", "a.json"]) == 1
    assert cli.main(["replay", str(record), "--json", "b.json"]) == 1
    assert record.read_bytes() == kept
    assert "the same as recorded" in results(tmp_path / "a.json")["results"][0]["reason"]


def test_a_claim_can_be_judged_alone(tmp_path: Path) -> None:
    """`--claim` lets others break: what it finds is that claim, and the record replays so."""
    command = ["explore", QUICK, "--fault", "span_one_page_too_long", "--json", "r.json"]
    assert cli.main([*command, "--claim", "no_page_in_two_spans"]) == 1
    (result,) = results(tmp_path / "r.json")["results"]
    assert result["reason"].startswith("no_page_in_two_spans")
    assert cli.main(["replay", result["record"]]) == 1

    assert cli.main([*command, "--claim", "zeroed_base_never_decreases"]) == 0


def test_compare_catches_a_fault_and_prints_a_program_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`compare --fault` prints its shrunk counterexample as a program; run as printed, it breaks the same claim."""
    assert cli.main(["compare", "--fault", "plain_store_for_cas", "--json", "r.json"]) == 1

    (result,) = results(tmp_path / "r.json")["results"]
    printed = capsys.readouterr().out
    program = printed.split("as a program:\n")[1].split("  replay: ")[0]
    claim = json.loads(Path(result["record"]).read_text())["violated"]["claim"]
    lines = [line.removeprefix("    ") for line in program.splitlines()]
    source = "\n".join(lines).replace("show_run(", "broken = show_run(")
    scope: dict[str, Any] = {}
    exec(compile(source, "printed", "exec"), scope)  # noqa: S102  # the program that the tool itself printed

    assert scope["broken"] == claim


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_fault_makes_check_red(whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check --fault` is violated by every layer, and leaves a report with its records; a little of each will do."""
    if not whole:
        monkeypatch.setattr(task_lists, "alive_tasks", list)
        monkeypatch.setattr(shipped, "RECORDED", shipped.RECORDED[-1:])
        monkeypatch.setattr(catalogue, "BY_NAME", {})
        monkeypatch.setattr(catalogue, "plain_names", {"quick": ["find1_finds_the_lowest_free_page"]}.__getitem__)
        monkeypatch.setattr(scenarios, "SCENARIOS", (scenarios.BY_NAME[QUICK],))
    assert cli.main(["check", "--fault", "second_fit", "--json", "r.json", "--jobs", "2", "--budget", "600"]) == 1

    found = results(tmp_path / "r.json")["results"]
    layers = {"prove", "explore", "compare", "tables", "trace"}
    assert {r["check"] for r in found if r["verdict"] == "violated"} == layers
    assert 100_000 < (tmp_path / "spanproof-report" / "report.html").stat().st_size < 2_000_000
    recorded = [r for r in found if r["verdict"] == "violated" and r["check"] != "tables"]
    assert all((tmp_path / r["record"]).is_file() for r in recorded)


def test_pinned_records_are_judged_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pinned counterexample is run before all else: it holds on the reference and is violated where the fault is."""
    assert cli.main(["explore", QUICK, "--fault", "plain_store_for_cas", "--json", "r.json"]) == 1
    (result,) = results(tmp_path / "r.json")["results"]
    assert cli.main(["pin", result["record"]]) == 0
    assert "spanproof-pins" in capsys.readouterr().out

    assert (
        cli.main(["check", "--fault", "plain_store_for_cas", "--json", "c.json", "--jobs", "2", "--budget", "3"]) == 1
    )
    first = results(tmp_path / "c.json")["results"][0]
    assert first["name"].startswith("pinned ")
    assert first["verdict"] == "violated"
    pinned = perform(Task("pin", str(next(Path("spanproof-pins").iterdir()))), Setting())
    assert [r.verdict.value for r in pinned.results] == ["holds"]


def test_an_edit_of_the_text_turns_the_tool_red(tmp_path: Path) -> None:
    """Whoever edits impl's text in a copy of the package, and nothing else, sees explore and compare turn red."""
    copy = tmp_path / "copy" / "spanproof"
    shutil.copytree(SOURCE / "src" / "spanproof", copy, ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
    heap = copy / "impl" / "heap.py"
    text = heap.read_text()
    old = "if arena_base < zeroed_base:\n                # zeroedBase only grows, so having seen it once is enough.\n"
    assert text.count(old) == 1
    heap.write_text(text.replace("if arena_base < zeroed_base:", "if arena_base > zeroed_base:"))

    for command in (["explore", "free_against_alloc"], ["compare", "--examples", "60"]):
        done = run_command(command, tmp_path, copy.parent)
        assert done.returncode == 1, done.stderr
        assert "VIOLATED" in done.stdout


def run_command(command: list[str], folder: Path, source: Path = SOURCE / "src") -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    line = [sys.executable, "-m", "spanproof.checks", *command]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603  # our own


MADE = """
from spanproof.impl.malloc import Runtime

exec("class Made(Runtime):\\n    async def clear(self, s): pass")
"""
BAD = {
    "unknown command": (["chekc"], "check"),
    "unknown scenario": (["explore", "two_alloc_one_arena"], "did you mean two_allocs_one_arena"),
    "unknown claim": (["explore", "--claim", "no_page_in_two_span"], "did you mean no_page_in_two_spans"),
    "unknown fault": (["explore", "--fault", "plain_store"], "plain_store_for_cas"),
    "unknown release": (["explore", "--release", "go1.99"], "go1.14 to go1.27"),
    "seed that is no number": (["compare", "--seed", "abc"], "abc"),
    "negative seed": (["compare", "--seed", "-1"], "-1"),
    "no budget": (["check", "--budget", "0"], "0"),
    "budget that is no number": (["check", "--budget", "abc"], "abc"),
    "budget without end": (["check", "--budget", "inf"], "inf"),
    "no jobs": (["check", "--jobs", "0"], "0"),
    "unknown option": (["explore", "--colour"], "--colour"),
    "heap without a class": (["explore", "--heap", "heap.py"], "FILE.py:CLASS"),
    "heap that is not there": (["explore", "--heap", "heap.py:Heap"], "heap.py"),
    "record that is not there": (["replay", "record.json"], "record.json"),
    "pin of nothing": (["pin", "record.json"], "record.json"),
    "trace that is not there": (["trace", "trace.npz"], "trace.npz"),
    "out that is a file": (["explore", QUICK, "--out", "taken"], "taken"),
    "json in no folder": (["explore", QUICK, "--json", "taken/r.json"], "--json, in taken"),
    "heap without a text": (["prove", "--heap", "made.py:Made"], "Made.clear: its text is in no file"),
    "a premise that none takes": (["prove", "--without", "luck"], "no premise that can be left out, 'luck'"),
    "a tier of one domain": (["prove", "--tier", "long", "--domain", "int"], "--domain int"),
    "json that is a folder": (["list", "--json", "."], ". is a folder; give a file"),
    "json that is nothing": (["explore", QUICK, "--json", ""], "--json"),
    "out that is nothing": (["explore", QUICK, "--out", ""], "--out"),
    "histories below 0": (["compare", "--histories", "-5"], "'-5' is no number of calls"),
    "histories = below 0": (["compare", "--histories=-5"], "'-5' is no number of calls"),
    "no histories": (["compare", "--histories", "0"], "'--histories': 0"),
    "histories that are no number": (["compare", "--histories", "abc"], "'--histories': 'abc'"),
    "histories before a bad option": (["compare", "--histories", "--exmples"], "--exmples"),
    "no examples": (["compare", "--examples", "0"], "'--examples': 0"),
    "faults with a fault": (["faults", "--fault", "second_fit"], "--fault"),
}


@pytest.mark.parametrize(("arguments", "names"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], names: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is wrong with the input: one line that names it, exit 2, nothing on stdout, no traceback."""
    (tmp_path / "taken").write_text("")
    (tmp_path / "made.py").write_text(MADE)

    assert cli.main(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("spanproof: ")
    assert names in err


FOREIGN = {
    "not JSON": "{",
    "another format": '{"format": "else"}',
    "another version": '{"format": "spanproof record", "version": 99}',
    "damaged": '{"format": "spanproof record", "version": 1, "kind": "run"}',
    "a list": "[1]",
    "no text": "\x00\xff",
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_record_is_one_line(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no record of this version is refused in one line."""
    (tmp_path / "record.json").write_bytes(text.encode("latin-1"))

    assert cli.main(["replay", "record.json"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """When a report cannot be written whole, what was found is printed all the same, one line says why, exit 2."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)

    assert cli.main(["explore", QUICK, "--out", "report"]) == 2
    out, err = capsys.readouterr()
    assert "no space left" in err
    assert "all 3,260 states" in out


def test_a_full_disk_hides_no_violation(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 as ever, and nothing is said to be where nothing could be written; each loss is told on stderr."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    line = ["explore", QUICK, "--fault", "plain_store_for_cas", "--out", "report", "--json", "r.json"]

    assert cli.main([*line, "--junit", "j.xml"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "violated: 1 of 1"
    assert "replay: its record could not be written" in out
    assert [each.partition(" cannot be written")[0] for each in err.lower().splitlines()] == [
        "spanproof: report/explore-two_allocs_one_arena-zeroed_base_never_decreases.json:",
        "spanproof: --json r.json:",
        "spanproof: --junit j.xml:",
    ]


def test_a_heap_of_the_users_own_takes_the_references_place(tmp_path: Path) -> None:
    """`--heap FILE.py:CLASS` is searched like the reference; what it does wrong is found."""
    (tmp_path / "mine.py").write_text(
        "from spanproof.impl.malloc import Runtime\n\n\n"
        "class Forgetful(Runtime):\n"
        "    async def clear(self, s):\n"
        "        pass\n\n\n"
        "class Same(Runtime):\n"
        "    pass\n"
    )

    assert cli.main(["explore", "dirty_and_fresh", "--heap", "mine.py:Forgetful", "--json", "r.json"]) == 1
    (result,) = results(tmp_path / "r.json")["results"]
    assert cli.main(["replay", result["record"]]) == 1
    assert cli.main(["explore", "dirty_and_fresh", "--heap", "mine.py:Same"]) == 0


def test_a_heap_that_hides_state_is_unknown(tmp_path: Path) -> None:
    """A text whose local states cannot be told apart is unknown, with its place, and never a verdict."""
    (tmp_path / "mine.py").write_text(
        "from spanproof.impl.malloc import Runtime\n\n\n"
        "class Hidden(Runtime):\n"
        "    async def clear(self, s):\n"
        "        for page in range(2):\n"
        "            await self.memory.at(8 + page).write(0)\n"
    )

    assert cli.main(["explore", "dirty_and_fresh", "--heap", "mine.py:Hidden", "--json", "r.json"]) == 3
    (result,) = results(tmp_path / "r.json")["results"]
    assert "mine.py:7" in result["reason"]


def test_what_is_required_must_have_run(capsys: pytest.CaptureFixture[str]) -> None:
    """By its kind or its name; else exit 2, and a line that says so."""
    assert cli.main(["explore", QUICK, "--require", QUICK, "--require", "explore"]) == 0
    assert cli.main(["explore", QUICK, "--require", "prove"]) == 2
    assert "--require prove: it did not run" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_reaches_a_proof(jobs: str, tmp_path: Path) -> None:
    """Ctrl-C while the solver is at a question of many seconds, in this process and in another."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE / "src")}
    line = [sys.executable, "-m", "spanproof.checks", "prove", "no_overlapping_spans", "--domain", "bv64"]
    process = subprocess.Popen(  # noqa: S603  # our own
        [*line, "--jobs", jobs],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(6)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)

    assert process.returncode == 130, err
    assert "Traceback" not in out + err


def test_an_interrupt_keeps_what_was_found(tmp_path: Path) -> None:
    """Ctrl-C in the middle: what is done is printed and written, exit 130, no traceback."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE / "src")}
    line = [sys.executable, "-m", "spanproof.checks", "check", "--jobs", "2", "--json", "r.json"]
    process = subprocess.Popen(  # noqa: S603  # our own
        line, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in out + err
    results(tmp_path / "r.json")


def test_list_shows_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`list` names scenarios, claims, releases and faults; `list --json` is valid by its schema."""
    assert cli.main(["list"]) == 0
    shown = capsys.readouterr().out
    assert cli.main(["list", "--json", "l.json"]) == 0

    data = json.loads((tmp_path / "l.json").read_text())
    validate(data, "list")
    assert {"scenarios", "claims", "theorems", "releases", "faults"} == set(data)
    assert {entry["name"] for entries in data.values() for entry in entries} <= set(
        shown.split()
    )  # whole, each of them
    assert max(map(len, shown.splitlines())) <= 100


def test_the_same_seed_gives_the_same_results(tmp_path: Path) -> None:
    """Two campaigns from one seed agree in every count."""
    for name in ("a.json", "b.json"):
        assert cli.main(["compare", "--seed", "3", "--examples", "20", "--json", name]) == 3

    a, b = (results(tmp_path / name)["results"][0] for name in ("a.json", "b.json"))
    assert a["counts"] == b["counts"]
    assert a["counts"]["examples"] == 20


def test_a_budget_that_runs_out_is_unknown(tmp_path: Path) -> None:
    """A search that could not finish is unknown, says so, and exits 3."""
    assert cli.main(["explore", "sweeper_and_two_allocs", "--budget", "0.2", "--json", "r.json"]) == 3

    (result,) = results(tmp_path / "r.json")["results"]
    assert result["verdict"] == "unknown"
    assert "budget of 0.2 s" in result["reason"]


def test_json_on_stdout_is_nothing_but_json(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json -` leaves stdout to the JSON alone."""
    assert cli.main(["explore", QUICK, "--json", "-"]) == 0

    validate(json.loads(capsys.readouterr().out), "result")
