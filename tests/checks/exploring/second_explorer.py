"""The oracle of the search: a second explorer, without tables and without keys of local states.

A thread's place is the tuple of all results it ever saw; a new coroutine is run over them to get there. Where that is
too much, places whose frames hold the very same are merged. A step that changes nothing (a spin loop) is no step, nor
is one in which memory is refused: the run ends.
"""

from typing import Any

from spanproof.checks.observe import Event, advance
from spanproof.checks.programs import Program
from spanproof.checks.running.machine import Machine, innermost
from spanproof.impl.access import BLOCKED, Throw, perform
from spanproof.impl.malloc import Runtime


class Place:
    """Where a thread is: the results it saw, the access that is pending, and all that its frames hold."""

    def __init__(self, make: Any, results: tuple[Any, ...], known: dict[str, "Place"] | None) -> None:
        """Run a new coroutine over the results. Places that are `known` by what their frames hold are merged."""
        self.make, self.results, self.known, self.pending, coroutine = make, results, known, None, make()
        self.next: dict[Any, tuple[Place, tuple[Event, ...]]] = {}
        for result in (None, *results):
            self.access, self.events, _ = advance(coroutine, result)
        if self.access is not None:
            a, frame = self.access, innermost(coroutine).cr_frame
            self.pending = a.kind, a.cell, a.args, frame.f_code.co_name, frame.f_lineno
        self.frames = repr(frames(coroutine))

    def after(self, result: Any) -> tuple["Place", tuple[Event, ...]]:
        """The place after one more result, and the calls and returns on the way."""
        if result not in self.next:
            new = Place(self.make, (*self.results, result), self.known)
            self.next[result] = (new if self.known is None else self.known.setdefault(new.frames, new)), new.events
        return self.next[result]


def frames(coroutine: Any) -> list[Any]:
    """Position and all locals of every frame, live or not, down the chain of awaits."""
    f = getattr(coroutine, "cr_frame", None)
    return [(f.f_code.co_name, f.f_lasti, sorted(f.f_locals.items())), *frames(coroutine.cr_await)] if f else []


State = tuple[tuple[Any, ...], tuple[Place, ...]]


def all_states(program: Program, *, merged: bool) -> set[State]:
    """Every state: the values of all cells, ghosts included, and the place of each thread."""
    machine = Machine(program, Runtime)
    machine.start()  # so that the ghosts have followed the calls before the first accesses
    todo = [(tuple(machine.values), tuple(Place(make, (), {} if merged else None) for make in machine.makes))]
    states, threads = set(todo), range(len(machine.makes))
    while todo:
        new = {after for before in [todo.pop()] for t in threads for after in step(machine, before, t)} - states
        states |= new
        todo += new
    return states


def step(machine: Machine, state: State, t: int) -> list[State]:
    """Where thread t's step leads; nowhere if it is done, blocked, or nothing at all changes."""
    values, old = list(state[0]), state[1][t]
    if old.access is None:
        return []
    number = machine.numbering.of(old.access.cell)
    after, result = perform(old.access, values[number], t)
    if result is BLOCKED:
        return []
    if after != values[number]:
        change, values[number] = (values[number], after), after
        for n, value in machine.monitor.after_access(old.access, t, number, change, values.__getitem__):
            values[n] = value
    try:
        place, events = old.after(result)
    except Throw:
        if old.access.cell != machine.heap.os.mappings_left:
            raise
        return []
    for event in events:
        for n, value in machine.monitor.event(event, t, values.__getitem__):
            values[n] = value
    if tuple(values) == state[0] and place.frames == old.frames:
        return []
    return [(tuple(values), (*state[1][:t], place, *state[1][t + 1 :]))]
