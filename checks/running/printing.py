"""A counterexample as a Python program that can be pasted and run."""

from collections.abc import Mapping
from dataclasses import fields
from itertools import groupby
from typing import Any

from spanproof.checks.programs import SWITCHES, Program
from spanproof.checks.record import Record
from spanproof.checks.subject import REFERENCE
from spanproof.model.geometry import BYTES, CHUNKED, GO_AMD64, SMALL

NAMED = {"SMALL": SMALL, "BYTES": BYTES, "CHUNKED": CHUNKED, "GO_AMD64": GO_AMD64}


def in_words(schedule: tuple[int, ...]) -> str:
    """A schedule as runs: `0*12 1*5 0*3`."""
    return " ".join(f"{t}*{len(list(run))}" for t, run in groupby(schedule))


def runnable(record: Record) -> str:
    """The record as a program that can be pasted and run."""
    lines = ["from spanproof.checks.api import *", "", *in_python("program", record.program)]
    given = {
        "fault": record.fault,
        "heap": None if record.heap == REFERENCE else record.heap,
        "only": record.violated.claim if record.alone else None,
    }
    said = "".join(f", {name}={quoted(value)}" for name, value in given.items() if value is not None)
    return "\n".join([*lines, f'show_run(program, "{in_words(record.schedule)}"{said})'])


def in_python(name: str, program: Mapping[str, Any]) -> list[str]:
    """The lines that give a variable a program, which is what `Program.as_json` wrote."""
    lines = [f"{name} = Program(", "    threads=("]
    for ops, before in zip(program["threads"], program["before"], strict=True):
        past = f", before=({_ops(before)})" if before else ""
        lines.append(f"        Thread(({_ops(ops)}){past}),")
    lines += [
        "    ),",
        f"    geometry={shape(program['geometry'])},",
        f"    release=row({quoted(program['release'])}),",
    ]
    usual = {f.name: f.default for f in fields(Program)}
    said = ((switch, program.get(switch, usual[switch])) for switch in SWITCHES)
    return [*lines, *(f"    {switch}={value!r}," for switch, value in said if value != usual[switch]), ")"]


def shape(g: Mapping[str, Any]) -> str:
    """The geometry by its name if it has one; how many spans there are follows from the program."""
    for name, geometry in NAMED.items():
        if {f.name: getattr(geometry, f.name) for f in fields(geometry)} == {**g, "spans": geometry.spans}:
            return name
    return "Geometry(" + ", ".join(f"{name}={value!r}" for name, value in g.items()) + ")"


def quoted(text: str) -> str:
    """The text as Python writes it, in double quotes where that needs nothing escaped."""
    plain = text.isascii() and text.isprintable() and not {'"', "\\"} & set(text)
    return f'"{text}"' if plain else ascii(text)


def _ops(ops: list[list[object]]) -> str:
    return "".join(f"{name}({', '.join(map(repr, args))}), " for name, *args in ops).strip()
