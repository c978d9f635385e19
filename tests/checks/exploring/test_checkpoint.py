"""A search that was stopped and gone on with comes to what one that was never stopped comes to; or it is refused."""

import errno
import hashlib
import json
import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanproof.checks.exploring.grains import Grain
from spanproof.checks.exploring.keeping import checkpoint, container, hearing
from spanproof.checks.exploring.keeping.checkpoint import Keeping
from spanproof.checks.exploring.keeping.container import CheckpointError, Content, read, write
from spanproof.checks.exploring.keeping.origin import Origin, origin, package_texts
from spanproof.checks.exploring.search import Explored, Hurry
from spanproof.checks.exploring.tables import LimitError, Tables
from spanproof.checks.exploring.verdicts import judge
from spanproof.checks.exploring.walking import compiled, walks
from spanproof.checks.exploring.walking import walked as walked_
from spanproof.checks.exploring.walking.kernel import building
from spanproof.checks.exploring.walking.kernel.building import NoKernelError
from spanproof.checks.exploring.walking.position import Position
from spanproof.checks.exploring.walking.walked import Layout
from spanproof.checks.exploring.walking.walks import explored
from spanproof.checks.faults.corpus import BY_NAME as FAULTS
from spanproof.checks.faults.edit import Edit, effect, planted
from spanproof.checks.faults.planting import subject
from spanproof.checks.scenarios import BY_NAME, SCENARIOS
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict

SMALL, LARGER, OTHER = "two_allocs_one_arena", "two_arenas_three_threads", "free_against_alloc"
TINY = "spans_of_two_pages"
REFERENCE = Subject()


def there() -> bool:
    """Whether the compiled walk can be built."""
    try:
        building.library()
    except NoKernelError:
        return False
    return True


WALKS = ("plain", "arrays", *(["compiled"] if there() else []))
NEEDS_KERNEL = pytest.mark.skipif(not there(), reason="no compiled walk here: pip install 'spanproof[fast]'")


Change = Callable[[dict[str, Any], dict[str, Any]], None]
"""Changes a header and arrays."""


def told(found: Explored) -> tuple[object, ...]:
    """What a search must come to."""
    return found.states, found.transitions, found.levels, str(found.broken), found.schedule


class Search:
    """A search of a scenario, in pieces."""

    def __init__(self, place: Path, name: str = SMALL, heap: Subject = REFERENCE, claim: str | None = None) -> None:
        """Keep it at this place."""
        scenario = BY_NAME[name]
        self.place, self.program, self.heap, self.only = place, scenario.program, heap, claim or scenario.only
        edits = repr(effect(FAULTS[heap.fault].edits)) if heap.fault else ""
        self.origin = origin(name, scenario.program, heap, self.only, edits)
        self.keeping = Keeping(place)

    def tables(self) -> Tables:
        """New ones."""
        return Tables(self.program, self.heap.heap_class, only=self.only)

    def whole(self, walk: str) -> Explored:
        """All of it at once."""
        return explored(self.tables(), walk)

    def part(self, walk: str, stop: Hurry, *, of: Origin | None = None) -> Explored:
        """From where it was stopped, if it was, until it is stopped."""
        self.keeping = Keeping(self.place, self.place if self.place.exists() else None)
        return self.keeping.explored(self.tables(), of or self.origin, walk, stop, 0)

    def afresh(self, walk: str, stop: Hurry) -> Explored:
        """From the start."""
        self.place.unlink(missing_ok=True)
        return self.part(walk, stop)


def after(times: int) -> Hurry:
    """Stop when asked for the so-manieth time."""
    asked = count(1)
    return lambda _: "enough" if next(asked) >= times else None


def never(_: int) -> str | None:
    """Do not stop."""
    return None


@pytest.fixture
def always_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time that the clock is looked at, what was found is written."""
    monkeypatch.setattr(checkpoint, "EVERY", 0)
    monkeypatch.setattr(checkpoint, "SHARE", 0)


@pytest.fixture
def always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled walk looks at the clock after each question, and after a few states."""
    monkeypatch.setattr(compiled, "OFTEN", 1)
    monkeypatch.setattr(compiled, "AT_ONCE", 40)


FIRST, THEN = range(1, 40, 4), range(40, 400, 24)


@pytest.mark.usefixtures("always_asked")
@pytest.mark.parametrize("walk", WALKS)
def test_stopped_anywhere_it_comes_to_the_same(walk: str, tmp_path: Path) -> None:
    """In the middle of levels and of questions: states and their numbers, transitions, levels, verdict."""
    search = Search(tmp_path / "c", TINY)
    whole = search.whole(walk)
    assert whole.parents is not None
    stopped = set[int]()
    for times in [*FIRST, *THEN]:
        found = search.afresh(walk, after(times))
        if not found.reason:
            break
        stopped.add(found.states)
        rest = search.part(walk, never)
        assert told(rest) == told(whole)
        assert rest.parents is not None
        assert [*rest.parents.items()] == [*whole.parents.items()]
    assert len(stopped) > 9


@pytest.mark.usefixtures("always_asked")
@NEEDS_KERNEL
def test_the_compiled_walk_is_stopped_within_levels(tmp_path: Path) -> None:
    """So that what is above is tried."""
    search = Search(tmp_path / "c")
    search.part("compiled", after(150))
    header = read(search.place).header
    assert header["levels"] > 1
    assert header["gone_on_from"] < header["level_states"]


CHAINS = [
    *((OTHER, walk) for walk in WALKS),
    *(pytest.param(LARGER, walk, marks=[] if walk == "compiled" else pytest.mark.long) for walk in WALKS),
]
"""Three threads are many states, for all but the compiled walk."""


@pytest.mark.usefixtures("always_asked")
@pytest.mark.parametrize(("name", "walk"), CHAINS)
def test_a_chain_of_stops_comes_to_the_same(name: str, walk: str, tmp_path: Path) -> None:
    """Each goes on from where the one before was stopped."""
    search = Search(tmp_path / "c", name)
    pieces, far, every = 0, 0, 20 if walk != "compiled" else 60 if name == OTHER else 900
    found = search.part(walk, after(every))
    while found.reason:
        pieces += 1
        assert far <= found.states
        far = found.states
        found = search.part(walk, after(every))
    assert pieces > 2
    assert told(found) == told(search.whole(walk))


@pytest.mark.usefixtures("always_asked")
@pytest.mark.parametrize("first", WALKS)
@pytest.mark.parametrize("then", WALKS)
def test_any_walk_goes_on_from_any(first: str, then: str, tmp_path: Path) -> None:
    """They number memories otherwise, and come to the same counts."""
    search = Search(tmp_path / "c", OTHER)
    for times in (2, 31, 60):
        assert search.afresh(first, after(times)).reason
        assert told(search.part(then, never)) == told(search.whole("plain"))


class KilledError(Exception):
    """Nothing is done any more."""


def killed(times: int) -> Hurry:
    """Nobody hears of the end: when asked for the so-manieth time, nothing is kept."""
    asked = count(1)

    def look(_: int) -> None:
        if next(asked) >= times:
            raise KilledError

    return look


@pytest.mark.usefixtures("always_asked", "always_kept")
@pytest.mark.parametrize("walk", WALKS)
def test_killed_anywhere_it_goes_on_from_what_was_kept_on_the_way(walk: str, tmp_path: Path) -> None:
    """To the same; all but what came after the last look is kept, also of a search that went on before."""
    search, looks = Search(tmp_path / "c", TINY), list[int]()
    whole = explored(search.tables(), walk, looks.append)
    far = 0
    for times in (2, 9, 30):
        with pytest.raises(KilledError):
            search.part(walk, killed(times))
        states = len(read(search.place).arrays["states"])
        assert states > far
        assert far or states == looks[times - 2]
        far = states
    assert [place.name for place in tmp_path.iterdir()] == ["c"]
    rest = search.part(walk, never)
    assert told(rest) == told(whole)
    assert rest.parents is not None
    assert whole.parents is not None
    assert [*rest.parents.items()] == [*whole.parents.items()]
    assert (search.keeping.told, search.keeping.unwritten) == ("", "")


@pytest.mark.usefixtures("always_asked", "always_kept")
@pytest.mark.parametrize("walk", WALKS)
def test_to_keep_it_on_the_way_changes_nothing(walk: str, tmp_path: Path) -> None:
    """The clock is looked at as often, and the memories are numbered by who numbers them."""
    search, looks, then = Search(tmp_path / "c", TINY), list[int](), list[int]()
    whole = explored(search.tables(), walk, looks.append)
    tables, fresh = search.tables(), search.tables().memories
    memories = list[object]()

    def look(states: int) -> None:
        then.append(states)
        memories.append(tables.memories)

    assert told(Keeping(search.place).explored(tables, search.origin, walk, look, 0)) == told(whole)
    assert then == looks
    assert walk == "plain" or all(these == fresh for these in memories)


def test_it_is_kept_every_minute_but_not_all_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What takes long to write is written less often: a twentieth of the time is spent on it."""
    now, wrote = [0.0], list[float]()
    search = Search(tmp_path / "c", TINY)

    def slow(*_: Any) -> None:
        wrote.append(now[0])
        now[0] += 1 if len(wrote) < 3 else 10

    def look(_: int) -> None:
        now[0] += 7

    monkeypatch.setattr(checkpoint, "write", slow)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    search.part("plain", look)
    assert len(wrote) > 3
    gaps = [then - before for before, then in pairwise(wrote)]
    assert wrote[0] in range(60, 68)
    assert all(61 <= gap < 69 for gap in gaps[:2])
    assert all(210 <= gap < 218 for gap in gaps[2:])


@pytest.mark.usefixtures("always_kept")
def test_what_cannot_be_written_on_the_way_is_written_at_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And where the search ends nothing is missed."""
    search, sync, tries = Search(tmp_path / "c", TINY), os.fsync, count(1)

    def full(handle: int) -> None:
        if next(tries) < 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert search.part("plain", after(9)).reason
    assert (search.keeping.unwritten, search.place.exists()) == ("", True)
    tries = count(-10_000)
    assert not search.part("plain", never).reason
    assert search.keeping.unwritten == ""


@NEEDS_KERNEL
@pytest.mark.usefixtures("always_asked", "always_kept")
def test_the_plain_walk_takes_over_also_from_what_was_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From a cell with too many values on, it begins again: until it is as far, the file stays as it is."""
    search, many, through = Search(tmp_path / "c", TINY), count(1), walked_.as_bytes

    def narrow(row: str) -> bytes:
        if next(many) > 30:
            raise LimitError("a cell has more than 256 values")
        return through(row)

    monkeypatch.setattr(compiled, "as_bytes", narrow)
    sizes = list[int]()

    def look(_: int) -> None:
        if search.place.exists():
            sizes.append(len(read(search.place).arrays["states"]))

    assert told(search.part("best", look)) == told(search.whole("plain"))
    assert next(many) > 30
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("walk", [walk for walk in WALKS if walk != "compiled"])
@pytest.mark.usefixtures("always_asked")
@NEEDS_KERNEL
def test_a_walk_that_begins_its_level_again_keeps_what_is_more(walk: str, tmp_path: Path) -> None:
    """The file stays as it was, and it is said that it has more; so it does where it would be kept beside it."""
    search = Search(tmp_path / "c")
    search.part("compiled", after(150))
    before, header = search.place.read_bytes(), read(search.place).header
    found = search.part(walk, after(1))
    states = len(read(search.place).arrays["states"])
    assert found.states < states
    assert search.place.read_bytes() == before
    said = f"{found.states:,} states, {found.frontier:,} of them not gone on from, are fewer than are kept in "
    assert search.keeping.told.startswith(f"{said}{search.place}, which stays as it is: {states:,}, ")
    assert f": {states:,}, {states - header['gone_on_from']:,} of them not; to go on, say" in search.keeping.told
    beside = Keeping(tmp_path / "d", search.place)
    beside.explored(search.tables(), search.origin, walk, after(1), 0)
    assert beside.told == search.keeping.told
    assert not beside.place.exists()
    assert told(search.part(walk, never)) == told(search.whole("plain"))


def test_the_same_search_from_the_start_does_not_lose_what_is_more(tmp_path: Path) -> None:
    """What is kept of another search, or is damaged, is replaced."""
    search = Search(tmp_path / "c")
    search.part("plain", after(20))
    before, search.keeping = search.place.read_bytes(), Keeping(search.place)
    search.keeping.explored(search.tables(), search.origin, "plain", after(5), 0)
    assert search.place.read_bytes() == before
    assert "are fewer than are kept in" in search.keeping.told
    beside = Keeping(tmp_path / "d", search.place)
    beside.explored(search.tables(), search.origin, "plain", after(1), 0)
    assert len(read(beside.place).arrays["states"]) == len(read(search.place).arrays["states"])
    search.place.write_bytes(before[:-1])
    Keeping(search.place).explored(search.tables(), search.origin, "plain", after(5), 0)
    assert len(read(search.place).arrays["states"]) < 200
    search.place.write_bytes(before)
    other = Search(search.place, TINY)
    other.keeping.explored(other.tables(), other.origin, "plain", after(5), 0)
    assert read(search.place).header["origin"]["options"]["scenario"] == TINY


def test_signals_are_heard_once_and_by_whom_they_were_before() -> None:
    """But where they are left unheard, as in the background, and in threads beside the first."""
    came, was = list[int](), [signal.getsignal(number) for number in hearing.HEARD]
    try:
        for by in (signal.SIG_DFL, signal.default_int_handler):
            for number in hearing.HEARD:
                signal.signal(number, by)
            with hearing.heard(lambda: came.append(1)):
                assert all(signal.getsignal(number) is not by for number in hearing.HEARD)
                signal.raise_signal(signal.SIGTERM)
                assert all(signal.getsignal(number) is by for number in hearing.HEARD)
            with hearing.heard(lambda: None):
                pass
            assert all(signal.getsignal(number) is by for number in hearing.HEARD)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with hearing.heard(lambda: came.append(1)):
            signal.raise_signal(signal.SIGTERM)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_nothing_heard).result()
    finally:
        for number, before in zip(hearing.HEARD, was, strict=True):
            signal.signal(number, before)
    assert came == [1, 1]


def _nothing_heard() -> None:
    with hearing.heard(lambda: None):
        pass


@pytest.mark.long
@pytest.mark.usefixtures("always_asked")
@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("name", [s.name for s in SCENARIOS if s.states < 50_000])
def test_it_is_so_in_every_scenario(name: str, walk: str, tmp_path: Path) -> None:
    """In all that are not large, findings too."""
    search = Search(tmp_path / "c", name)
    for times in (7, 50, 130):
        if search.afresh(walk, after(times)).reason:
            assert told(search.part(walk, never)) == told(search.whole(walk))


BROKEN = [f for f in FAULTS if FAULTS[f].scenario in {SMALL, OTHER} and not FAULTS[f].release][:12]
BROKEN_FIRST = [*BROKEN[:4], *(pytest.param(fault, marks=pytest.mark.long) for fault in BROKEN[4:])]


@pytest.mark.usefixtures("always_asked")
@pytest.mark.parametrize("fault", BROKEN_FIRST)
@pytest.mark.parametrize("walk", WALKS)
def test_what_breaks_breaks_after_a_stop(walk: str, fault: str, tmp_path: Path) -> None:
    """The same claim, with the same schedule, seen in the same level."""
    made, looks = FAULTS[fault], list[int]()
    search = Search(tmp_path / "c", made.scenario, subject(fault=fault), made.claim)
    whole = explored(search.tables(), walk, looks.append)
    for times in {1, 12, 40, len(looks)}:  # at last in the level in which it breaks
        if search.afresh(walk, after(times)).reason:
            assert told(search.part(walk, never)) == told(whole)


@pytest.mark.usefixtures("always_asked")
@pytest.mark.parametrize("first", WALKS)
@pytest.mark.parametrize("then", WALKS)
def test_a_round_is_found_that_was_seen_before_the_stop(first: str, then: str, tmp_path: Path) -> None:
    """Where one thread alone can go on is kept too: it is judged when all is seen."""
    round_ = Edit("Heap.reclaim", "credit > 0", "credit >= 0")
    search, looks = Search(tmp_path / "c", "two_cycles", Subject(planted((round_,)))), list[int]()
    explored(search.tables(), first, looks.append)
    whole = search.whole(then)
    assert str(whole.broken).startswith("no_deadlock: T0 goes round")
    for times in (len(looks) * 3 // 4, len(looks)):
        assert search.afresh(first, after(times)).reason
        assert told(search.part(then, never)) == told(whole)


@pytest.mark.parametrize("fault", [None, "plain_store_for_cas"])
def test_the_verdict_is_the_same(fault: str | None, tmp_path: Path) -> None:
    """With all that is seen on the way (sentinels), and the record of what breaks, as it is without a stop."""
    scenario, heap = BY_NAME[SMALL], subject(fault=fault)
    whole = judge(scenario, heap, walk="plain")
    first = judge(scenario, heap, walk="plain", hurry=after(20), keeping=Keeping(tmp_path / "c"))
    assert (first.result.verdict, first.result.reason) == (Verdict.UNKNOWN, "enough")
    rest = judge(scenario, heap, walk="plain", keeping=Keeping(tmp_path / "c", tmp_path / "c"))
    assert rest.result.verdict is (Verdict.HOLDS if fault is None else Verdict.VIOLATED)
    assert (rest.result.bound, rest.result.counts, rest.record) == (
        whole.result.bound,
        whole.result.counts,
        whole.record,
    )


@NEEDS_KERNEL
@pytest.mark.usefixtures("always_asked")
def test_fields_that_are_too_narrow_are_widened_on_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The position is laid out once more."""
    search, layouts = Search(tmp_path / "c"), list[Layout]()

    def wide(tables: Tables, _: Mapping[int, int]) -> Layout:
        return Layout((20,) * len(tables.automata))

    def narrow(tables: Tables, least: Mapping[int, int]) -> Layout:
        needed = [(len(automaton.nodes) - 1).bit_length() for automaton in tables.automata]
        layouts.append(Layout(tuple(max(least.get(t, 1), bits) for t, bits in enumerate(needed))))
        return layouts[-1]

    monkeypatch.setattr(compiled, "layout_of", wide)
    search.part("compiled", after(60))
    assert read(search.place).header["widths"] == [20, 20]
    for walk in WALKS:
        assert told(search.part(walk, never)) == told(search.whole("plain"))
    monkeypatch.setattr(compiled, "layout_of", narrow)
    assert told(search.part("compiled", never)) == told(search.whole("plain"))
    assert len(layouts) > 1


def unchecked(position: Position, _: Tables) -> Position:
    """As it is."""
    return position


@pytest.mark.usefixtures("always_asked")
def test_cells_of_many_values_are_left_to_the_plain_walk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A memory has four bytes for a cell then."""
    through = Tables.char

    def far(self: Tables, number: int, value: Any) -> str:
        char = through(self, number, value)
        if ord(char) < 0xD7F0:
            self.values[number][high := chr(ord(char) + 0xD7F0)] = self.values[number].pop(char)
            self._chars[number][value] = high  # pyright: ignore[reportPrivateUsage]
            return high
        return char

    search = Search(tmp_path / "c")
    whole = search.whole("plain")
    monkeypatch.setattr(Tables, "char", far)
    monkeypatch.setattr(checkpoint, "checked", unchecked)
    assert search.part("plain", after(30)).reason
    assert read(search.place).arrays["rows"].dtype == np.uint32
    assert told(search.part("best", never)) == told(whole)
    assert search.keeping.unwritten == ""


def test_states_of_many_bits_are_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is said, and what was there before is there still."""
    search = Search(tmp_path / "c")
    monkeypatch.setattr("spanproof.checks.exploring.keeping.checking.WORD", 12)
    (tmp_path / "c").write_text("before")
    search.keeping.explored(search.tables(), search.origin, "plain", after(50), 0)
    assert search.keeping.unwritten.endswith("a state of this program does not fit into 12 bits: nothing is kept")
    assert (tmp_path / "c").read_text() == "before"


def test_a_search_that_ends_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """Nothing is left to go on with."""
    search = Search(tmp_path / "c")
    search.part("plain", after(9))
    before = search.place.read_bytes()
    assert not search.part("plain", never).reason
    assert search.place.read_bytes() == before
    assert search.keeping.told == ""


KEPT = dict[str, bytes]()
"""What a walk keeps of the small search, when it is stopped early."""


def kept(tmp_path: Path, walk: str = WALKS[-1]) -> Search:
    """A search that was stopped."""
    search = Search(tmp_path / "c")
    if walk not in KEPT:
        assert search.part(walk, lambda states: "enough" if states > 150 else None).reason
        KEPT[walk] = search.place.read_bytes()
    search.place.write_bytes(KEPT[walk])
    return search


def changed(of: Origin, **parts: Any) -> Origin:
    """Another origin."""
    given = {name: getattr(of, name) for name in ("options", "program", "texts", "fault", "python")}
    return Origin(**(given | parts))


def refusal(search: Search, of: Origin | None = None) -> str:
    """What is said of a checkpoint that is refused."""
    with pytest.raises(CheckpointError) as e:
        search.part(WALKS[-1], never, of=of)
    assert "\n" not in str(e.value)
    return str(e.value)


def test_another_search_is_refused_by_the_option_that_differs(tmp_path: Path) -> None:
    """And so is another program of the same name."""
    search = kept(tmp_path)
    now = search.origin
    for name, was in now.options.items():
        option = name if name == "scenario" else f"--{name}"
        said = f"{option} was {was or 'none'}, and is another now"
        assert said in refusal(search, changed(now, options={**now.options, name: "another"}))
    assert f"scenario {SMALL} is changed" in refusal(search, changed(now, program={**now.program, "ps": True}))
    assert "what the fault None edits is changed" in refusal(search, changed(now, fault="0"))
    assert "of Python " in refusal(search, changed(now, python="3.0.0"))


def test_changed_text_is_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    """Of the heap, the model, the checks and the kernel; one that is new too."""
    search = kept(tmp_path)
    now = search.origin
    for name in ("impl/heap.py", "model/invariants.py", "checks/monitor.py", "checks/exploring/walking/kernel/walk.c"):
        assert f"{name} is changed" in refusal(search, changed(now, texts={**now.texts, name: "0"}))
    assert "impl/new.py is changed" in refusal(search, changed(now, texts={**now.texts, "impl/new.py": "0"}))
    all_new = refusal(search, changed(now, texts=dict.fromkeys(now.texts, "0")))
    assert f" and {len(now.texts) - 3} other files are changed" in all_new


def test_the_texts_are_all_that_tables_are_made_of() -> None:
    """Whatever is imported where a search is made is among them, but for what only tells."""
    named = package_texts.__wrapped__()
    for part in ("checks/exploring/tables.py", "checks/exploring/cases.py", "checks/monitor.py", "checks/numbering.py",
                 "checks/local_state.py", "checks/programs.py", "checks/running/machine.py", "impl/page_alloc.py",
                 "impl/heap.py", "model/promises.py", "model/page_invariants.py", "model/releases.py",
                 "checks/exploring/walking/kernel/walk.c"):  # fmt: skip
        assert part in named
    top = Path(container.__file__).resolve().parents[3]
    assert all(hashlib.sha256((top / name).read_bytes()).hexdigest() == digest for name, digest in named.items())


def test_a_heap_of_ones_own_is_refused_when_its_file_is_changed(tmp_path: Path) -> None:
    """By the name of the file."""
    heap = tmp_path / "mine.py"
    heap.write_text("from spanproof.impl.malloc import Runtime\n\n\nclass Mine(Runtime):\n    pass\n")
    search = Search(tmp_path / "c", heap=subject(f"{heap}:Mine"))
    search.part("plain", after(20))
    assert told(search.part("plain", never)) == told(search.whole("plain"))
    heap.write_text(heap.read_text() + "# another\n")
    now = Search(tmp_path / "c", heap=subject(f"{heap}:Mine")).origin
    assert "mine.py is changed" in refusal(search, now)


def test_steps_that_do_something_else_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no text says so, what was learned does."""
    search = kept(tmp_path)
    monkeypatch.setattr(search, "heap", subject(fault="plain_store_for_cas"))
    assert "a damaged checkpoint (" in refusal(search)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Any byte that is another, and any end that comes too early: never another verdict, and no traceback."""
    place = tmp_path / "whole"
    if not place.exists():
        place.write_bytes(kept(tmp_path).place.read_bytes())
    whole, search = place.read_bytes(), Search(tmp_path / "damaged")
    if data.draw(st.booleans()):
        damaged = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        damaged = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    search.place.write_bytes(damaged)
    assert "checkpoint" in refusal(search)


def forged(search: Search, change: Change) -> None:
    """Write the checkpoint again with something else in it, and the right digest."""
    content = read(search.place)
    header, arrays = json.loads(json.dumps(content.header)), {name: a.copy() for name, a in content.arrays.items()}
    change(header, arrays)
    write(search.place, Content(header, arrays))


def put(name: str, at: Any, value: int) -> Change:
    """A change of one place of an array."""

    def change(_: dict[str, Any], arrays: dict[str, Any]) -> None:
        arrays[name][at] = value

    return change


def say(name: str, value: Any) -> Change:
    """A change of the header."""
    return lambda header, _: header.update({name: value})


def gone(name: str) -> Change:
    """An array is not there."""
    return lambda _, arrays: arrays.pop(name)


def zeros(name: str, shape: tuple[int, ...], kind: Any = np.uint32) -> Change:
    """Another array in the place of one."""
    return lambda _, arrays: arrays.update({name: np.zeros(shape, kind)})


FAR = ("gone_on_from", "levels", "transitions", "level_states")
FORGED = [
    *(gone(name) for name in ("states", "parents", "rows", "alone", "places", "met")),
    *(say(name, value) for name in FAR for value in (0, -1, 1 << 62, "1", None)), say("level_transitions", 1 << 62),
    say("widths", []), say("widths", [63, 63]), say("widths", "ab"), say("widths", [True, 14]), say("widths", [-3, 9]),
    say("learned", "0"), say("origin", 3), say("origin", {}),
    put("states", 0, 0), put("states", 7, 2**64 - 1), put("states", slice(9, 11), 5), put("states", 9, 1 << 40),
    put("parents", 0, 0), put("parents", 5, 2**32 - 1), put("parents", -1, 2**31), put("parents", -1, 0),
    put("rows", (3, 3), 255), put("rows", (0, 0), 1), put("rows", slice(2, 4), 0),
    put("alone", (0, 0), 2**32 - 1), put("alone", (0, 1), 2**32 - 1), put("alone", slice(0, 2), 1),
    put("places", (0, 0), 9), put("places", (4, 1), 2**31), put("met", (2, 2), 200),
    zeros("states", (0,), np.uint64), zeros("states", (2, 2), np.uint64), zeros("states", (4,)),
    zeros("rows", (3, 3), np.uint8), zeros("rows", (0, 0), np.uint8), zeros("parents", (3,)),
    zeros("alone", (4,)), zeros("alone", (2, 3)), zeros("places", (2, 3)), zeros("places", (5,), np.uint8),
    zeros("met", (1, 1), np.uint8), zeros("met", (0, 0)), zeros("places", (0, 2)),
]  # fmt: skip


@pytest.mark.parametrize("change", FORGED, ids=[str(n) for n in range(len(FORGED))])
def test_what_was_made_by_hand_is_refused(change: Change, tmp_path: Path) -> None:
    """Numbers that would lead out of the arrays never come to a walk."""
    search = kept(tmp_path)
    forged(search, change)
    assert "a damaged checkpoint (" in refusal(search) or "of another search" in refusal(search)


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("name", ["states", "rows"])
def test_what_is_there_twice_is_refused_by_every_walk(name: str, walk: str, tmp_path: Path) -> None:
    """A state, or a memory."""

    def twice(_: dict[str, Any], arrays: dict[str, Any]) -> None:
        arrays[name][3] = arrays[name][2]

    search = kept(tmp_path, walk="plain")
    forged(search, twice)
    with pytest.raises(CheckpointError, match="a damaged checkpoint"):
        search.part(walk, never)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is no checkpoint"), (b"\x80\x04pickle", "is no checkpoint"), (b"PK\x03\x04", "is no checkpoint"),
        (b"spanproof checkpoint 2\n{}\n", "a checkpoint of version '2'"),
        (b"spanproof checkpoint 1\n", "not JSON"), (b"spanproof checkpoint 1\n[]\n", "no object"),
        (b"spanproof checkpoint 1\n" + b"[" * 100_000 + b"\n", "not JSON"),
        (b'spanproof checkpoint 1\n{"arrays": 3}\n', "not named"), (b"spanproof checkpoint 1\n{}\n", "not named"),
        (b'spanproof checkpoint 1\n{"arrays": [["a", "O", [1]]]}\n', "not named"),
        (b'spanproof checkpoint 1\n{"arrays": [["a", "u8", [-1]]]}\n', "no shape"),
        (b'spanproof checkpoint 1\n{"arrays": [["a", "u8", [99999999999, 9999]]]}\n', "not as long as it says"),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: bytes, said: str, tmp_path: Path) -> None:
    """No room is made for what is not there, and nothing is run."""
    search = Search(tmp_path / "c")
    search.place.write_bytes(text)
    assert said in refusal(search)


def test_a_full_disk_leaves_what_was_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whenever it is full: at the start, in the middle, at the end; nothing is left beside it."""
    search = kept(tmp_path)
    before = search.place.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for where, name in ((os, "fsync"), (Path, "replace"), (os, "fdopen")):
        with monkeypatch.context() as patched:
            patched.setattr(where, name, full)
            assert search.part(WALKS[-1], after(1)).reason
        assert search.keeping.unwritten == f"--checkpoint {search.place}: cannot be written: No space left on device"
        assert search.place.read_bytes() == before
        assert [place for place in tmp_path.iterdir() if place.suffix == ".part" and name != "fdopen"] == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_is_no_place(tmp_path: Path) -> None:
    """What is there is not put away."""
    with pytest.raises(CheckpointError, match="is no plain file"):
        write(Path("/dev/full"), Content({}, {}))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link", Content({"a": 1}, {}))
    assert (tmp_path / "link").is_symlink()
    assert read(tmp_path / "real").header == {"a": 1}


def test_a_coarser_grain_is_not_kept(tmp_path: Path) -> None:
    """And nothing is remembered where nothing is kept."""
    tables = Tables(BY_NAME[SMALL].program, REFERENCE.heap_class)
    explored(tables, "plain")
    assert tables.learned is None
    with pytest.raises(CheckpointError, match="a search with a coarser grain is not kept"):
        judge(BY_NAME[SMALL], REFERENCE, grain=Grain.LOCK, keeping=Keeping(tmp_path / "c"))


def test_without_a_compiler_the_plain_walk_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From what another had left."""
    search = kept(tmp_path)
    monkeypatch.setattr(walks, "_there", lambda: False)
    assert told(search.part("best", never)) == told(search.whole("plain"))
    assert walked_.WORD == 64
