"""What a program that is printed says when it is pasted and run."""

import pytest

from spanproof.checks.api import show_run
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.faults.planting import subject
from spanproof.checks.programs import program_of
from spanproof.checks.record import Record
from spanproof.checks.running.printing import in_words
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
