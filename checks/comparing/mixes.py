"""The calls that histories are made of, how often each is drawn, and lists of them from a seed.

Read next: histories.py, which makes them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

Call = tuple[str, int, int]
"""Its name, and two numbers that say on what."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How often each call is drawn, and of what size."""

    alloc: int = 350
    free: int = 310
    cache_alloc: int = 220
    refill: int = 50
    flush: int = 40
    grow: int = 6
    scavenge_some: int = 10
    scavenge: int = 2
    background: int = 4
    """The background scavenger's. It may call a chunk empty of which it saw a part."""
    gc_cycle: int = 6
    pad: int = 6
    """Growth of which the first pages are never used, as the first is where the heap begins at random. Once."""
    most_pages: int = 600
    most_chunks: int = 24
    """Chunks of the address space in which the history takes place."""
    sparse: bool = False
    """Whether the heap grows in pieces with gaps between them."""
    excused: bool = True
    """Whether a page that the background scavenger may have hidden may stay with the program for ever."""


CALLS = (
    "alloc", "free", "cache_alloc", "refill", "flush", "grow", "scavenge_some", "scavenge", "background", "gc_cycle",
    "pad",
)  # fmt: skip

KEPT = ("alloc", "free")
"""Calls without which a history comes to a stop."""
SWARM = (0, 0.4, 1, 1, 2.5)
"""How much more often than usual a call is drawn in one history."""


def drawn(seed: int, calls: int, mix: Mix, *, swarm: bool = False) -> Iterator[Call]:
    """So many calls. swarm: each seed has a mix of its own, in which some calls are frequent and some are not there."""
    rng = random.Random(seed)  # noqa: S311  # a seed gives a history again
    weights: list[float] = [getattr(mix, name) for name in CALLS]
    if swarm:
        factors = (rng.choice(SWARM[1:] if name in KEPT else SWARM) for name in CALLS)
        weights = [weight * factor for weight, factor in zip(weights, factors, strict=True)]
    for name in rng.choices(CALLS, weights, k=calls):
        yield name, int(rng.random() * 1_000_003), int(rng.random() * 1_000_003)
