"""The page allocator mirrors Go's files whole: every function of theirs has a place here, or a reason why it has none.

Names are those of Go 1.27. A function that Go calls for its name's sake alone may stand inside of its callers.
"""

import importlib
import inspect
import re
from operator import attrgetter

import pytest

IN = {
    "mpallocbits.go": {
        "palloc_bits": (
            "pageBits.get pageBits.block64 pageBits.set pageBits.setRange pageBits.setAll pageBits.setBlock64 "
            "pageBits.clear pageBits.clearRange pageBits.clearAll pageBits.clearBlock64 pageBits.popcntRange "
            "pallocBits.summarize pallocBits.find pallocBits.find1 pallocBits.findSmallN pallocBits.findLargeN "
            "pallocBits.allocRange pallocBits.allocAll pallocBits.free1 pallocBits.free pallocBits.freeAll "
            "pallocBits.pages64 pallocBits.allocPages64 findBitRange64 pallocData.allocRange pallocData.allocAll"
        ),
    },
    "mpagealloc.go": {
        "geometry": "chunkIndex chunkBase chunkPageIndex offAddrToLevelIndex levelIndexToOffAddr addrsToSummaryRange",
        "page_tree": "pageAlloc.tryChunkOf pageAlloc.chunkOf pageAlloc.update pageAlloc.findMappedAddr pageAlloc.find",
        "page_alloc": (
            "pageAlloc.grow pageAlloc.enableChunkHugePages pageAlloc.allocRange pageAlloc.alloc pageAlloc.free "
            "pageAlloc.markRandomPaddingPages"
        ),
        "palloc_bits": "packPallocSum pallocSum.start pallocSum.max pallocSum.end pallocSum.unpack mergeSummaries",
    },
    "mpagealloc_64bit.go": {"page_tree": "pageAlloc.sysGrow", "scavenge_index": "scavengeIndex.sysGrow"},
    "mpagecache.go": {
        "page_cache": "pageCache.empty pageCache.alloc pageCache.allocN pageCache.flush pageAlloc.allocToCache"
    },
    "mranges.go": {
        "ranges": (
            "makeAddrRange addrRange.size addrRange.contains addrRange.subtract addrRange.takeFromFront "
            "addrRange.takeFromBack addrRange.removeGreaterEqual atomicOffAddr.Clear atomicOffAddr.StoreMin "
            "atomicOffAddr.StoreUnmark atomicOffAddr.StoreMarked atomicOffAddr.Load addrRanges.findSucc "
            "addrRanges.findAddrGreaterEqual addrRanges.contains addrRanges.add addrRanges.removeLast "
            "addrRanges.removeGreaterEqual addrRanges.cloneInto"
        ),
        "geometry": "offAddr.lessThan offAddr.lessEqual",
    },
    "mgcscavenge.go": {
        "scavenge": "pageAlloc.scavenge pageAlloc.scavengeOne fillAligned pallocData.findScavengeCandidate",
        "heap_pages": "bgscavenge",
        "scavenge_index": (
            "scavengeIndex.grow scavengeIndex.find scavengeIndex.alloc scavengeIndex.free scavengeIndex.nextGen "
            "scavengeIndex.setEmpty atomicScavChunkData.load atomicScavChunkData.store unpackScavChunkData "
            "scavChunkData.pack scavChunkData.shouldScavenge scavChunkData.alloc scavChunkData.free"
        ),
    },
}
"""Per file of Go and module of ours, the functions that stand there, in Go's order."""
ELSEWHERE = {
    "maxSearchAddr": "geometry:Geometry.max_off_addr",
    "chunkIdx.l1": "geometry:Geometry.chunks_l2_bits",
    "chunkIdx.l2": "geometry:Geometry.chunks_l2_bits",
    "blockAlignSummaryRange": "page_tree:PageTree.sys_grow",
    "pageAlloc.init": "page_tree:fresh_tree",
    "pageAlloc.sysInit": "page_tree:fresh_tree",
    "scavengeIndex.init": "scavenge_index:ScavengeIndex.fresh",
    "scavengeIndex.sysInit": "scavenge_index:ScavengeIndex.fresh",
    "addrRanges.init": "ranges:AddrRanges",
    "offAddr.add": "ranges:AddrRange",
    "offAddr.sub": "ranges:AddrRange",
    "offAddr.diff": "ranges:AddrRange",
    "offAddr.equal": "ranges:AddrRange",
    "offAddr.addr": "ranges:AddrRange",
    "scavChunkFlags.isEmpty": "scavenge_index:ScavChunkData.should_scavenge",
    "scavChunkFlags.setEmpty": "scavenge_index:ScavengeIndex.set_empty",
    "scavChunkFlags.setNonEmpty": "scavenge_index:ScavChunkData.free",
}
"""One line or an operator of Python's: where it stands."""
OURS = {
    "pageBits": "PageBits", "pallocBits": "PallocBits", "pallocData": "PallocData", "pageCache": "PageCache",
    "addrRange": "AddrRange", "addrRanges": "AddrRanges", "atomicOffAddr": "AtomicOffAddr", "offAddr": "Geometry",
    "scavengeIndex": "ScavengeIndex", "atomicScavChunkData": "ScavengeIndex", "scavChunkData": "ScavChunkData",
}  # fmt: skip
"""Classes that have another name, or another owner, than Go's types."""
ALLOCATOR = {
    "page_tree": "PageTree", "page_alloc": "PageAlloc", "page_cache": "CachingPageAlloc",
    "scavenge": "ScavengingPageAlloc",
}  # fmt: skip
"""type pageAlloc is a class in each of these modules."""
NAMED = {
    "pageCache.flush": "CachingPageAlloc.flush",
    "pallocData.findScavengeCandidate": "find_scavenge_candidate",
    "pallocSum.start": "sum_start",
    "pallocSum.max": "sum_max",
    "pallocSum.end": "sum_end",
    "pallocSum.unpack": "unpack",
    "bgscavenge": "Pages.bgscavenge",
}
"""Functions that are no method here, or another's."""


def snake(name: str) -> str:
    """Go's name, as Python writes it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def place(module: str, function: str) -> str:
    """The name that a function of Go has in a module."""
    if function in NAMED:
        return NAMED[function]
    owner, dot, name = function.rpartition(".")
    if not dot:
        return f"Geometry.{snake(name)}" if module == "geometry" else snake(name)
    return f"{ALLOCATOR[module] if owner == 'pageAlloc' else OURS[owner]}.{snake(name)}"


def line_of(module: str, name: str) -> int:
    """The line on which a function begins."""
    package = "model" if module == "geometry" else "impl"
    found = attrgetter(name)(importlib.import_module(f"spanproof.{package}.{module}"))
    return inspect.getsourcelines(found)[1]


ROWS = [(file, module) for file, modules in IN.items() for module in modules]


@pytest.mark.parametrize(("file", "module"), ROWS, ids=lambda name: name)
def test_functions_stand_where_go_has_them(file: str, module: str) -> None:
    """Each is there under its name, and each class has its functions in Go's order."""
    names = [place(module, function) for function in IN[file][module].split()]
    lines: dict[str, list[int]] = {}
    for name in names:
        lines.setdefault(name.rpartition(".")[0], []).append(line_of(module, name))
    assert all(order == sorted(order) for owner, order in lines.items() if owner)


@pytest.mark.parametrize("function", ELSEWHERE)
def test_what_is_one_line_stands_elsewhere(function: str) -> None:
    """Its place exists."""
    module, _, name = ELSEWHERE[function].partition(":")
    package = "model" if module == "geometry" else "impl"
    assert attrgetter(name)(importlib.import_module(f"spanproof.{package}.{module}")) is not None


def test_no_function_is_named_twice() -> None:
    """Each function of Go has one place."""
    named = [f"{file} {function}" for file, modules in IN.items() for of in modules.values() for function in of.split()]
    assert len(named) == len(set(named))
    assert not {row.partition(" ")[2] for row in named} & set(ELSEWHERE)
