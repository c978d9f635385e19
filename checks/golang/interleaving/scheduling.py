"""Go's text on small programs, under the scheduler of the harness: all schedules, drawn ones, or one that is given.

Read next: worth.py.
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spanproof.checks.golang.extracted.driving import CODE, REQUEST, Driven
from spanproof.checks.golang.interleaving.stepping import Reference
from spanproof.checks.golang.interleaving.steps import CALLS, MASK, Told
from spanproof.checks.golang.interleaving.trials import Call

PATIENCE = 20.0
"""Seconds for the next schedule, which has a few hundred steps."""
END = MASK
"""In the place of a length: no schedule follows."""


class Trying:
    """Go's text on trials."""

    def __init__(self, program: Path, covering: Path | None = None) -> None:
        """program: as building.py made it. covering: as Driven has it."""
        self.program, self.covering = program, covering
        self.driven = Driven(program, PATIENCE, covering)

    def again(self) -> None:
        """End it, whatever it is at, and start it anew."""
        self.driven.end()
        self.driven = Driven(self.program, PATIENCE, self.covering)

    def schedules(
        self, reference: Reference, most: int = 0, choices: Sequence[int] | None = None, seed: int = 0
    ) -> Iterator[Told]:
        """Schedules of a trial, all of them unless `most` says otherwise.

        choices: the one in which these threads take the steps. seed: if not 0, so many as `most` says are drawn, by
        partial order sampling (harness/choosers.go).

        Raises:
            DiedError: the program is gone.

        """
        threads, words = len(reference.trial.threads), len(reference.words)
        how = {"Tell": True, "Most": most, "Choices": choices, "Seed": seed}
        for told in self._answers(reference, how):
            yield _read(told, threads, words, with_steps=True)

    def to_the_end(self, reference: Reference, choices: Sequence[int]) -> Told:
        """The schedule in which these threads take the steps, while they can, and then whoever can. Raises as above.

        Another text than the one that the schedule is of may not be at its end with it, which is no deadlock.
        """
        (told,) = self.schedules(reference, choices=choices)
        while True:
            longer = ((*told.choices, thread) for thread in range(len(reference.trial.threads)))
            found = (each for some in longer for each in self.schedules(reference, choices=some))
            more = next((each for each in [*found] if len(each.choices) > len(told.choices)), None)
            if more is None:
                return told
            told = more

    def endings(self, reference: Reference, most: int) -> Iterator[tuple[int, Told]]:
        """In how many schedules a trial ends in each way: (how many, without its steps). Raises as `schedules`.

        most: so many schedules are gone through if there are more.
        """
        threads, words = len(reference.trial.threads), len(reference.words)
        for many, *told in self._answers(reference, {"Tell": False, "Most": most}):
            yield many, _read(tuple(told), threads, words, with_steps=False)

    def _answers(self, reference: Reference, how: Mapping[str, Any]) -> Iterator[tuple[int, ...]]:
        trial = reference.trial
        text = json.dumps({
            "Cells": reference.cells(),
            "Spans": [[s.number, s.base, s.npages, int(s.mapped)] for s in trial.spans],
            "Threads": [[_numbered(call) for call in calls] for calls in trial.threads],
            **how,
        }).encode()  # fmt: skip
        self.driven.send(np.array([(CODE["interleave"], len(text), 0, 0)], REQUEST).tobytes() + text)
        while True:
            (count,) = struct.unpack("<Q", self.driven.receive(8))
            if count == END:
                return
            yield struct.unpack(f"<{count}Q", self.driven.receive(8 * count))


def _numbered(call: Call) -> list[int]:
    return [CALLS.index(call.name) + 1, *(arg & MASK for arg in call.args), *[0] * (4 - len(call.args))]


def _read(told: tuple[int, ...], threads: int, words: int, *, with_steps: bool) -> Told:
    place, results = 1, list[tuple[int, ...]]()
    for _ in range(threads):
        many = told[place]
        results.append(told[place + 1 : place + 1 + many])
        place += 1 + many
    ending = told[0], tuple(results), told[place : place + words]
    if not with_steps:
        return Told(*ending, ())
    place += words
    many, place = told[place], place + 1  # what a throw says, a byte to a word
    thrown = bytes(told[place : place + many]).decode(errors="replace")
    return Told(*ending, told[place + many :], thrown)
