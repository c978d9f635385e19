"""Small programs for Go's lock-free text: each thread's calls, and what is true when all have ended.

Their interleavings are few enough to go through all of them; larger ones are in drawn_trials.py. Addresses are where
Go's heap begins on linux/amd64. Read next: drawn_trials.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from spanproof.model.geometry import GO_AMD64

GEOMETRY = replace(GO_AMD64, name="go-amd64, a word to a page", phys_page_size=8)
"""Go's constants; the system's pages hold one word of the scavenge index each, so that each word is a cell."""
PAGE, ARENA_PAGES = GEOMETRY.page_size, GEOMETRY.pages_per_arena
BASE = GEOMETRY.heap_base
FIRST_CHUNK = GEOMETRY.chunk_index(BASE)
CHUNK_PAGES = GEOMETRY.pages_per_chunk


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the heap's text: its name, and what it is called with."""

    name: str
    args: tuple[int, ...] = ()


PLACES = {
    "alloc_needs_zero": "mheap.go, allocNeedsZero",
    "find": "mgcscavenge.go, scavengeIndex.find",
    "alloc": "mgcscavenge.go, scavengeIndex.alloc",
    "free": "mgcscavenge.go, scavengeIndex.free",
    "set_empty": "mgcscavenge.go, scavengeIndex.setEmpty",
    "next_gen": "mgcscavenge.go, scavengeIndex.nextGen",
    "reclaim_chunk": "mheap.go, reclaimChunk",
    "acquire": "mgcsweep.go, sweepLocker.tryAcquire",
    "publish": "mheap.go, setSpans",
}
"""Where Go has what is called; a lock is the harness's."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a schedule ended: what each call gave, and the words at the end, by the names of their cells."""

    results: tuple[tuple[tuple[int, int], ...], ...]
    """Of each thread, of each call: two numbers."""
    words: Mapping[tuple[str, Any], int]
    thrown: str = ""
    """Who throws, after which step, and what the throw says; "" if none does."""
    deadlocked: str = ""
    """After which step no thread can go on."""
    endless: str = ""
    """Which thread still goes on, after how many steps."""


Promise = Callable[["Trial", Ended], Iterator[str]]
"""What is broken at the end of a schedule."""


@dataclass(frozen=True, slots=True)
class OldSpan:
    """A span that is there at the start, or is published by a thread."""

    number: int
    base: int
    """Its address."""
    npages: int
    mapped: bool = True
    """Its pages lead to it at the start."""
    marked: bool = False
    """An object in it was marked, so that it is not to be swept away."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A small program."""

    name: str
    says: str
    threads: tuple[tuple[Call, ...], ...]
    promises: tuple[Promise, ...]
    before: tuple[Call, ...] = ()
    """What one thread did before the others began."""
    spans: tuple[OldSpan, ...] = ()
    words: tuple[tuple[str, Any, int], ...] = ()
    """Cells that are not as in a new heap: name, index, value."""
    alone: bool = False
    """So many schedules that Go's side takes them without the reference."""
    throws: bool = False
    """Some schedules are to throw."""
    finding: bool = False
    """Go's text breaks a promise of it, with nothing changed: only who names it sees it."""

    @property
    def source(self) -> str:
        """Where Go has what its threads call."""
        names = {call.name: None for calls in self.threads for call in calls}
        return "; ".join(PLACES[name] for name in names if name in PLACES)


def pages(first: int, npages: int) -> Call:
    """allocNeedsZero of pages that are counted from the heap's first."""
    return Call("alloc_needs_zero", (BASE + first * PAGE, npages))


def find(force: bool) -> Call:
    """scavengeIndex.find, which takes no lock."""
    return Call("find", (int(force),))


def locked(name: str, *args: int) -> tuple[Call, ...]:
    """A call of the index under the heap lock; its first argument is a chunk, counted from the heap's first."""
    chunk, *others = args
    return Call("lock"), Call(name, (FIRST_CHUNK + chunk, *others)), Call("unlock")


def no_throw(_: Trial, ended: Ended) -> Iterator[str]:
    """Disjoint regions are never taken for overlapping ones."""
    if ended.thrown:
        yield ended.thrown


def no_deadlock(_: Trial, ended: Ended) -> Iterator[str]:
    """Nothing waits for ever."""
    if ended.deadlocked:
        yield ended.deadlocked


def comes_to_an_end(_: Trial, ended: Ended) -> Iterator[str]:
    """No thread goes round for ever."""
    if ended.endless:
        yield ended.endless


GOES_WELL = (no_throw, no_deadlock, comes_to_an_end)
"""First of all promises: what is asked of results rests on it."""


def watermarks_cover(trial: Trial, ended: Ended) -> Iterator[str]:
    """zeroedBase is at or above the end of every region that was claimed."""
    if ended.thrown:
        return
    for call in (call for calls in trial.threads for call in calls):
        base, npages = call.args
        for page in range(base // PAGE, base // PAGE + npages):
            arena = (page * PAGE - GEOMETRY.arena_base_offset) // GEOMETRY.arena_size
            end = page * PAGE % GEOMETRY.arena_size + PAGE
            if ended.words["zeroedBase", arena] < end:
                is_ = ended.words["zeroedBase", arena]
                yield f"zeroedBase[{arena:#x}] is {is_:#x}, below {end:#x}, which was claimed"


def used_pages_need_zero(trial: Trial, ended: Ended) -> Iterator[str]:
    """Pages that a thread was given before need to be cleared."""
    if ended.thrown:
        return
    for calls, results in zip(trial.threads, ended.results, strict=True):
        used = set[int]()
        for call, (needs_zero, _) in zip(calls, results, strict=True):
            base, npages = call.args
            mine = set(range(base // PAGE, base // PAGE + npages))
            if used & mine and not needs_zero:
                yield f"pages at {base:#x} were used, and allocNeedsZero says that they are zero"
            used |= mine


def force_finds_what_was_freed(_: Trial, ended: Ended) -> Iterator[str]:
    """The cursor of forced scavenging is in or above every chunk that says it has something."""
    has_free = 1 << 16 + GEOMETRY.log_scav_chunk_in_use_max
    chunks = [ci for (name, ci), word in ended.words.items() if name == "scav.chunks" and word & has_free]
    cursor = ended.words["scav.searchAddrForce", None]
    at = abs(cursor - (1 << 64) if cursor >> 63 else cursor) + GEOMETRY.min_off_addr
    if chunks and not ended.thrown and GEOMETRY.chunk_index(at) < max(chunks):
        yield f"the cursor is in chunk {GEOMETRY.chunk_index(at):#x}, and chunk {max(chunks):#x} has something to scavenge"


def counts_are_right(trial: Trial, ended: Ended) -> Iterator[str]:
    """Each chunk counts the pages that are allocated in it."""
    if ended.thrown:
        return
    counted = dict[int, int]()
    for call in (*trial.before, *(call for calls in trial.threads for call in calls)):
        if call.name == "alloc":
            counted[call.args[0]] = counted.get(call.args[0], 0) + call.args[1]
        elif call.name == "free":
            counted[call.args[0]] = counted.get(call.args[0], 0) - call.args[2]
    for ci, npages in counted.items():
        if ended.words["scav.chunks", ci] & 0xFFFF != npages:
            yield f"chunk {ci:#x} counts {ended.words['scav.chunks', ci] & 0xFFFF} pages, and has {npages}"


def spans_are_led_to(trial: Trial, ended: Ended) -> Iterator[str]:
    """Every page of a span that was published leads to it."""
    if ended.thrown:
        return
    published = {call.args[0] for calls in trial.threads for call in calls if call.name == "publish"}
    for span in (span for span in trial.spans if span.number in published):
        for page in range(span.base // PAGE, span.base // PAGE + span.npages):
            if ended.words["spans", page] != span.number:
                yield f"page {page:#x} leads to span {ended.words['spans', page]}, and is of span {span.number}"


def swept_once(trial: Trial, ended: Ended) -> Iterator[str]:
    """Whoever sweeps, each unmarked span is swept by one of them, and a marked one by none."""
    if ended.thrown:
        return
    found = 0
    for calls, results in zip(trial.threads, ended.results, strict=True):
        for call, (first, _) in zip(calls, results, strict=True):
            if call.name == "acquire":
                found += first * next(span.npages for span in trial.spans if span.number == call.args[0])
            elif call.name == "reclaim_chunk":
                found += first
    due = sum(span.npages for span in trial.spans if span.mapped and not span.marked)
    if found != due:
        yield f"{found} pages were swept, and {due} were there to sweep"


ZEROING = (*GOES_WELL, watermarks_cover, used_pages_need_zero)
INDEX = (*GOES_WELL, force_finds_what_was_freed, counts_are_right)
END = ARENA_PAGES
"""The first page of the heap's second arena."""


def grown(chunks: int) -> Call:
    """The heap gets its first chunks."""
    return Call("grow", (BASE, BASE + chunks * GEOMETRY.chunk_size))


def full(*chunks: int) -> tuple[Call, ...]:
    """All pages of these chunks are allocated."""
    return tuple(Call("alloc", (FIRST_CHUNK + ci, CHUNK_PAGES)) for ci in chunks)


SWEEPGEN = 10
ARENA = (BASE - GEOMETRY.arena_base_offset) // GEOMETRY.arena_size


def to_be_swept(spans: tuple[OldSpan, ...]) -> tuple[tuple[str, Any, int], ...]:
    """The words at the end of a cycle: spans in the heap's first pages are to be swept, others are not there yet."""
    in_use, marks = dict[int, int](), dict[int, int]()
    for span in spans:
        byte, bit = divmod(span.base // PAGE % ARENA_PAGES, 8)
        for bits, is_set in ((in_use, span.mapped), (marks, span.marked)):
            bits[byte] = bits.get(byte, 0) | is_set << bit
    return (
        ("sweepgen", None, SWEEPGEN), ("sweep.active", None, 0),
        *(("pageInUse", (ARENA, byte), bits) for byte, bits in in_use.items()),
        *(("pageMarks", (ARENA, byte), bits) for byte, bits in marks.items()),
        *(("mspan.sweepgen", span.number, SWEEPGEN - 2 if span.mapped else 0) for span in spans),
    )  # fmt: skip


def reclaim(byte: int = 0, nbytes: int = 1) -> tuple[Call, ...]:
    """reclaimChunk of so many bytes of the bitmaps of the heap's first arena, as its caller holds the lock."""
    return Call("lock"), Call("reclaim_chunk", (ARENA, 8 * byte, 8 * nbytes)), Call("unlock")


SWEPT = (
    OldSpan(1, BASE, 2), OldSpan(2, BASE + 2 * PAGE, 1, marked=True), OldSpan(3, BASE + 3 * PAGE, 1),
    OldSpan(4, BASE + 5 * PAGE, 1, mapped=False),
)  # fmt: skip
FAR = (OldSpan(1, BASE + PAGE, 1), OldSpan(2, BASE + 9 * PAGE, 1), OldSpan(3, BASE + 12 * PAGE, 3))
"""Spans that are to be swept, in two bytes of the bitmaps."""
OVER = (OldSpan(1, BASE + (END - 2) * PAGE, 5, mapped=False), OldSpan(2, BASE + (END + 3) * PAGE, 3, mapped=False))
NEW_SPANS = (
    ("sweepgen", None, SWEEPGEN), ("pageInUse", (ARENA, (END - 2) // 8), 0), ("pageInUse", (ARENA + 1, 0), 0),
    ("mspan.sweepgen", 1, 0), ("mspan.sweepgen", 2, 0),
)  # fmt: skip
"""They are not there yet, and lie in two arenas."""
TRIALS = (
    Trial(
        "two_allocs_each", "two threads claim regions of one arena",
        ((pages(0, 2), pages(2, 1)), (pages(3, 2), pages(5, 1))), ZEROING,
    ),
    Trial("three_threads", "three threads claim a page each", ((pages(0, 1),), (pages(1, 1),), (pages(2, 1),)), ZEROING),
    Trial(
        "pages_used_again", "what a thread gave back it is given again, beside another thread",
        ((pages(0, 2), pages(2, 1), pages(0, 1)), (pages(3, 2), pages(5, 1), pages(4, 2))), ZEROING,
    ),
    Trial(
        "the_last_page_again", "the last page below the watermark is claimed again",
        ((pages(0, 4), pages(3, 1)), (pages(4, 1), pages(4, 1))), ZEROING,
    ),
    Trial(
        "across_two_arenas", "regions that reach over the end of an arena",
        ((pages(END - 2, 4), pages(END - 2, 1)), (pages(END + 2, 3), pages(END - 4, 2))), ZEROING,
    ),
    Trial(
        "across_three_arenas", "a region with a whole arena in it, beside one in it",
        ((pages(END - 1, ARENA_PAGES + 2),), (pages(END - 2, 1),)), ZEROING,
    ),
    Trial("the_same_region", "two threads were given the same pages", ((pages(0, 2),), (pages(0, 2),)), (), throws=True),
    Trial("overlapping", "two threads were given the same page", ((pages(0, 2),), (pages(1, 2),)), (), throws=True),
    Trial(
        "find_beside_a_free", "a forced scavenger looks while pages are freed above",
        ((find(True),), locked("free", 2, 7, 3)), INDEX, (grown(3), *full(0, 1, 2), Call("free", (FIRST_CHUNK, 0, 9))),
    ),
    Trial(
        "two_finds_beside_a_free", "two forced scavengers look while pages are freed above",
        ((find(True),), (find(True),), locked("free", 2, 7, 3)), INDEX,
        (grown(3), *full(0, 1, 2), Call("free", (FIRST_CHUNK, 0, 9))),
    ),
    Trial(
        "find_beside_two_frees", "frees of two threads, and a forced scavenger",
        ((find(True),), locked("free", 1, 7, 3), locked("free", 2, 0, 1)), INDEX,
        (grown(3), *full(0, 1, 2), Call("free", (FIRST_CHUNK, 0, 9))),
    ),
    Trial(
        "find_of_nothing_beside_a_free", "the whole heap is looked at in vain, and then there is something",
        ((find(True), find(True)), locked("free", 1, 0, 1)), INDEX, (grown(2), *full(0, 1)),
    ),
    Trial(
        "background_beside_force", "both scavengers look, after a generation ended",
        ((find(False), find(False)), (find(True), find(True))), INDEX,
        (grown(2), *full(0, 1), Call("free", (FIRST_CHUNK + 1, 5, 2)), Call("free", (FIRST_CHUNK, 0, 9)), Call("next_gen")),
    ),
    Trial(
        "background_beside_an_alloc", "the background scavenger looks, after a generation ended, while a chunk fills",
        ((find(False), find(False)), locked("alloc", 1, 2)), INDEX,
        (grown(2), *full(0, 1), Call("free", (FIRST_CHUNK + 1, 5, 2)), Call("free", (FIRST_CHUNK, 0, 9)), Call("next_gen")),
    ),
    Trial(
        "called_empty", "a scavenger calls a chunk empty, another looks, and pages are freed in it",
        (locked("set_empty", 1), (find(True),), locked("free", 1, 3, 1)), INDEX,
        (grown(2), *full(0, 1), Call("free", (FIRST_CHUNK + 1, 5, 2))),
    ),
    Trial(
        "finding_free_below_the_cursor", "pages are freed below the cursor, in a chunk that a forced scavenger has passed",
        ((find(True),), locked("free", 1, 3, 1)), INDEX,
        (
            grown(3), *full(0, 1, 2), Call("free", (FIRST_CHUNK, 0, 9)), Call("free", (FIRST_CHUNK + 2, 5, 2)),
            Call("alloc", (FIRST_CHUNK + 2, 2)),
        ),
        finding=True,
    ),
    Trial(
        "four_threads", "four threads claim a page each", tuple((pages(n, 1),) for n in range(4)), ZEROING, alone=True,
    ),
    Trial(
        "both_scavengers_beside_an_alloc", "both scavengers look, after a generation ended, while a chunk fills",
        ((find(False),), (find(True),), locked("alloc", 1, 2)), INDEX,
        (grown(2), *full(0, 1), Call("free", (FIRST_CHUNK + 1, 5, 2)), Call("free", (FIRST_CHUNK, 0, 9)), Call("next_gen")),
        alone=True,
    ),
    Trial(
        "reclaim_beside_a_sweeper", "a reclaimer, and a sweeper that takes the same spans",
        (reclaim(), (Call("acquire", (1,)), Call("acquire", (3,)))), (*GOES_WELL, swept_once), spans=SWEPT, words=to_be_swept(SWEPT),
    ),
    Trial(
        "reclaim_of_two_bytes", "a reclaimer of more than one byte of the bitmaps, beside a sweeper",
        (reclaim(0, 2), (Call("acquire", (2,)),)), (*GOES_WELL, swept_once), spans=FAR, words=to_be_swept(FAR),
    ),
    Trial(
        "published_over_an_arena", "a span that reaches over the end of an arena is published beside another",
        ((Call("publish", (1,)),), (Call("publish", (2,)),)), (*GOES_WELL, spans_are_led_to), spans=OVER, words=NEW_SPANS,
    ),
    Trial(
        "reclaim_beside_a_publisher", "a reclaimer, and a thread that publishes a span beside those that are swept",
        (reclaim(), (Call("publish", (4,)),)), (*GOES_WELL, swept_once, spans_are_led_to), spans=SWEPT, words=to_be_swept(SWEPT),
    ),
)  # fmt: skip
"""Those of reclaimChunk and tryAcquire have a sweep that only frees (harness/heap.go)."""
BY_NAME = {trial.name: trial for trial in TRIALS}
