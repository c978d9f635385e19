"""Counterexamples as programs: lines that fit, and that Python reads as what they stand for."""

from dataclasses import replace
from typing import Any

import pytest

from spanproof.checks import api
from spanproof.checks.programs import OPS, AllocManual, FreeManual, MallocLarge, Program, Thread, program_of
from spanproof.checks.record import Record, Violated
from spanproof.checks.reporting.pytest_file import pytest_file
from spanproof.checks.running.printing import WIDTH, in_python, runnable
from spanproof.checks.scenarios import SCENARIOS
from spanproof.model.geometry import CHUNKED, SMALL
from spanproof.model.releases import row

LONG = Program(
    (
        Thread(tuple(MallocLarge(n) for n in range(1, 9)), (AllocManual(1), FreeManual(0))),
        Thread((), tuple(AllocManual(n) for n in range(1, 9))),
        Thread((MallocLarge(1),)),
    ),
    replace(SMALL, name="of no name", first_arena=3),
    row("go1.21"),
    tracing=True,
)
PROGRAMS = {s.name: s.program for s in SCENARIOS} | {"a long one": LONG}


def record_of(program: Program, schedule: tuple[int, ...]) -> Record:
    """A record of this program, whatever it breaks."""
    said = Violated("no_page_in_two_spans", "", "", "")
    return Record("run", "long", program.release.name, said, program=program.as_json(), schedule=schedule, alone=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_fits_and_is_the_same(name: str) -> None:
    """Each line has its columns, and what Python makes of all of them is the program."""
    program = PROGRAMS[name]
    lines = in_python("program", program.as_json())
    assert max(map(len, lines)) <= WIDTH
    scope: dict[str, Any] = dict(vars(api)) | {op.__name__: op for op in OPS}
    exec("\n".join(lines), scope)  # noqa: S102  # our own
    assert scope["program"] == program_of(program.as_json())


@pytest.mark.parametrize("schedule", [(), (0, 1), (0, 1) * 200])
def test_a_call_with_a_long_schedule_fits(schedule: tuple[int, ...]) -> None:
    """In pieces that give the same schedule."""
    record = record_of(LONG, schedule)
    text = runnable(replace(record, fault="plain_store_for_cas", heap="folder/file.py:Class"), wrapped=True)
    assert max(map(len, text.splitlines())) <= WIDTH
    shown: list[tuple[Program, str, dict[str, str]]] = []

    def show_run(program: Program, said: str, **named: str) -> None:
        shown.append((program, said, named))

    scope: dict[str, Any] = dict(vars(api)) | {"show_run": show_run}
    exec(text.replace("from spanproof.checks.api import *", ""), scope)  # noqa: S102  # our own
    ((program, said, named),) = shown
    assert program == LONG
    assert api.steps_of(said) == schedule
    assert named == {"fault": "plain_store_for_cas", "heap": "folder/file.py:Class", "only": "no_page_in_two_spans"}


def test_the_call_can_be_shown_by_itself() -> None:
    """It is the last line, whole, where nobody asks for shorter ones."""
    record = record_of(LONG, (0, 1) * 200)
    assert runnable(record).splitlines()[-1].startswith('show_run(program, "0*1 1*1 ')
    assert runnable(record).splitlines()[:-1] == runnable(replace(record, schedule=())).splitlines()[:-1]


@pytest.mark.parametrize("schedule", [(), (0, 1) * 8, (0, 1) * 20, (0, 1) * 200])
def test_a_test_fits_a_page(schedule: tuple[int, ...]) -> None:
    """With its comments, and with a geometry that has no name."""
    for program in (LONG, replace(LONG, geometry=CHUNKED)):
        text = pytest_file(record_of(program, schedule))
        assert max(map(len, text.splitlines())) <= 100
        compile(text, "test.py", "exec")
