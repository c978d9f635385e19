"""A counterexample as a test: red while the bug is there, green once it is gone, and never more than that."""

import ast
import os
import subprocess
import sys
import tokenize
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.comparing.history_campaign import judge_seeded
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME
from spanproof.checks.proving.lifted.judging import judge_plain
from spanproof.checks.record import Record, RecordError, save
from spanproof.checks.reporting.pytest_file import pytest_file
from spanproof.checks.scenarios import BY_NAME
from spanproof.checks.tracing.shipped import RECORDED
from spanproof.checks.tracing.verdicts import judge_trace

SOURCE = Path(__file__).parents[3] / "src"
HOSTILE = 'coding: latin-1 """ \'\'\' \\ \n\r\x0c\x00\x1b[2J \u2028\u202e\nimport os; os.system("touch taken")\n'


@cache
def found(fault: str, scenario: str, claim: str | None = None) -> Record:
    """The record of a scenario with a fault."""
    record = judge(BY_NAME[scenario], subject(fault=fault), only=claim).record
    assert record is not None
    return record


def run(file: Path) -> tuple[int, str]:
    """What pytest says of a file: its exit code, and its output."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, file.name]
    done = subprocess.run(line, cwd=file.parent, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    return done.returncode, done.stdout


CASES = (
    ("plain_store_for_cas", "two_allocs_one_arena", None),
    ("in_use_not_reloaded", "reclaim_against_reuse", None),
    ("span_one_page_too_long", "two_allocs_one_arena", "asked_for_zero_gets_zero"),
    ("in_use_bit_not_set", "two_cycles", None),
)
"""Races, a claim that breaks after others, judged alone, and a break before the program begins."""


@pytest.mark.parametrize(("fault", "scenario", "claim"), CASES)
def test_it_is_red_with_the_fault_and_green_without(
    fault: str, scenario: str, claim: str | None, tmp_path: Path
) -> None:
    """It fails with what the record says, told step by step; with no fault planted it passes."""
    record = found(fault, scenario, claim)
    assert record.alone == (claim is not None)
    save(record, tmp_path / "record.json")
    file = tmp_path / "test_found.py"

    assert cli.main(["replay", str(tmp_path / "record.json"), "--pytest", str(file)]) == 1

    code, out = run(file)
    assert (code, f"VIOLATED  {record.violated.claim}" in out) == (1, True), out
    planted = f'FAULT = "{fault}"'
    assert file.read_text().count(planted) == 1
    strange = file.read_text().replace('SCHEDULE = "', 'SCHEDULE = "7*3 ')  # of steps that nobody can take
    file.write_text(strange.replace(planted, "FAULT = None"))
    code, out = run(file)
    assert (code, "1 passed" in out) == (0, True), out


def test_it_is_red_on_a_broken_heap_and_green_once_that_is_mended(tmp_path: Path) -> None:
    """The heap is the user's own file, named as it was."""
    head = "from spanproof.impl.malloc import Runtime\n\n\nclass Heap(Runtime):\n"
    (tmp_path / "mine.py").write_text(f"{head}    async def clear(self, s):\n        pass\n")
    heap = subject(f"{tmp_path}/mine.py:Heap")
    record = judge(BY_NAME["dirty_and_fresh"], heap).record
    assert record is not None
    file = tmp_path / "test_found.py"
    file.write_text(pytest_file(record))

    assert run(file)[0] == 1
    (tmp_path / "mine.py").write_text(f"{head}    pass\n")
    assert run(file)[0] == 0


def test_the_program_in_it_is_that_of_the_record() -> None:
    """Whatever a program of the catalogue says is said in the file."""
    for scenario in BY_NAME.values():
        record = replace(found(*CASES[0]), program=scenario.program.as_json())
        scope: dict[str, object] = {}
        exec(compile(pytest_file(record), "file", "exec"), scope)  # noqa: S102  # the file that the tool itself wrote
        assert scope["PROGRAM"] == scenario.program, scenario.name


def told(kind: str) -> Record:
    """A record of a kind without a program."""
    heap = subject(fault="second_fit")
    match kind:
        case "history":
            record = judge_seeded(heap, calls=3_000).record
        case "inputs":
            record = judge_plain(PLAIN_BY_NAME["find1_finds_the_lowest_free_page"], heap)[0].record
        case _:
            record = judge_trace(RECORDED[0], heap=heap)[1][-1]
    assert record is not None
    return record


@pytest.mark.parametrize("kind", ["history", "inputs", "trace"])
def test_a_told_record_is_judged_from_its_text(kind: str, tmp_path: Path) -> None:
    """It is red with its fault, green without; so no kind that needs no Go is left out."""
    record = told(kind)
    assert record.kind == kind
    file = tmp_path / "test_found.py"
    file.write_text(pytest_file(record))
    assert run(file)[0] == 1
    file.write_text(file.read_text().replace('FAULT = "second_fit"', "FAULT = None"))
    assert run(file)[0] == 0


def test_a_record_of_gos_own_text_is_refused() -> None:
    """It is red only beside that Go."""
    with pytest.raises(RecordError, match="needs a Go"):
        pytest_file(replace(found(*CASES[0]), kind="go history"))


@pytest.mark.parametrize("kind", ["run", "history"])
def test_no_text_of_a_record_becomes_a_part_of_the_program(kind: str, tmp_path: Path) -> None:
    """Quotes, newlines, controls and encodings stay in comments and in strings."""
    record = found(*CASES[0])
    violated = replace(record.violated, claim=HOSTILE, says=HOSTILE, source=HOSTILE, detail=HOSTILE)
    hostile = replace(record, kind=kind, name=HOSTILE, violated=violated, fault=HOSTILE, heap=HOSTILE, why=HOSTILE)
    hostile = replace(hostile, release=HOSTILE, alone=True, trace={HOSTILE: HOSTILE})
    text = pytest_file(hostile)

    def shape(text: str) -> list[str]:
        return [type(part).__name__ for part in ast.parse(text).body]

    assert shape(text) == shape(pytest_file(replace(record, kind=kind, alone=True)))
    assert tokenize.detect_encoding(BytesIO(text.encode()).readline)[0] == "utf-8"
    assert text.isascii()
    assert all(line.isprintable() for line in text.splitlines())
    constants = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    assert HOSTILE in constants  # the heap and the fault, as they are
    (tmp_path / "test_found.py").write_text(text)
    assert run(tmp_path / "test_found.py")[0] == 1  # there is no such fault
    assert not (tmp_path / "taken").exists()


def test_without_a_file_it_goes_to_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else does; two things cannot."""
    record = found(*CASES[0])
    place = str(tmp_path / "record.json")
    save(record, Path(place))
    assert cli.main(["replay", place, "--pytest"]) == 1
    assert capsys.readouterr().out == pytest_file(record)
    assert cli.main(["replay", place, "--pytest", "-", "--json", "-"]) == 2
    assert "only one can be written to stdout" in capsys.readouterr().err
    assert cli.main(["replay", place, "--pytest", str(tmp_path / "record.json" / "x")]) == 2
    assert "--pytest" in capsys.readouterr().err
    assert cli.main(["replay", place, "--pytest", "--go"]) == 2
    assert "--go" in capsys.readouterr().err
