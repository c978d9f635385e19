"""Larger programs for Go's lock-free text, drawn from a seed: too many interleavings to go through all of them.

Threads keep to what Go's heap lets them do at once: pages belong to one of them, the index is changed under the lock,
reclaimers have bytes of their own. Read next: steps.py.
"""

from collections.abc import Callable, Mapping
from random import Random

from spanproof.checks.golang.interleaving.trials import (
    ARENA_PAGES,
    BASE,
    CHUNK_PAGES,
    FIRST_CHUNK,
    GOES_WELL,
    PAGE,
    ZEROING,
    Call,
    OldSpan,
    Trial,
    counts_are_right,
    find,
    full,
    grown,
    locked,
    pages,
    reclaim,
    spans_are_led_to,
    swept_once,
)
from spanproof.checks.golang.interleaving.trials import to_be_swept as words_of

THREADS = (3, 4)


def _zeroing(rng: Random, name: str) -> Trial:
    """Each thread claims parts of pages that are its own, now and then those that it had before."""
    first, threads = ARENA_PAGES - rng.randrange(12), list[tuple[Call, ...]]()
    for _ in range(rng.choice(THREADS)):
        mine = rng.randint(1, 6)
        calls = list[Call]()
        for _ in range(rng.randint(2, 4)):
            start = rng.randrange(mine)
            calls.append(pages(first + start, rng.randint(1, mine - start)))
        threads.append(tuple(calls))
        first += mine
    rng.shuffle(threads)
    return Trial(name, "threads that claim pages about the end of an arena", tuple(threads), ZEROING)


def _index(rng: Random, name: str) -> Trial:
    """Scavengers look, while chunks are filled, emptied, and called empty."""
    chunks = rng.randint(2, 4)
    in_use = {ci: CHUNK_PAGES - rng.choice((0, 0, 9)) for ci in range(chunks)}
    before = [grown(chunks), *full(*range(chunks))]
    before += [Call("free", (FIRST_CHUNK + ci, 0, CHUNK_PAGES - n)) for ci, n in in_use.items() if n < CHUNK_PAGES]
    before += [Call("next_gen")] * rng.randrange(3)
    threads = [tuple(find(rng.random() < FORCED) for _ in range(rng.randint(1, 2)))]
    for _ in range(rng.choice(THREADS) - 1):
        calls = list[Call]()
        for _ in range(rng.randint(1, 2)):
            calls += rng.choice((_frees, _frees, _fills, _looks, _calls_empty))(rng, chunks)
        threads.append(tuple(calls))
    return Trial(name, "scavengers that look while chunks change", tuple(threads), PROMISED, tuple(before))


PROMISED = (*GOES_WELL, counts_are_right)
"""Not that a forced find sees what is freed below its cursor: it does not (finding_free_below_the_cursor)."""
FORCED = 0.7
"""How often a scavenger is one of those that take all there is."""


def _frees(rng: Random, chunks: int) -> tuple[Call, ...]:
    """A few pages of a chunk: all chunks have that many, whatever the others free."""
    return locked("free", rng.randrange(chunks), rng.randrange(CHUNK_PAGES - 8), rng.randint(1, 8))


def _fills(rng: Random, chunks: int) -> tuple[Call, ...]:
    """Pages are freed and allocated again, so that no chunk has more of them than it can."""
    ci, npages = rng.randrange(chunks), rng.randint(1, 8)
    return *locked("free", ci, rng.randrange(CHUNK_PAGES - 8), npages), *locked("alloc", ci, npages)


def _looks(rng: Random, _: int) -> tuple[Call, ...]:
    return (find(rng.random() < FORCED),)


def _calls_empty(rng: Random, chunks: int) -> tuple[Call, ...]:
    return locked("set_empty", rng.randrange(chunks))


def _sweeping(rng: Random, name: str) -> Trial:
    """Reclaimers, sweepers of the same spans, and threads that publish new ones among them."""
    spans, page = list[OldSpan](), rng.randrange(2)
    while page < REGION:
        npages = min(rng.choice((1, 1, 2, 3)), REGION - page)
        mapped = rng.random() < MAPPED
        marked = mapped and rng.random() < MARKED
        spans.append(OldSpan(len(spans) + 1, BASE + page * PAGE, npages, mapped, marked))
        page += npages + rng.randrange(2)
    sweepers = [
        tuple(Call("acquire", (s.number,)) for s in spans if s.mapped and not s.marked and rng.random() < TAKEN)[:3]
        for _ in range(rng.randint(1, 2))
    ]
    publisher = tuple(Call("publish", (s.number,)) for s in spans if not s.mapped)[:2]
    reclaimers = (reclaim(0), reclaim(1)) if rng.random() < PARTED else (reclaim(0, 2),)
    threads = tuple(calls for calls in (*reclaimers, *sweepers, publisher) if calls)
    promises = (*GOES_WELL, swept_once, spans_are_led_to)
    return Trial(
        name, "reclaimers beside sweepers and publishers", threads, promises, spans=tuple(spans),
        words=words_of(tuple(spans)),
    )  # fmt: skip


PARTED = 0.6
"""How often two reclaimers part the region, as against one that takes all of it."""
REGION = 16
"""Pages with spans: two bytes of the bitmaps, one for each reclaimer."""
MAPPED, MARKED, TAKEN = 0.75, 0.3, 0.6
"""How often a span is there at the start, is marked, is taken by a sweeper."""
FAMILIES: Mapping[str, Callable[[Random, str], Trial]] = {
    "drawn_zeroing": _zeroing,
    "drawn_index": _index,
    "drawn_sweeping": _sweeping,
}
"""What can be drawn, by name."""


def drawn_trial(family: str, seed: int) -> Trial:
    """A program, the same for the same seed. Raises KeyError: there is no such family."""
    return FAMILIES[family](Random(f"{family} {seed}"), f"{family} {seed}")  # noqa: S311  # a seed gives it again
