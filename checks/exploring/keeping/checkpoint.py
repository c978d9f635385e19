"""A search that can be stopped and gone on with: what it has found is kept in a file, and read back from it.

What is read back comes to the same states, transitions, levels and verdict as a search that was never stopped: what
the tables knew is learned once more (learned.py), and a walk goes on from the position that another left.
Read next: container.py, origin.py.
"""

import signal
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from spanproof.checks.exploring.keeping.checking import ARRAYS, NUMBERS, checked, position_of
from spanproof.checks.exploring.keeping.container import CheckpointError, Content, read, write
from spanproof.checks.exploring.keeping.learned import UnlikeError, as_arrays, digest_of, learn_again, memories_of
from spanproof.checks.exploring.keeping.origin import Origin, difference
from spanproof.checks.exploring.search import Explored, Hurry
from spanproof.checks.exploring.tables import Tables
from spanproof.checks.exploring.walking.position import Position, TwiceError
from spanproof.checks.exploring.walking.walked import Layout, TooWideError
from spanproof.checks.exploring.walking.walks import explored

INTERRUPTED = "interrupted"


@dataclass(slots=True)
class Keeping:
    """Where a search is kept when it is stopped, and where it goes on from."""

    place: Path
    resume: Path | None = None
    edits: str = ""
    """What the planted fault changes, as text."""
    interrupted: bool = False
    """Whether Ctrl-C stopped it."""
    unwritten: str = ""
    """Why it could not be kept, in a line."""
    told: str = ""
    """That it was kept, where, and how to go on."""

    def explored(self, tables: Tables, origin: Origin, walk: str, hurry: Hurry, expected: int) -> Explored:
        """As walks.explored, from where it was stopped if it was; kept if it is stopped now.

        Raises:
            CheckpointError: as begin.
            NoKernelError, LimitError, EndlessError: as walks.explored.

        """
        position = self.begin(tables, origin)
        try:
            with self.hurried(hurry) as hurried:
                found = explored(tables, walk, hurried, expected, position)
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
        return None if self.resume is None else _resumed(self.resume, read(self.resume), tables, origin)

    def end(self, tables: Tables, found: Explored, origin: Origin) -> None:
        """Keep what was found, if it is not all; else what is in the file stays as it is."""
        if not found.reason:
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
            scenario, left = origin.options["scenario"], f"{found.frontier:,} of them not gone on from"
            self.told = (
                f"{found.states:,} states, {left}, are kept in {self.place}; "
                f"to go on, say the same again: spanproof explore {scenario} ... --resume {self.place}"
            )

    @contextmanager
    def hurried(self, hurry: Hurry) -> Generator[Hurry]:
        """While the search goes on, Ctrl-C stops it as a clock would; a second one ends it at once."""
        before = signal.getsignal(signal.SIGINT)

        def pressed(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of a handler
            self.interrupted = True
            signal.signal(signal.SIGINT, before)

        # In the background it is not heard, and only the main thread may say who hears it.
        heard = callable(before) and threading.current_thread() is threading.main_thread()
        if heard:
            signal.signal(signal.SIGINT, pressed)
        try:
            yield lambda states: INTERRUPTED if self.interrupted else hurry(states)
        finally:
            if heard:
                signal.signal(signal.SIGINT, before)


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
