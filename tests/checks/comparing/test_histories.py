"""Long histories of the page allocator: no difference to the abstract one, and a broken text has some."""

import tracemalloc
from dataclasses import replace
from typing import cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from spanproof.checks.broken import EndlessError
from spanproof.checks.comparing.go_tables import FILES, judge_file
from spanproof.checks.comparing.histories import History
from spanproof.checks.comparing.looking import DifferenceError, runs
from spanproof.checks.comparing.mixes import Mix, drawn
from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.verdict import Result, Verdict
from spanproof.impl.access import Throw, Undefined
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import GO_AMD64, Geometry
from spanproof.model.releases import RELEASES, row

WIDE = replace(GO_AMD64, arenas=64)
THREE_LEVELS = Geometry("4x64", 8, 16, 64, arenas=4, heap_addr_bits=12, summary_levels=3, summary_level_bits=2)
FEW = Mix(most_pages=40, most_chunks=10)


def lived(geometry: Geometry, seed: int, calls: int, mix: Mix, heap: type[Runtime] = Runtime, every: int = 1) -> None:
    """Live through a history, looking closely at every so many calls."""
    history = History(geometry, heap, mix=mix)
    for place, call in enumerate(drawn(seed, calls, mix)):
        history.call(call)
        if place % every == 0:
            history.look()


def differs(geometry: Geometry, seed: int, calls: int, mix: Mix, heap: type[Runtime] = Runtime, every: int = 1) -> bool:
    """Whether a history has a difference, or the text throws in it."""
    try:
        lived(geometry, seed, calls, mix, heap, every)
    except (DifferenceError, EndlessError, Throw, Undefined):
        return True
    return False


@pytest.mark.parametrize("phys_page_size", [4096, 16384, 65536])
def test_at_the_real_size_there_is_no_difference(phys_page_size: int) -> None:
    """With pages of the system's of 4, 16 and 64 KiB; all state is compared at every twentieth call."""
    lived(replace(WIDE, phys_page_size=phys_page_size), 7, 4_000, Mix(), every=20)


@pytest.mark.parametrize("seed", range(12))
def test_in_small_there_is_no_difference(seed: int) -> None:
    """Three levels, where caches, chunks and levels meet often; all state is compared at every call."""
    lived(THREE_LEVELS, seed, 300, FEW)


@pytest.mark.long
def test_a_million_calls_have_no_difference() -> None:
    """At the real size, results after every call and all state now and then."""
    for seed in range(50):
        lived(WIDE, 1_000 + seed, 20_000, Mix(), every=5_000)


BROKEN = {
    "freeing does not lower the search address": Edit(
        "page_alloc.lower_search_addr", "p.geometry.less_than(base, p.search_addr)",
        "False"),
    "the search address goes one page too far": Edit(
        "page_cache.leave_block", "(g.pages_per_block - 1)",
        "g.pages_per_block"),
    "summaries above the chunk stay": Edit("PageTree.update", "changed = True", "pass"),
    "whole chunks are taken for free": Edit(
        "PageTree.update", "0 if alloc else free_chunk_sum(g)",
        "free_chunk_sum(g)"),
    "a run does not go on into the next chunk": Edit("PageTree.find", "size += pages", "size = 0"),
    "a parent ends where its last child begins": Edit(
        "palloc_bits.merge_summaries", "end += 1 << log_max_pages_per_sum",
        "pass"),
    "allocating forgets what was scavenged": Edit(
        "PallocData.alloc_range", "self.scavenged.clear_range(i, n)",
        "self.scavenged"),
    "scavenged pages of a cache are lost": Edit("CachingPageAlloc.flush", "c.scav & 1 << i != 0", "False"),
    "pages of a cache are given twice": Edit(
        "page_cache.take_block", "chunk.alloc.alloc_pages64(cpi, c.cache)",
        "chunk.alloc"),
    "freed pages count as scavenged": Edit(
        "page_alloc.give", "PallocData(chunk.alloc.free(si, npages), chunk.scavenged)",
        "PallocData(chunk.alloc.free(si, npages), chunk.scavenged.set_range(si, npages))"),
    "scavenging forgets to say so": Edit(
        "page_cache.mark_scavenged", "chunk.scavenged.set_range(pi, npages)",
        "chunk.scavenged"),
    "freeing does not raise the cursor": Edit(
        "ScavengeIndex.free", "await self.search_addr_force.store_marked(addr)",
        "pass"),
    "the index does not count": Edit("PageAlloc.take", "await self.index.alloc(ci, npages)", "pass"),
    "growing adds a page less": Edit(
        "PageTree.grow", "chunk.scavenged.set_range(0, g.pages_per_chunk)",
        "chunk.scavenged.set_range(0, g.pages_per_chunk - 1)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_text_has_a_difference(name: str) -> None:
    """In a few small histories: in a result, a bitmap, a summary, the search address or the index."""
    heap = planted((BROKEN[name],))

    assert any(differs(THREE_LEVELS, seed, 300, FEW, heap) for seed in range(30))


def test_runs_are_counted_as_they_are() -> None:
    """At the start, the longest, at the end; also where bits above are not free."""
    assert runs(0b1101, 4) == (1, 2, 2)
    assert runs(0b0011, 4) == (2, 2, 0)
    assert runs(0b1111, 4) == (4, 4, 4)
    assert runs(0, 4) == (0, 0, 0)


def missed(release: str) -> tuple[int, int, int]:
    """Pages returned in the background, then by force, then by force after another cycle; one page is left."""
    heap, g = StandingAlone(GO_AMD64, row(release)), GO_AMD64
    heap.grow(g.heap_base, g.chunk_size)
    heap.alloc(g.pages_per_chunk)
    heap.free(g.heap_base, 20)
    heap.alone.run(heap.pages.index.next_gen())
    heap.free(g.heap_base + 100 * g.page_size, 1)
    background, forced = heap.scavenge(force=False), heap.scavenge(force=True)
    heap.alone.run(heap.pages.index.next_gen())
    return background // g.page_size, forced // g.page_size, heap.scavenge(force=True) // g.page_size


@pytest.mark.parametrize("release", [r.name for r in RELEASES if r.scavenge_index])
def test_the_background_scavenger_hides_pages_from_a_forced_one(release: str) -> None:
    """A finding about Go, 1.21 to 1.27: a page stays with the program, forced scavenging or not.

    Of a chunk the background scavenger looks at what lies below its cursor, and then calls all of it empty; the page
    was freed above.
    """
    assert missed(release) == (20, 0, 0)


def test_histories_find_that_too() -> None:
    """Not written down for them: if the background scavenger is not excused, scavenging everything leaves something."""
    mix = Mix(background=60, gc_cycle=30, scavenge=10, excused=False)
    assert any(differs(WIDE, seed, 3_000, mix, every=10_000) for seed in range(10))
    assert not any(differs(WIDE, seed, 3_000, replace(mix, excused=True), every=50) for seed in range(4))


@pytest.mark.benchmark(group="page allocator")
def test_calls_per_second(benchmark: BenchmarkFixture) -> None:
    """A history of 2,000 calls at the real size, results compared after each."""
    benchmark(lambda: lived(WIDE, 1, 2_000, Mix(), every=2_000))


@pytest.mark.benchmark(group="page allocator")
def test_looks_per_second(benchmark: BenchmarkFixture) -> None:
    """The same, all state compared after each."""
    benchmark(lambda: lived(WIDE, 1, 2_000, Mix()))


@pytest.mark.benchmark(group="page allocator")
def test_tables_per_second(benchmark: BenchmarkFixture) -> None:
    """All calls of Go's own tests."""
    results = cast("list[Result]", benchmark(lambda: [judge_file(file) for file in FILES]))
    assert all(result.verdict is Verdict.HOLDS for result in results)


def test_four_gibibytes_are_small() -> None:
    """The state of 4 GiB of address space, every chunk of it in pieces, is below 200 MB."""
    heap, g = StandingAlone(GO_AMD64), GO_AMD64
    tracemalloc.start()
    heap.grow(g.heap_base, 4 << 30)
    pieces = [heap.alloc(g.pages_per_chunk // 4 + 1)[0] for _ in range(3 * 1024)]
    for base in pieces[::2]:
        heap.free(base, 3)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert heap.tree.end - heap.tree.start == 1024
    assert used < 200 << 20
