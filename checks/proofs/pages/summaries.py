"""Summaries: packed into a word, and merged level by level."""

from collections.abc import Callable
from typing import Any

from spanproof.checks.proving.lifted.judging import PlainTheorem
from spanproof.checks.proving.lifted.lemma import Given, Lemma
from spanproof.model.contracts.pages import can_be
from spanproof.model.geometry import GO_AMD64

LOG_MAX = GO_AMD64.log_max_packed_value
NAMES = ("start", "most", "end")


def _pack(given: Given) -> None:
    three = tuple(given.number(name, 0, 1 << LOG_MAX) for name in NAMES)
    given.assume(*(claim for _, claim in can_be(three, 1 << LOG_MAX)))
    packed = given.call(given.text.pack_palloc_sum, *three, LOG_MAX)
    for name, was, now in zip(NAMES, three, given.call(given.text.unpack, packed, LOG_MAX), strict=True):
        given.show(name, was == now)
    parts = (given.text.sum_start, given.text.sum_max, given.text.sum_end)
    for part, was in zip(parts, three, strict=True):
        given.show(f"{part.__name__} alone", given.call(part, packed, LOG_MAX) == was)


def _merge(log: int) -> Callable[[Given], None]:
    """Eight summaries of 1 << log pages each: packing is left out, as it is shown above."""

    def read(given: Given) -> None:
        text = given.text
        sums = tuple(tuple(given.integer(f"{name}[{i}]", 0, 1 << log) for name in NAMES) for i in range(8))
        for total in sums:
            given.assume(*(claim for _, claim in can_be(total, 1 << log)))
        packed = tuple(_packed(given, total) for total in sums)
        instead: dict[Any, Callable[..., Any]] = {text.unpack: _as_it_is, text.pack_palloc_sum: _three}
        found = given.call(text.merge_summaries, packed, log, LOG_MAX, instead=instead)
        merged = given.call(text.unpack, found, LOG_MAX) if isinstance(found, int) else found
        given.show_all(can_be(merged, 8 << log))

    return read


def _as_it_is(total: Any, _: int) -> Any:
    return total


def _three(start: Any, most: Any, end: Any, _: int) -> Any:
    return start, most, end


def _packed(given: Given, total: tuple[Any, ...]) -> Any:
    return given.text.pack_palloc_sum(*total, LOG_MAX) if isinstance(total[0], int) else total


PACK = PlainTheorem(
    "summaries_are_packed_without_loss",
    says="A summary of a bitmap is unpacked as it was packed.",
    because="Each number has 21 bits; where the longest run does not fit all three are the same.",
    source="mpagealloc.go, packPallocSum, pallocSum.unpack, start, max, end",
    inputs="any three numbers up to 2^21 that a bitmap can have",
    lemmas=(Lemma("pack_palloc_sum", _pack),),
)
MERGE = PlainTheorem(
    "merged_summaries_can_be",
    says="Eight summaries that bitmaps can have merge into one that a bitmap can have, at each of Go's levels.",
    because="A run at an end goes on only through entries that are all free.",
    source="mpagealloc.go, mergeSummaries",
    inputs="any eight summaries that bitmaps can have",
    lemmas=tuple(Lemma(f"merge_summaries of 2^{log} pages", _merge(log)) for log in GO_AMD64.level_log_pages[1:]),
    premises=("packing loses nothing (proved: summaries_are_packed_without_loss)",),
)
THEOREMS = (PACK, MERGE)
