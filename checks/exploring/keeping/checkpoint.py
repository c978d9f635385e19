"""A search that can be stopped and gone on with: what it has found is kept in a file, and read back from it.

What is read back comes to the same states, transitions, levels and verdict as a search that was never stopped: what
the tables knew is learned once more (learned.py), and a walk goes on from the position that another left.
Read next: container.py, origin.py.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spanproof.checks.exploring.keeping.checking import ARRAYS, NUMBERS, checked, position_of
from spanproof.checks.exploring.keeping.container import CheckpointError, Content, read, write
from spanproof.checks.exploring.keeping.hearing import heard
from spanproof.checks.exploring.keeping.learned import UnlikeError, as_arrays, digest_of, learn_again, memories_of
from spanproof.checks.exploring.keeping.origin import Origin, difference
from spanproof.checks.exploring.search import Clock, Explored, Hurry
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.exploring.walking.position import Position, TwiceError
from spanproof.checks.exploring.walking.walked import Layout, TooWideError
from spanproof.checks.exploring.walking.walks import explored

INTERRUPTED = "interrupted"
EVERY = 60.0
"""Seconds from one time that a search is kept on its way to the next: so much a process that is killed loses."""
SHARE = 20
"""Or so many times what it took to write it, where that is longer: a twentieth of the time goes into it at most."""

Far = tuple[int, int]
"""How far a search is: states that were gone on from, and states."""


@dataclass(slots=True)
class Keeping:
    """Where a search is kept, on its way and when it is stopped, and where it goes on from."""

    place: Path
    resume: Path | None = None
    edits: str = ""
    """What the planted fault changes, as text."""
    interrupted: bool = False
    """Whether Ctrl-C or SIGTERM stopped it."""
    unwritten: str = ""
    """Why it could not be kept, in a line."""
    told: str = ""
    """That it was kept, where, and how to go on."""
    _had: tuple[Far, Path] | None = field(default=None, init=False)
    """The file that has most of this search, and how far it is there."""
    _due: float = field(default=0.0, init=False)
    """When it is kept next, on the clock of time.monotonic."""

    def explored(self, tables: Tables, origin: Origin, walk: str, hurry: Hurry, expected: int) -> Explored:
        """As walks.explored, from where it was stopped if it was; kept on its way, and if it is stopped now.

        The first Ctrl-C or SIGTERM stops it as a clock would; a second one ends it at once.

        Raises:
            CheckpointError: as begin.
            NoKernelError, LimitError, EndlessError: as walks.explored.

        """
        position = self.begin(tables, origin)
        with heard(self._interrupt):
            try:
                found = explored(tables, walk, self._clock(tables, hurry, origin), expected, position)
            except TwiceError as e:
                raise _damaged(self.resume or self.place, str(e)) from e
            self.end(tables, found, origin)
        return found

    def begin(self, tables: Tables, origin: Origin) -> Position | None:
        """Let new tables remember what they learn, and learn what was kept: the position to go on from.

        Raises:
            CheckpointError: what is kept cannot be read, is damaged, or is of another search or text; or the tables
                fuse steps, and it is not said what of that was seen.

        """
        if type(tables) is not Tables:
            raise CheckpointError(f"--checkpoint {self.place}: a search with a coarser grain is not kept")
        tables.learned = []
        position = None if self.resume is None else _resumed(self.resume, read(self.resume), tables, origin)
        there = [] if position is None or self.resume is None else [(_far(position), self.resume)]
        if self.place != self.resume and (far := _far_in(self.place, origin)) is not None:
            there.append((far, self.place))
        self._had = max(there, key=lambda pair: pair[0], default=None)
        return position

    def end(self, tables: Tables, found: Explored, origin: Origin) -> None:
        """Keep what was found, if it is not all; else what is in the file stays as it is."""
        self.told = self.unwritten = ""
        if found.reason:
            self._keep(tables, found, origin)

    def _keep(self, tables: Tables, found: Explored, origin: Origin) -> None:
        """Write what was found, unless a file has more of the same: walks that go by levels begin theirs again."""
        scenario = origin.options["scenario"]
        far = found.states - found.frontier, found.states
        if self._had is not None and far < self._had[0]:
            (gone_on_from, states), place = self._had
            least = f"{found.states:,} states, {found.frontier:,} of them not gone on from, are fewer"
            kept = f"than are kept in {place}, which stays as it is: {states:,}, {states - gone_on_from:,} of them not"
            self.told = f"{least} {kept}; {_how_to_go_on(scenario, place)}"
            return
        try:
            write(self.place, _content(tables, found, origin))
        except TooWideError as e:
            self.unwritten = f"--checkpoint {self.place}: {e}: nothing is kept"
        except MemoryError:
            self.unwritten = f"--checkpoint {self.place}: there is no memory to write it: nothing is kept"
        except CheckpointError as e:
            self.unwritten = str(e)
        else:
            self._had = far, self.place
            left = f"{found.frontier:,} of them not gone on from"
            kept = f"{found.states:,} states, {left}, are kept in {self.place}"
            self.told = f"{kept}; {_how_to_go_on(scenario, self.place)}"

    def _clock(self, tables: Tables, hurry: Hurry, origin: Origin) -> Clock:
        """Looked at by the search: it stops it once a signal came, and keeps it now and then."""

        def look(states: int) -> str | None:
            reason = INTERRUPTED if self.interrupted else hurry(states)
            if reason is None and time.monotonic() >= self._due:
                self._keep_on_the_way(tables, clock, origin)
            return reason

        clock, self._due = Clock(look), time.monotonic() + EVERY
        return clock

    def _keep_on_the_way(self, tables: Tables, clock: Clock, origin: Origin) -> None:
        """Keep what was found so far; what cannot be written now may be next time, and is told at the end."""
        began, memories = time.monotonic(), tables.memories
        try:
            if clock.found is not None:
                self._keep(tables, clock.found(), origin)
        except MemoryError:  # for what is to be written
            pass
        finally:
            tables.memories = memories  # to look, a fast walk gives them all its own, which they would have at its end
        now = time.monotonic()
        self._due = now + max(EVERY, SHARE * (now - began))

    def _interrupt(self) -> None:
        self.interrupted = True


def _how_to_go_on(scenario: str | None, place: Path) -> str:
    return f"to go on, say the same again: spanproof explore {scenario} ... --resume {place}"


def _far(position: Position) -> Far:
    return position.gone_on_from, len(position.states)


def _far_in(place: Path, origin: Origin) -> Far | None:
    """How far this very search is in a file; None if it is none of it, or damaged, and may be written over."""
    try:
        content = read(place)
    except CheckpointError:
        return None
    kept, states, done = content.header.get("origin"), content.arrays.get("states"), content.header.get("gone_on_from")
    if not isinstance(kept, dict) or difference(kept, origin) or states is None or not isinstance(done, int):
        return None
    return done, len(states)


def _content(tables: Tables, found: Explored, origin: Origin) -> Content:
    """What is written of a search."""
    learned = tables.learned or []
    position = position_of(tables, found)
    places, met = as_arrays(learned)
    header = {
        "origin": origin.as_json(),
        "widths": list(position.layout.widths),
        "learned": digest_of(tables, learned),
        **{name: int(getattr(position, name)) for name in NUMBERS},
    }
    return Content(header, {name: getattr(position, name) for name in ARRAYS} | {"places": places, "met": met})


def _resumed(path: Path, content: Content, tables: Tables, origin: Origin) -> Position:
    """The position that was kept, and the tables as they were."""
    header, arrays = content.header, content.arrays
    kept = header.get("origin")
    if not isinstance(kept, dict):
        raise _damaged(path, "it does not say what it is of")
    differs = difference(kept, origin)
    if differs:
        raise CheckpointError(f"--resume {path}: a checkpoint {differs}; search from the start")
    try:
        return _learned_again(header, arrays, tables)
    except UnlikeError as e:
        raise _damaged(path, str(e)) from e


def _learned_again(header: Mapping[str, Any], arrays: Mapping[str, Any], tables: Tables) -> Position:
    lacking = [name for name in (*ARRAYS, "places", "met") if name not in arrays]
    if lacking:
        raise UnlikeError(f"it has no {lacking[0]}")
    learn_again(tables, arrays["places"], arrays["met"])
    if header.get("learned") != digest_of(tables, tables.learned or []):
        raise UnlikeError("steps do something else than they did")
    widths: Any = header.get("widths")
    layout = Layout(tuple(widths) if isinstance(widths, list) else ())  # pyright: ignore[reportUnknownArgumentType]  # JSON
    given: dict[str, Any] = {name: arrays[name] for name in ARRAYS} | {name: header.get(name) for name in NUMBERS}
    position = checked(Position(layout, **given), tables)
    memories = memories_of(position.rows)
    if len({*memories}) != len(memories):
        raise UnlikeError("a memory is there twice")
    tables.adopt(memories)
    return position


def _damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"--resume {path}: a damaged checkpoint ({what}); search from the start")
