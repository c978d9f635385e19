"""Looking at all state: nothing that differs is passed by because it was looked at before; runs are counted rightly."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanproof.checks.comparing.histories import History
from spanproof.checks.comparing.looking import DifferenceError, longest, runs, trailing
from spanproof.checks.comparing.mixes import Mix, drawn
from spanproof.checks.comparing.plans import SHAPES, Plan, Shape, seeded
from spanproof.impl.page_tree import PageTree
from spanproof.impl.palloc_bits import PallocData
from spanproof.impl.ranges import AddrRanges
from spanproof.model.pages import AbstractPages
from spanproof.model.releases import NEWEST

BITS = st.integers(0, (1 << 200) - 1)


@given(BITS, st.integers(0, 12))
def test_runs_are_counted_as_they_are(bits: int, below: int) -> None:
    """As the digits say: at the start, the longest, at the end; what is below is not free."""
    pages = below + max(bits.bit_length(), 1)
    digits = "0" * below + f"{bits:b}"[::-1].ljust(pages - below, "0")
    pieces = digits.split("0")

    assert len(digits) == pages
    assert runs(bits, pages, below) == (len(pieces[0]), max(map(len, pieces)), len(pieces[-1]))
    assert runs(bits, pages + 1, below) == (len(pieces[0]), max(map(len, pieces)), 0)
    assert longest(bits) == max(map(len, pieces))
    assert trailing(bits) == len(digits[below:].split("0", 1)[0])


@given(BITS, BITS, BITS, st.sampled_from((1, 2, 4, 8, 16)))
def test_whole_groups_can_be_scavenged(exist: int, owned: int, scavenged: int, group: int) -> None:
    """Group by group: all of its pages, or none."""
    pages = AbstractPages(64)
    pages.exist, pages.owned, pages.scavenged = exist, owned, scavenged
    free, whole = exist & ~owned & ~scavenged, (1 << group) - 1

    assert pages.to_scavenge(group) == sum(
        whole << first for first in range(0, 208, group) if free >> first & whole == whole
    )


def lived(shape: Shape) -> History:
    """A history of some hundred calls, looked at."""
    plan = seeded(shape, NEWEST, 3, 200)
    history = plan.begin()
    for call in plan.calls:
        history.call(call)
    history.look()
    return history


def other_chunk(tree: PageTree, change: Callable[[PallocData], PallocData]) -> PageTree:
    """With the bitmaps of a chunk changed."""
    ci = min(tree.chunks)
    return tree.with_chunk(ci, change(tree.chunks[ci]))


def other_summary(tree: PageTree, level: int) -> PageTree:
    """With one stored entry of a level changed."""
    stored = tree.summary[level]
    b, block = next(iter(stored.blocks.items()))
    changed = stored.with_entry(b << stored.log_block, block[0] ^ 1)
    return replace(tree, summary=(*tree.summary[:level], changed, *tree.summary[level + 1 :]))


def flip(bits: Any) -> Any:
    """With bit 0 the other way."""
    return bits.clear(0) if bits.get(0) else bits.set(0)


TREES: dict[str, Callable[[PageTree], PageTree]] = {
    "an allocated page": lambda tree: other_chunk(tree, lambda data: replace(data, alloc=flip(data.alloc))),
    "a scavenged page": lambda tree: other_chunk(tree, lambda data: replace(data, scavenged=flip(data.scavenged))),
    "the lowest level": lambda tree: other_summary(tree, len(tree.summary) - 1),
    "the highest level": lambda tree: other_summary(tree, 0),
    "a search address that is nobody's": lambda tree: tree.with_search_addr(tree.geometry.min_off_addr),
    "a chunk that is lost": lambda tree: replace(tree, chunks=tree.chunks.delete(min(tree.chunks))),
}
MODELS: dict[str, Callable[[AbstractPages], None]] = {
    "a page is owned": lambda model: setattr(model, "owned", model.owned ^ 1),
    "a page is scavenged": lambda model: setattr(model, "scavenged", model.scavenged ^ 1),
    "a page exists": lambda model: setattr(model, "exist", model.exist | model.exist + 1),
}
SHAPED = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.geometry.name)


@SHAPED
@pytest.mark.parametrize("name", TREES)
def test_what_changes_in_the_text_is_seen(name: str, shape: Shape) -> None:
    """One bit of its state, and nothing in the abstract allocator."""
    history = lived(shape)
    history.look()
    history.heap.tree = TREES[name](history.heap.tree)

    with pytest.raises(DifferenceError):
        history.look()


@SHAPED
def test_a_free_page_below_the_search_address_is_seen(shape: Shape) -> None:
    """The lowest one, if the search address is above its first byte; not if it is there."""
    history = lived(shape)
    g, free = history.geometry, history.model.unowned
    lowest = g.heap_base + trailing(~free) * g.page_size
    history.heap.tree = history.heap.tree.with_search_addr(lowest)
    history.glance()

    for wrong in (lowest + 1, lowest + g.page_size, g.max_off_addr):
        history.heap.tree = history.heap.tree.with_search_addr(wrong)
        with pytest.raises(DifferenceError, match=f"above the free page at {lowest:#x}"):
            history.glance()


@SHAPED
@pytest.mark.parametrize("name", MODELS)
def test_what_changes_in_the_abstract_allocator_is_seen(name: str, shape: Shape) -> None:
    """One page of it, and nothing in the text."""
    history = lived(shape)
    MODELS[name](history.model)

    with pytest.raises(DifferenceError):
        history.look()


@SHAPED
def test_what_changes_in_the_index_is_seen(shape: Shape) -> None:
    """The count of a chunk's pages, the mark that it has something to scavenge, and the cursor."""
    history = lived(shape)
    history.call(("gc_cycle", 0, 0))
    while history.live:
        history.call(("free", 0, 0))
    history.look()
    index, alone = history.heap.pages.index, history.heap.alone
    can = history.model.to_scavenge(history.group) & ~history.hidden
    ci = history.looking.first + (can.bit_length() - 1) // history.geometry.pages_per_chunk
    data = alone.run(index.load(ci))
    for wrong in (replace(data, in_use=data.in_use + 1), replace(data, flags=0)):
        alone.run(index.store(ci, wrong))
        with pytest.raises(DifferenceError, match=r"in_use of chunk|nothing to scavenge"):
            history.look()
    alone.run(index.store(ci, data))
    history.look()
    alone.put(index.search_addr_force.a, 0)
    with pytest.raises(DifferenceError, match="search_addr_force"):
        history.look()


def test_what_was_handed_over_is_seen() -> None:
    """Each range, where one is added; and the number of bytes."""
    changes: tuple[Callable[[AddrRanges], AddrRanges], ...] = (
        lambda ranges: AddrRanges((), ranges.total_bytes),
        lambda ranges: replace(ranges, total_bytes=0),
    )
    for change in changes:
        history = Plan(SHAPES[3], NEWEST, ()).begin()
        history.call(("grow", 1, 0))
        history.heap.tree = replace(history.heap.tree, in_use=change(history.heap.tree.in_use))
        with pytest.raises(DifferenceError, match="in_use"):
            history.look()


def test_looking_at_every_call_and_now_and_then_agree() -> None:
    """What a look leaves out would be seen by one that has seen nothing: so said of every fiftieth call."""
    history = History(SHAPES[0].geometry, mix=Mix(most_pages=40, most_chunks=10))
    for place, call in enumerate(drawn(9, 1_000, Mix())):
        history.call(call)
        history.look()
        if place % 50 == 0:
            history.looking = type(history.looking)(history.heap, history.model, history.group)
            history.look()
