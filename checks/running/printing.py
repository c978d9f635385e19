"""A counterexample as a Python program that can be pasted and run, its lines broken as a formatter would."""

import textwrap
from collections.abc import Mapping
from dataclasses import fields
from itertools import groupby
from typing import Any

from spanproof.checks.programs import SWITCHES, Program
from spanproof.checks.record import Record
from spanproof.checks.subject import REFERENCE
from spanproof.model.geometry import BYTES, CHUNKED, GO_AMD64, SMALL

WIDTH = 88
"""Columns of a program."""
NAMED = {"SMALL": SMALL, "BYTES": BYTES, "CHUNKED": CHUNKED, "GO_AMD64": GO_AMD64}


def in_words(schedule: tuple[int, ...]) -> str:
    """A schedule as runs: `0*12 1*5 0*3`."""
    return " ".join(f"{t}*{len(list(run))}" for t, run in groupby(schedule))


def runnable(record: Record, *, wrapped: bool = False) -> str:
    """The record as a program that can be pasted and run.

    wrapped: the call at its end has several lines where it is long; else it is the last line, whole, so that it can be
    shown by itself.
    """
    lines = ["from spanproof.checks.api import *", "", *in_python("program", record.program)]
    given = {
        "fault": record.fault,
        "heap": None if record.heap == REFERENCE else record.heap,
        "only": record.violated.claim if record.alone else None,
    }
    said = [f"{name}={quoted(value)}" for name, value in given.items() if value is not None]
    schedule = in_words(record.schedule)
    call = f"show_run({', '.join(['program', quoted(schedule), *said])})"
    return "\n".join([*lines, *(_broken(schedule, said) if wrapped and len(call) > WIDTH else [call])])


def _broken(schedule: str, said: list[str]) -> list[str]:
    """The call that shows a run, on several lines."""
    pieces = textwrap.wrap(schedule, WIDTH - len('    " ",')) or [""]
    quotes = [*(quoted(f"{piece} ") for piece in pieces[:-1]), f"{quoted(pieces[-1])},"]
    return ["show_run(", *(f"    {line}" for line in ("program,", *quotes, *(f"{each}," for each in said))), ")"]


def in_python(name: str, program: Mapping[str, Any]) -> list[str]:
    """The lines that give a variable a program, which is what `Program.as_json` wrote."""
    lines = [f"{name} = Program(", "    threads=("]
    for ops, before in zip(program["threads"], program["before"], strict=True):
        lines += _thread(_ops(ops), _ops(before))
    geometry, arguments = shape(program["geometry"])
    lines += [
        "    ),",
        *_call(f"geometry={geometry}", arguments, "    "),
        f"    release=row({quoted(program['release'])}),",
    ]
    usual = {f.name: f.default for f in fields(Program)}
    said = ((switch, program.get(switch, usual[switch])) for switch in SWITCHES)
    return [*lines, *(f"    {switch}={value!r}," for switch, value in said if value != usual[switch]), ")"]


def _thread(ops: list[str], before: list[str]) -> list[str]:
    """One thread, on one line or, where that is too long, with a line for each operation."""
    past = f", before=({_tuple(before)})" if before else ""
    line = f"        Thread(({_tuple(ops)}){past}),"
    if len(line) <= WIDTH:
        return [line]
    lines = ["        Thread("]
    for opening, each in (("(", ops), ("before=(", before)):
        if each:
            lines += [f"            {opening}", *(f"                {op}," for op in each), "            ),"]
        elif opening == "(":
            lines.append("            (),")
    return [*lines, "        ),"]


def _call(name: str, arguments: list[str] | None, margin: str) -> list[str]:
    """A name, or a call with its arguments: on one line, or one a line where that is too long."""
    if arguments is None:
        return [f"{margin}{name},"]
    line = f"{margin}{name}({', '.join(arguments)}),"
    if len(line) <= WIDTH:
        return [line]
    return [f"{margin}{name}(", *(f"{margin}    {each}," for each in arguments), f"{margin}),"]


def shape(g: Mapping[str, Any]) -> tuple[str, list[str] | None]:
    """The geometry by its name if it has one, else with its arguments; how many spans there are says the program."""
    for name, geometry in NAMED.items():
        if {f.name: getattr(geometry, f.name) for f in fields(geometry)} == {**g, "spans": geometry.spans}:
            return name, None
    return "Geometry", [
        f"{name}={quoted(value) if isinstance(value, str) else repr(value)}" for name, value in g.items()
    ]


def quoted(text: str) -> str:
    """The text as Python writes it, in double quotes where that needs nothing escaped."""
    plain = text.isascii() and text.isprintable() and not {'"', "\\"} & set(text)
    return f'"{text}"' if plain else ascii(text)


def _ops(ops: list[list[object]]) -> list[str]:
    return [f"{name}({', '.join(map(repr, args))})" for name, *args in ops]


def _tuple(items: list[str]) -> str:
    """What stands between the parentheses of a tuple."""
    return f"{items[0]}," if len(items) == 1 else ", ".join(items)
