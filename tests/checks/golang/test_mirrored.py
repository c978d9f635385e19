"""What the reference heap mirrors is read off its text, and the rest of it stands in a table."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from spanproof.checks.golang.drifting.mirrored import ALSO, UNNAMED, Said, camel, mirrored, said, said_by, sources_of
from spanproof.checks.golang.reading.sources import GoSourceError
from spanproof.checks.golang.reading.toolchains import Toolchain, at, installed
from tests.checks.golang.fake import toolchain

pytestmark = pytest.mark.skipif(find_spec("tree_sitter_go") is None, reason="the extra `go` is not installed")

HEAP = '''"""A heap. Mirrors mheap.go."""

LIMIT = 3
"""maxLimit: of everything."""


def fill_aligned(x: int) -> int:
    """Bits."""
    return x


class Sweeping:
    """A part of the heap."""

    def alloc_needs_zero(self) -> bool:
        """Whether it must be cleared."""
        return True


class Heap(Sweeping):
    """type mheap."""

    def reset(self) -> None:
        """Begin anew (mgc.go, gcinit; mheap.go, init). Unlike Go it is slow (pageAlloc.find)."""
'''


def newest() -> Toolchain:
    """The newest Go that is here."""
    found = installed()
    if not found:
        pytest.skip("no Go is installed: the extra `go` is not installed")
    return found[-1]


def test_what_a_heap_says() -> None:
    """Files, names and types are found in docstrings; methods and functions have Go's names in snake_case."""
    found = said_by([HEAP])
    assert found.files == {"mheap.go", "mgc.go"}
    assert {("", "maxLimit"), ("", "mheap"), ("mgc.go", "gcinit"), ("", "pageAlloc.find")} <= found.words
    assert ("mheap.go", "init") in found.words
    assert {"mheap.allocNeedsZero", "mheap.reset"} <= found.methods  # of a part too, which names no type
    assert found.functions == {"fillAligned"}
    assert camel("_alloc_to_cache") == "allocToCache"


def test_names_are_found_with_and_without_receiver(tmp_path: Path) -> None:
    """A whole name is found anywhere, a method's by its last part; an ordinary word is nobody's name."""
    sources = sources_of(toolchain(tmp_path / "go"))
    words = frozenset({("", "initSpan"), ("", "mheap.grow"), ("mgcsweep.go", "alloc"), ("", "sweep")})
    found = mirrored(sources, Said(frozenset(), words, frozenset(), frozenset({"isSweepDone"})))
    assert set(found["mheap.go"]) == {"mheap.initSpan", "mheap.grow"}
    assert set(found["mgcsweep.go"]) == {"isSweepDone", "activeSweep"}  # the second is in the table


def test_a_whole_file_has_nothing_left_out(tmp_path: Path) -> None:
    """Of the page allocator's own files every declaration is mirrored, those that nobody names too."""
    edits = {("mpagealloc.go", "func"): "func nobodyNamesMe() {}\n\nfunc"}
    found = mirrored(sources_of(toolchain(tmp_path / "go", edits=edits)))
    assert "nobodyNamesMe" in found["mpagealloc.go"]


def test_a_group_goes_by_its_first_name(tmp_path: Path) -> None:
    """A group of constants is one declaration, however many of its names are mirrored."""
    edits = {("mpagealloc.go", "func"): "const (\n\tfirst = iota\n\tsecond\n)\n\nfunc"}
    found = mirrored(sources_of(toolchain(tmp_path / "go", edits=edits)))
    assert "first" in found["mpagealloc.go"]
    assert "second" not in found["mpagealloc.go"]


def test_a_runtime_without_any_such_file_is_refused(tmp_path: Path) -> None:
    """No text at all is never taken for one that agrees."""
    there = toolchain(tmp_path / "go")
    for path in there.runtime.iterdir():
        path.unlink()
    with pytest.raises(GoSourceError, match=r"go1\.27\.3: its runtime has no file"):
        sources_of(there)
    with pytest.raises(Exception, match="no GOROOT"):
        at(there.root)


def test_the_table_is_right_and_needed() -> None:
    """Every name of the table exists in the newest Go, and impl does not say it by itself."""
    sources = sources_of(newest())
    assert set(UNNAMED) <= sources.keys()
    assert said().files - sources.keys() <= {"mgcpacer.go"} - sources.keys()
    for file, names in ALSO.items():
        there = sources[file].declarations
        assert [name for name in names if name not in there] == []
    found = mirrored(sources)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spanproof.checks.golang.drifting.mirrored.ALSO", {})
        by_itself = mirrored(sources)
    for file, names in ALSO.items():
        places = {name: sources[file].declarations[name].node.start_byte for name in names}
        named = {each.node.start_byte for each in by_itself.get(file, {}).values()}
        assert [name for name, place in places.items() if place in named] == []
        assert set(places.values()) <= {each.node.start_byte for each in found[file].values()}
        assert len(set(places.values())) == len(places)


def test_the_heart_of_the_heap_is_mirrored() -> None:
    """The functions that the proofs are about are among what is found."""
    found = mirrored(sources_of(newest()))
    assert {"mheap.alloc", "mheap.allocSpan", "mheap.allocNeedsZero", "mheap.grow"} <= found["mheap.go"].keys()
    assert {"mheap.setSpans", "mheap.reclaimChunk", "mheap.initSpan"} <= found["mheap.go"].keys()
    assert {"mheap.freeSpan", "mheap.freeManual", "mheap.freeSpanLocked", "mheap.reclaim"} <= found["mheap.go"].keys()
    assert {"pageAlloc.find", "pageAlloc.free", "mergeSummaries"} <= found["mpagealloc.go"].keys()
    assert {"pageCache.flush", "pageAlloc.allocToCache"} <= found["mpagecache.go"].keys()
    assert {"pallocBits.findLargeN", "findBitRange64"} <= found["mpallocbits.go"].keys()
    assert {"addrRanges.add", "atomicOffAddr.StoreUnmark"} <= found["mranges.go"].keys()
    assert {"pageAlloc.scavengeOne", "scavengeIndex.find", "fillAligned"} <= found["mgcscavenge.go"].keys()
    assert {"sweepone", "sweepLocked.sweep", "activeSweep.begin", "bgsweep"} <= found["mgcsweep.go"].keys()
    assert {"mallocgcLarge", "mheap.sysAlloc", "nextHeapRandBits"} <= found["malloc.go"].keys()
