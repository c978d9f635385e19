"""All state of a page allocator as one number, as harness/pages.go makes it: equal states have equal digests.

The reference's state is values that do not change, so only what is another object than before is added up anew.
Read next: beside.py.
"""

from struct import Struct
from typing import Any
from zlib import crc32

from spanproof.checks.comparing.standing_alone import StandingAlone
from spanproof.impl.palloc_bits import PallocData

WORDS, RANGE, CHUNK, SUMMARY = range(4)
"""The kinds of parts; summaries of level l have the number SUMMARY + l."""
MASK = (1 << 64) - 1
_WORDS, _RANGE, _CHUNK, _SUMMARY = Struct("<13Q"), Struct("<4Q"), Struct("<2Q"), Struct("<3Q")
_ONE = Struct("<Q")
BITMAP_BYTES = 64


class Digest:
    """The digest of a page allocator that stands alone, kept up to date."""

    def __init__(self, heap: StandingAlone) -> None:
        """Nothing was looked at yet."""
        self.heap = heap
        self.index = heap.pages.index
        self.chunks: dict[int, tuple[PallocData, int, int]] = {}
        """Of a chunk: its bitmaps, its word of the index, its part of the sum."""
        self.blocks: list[dict[int, tuple[Any, int]]] = [{} for _ in range(heap.geometry.summary_levels)]
        """Of a level: blocks of summaries, each with its part of the sum."""
        self.ranges: tuple[Any, int] = (None, 0)
        self.chunks_sum = self.blocks_sum = 0
        self.left_out = 0
        """Bits of the index's words that are left out."""
        self.stored: list[Any] = [None] * heap.geometry.summary_levels

    def now(self) -> int:
        """The digest."""
        tree = self.heap.tree
        words = crc32(_WORDS.pack(WORDS, 0, *self.words()))
        if self.ranges[0] is not tree.in_use:
            parts = (_RANGE.pack(RANGE, i, r.base & MASK, r.limit & MASK) for i, r in enumerate(tree.in_use.ranges))
            self.ranges = tree.in_use, sum(map(crc32, parts))
        self._look_at_chunks(tree)
        self._look_at_summaries(tree)
        return words + self.ranges[1] + self.chunks_sum + self.blocks_sum & MASK

    def words(self) -> list[int]:
        """What is no part of a chunk, in the order of the harness."""
        tree, index, value = self.heap.tree, self.index, self.heap.alone.value
        found = (
            tree.search_addr, tree.start, tree.end, tree.in_use.total_bytes, value(index.search_addr_bg.a),
            value(index.search_addr_force.a), value(index.free_hwm), value(index.gen), value(index.min_heap_idx),
            value(index.low), value(index.high),
        )  # fmt: skip
        return [number & MASK for number in found]

    def word_of(self, ci: int) -> int:
        """The word of a chunk in the scavenge index."""
        page, place = divmod(ci, self.index.per_page)
        words = self.heap.alone.values.get((self.index.chunks.name, page))
        return words.get(place, 0) & ~self.left_out if words is not None else 0

    def _look_at_chunks(self, tree: Any) -> None:
        seen = self.chunks
        for ci, data in tree.chunks.items():
            word, before = self.word_of(ci), seen.get(ci)
            if before is not None and before[0] is data and before[1] == word:
                continue
            part = crc32(_ONE.pack(word), crc32(bitmaps(data), crc32(_CHUNK.pack(CHUNK, ci))))
            self.chunks_sum += part - (before[2] if before is not None else 0)
            seen[ci] = data, word, part

    def _look_at_summaries(self, tree: Any) -> None:
        for level, stored in enumerate(tree.summary):
            if stored.blocks is self.stored[level]:
                continue
            self.stored[level] = stored.blocks
            seen = self.blocks[level]
            for b, block in stored.blocks.items():
                before = seen.get(b)
                if before is not None and before[0] is block:
                    continue
                first = b << stored.log_block
                entries = (_SUMMARY.pack(SUMMARY + level, first + i, total) for i, total in enumerate(block) if total)
                part = sum(map(crc32, entries))
                self.blocks_sum += part - (before[1] if before is not None else 0)
                seen[b] = block, part


def bitmaps(data: PallocData) -> bytes:
    """Which pages are allocated, then which are scavenged."""
    return data.alloc.number.to_bytes(BITMAP_BYTES, "little") + data.scavenged.number.to_bytes(BITMAP_BYTES, "little")


def dumped(digest: Digest) -> dict[str, Any]:
    """All that the digest is made of, as the harness dumps it."""
    tree = digest.heap.tree
    chunks = {}
    for ci, data in tree.chunks.items():
        raw = bitmaps(data)
        words = [int.from_bytes(raw[i : i + 8], "little") for i in range(0, 2 * BITMAP_BYTES, 8)]
        chunks[str(ci)] = [*words, digest.word_of(ci)]
    summaries = [
        {
            str((b << level.log_block) + i): total
            for b, block in level.blocks.items()
            for i, total in enumerate(block)
            if total
        }
        for level in tree.summary
    ]
    ranges = [[r.base & MASK, r.limit & MASK] for r in tree.in_use.ranges]
    return {"Words": digest.words(), "Ranges": ranges, "Chunks": chunks, "Summaries": summaries}
