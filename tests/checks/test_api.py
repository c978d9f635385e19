"""What a program that is printed says when it is pasted and run."""

from dataclasses import replace
from pathlib import Path

import pytest

from spanproof.checks import api
from spanproof.checks.api import show_record, show_run
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import OPS, program_of
from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME
from spanproof.checks.proving.lifted.judging import judge_plain
from spanproof.checks.record import Record, RecordError
from spanproof.checks.running.printing import in_words, runnable
from spanproof.checks.scenarios import BY_NAME


def shown(record: Record, fault: str | None, capsys: pytest.CaptureFixture[str]) -> tuple[str | None, str]:
    """What showing a record's run returns, and what it prints, on one line."""
    broken = show_run(program_of(record.program), in_words(record.schedule), fault=fault)
    return broken, " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("fault", ["plain_store_for_cas", "in_use_bit_not_set"])
def test_a_pasted_program_says_why(fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In the very sentence of the command line, be it a matter of order or not; without the fault nothing breaks."""
    record = judge(BY_NAME["two_allocs_one_arena"], subject(fault=fault)).record
    assert record is not None
    assert record.why
    broken, printed = shown(record, fault, capsys)
    assert broken == record.violated.claim
    assert f" why: {record.why} " in printed
    assert shown(record, None, capsys) == (None, "no claim breaks")


def test_every_operation_can_be_pasted() -> None:
    """What a program may hold is there under its name."""
    assert {op.__name__ for op in OPS} <= set(api.__all__)
    assert set(api.__all__) <= set(vars(api))


def test_what_is_printed_is_judged_as_the_record_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the user's heap, by the claim alone."""
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from spanproof.checks.faults.planting import subject\n\nHeap = subject(fault='second_fit').heap_class\n"
    )
    scenario, claim = BY_NAME["two_allocs_one_arena"], "nothing_is_free_below_the_search_address"
    record = judge(scenario, subject(f"{mine}:Heap"), only=claim).record
    assert record is not None
    scope: dict[str, object] = {}
    exec(compile(runnable(record).replace("show_run(p", "broken = show_run(p"), "it", "exec"), scope)  # noqa: S102  # our own
    assert scope["broken"] == claim
    assert f"heap {mine}:Heap" in " ".join(capsys.readouterr().out.split())


def test_a_record_that_says_nothing_of_a_heap_is_no_pass() -> None:
    """Numbers that do not meet the premises of their lemma are refused: nothing is green by not being asked."""
    record = judge_plain(PLAIN_BY_NAME["find1_finds_the_lowest_free_page"], subject(fault="second_fit"))[0].record
    assert record is not None
    assert show_record(record.dumps(), "second_fit") == record.violated.claim
    assert show_record(record.dumps()) is None
    beyond = {name: str(1 << 80) for name in record.program["inputs"]}
    with pytest.raises(RecordError, match="its inputs do not meet the premises"):
        show_record(replace(record, program={**record.program, "inputs": beyond}).dumps())
