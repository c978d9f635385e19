"""A counterexample as a Python program that can be pasted and run."""

from dataclasses import fields
from itertools import groupby
from typing import Any

from spanproof.checks.programs import SWITCHES, Program
from spanproof.checks.record import Record
from spanproof.model.geometry import BYTES, CHUNKED, GO_AMD64, SMALL

NAMED = {"SMALL": SMALL, "BYTES": BYTES, "CHUNKED": CHUNKED, "GO_AMD64": GO_AMD64}


def in_words(schedule: tuple[int, ...]) -> str:
    """A schedule as runs: `0*12 1*5 0*3`."""
    return " ".join(f"{t}*{len(list(run))}" for t, run in groupby(schedule))


def runnable(record: Record) -> str:
    """The record as a program that can be pasted and run."""
    g = record.program["geometry"]
    lines = ["from spanproof.checks.api import *", "", "program = Program(", "    threads=("]
    for ops, before in zip(record.program["threads"], record.program["before"], strict=True):
        past = f", before=({_ops(before)})" if before else ""
        lines.append(f"        Thread(({_ops(ops)}){past}),")
    lines += ["    ),", f"    geometry={_shape(g)},", f'    release=row("{record.release}"),']
    usual = {f.name: f.default for f in fields(Program)}
    said = ((name, record.program.get(name, usual[name])) for name in SWITCHES)
    lines += [f"    {name}={value!r}," for name, value in said if value != usual[name]]
    fault = f', fault="{record.fault}"' if record.fault else ""
    lines += [")", f'show_run(program, "{in_words(record.schedule)}"{fault})']
    return "\n".join(lines)


def _shape(g: dict[str, Any]) -> str:
    """The geometry by its name if it has one; how many spans there are follows from the program."""
    for name, geometry in NAMED.items():
        if {f.name: getattr(geometry, f.name) for f in fields(geometry)} == {**g, "spans": geometry.spans}:
            return name
    return "Geometry(" + ", ".join(f"{name}={value!r}" for name, value in g.items()) + ")"


def _ops(ops: list[list[object]]) -> str:
    return "".join(f"{name}({', '.join(map(repr, args))}), " for name, *args in ops).strip()
