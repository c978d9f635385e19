"""The page allocator is first fit on a set of pages: it holds, and edits of the text break it with inputs that run."""

import random
from dataclasses import replace
from typing import Any

import pytest
from immutables import Map

from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME
from spanproof.checks.proofs.pages import first_fit
from spanproof.checks.proving.lifted.judging import PlainTheorem, judge_plain, replay_inputs
from spanproof.checks.proving.lifted.storage import Row, entries
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.page_tree import Level

LONG = [theorem for theorem in first_fit.THEOREMS if theorem.tier == "long"]


@pytest.mark.long
@pytest.mark.parametrize("theorem", LONG, ids=lambda t: t.name)
def test_it_holds(theorem: PlainTheorem) -> None:
    """Of more pages, and of more levels."""
    result = judge_plain(theorem, Subject())[0].result

    assert (result.verdict, result.reason) == (Verdict.HOLDS, "")


IN_BETWEEN = "size == 0 or s < pages"
BETWEEN = replace(first_fit.LONG, lemmas=first_fit.LONG.lemmas[:1])
"""Only here an entry lies between others."""
EDITS = (
    ("PageTree.find", "size + s >= npages", "size + s > npages"),
    ("PageTree.find", IN_BETWEEN, "size == 0"),
    ("PageTree.find", "most >= npages", "most > npages"),
    ("PageTree.find", "search_idx & entries_per_block - 1", "(search_idx & entries_per_block - 1) + 1"),
    ("page_alloc.search", "j == NOT_FOUND", "j != NOT_FOUND"),
    ("page_alloc.raise_search_addr", "p.with_search_addr(search_addr)", "p.with_search_addr(p.geometry.max_off_addr)"),
    ("page_alloc.lower_search_addr", "return p.with_search_addr(base), None", "pass"),
    ("palloc_bits.merge_summaries", "max(most, end + si, mi)", "max(most, mi)"),
    ("PallocBits.summarize", "width - ones_count(x) > most", "width - ones_count(x) > most + 1"),
    ("PageTree.update", "0 if alloc else free_chunk_sum(g)", "free_chunk_sum(g)"),
    ("PageTree.update", "range(sc + 1, ec)", "range(sc + 1, ec - 1)"),
    ("PageTree.update", "old != total", "old > total"),
    ("PageTree.update", "self.search_addr", "self.geometry.max_off_addr"),
    ("PageTree._with", "self.end", "self.start"),
    ("page_alloc.give", "chunk.scavenged", "chunk.scavenged.set_range(si, npages)"),
    ("PageAlloc.alloc", "return addr, scav", "return addr + 1, scav"),
    ("page_alloc.raise_search_addr", "p.with_search_addr(search_addr)", "p.with_search_addr(search_addr + 1)"),
    ("PageAlloc.alloc_range", "self.take(ec, 0, ei + 1)", "self.take(ec, 0, ei)"),
    ("PageAlloc.free", "g.pages_per_chunk - si", "g.pages_per_chunk - si - 1"),
)  # fmt: skip


@pytest.mark.parametrize(("function", "old", "new"), EDITS, ids=lambda x: str(x)[:40])
def test_an_edit_breaks_it(function: str, old: str, new: str) -> None:
    """At 16 or 32 pages; the inputs break it when the text is run with its own storage, and break nothing else."""
    subject = Subject(planted((Edit(function, old, new),)), "edited")
    theorem = BETWEEN if old == IN_BETWEEN else first_fit.QUICK

    found, told = judge_plain(theorem, subject)

    assert found.result.verdict is Verdict.VIOLATED, told
    assert found.record is not None
    assert replay_inputs(found.record, PLAIN_BY_NAME, subject).difference == ""
    assert replay_inputs(found.record, PLAIN_BY_NAME, Subject()).record is None


def test_a_row_is_a_map() -> None:
    """The same gets and sets on both, by known places; what a row has not is outside."""
    rng = random.Random(3)
    for _ in range(200):
        first, many = rng.randrange(9), rng.randrange(1, 5)
        row: Any = Row(first, tuple(range(many)))
        kept: Map[int, int] = Map({first + k: k for k in range(many)})
        for _ in range(6):
            place, value = first + rng.randrange(many), rng.randrange(100)
            row, kept = row.set(place, value), kept.set(place, value)
            for i in range(12):
                assert row.outside(i) == (i not in kept)
                assert row.outside(i) or row.get(i) == kept.get(i)


def test_entries_are_those_of_the_level() -> None:
    """One by one what is stored, and zeros; a level leaves zeros out, but for one of each stretch."""
    rng = random.Random(4)
    for _ in range(300):
        first, many, log = rng.randrange(3), rng.randrange(1, 4), rng.randrange(3)
        blocks = {first + k: tuple(rng.randrange(3) for _ in range(1 << log)) for k in range(many)}
        lo = rng.randrange(first << log, first + many << log)
        hi = rng.randrange(lo + 1, (first + many + 1 << log) + 1)
        stored, rows = Level(Map(blocks), log), Level(Row(first, tuple(blocks.values())), log)  # type: ignore[arg-type]
        if hi - lo <= 1 << log and hi - 1 >> log != lo >> log:
            continue  # a search looks at one block, or at all of a level
        if hi - lo <= 1 << log and lo >> log not in blocks:
            continue
        there = [item for here, item in entries(rows, lo, hi).items() if here]
        assert [i for i, _ in there] == list(range(lo, hi))
        assert [item for item in stored.entries(lo, hi) if item[1]] == [item for item in there if item[1]]
