"""A few states of each search, reached once more without tables: a difference is an error of ours, not the heap's.

The search only ever adds numbers that tables gave it. So that what it says is true of the text, states are drawn by a
seed, and the schedule by which each was reached is run step by step from a fresh heap, on the plain machine. Every cell
must hold what the tables say, ghosts included, and every thread must be about to do the same.
Read next: ../running/machine.py.
"""

import random
from collections.abc import Mapping
from itertools import islice

from spanproof.checks.broken import BrokenError
from spanproof.checks.exploring.reducing.alike import renamed_args
from spanproof.checks.exploring.search import Explored, schedule_to
from spanproof.checks.exploring.tables import Node, Tables
from spanproof.checks.exploring.walking.walked import Walked
from spanproof.checks.running.machine import HeapError, Machine, innermost
from spanproof.impl.malloc import Runtime

NO_CLAIM = ""
"""Judged alone, it switches all claims off: they were judged by the search, and took most of the time here."""
SAMPLE = 3
"""States of each search: as many as take milliseconds."""


def difference(tables: Tables, found: Explored, heap_class: type[Runtime], seed: int) -> str:
    """Where the plain machine comes to something else than the search, in a few states; or nothing."""
    parents = found.parents or {}
    places = sorted(random.Random(seed).sample(range(len(parents)), min(SAMPLE, len(parents))))  # noqa: S311  # no secret
    for state in _picked(parents, places):
        schedule, are = tables.followed(schedule_to(tables, parents, state))
        differs = differs_in(tables, heap_class, state, schedule, are)
        if differs:
            return f"internal error: state {state:#x} of the search: {differs}"
    return ""


def _picked(parents: Mapping[int, int], places: list[int]) -> list[int]:
    """The states in these places, counted in the order in which they were found."""
    if isinstance(parents, Walked):
        return [parents.nth(place) for place in places]
    states, gone, picked = iter(parents), 0, list[int]()
    for place in places:
        picked += islice(states, place - gone, place - gone + 1)
        gone = place + 1
    return picked


def differs_in(
    tables: Tables, heap_class: type[Runtime], state: int, schedule: tuple[int, ...], are: tuple[int, ...] = ()
) -> str:
    """What is not the same when this schedule, which led the search to this state, is run; or nothing.

    are: per thread of the state, which one it is in the run; () if all are the same.
    """
    are = are or tuple(range(len(tables.automata)))
    machine = Machine(tables.program, heap_class, NO_CLAIM)
    taken = 0
    try:
        machine.start()
        for t in schedule:
            if t not in machine.enabled():
                return f"T{t} cannot take step {taken + 1} of {len(schedule)}"
            machine.step(t)
            taken += 1
    except BrokenError as e:
        return f"step {taken + 1} of {len(schedule)} breaks {e.claim}: {e.detail}"
    except HeapError as e:
        return f"step {taken + 1} of {len(schedule)}: {e}"
    return _unlike_cells(tables, state, machine, are) or _unlike_threads(tables, state, machine, are)


def _unlike_cells(tables: Tables, state: int, machine: Machine, are: tuple[int, ...]) -> str:
    row = tables.row_of(state)
    for n, value in enumerate(machine.values):
        cell, here = tables.seen_by(n, value, are)
        there = tables.values[cell][row[cell]]
        if there != here:
            return f"{tables.numbering.names[cell]} is {there} in the tables, {here} on the machine"
    return ""


def _unlike_threads(tables: Tables, state: int, machine: Machine, are: tuple[int, ...]) -> str:
    for t, node in enumerate(tables.nodes_of(state)):
        there, here = _told(node), _pending(machine, are[t], tables.first_of_its_kind(t))
        if there != here:
            return f"T{t} is at {there} in the tables, at {here} on the machine"
    return ""


def _told(node: Node | None) -> str:
    """What a thread is about to do, as the tables have it."""
    if node is None:
        return "its end"
    access = node.access
    return f"{node.function}:{node.line} {access.kind} {access.cell} {access.args}"


def _pending(machine: Machine, t: int, first: int) -> str:
    """What a thread is about to do, on the machine, as the first of its kind would."""
    access = machine.pending[t]
    if access is None:
        return "its end"
    inner = innermost(machine.threads[t])
    args = renamed_args(access, t, first)
    return f"{inner.cr_code.co_name}:{inner.cr_frame.f_lineno} {access.kind} {access.cell} {args}"
