"""Go's own tests of the page allocator, replayed: each recorded call is made again, and its results are compared.

The values were recorded from Go's runtime tests (recorded/README.md). An address in them is a chunk and a page,
counted from the chunk with which those tests begin. Read next: campaign.py.
"""
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# What a call of the tables is given is JSON, and the text that is called is that of any heap.

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from immutables import Map

from spanproof.checks.broken import EndlessError
from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.checks.running.alone import Alone
from spanproof.checks.running.pages_alone import fresh_index_word, page_text
from spanproof.checks.verdict import Result, Verdict
from spanproof.impl.access import Cells
from spanproof.impl.malloc import Runtime
from spanproof.impl.os_memory import OsMemory
from spanproof.impl.page_cache import PageCache
from spanproof.impl.palloc_bits import NOT_FOUND
from spanproof.impl.scavenge_index import index_cells
from spanproof.model.geometry import GO_AMD64

G = GO_AMD64
BASE_CHUNK = G.chunk_index(0xC000 * G.chunk_size)
"""BaseChunkIdx of export_test.go."""
FILES = ("mpagealloc", "mpagecache", "mpallocbits", "mranges", "mgcscavenge")
NO_INDEX = (1 << 64) - 1
"""How the tables write "not found"."""
LONGEST = 20_000
"""Accesses of one call, after which it is taken for endless: in the reference none has more than 4,200."""
MOST_NAMED = 5
"""Differences that a verdict names."""


@dataclass(frozen=True, slots=True)
class SubTest:
    """One of Go's sub-tests."""

    file: str
    test: str
    name: str
    """Empty where the test has no sub-tests."""
    calls: tuple[list[Any], ...]

    def __str__(self) -> str:
        """As `go test -run` names it."""
        return f"{self.test}/{self.name}" if self.name else self.test


@cache
def sub_tests(file: str) -> tuple[SubTest, ...]:
    """All sub-tests of one file."""
    text = files("spanproof.checks.comparing").joinpath("recorded", f"{file}.json").read_text()
    return tuple(
        SubTest(file, test["name"], name, tuple(calls))
        for test in json.loads(text)["tests"]
        for name, calls in test["calls"].items()
    )


def judge_file(file: str, heap_class: type[Runtime] = Runtime) -> Result:
    """Replay all sub-tests of one file."""
    started, calls, said = time.perf_counter(), 0, list[str]()
    for sub_test in sub_tests(file):
        calls += len(sub_test.calls)
        said += differences(sub_test, heap_class)
        if said and EndlessError.__name__ in said[-1]:
            break  # each takes seconds
    verdict = Verdict.HOLDS if calls and not said else Verdict.VIOLATED
    named = [*said[:MOST_NAMED], f"{len(said) - MOST_NAMED:,} more"] if len(said) > MOST_NAMED else said
    counts = {"calls": calls, "differences": len(said)}
    bound = f"all {calls:,} calls of Go's own tests of {file}.go"
    return Result("tables", file, verdict, "; ".join(named), bound, (), time.perf_counter() - started, counts)


def differences(sub_test: SubTest, heap_class: type[Runtime] = Runtime) -> Iterator[str]:
    """Where a call gives something else than Go's, each in a line."""
    player = _Player(heap_class)
    for place, call in enumerate(sub_test.calls):
        cut = call.index("->") if "->" in call else len(call)
        expected = call[cut + 1 :]
        try:
            found = PLAYERS[call[0]](player, *call[1:cut])
        except Exception as e:  # noqa: BLE001  # whatever the text raises is a difference
            yield f"{sub_test}, call {place}: {call[0]} fails: {type(e).__name__}: {e}"
            return
        if found != expected:
            yield f"{sub_test}, call {place}: {call[0]} gives {found}, in Go {expected}"


class _Player:
    """Makes the calls of one sub-test."""

    def __init__(self, heap_class: type[Runtime]) -> None:
        self.heap_class = heap_class
        self.text = page_text(heap_class)
        self.heaps: list[StandingAlone] = []
        self.indices: list[tuple[Any, Alone]] = []

    def heap(self, named: dict[str, int]) -> StandingAlone:
        return self.heaps[named["id"]]

    def bits(self, value: Any) -> Any:
        return self.text.PallocBits(_words(value), G.pages_per_block)

    def cache(self, value: dict[str, Any]) -> Any:
        return self.text.PageCache(_address(value["base"]), int(value["cache"], 16), int(value["scav"], 16))

    def ranges(self, value: list[list[Any]]) -> Any:
        ranges = tuple(self.text.AddrRange(_address(lo), _address(hi)) for lo, hi in value)
        return self.text.AddrRanges(ranges, sum(r.size() for r in ranges))


def _chunk(found: dict[str, Any]) -> int:
    return BASE_CHUNK + int(found["chunk"])


def _address(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    return G.chunk_base(_chunk(value)) + int(value["page"]) * G.page_size + int(value.get("off", 0))


def _written(address: int) -> Any:
    """An address as the tables write it."""
    if address == 0:
        return None
    off = {"off": address % G.page_size} if address % G.page_size else {}
    return {"chunk": G.chunk_index(address) - BASE_CHUNK, "page": G.chunk_page_index(address), **off}


def _number(value: Any) -> int:
    """A bitmap as one number: runs of ones, or hex."""
    return int(value, 16) if isinstance(value, str) else sum((1 << n) - 1 << i for i, n in value)


def _words(value: Any) -> tuple[int, ...]:
    number, ones = _number(value), (1 << G.pages_per_block) - 1
    return tuple(number >> i & ones for i in range(0, G.pages_per_chunk, G.pages_per_block))


def _cache_written(c: PageCache) -> dict[str, Any]:
    return {"base": _written(c.base), "cache": hex(c.cache), "scav": hex(c.scav)}


class _SameBits:
    """A bitmap that equals any way to write it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str | list) and _number(other) == self.number

    def __repr__(self) -> str:
        return hex(self.number)

    __hash__ = None  # type: ignore[assignment]  # it is compared only


def _new_page_alloc(p: _Player, chunks: dict[str, Any], scav: dict[str, Any] | None) -> list[Any]:
    heap = StandingAlone(G, heap_class=p.heap_class)
    heap.alone.longest = LONGEST
    for chunk, allocated in chunks.items():
        heap.set_up(BASE_CHUNK + int(chunk), allocated, (scav or {}).get(chunk, []))
    p.heaps.append(heap)
    return [{"id": len(p.heaps) - 1}]


def _free_page_alloc(p: _Player, named: dict[str, int]) -> list[Any]:
    tree = p.heap(named).tree
    every = {
        str(ci - BASE_CHUNK): {"alloc": _SameBits(chunk.alloc.number), "scav": _SameBits(chunk.scavenged.number)}
        for ci, chunk in sorted(tree.chunks.items())
    }
    start, end = tree.start - BASE_CHUNK, tree.end - BASE_CHUNK
    return [{"search_addr": _written(tree.search_addr), "start": start, "end": end, "chunks": every}]


def _alloc(p: _Player, named: dict[str, int], npages: int) -> list[Any]:
    addr, scav = p.heap(named).alloc(npages)
    return [_written(addr), scav]


def _free(p: _Player, named: dict[str, int], addr: Any, npages: int) -> list[Any]:
    p.heap(named).free(_address(addr), npages)
    return []


def _in_use(p: _Player, named: dict[str, int]) -> list[Any]:
    return [[[_written(r.base), _written(r.limit)] for r in p.heap(named).tree.in_use.ranges]]


def _cache_alloc(p: _Player, value: Any, npages: int) -> list[Any]:
    left, addr, scav = p.cache(value).alloc(npages, G)
    return [_written(addr), scav, _cache_written(left)]


def _find(p: _Player, bits: Any, npages: int, search_idx: int) -> list[Any]:
    return [NO_INDEX if i == NOT_FOUND else i for i in p.bits(bits).find(npages, search_idx)]


def _summarize(p: _Player, bits: Any) -> list[Any]:
    log_max = G.log_max_packed_value
    return [dict(zip(("start", "max", "end"), p.text.unpack(p.bits(bits).summarize(log_max), log_max), strict=True))]


class _AnyStart:
    """The start of a run of no pages, which means nothing."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]  # it is compared only


def _candidate(p: _Player, alloc: Any, scav: Any, search_idx: int, low: int, high: int) -> list[Any]:
    data = p.text.PallocData(p.bits(alloc), p.text.PageBits(_words(scav), G.pages_per_block))
    start, npages = p.text.find_scavenge_candidate(data, search_idx, low, high, G)
    return [start if npages else _AnyStart(), npages]


def _ranges_add(p: _Player, before: Any, r: list[Any]) -> list[Any]:
    after = p.ranges(before).add(p.text.AddrRange(_address(r[0]), _address(r[1])))
    return [[[r.base, r.limit] for r in after.ranges], after.total_bytes]


def _new_index(p: _Player, low: int, high: int) -> list[Any]:
    index = p.heap_class.ScavengeIndex(G, OsMemory(G, Cells("memory")), *index_cells(G))
    alone = Alone(lambda cell: Map() if cell.name == "scav.chunks" else fresh_index_word(cell, G))
    alone.longest = LONGEST
    for cell, value in ((index.low, low), (index.high, high), (index.min_heap_idx, low)):
        alone.put(cell, BASE_CHUNK + value)
    p.indices.append((index, alone))
    return [{"id": len(p.indices) - 1}]


def _pieces(base: Any, limit: Any) -> Iterator[tuple[int, int, int]]:
    """A range, chunk by chunk: (the chunk, the first page in it, pages)."""
    first, last = _address(base), _address(limit) - 1
    for ci in range(G.chunk_index(first), G.chunk_index(last) + 1):
        si = G.chunk_page_index(first) if ci == G.chunk_index(first) else 0
        ei = G.chunk_page_index(last) if ci == G.chunk_index(last) else G.pages_per_chunk - 1
        yield ci, si, ei + 1 - si


def _index_call(make: Callable[..., Any]) -> Callable[..., list[Any]]:
    def call(p: _Player, named: dict[str, int], *args: Any) -> list[Any]:
        index, alone = p.indices[named["id"]]
        for coroutine in make(index, *args):
            alone.run(coroutine)
        return []

    return call


def _index_find(p: _Player, named: dict[str, int], force: bool) -> list[Any]:
    index, alone = p.indices[named["id"]]
    ci, page = alone.run(index.find(force))
    return [ci - BASE_CHUNK if ci else None, page]


async def _reset(index: Any) -> None:
    for cursor in (index.search_addr_bg, index.search_addr_force):
        addr, marked = await cursor.load()
        if marked:
            await cursor.store_unmark(addr, addr)
        await cursor.clear()
    await index.free_hwm.write(G.min_off_addr)


PLAYERS: dict[str, Callable[..., list[Any]]] = {
    "NewPageAlloc": _new_page_alloc,
    "FreePageAlloc": _free_page_alloc,
    "PageAlloc.Alloc": _alloc,
    "PageAlloc.Free": _free,
    "PageAlloc.InUse": _in_use,
    "PageAlloc.AllocToCache": lambda p, named: [_cache_written(p.heap(named).alloc_to_cache())],
    "PageAlloc.Scavenge": lambda p, named, nbytes: [p.heap(named).scavenge(nbytes)],
    "PageCache.Alloc": _cache_alloc,
    "PageCache.Flush": lambda p, value, named: [_cache_written(p.heap(named).flush(p.cache(value)))],
    "PallocBits.Find": _find,
    "PallocBits.AllocRange": lambda p, bits, i, n: [_SameBits(p.bits(bits).alloc_range(i, n).number)],
    "PallocBits.Free": lambda p, bits, i, n: [_SameBits(p.bits(bits).free(i, n).number)],
    "PallocBits.Summarize": _summarize,
    "PallocBits.PopcntRange": lambda p, bits, i, n: [p.bits(bits).popcnt_range(i, n)],
    "FindBitRange64": lambda p, c, n: [p.text.find_bit_range64(int(c, 16), n, G.pages_per_block)],
    "FillAligned": lambda p, x, m: [hex(p.text.fill_aligned(int(x, 16), m, G.pages_per_block))],
    "PallocData.FindScavengeCandidate": _candidate,
    "NewAddrRanges": lambda _: [],
    "AddrRanges.Add": _ranges_add,
    "AddrRanges.FindSucc": lambda p, ranges, addr: [p.ranges(ranges).find_succ(_address(addr))],
    "NewScavengeIndex": _new_index,
    "ScavengeIndex.AllocRange": _index_call(
        lambda index, base, limit: (index.alloc(ci, n) for ci, _, n in _pieces(base, limit))
    ),
    "ScavengeIndex.FreeRange": _index_call(
        lambda index, base, limit: (index.free(ci, page, n) for ci, page, n in _pieces(base, limit))
    ),
    "ScavengeIndex.NextGen": _index_call(lambda index: [index.next_gen()]),
    "ScavengeIndex.SetEmpty": _index_call(
        lambda index, chunk: [index.set_empty(0 if chunk is None else BASE_CHUNK + chunk)]
    ),
    "ScavengeIndex.ResetSearchAddrs": _index_call(lambda index: [_reset(index)]),
    "ScavengeIndex.Find": _index_find,
}
"""What makes each call of the tables."""
