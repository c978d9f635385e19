"""Bitmaps of the pages of a chunk, and their summaries.

Mirrors mpallocbits.go, with type pallocSum of mpagealloc.go. A bitmap is a tuple of words, lowest page first: eight
words of 64 bits in Go, fewer and narrower ones in small heaps. Bitmaps are values: what changes one gives a new one.
Read next: page_tree.py.
"""

from dataclasses import dataclass
from typing import Self

from spanproof.model.words import and_not, complement, leading_zeros, ones_count, trailing_zeros

NOT_FOUND = -1
"""What a search gives that found nothing: Go's ^uint(0)."""


@dataclass(frozen=True, slots=True)
class PageBits:
    """type pageBits: one bit for each page of a chunk."""

    words: tuple[int, ...]
    width: int
    """Bits of a word."""

    def __str__(self) -> str:
        """The pages whose bits are set, as runs, half-open: {[0, 2) [4, 5)}."""
        bits, runs, first = self.number, list[str](), 0
        while bits >> first:
            first += trailing_zeros(bits >> first, 0)
            length = trailing_zeros(~(bits >> first), 0)
            runs.append(f"[{first}, {first + length})")
            first += length
        return "{" + " ".join(runs) + "}"

    @property
    def number(self) -> int:
        """The bitmap as one number, bit i for page i."""
        return sum(word << i * self.width for i, word in enumerate(self.words))

    def get(self, i: int) -> int:
        """Bit i."""
        return self.words[i // self.width] >> i % self.width & 1

    def block64(self, i: int) -> int:
        """The word that holds bit i."""
        return self.words[i // self.width]

    def set(self, i: int) -> Self:
        """With bit i set."""
        return self._with(i // self.width, self.words[i // self.width] | 1 << i % self.width)

    def set_range(self, i: int, n: int) -> Self:
        """With bits [i, i+n) set."""
        width = self.width
        if n == 1:
            return self.set(i)
        j = i + n - 1
        if i // width == j // width:
            return self._with(i // width, self.words[i // width] | (1 << n) - 1 << i % width)
        words = list(self.words)
        words[i // width] |= complement(0, width) << i % width & complement(0, width)
        for k in range(i // width + 1, j // width):
            words[k] = complement(0, width)
        words[j // width] |= (1 << j % width + 1) - 1
        return type(self)(tuple(words), width)

    def set_all(self) -> Self:
        """With every bit set."""
        return type(self)((complement(0, self.width),) * len(self.words), self.width)

    def set_block64(self, i: int, v: int) -> Self:
        """With the bits of v set in the word that holds bit i."""
        return self._with(i // self.width, self.words[i // self.width] | v)

    def clear(self, i: int) -> Self:
        """With bit i cleared."""
        return self._with(i // self.width, and_not(self.words[i // self.width], 1 << i % self.width))

    def clear_range(self, i: int, n: int) -> Self:
        """With bits [i, i+n) cleared."""
        width = self.width
        if n == 1:
            return self.clear(i)
        j = i + n - 1
        if i // width == j // width:
            return self._with(i // width, and_not(self.words[i // width], (1 << n) - 1 << i % width))
        words = list(self.words)
        words[i // width] &= (1 << i % width) - 1
        for k in range(i // width + 1, j // width):
            words[k] = 0
        words[j // width] = and_not(words[j // width], (1 << j % width + 1) - 1)
        return type(self)(tuple(words), width)

    def clear_all(self) -> Self:
        """With no bit set."""
        return type(self)((0,) * len(self.words), self.width)

    def clear_block64(self, i: int, v: int) -> Self:
        """With the bits of v cleared in the word that holds bit i."""
        return self._with(i // self.width, and_not(self.words[i // self.width], v))

    def popcnt_range(self, i: int, n: int) -> int:
        """How many of the bits [i, i+n) are set."""
        width = self.width
        if n == 1:
            return self.get(i)
        j = i + n - 1
        if i // width == j // width:
            return ones_count(self.words[i // width] >> i % width & (1 << n) - 1)  # type: ignore[no-any-return]  # a word
        s = ones_count(self.words[i // width] >> i % width)
        for k in range(i // width + 1, j // width):
            s += ones_count(self.words[k])
        return s + ones_count(self.words[j // width] & (1 << j % width + 1) - 1)  # type: ignore[no-any-return]  # as above

    def _with(self, k: int, word: int) -> Self:
        words = list(self.words)
        words[k] = word
        return type(self)(tuple(words), self.width)


def pack_palloc_sum(start: int, most: int, end: int, log_max: int) -> int:
    """A summary as one word: three numbers of pages, each up to 1 << log_max (packPallocSum).

    log_max: geometry.log_max_packed_value. When the longest run is all that a summary can hold, so are the other two.
    """
    if most == 1 << log_max:
        return 1 << 63
    mask = (1 << log_max) - 1
    return start & mask | (most & mask) << log_max | (end & mask) << 2 * log_max


def sum_start(total: int, log_max: int) -> int:
    """How many pages are free at the start (pallocSum.start)."""
    if total & 1 << 63 != 0:
        return 1 << log_max
    return total & (1 << log_max) - 1


def sum_max(total: int, log_max: int) -> int:
    """How many pages the longest free run has (pallocSum.max)."""
    if total & 1 << 63 != 0:
        return 1 << log_max
    return total >> log_max & (1 << log_max) - 1


def sum_end(total: int, log_max: int) -> int:
    """How many pages are free at the end (pallocSum.end)."""
    if total & 1 << 63 != 0:
        return 1 << log_max
    return total >> 2 * log_max & (1 << log_max) - 1


def unpack(total: int, log_max: int) -> tuple[int, int, int]:
    """How many pages are free at the start, in the longest run, and at the end (pallocSum.unpack)."""
    if total & 1 << 63 != 0:
        return 1 << log_max, 1 << log_max, 1 << log_max
    mask = (1 << log_max) - 1
    return total & mask, total >> log_max & mask, total >> 2 * log_max & mask


def merge_summaries(sums: tuple[int, ...], log_max_pages_per_sum: int, log_max: int) -> int:
    """The summary of what several summaries describe side by side, each 1 << log_max_pages_per_sum pages."""
    start, most, end = unpack(sums[0], log_max)
    for i in range(1, len(sums)):
        si, mi, ei = unpack(sums[i], log_max)
        # The free pages at the start go on if all before are free.
        if start == i << log_max_pages_per_sum:
            start += si
        # The longest run may lie within, or cross from what was before.
        most = max(most, end + si, mi)
        # The free pages at the end go on if all of this one are free.
        if ei == 1 << log_max_pages_per_sum:
            end += 1 << log_max_pages_per_sum
        else:
            end = ei
    return pack_palloc_sum(start, most, end, log_max)


@dataclass(frozen=True, slots=True)
class PallocBits(PageBits):
    """type pallocBits: a bit is set while its page is allocated."""

    def summarize(self, log_max: int) -> int:
        """The summary: how many pages are free at the start, in the longest run, and at the end."""
        width = self.width
        start, most, cur = NOT_FOUND, 0, 0
        for x in self.words:
            if x == 0:
                cur += width
                continue
            cur += trailing_zeros(x, width)
            if start == NOT_FOUND:
                start = cur
            most = max(most, cur)
            cur = leading_zeros(x, width)
        if start == NOT_FOUND:
            # Nothing is allocated.
            n = width * len(self.words)
            return pack_palloc_sum(n, n, n, log_max)
        most = max(most, cur)

        if most >= width - 2:
            # A run within a word, with a one on either side, cannot be longer.
            return pack_palloc_sum(start, most, cur, log_max)
        # Look for longer runs inside of each word; where there are not even as many zeros, there is none.
        for x in self.words:
            if width - ones_count(x) > most:
                most = longest_inside(x, most, width)
        return pack_palloc_sum(start, most, cur, log_max)

    def find(self, npages: int, search_idx: int) -> tuple[int, int]:
        """The lowest run of npages free pages: (its first page, the first free page), or NOT_FOUND for either.

        Pages below search_idx must be allocated. Only its word is looked at again, so that it may be any page of it.
        """
        if npages == 1:
            addr = self.find1(search_idx)
            return addr, addr
        if npages <= self.width:
            return self.find_small_n(npages, search_idx)
        return self.find_large_n(npages, search_idx)

    def find1(self, search_idx: int) -> int:
        """The lowest free page, or NOT_FOUND (pallocBits.find1)."""
        width = self.width
        for i in range(search_idx // width, len(self.words)):
            x = complement(self.words[i], width)
            if x == 0:
                continue
            return i * width + trailing_zeros(x, width)  # type: ignore[no-any-return]  # a word
        return NOT_FOUND

    def find_small_n(self, npages: int, search_idx: int) -> tuple[int, int]:
        """find for runs that lie in one word, or in two (pallocBits.findSmallN)."""
        width = self.width
        end, new_search_idx = 0, NOT_FOUND
        for i in range(search_idx // width, len(self.words)):
            bi = self.words[i]
            free = complement(bi, width)
            if free == 0:
                end = 0
                continue
            # First see whether the first free page is known.
            if new_search_idx == NOT_FOUND:
                new_search_idx = i * width + trailing_zeros(free, width)
            start = trailing_zeros(bi, width)
            if end + start >= npages:
                return i * width - end, new_search_idx
            # Next, inside of this word.
            j = find_bit_range64(free, npages, width)
            if j < width:
                return i * width + j, new_search_idx
            end = leading_zeros(bi, width)
        return NOT_FOUND, new_search_idx

    def find_large_n(self, npages: int, search_idx: int) -> tuple[int, int]:
        """find for runs that are longer than a word (pallocBits.findLargeN)."""
        width = self.width
        start, size, new_search_idx = NOT_FOUND, 0, NOT_FOUND
        for i in range(search_idx // width, len(self.words)):
            x = self.words[i]
            free = complement(x, width)
            if free == 0:
                size = 0
                continue
            if new_search_idx == NOT_FOUND:
                new_search_idx = i * width + trailing_zeros(free, width)
            if size == 0:
                size = leading_zeros(x, width)
                start = i * width + width - size
                continue
            s = trailing_zeros(x, width)
            if s + size >= npages:
                return start, new_search_idx
            if s < width:
                size = leading_zeros(x, width)
                start = i * width + width - size
                continue
            size += width
        if size < npages:
            return NOT_FOUND, new_search_idx
        return start, new_search_idx

    def alloc_range(self, i: int, n: int) -> Self:
        """With pages [i, i+n) allocated."""
        return self.set_range(i, n)

    def alloc_all(self) -> Self:
        """With every page allocated."""
        return self.set_all()

    def free1(self, i: int) -> Self:
        """With page i free."""
        return self.clear(i)

    def free(self, i: int, n: int) -> Self:
        """With pages [i, i+n) free."""
        return self.clear_range(i, n)

    def free_all(self) -> Self:
        """With every page free."""
        return self.clear_all()

    def pages64(self, i: int) -> int:
        """The word that holds page i."""
        return self.block64(i)

    def alloc_pages64(self, i: int, alloc: int) -> Self:
        """With the pages of `alloc` allocated in the word that holds page i."""
        return self.set_block64(i, alloc)


def longest_inside(x: int, most: int, width: int) -> int:
    """The longer of `most` and the longest run of zeros in x that has a one on either side (the loop of summarize)."""
    # The zeros at either end were counted, so shift the lower ones out.
    x >>= trailing_zeros(x, width) & width - 1
    if x & x + 1 == 0:
        # No zeros are left between ones.
        return most
    p, k = most, 1
    while True:
        # Shrink all runs of zeros by p: a run that is still there is longer than most.
        while p > 0:
            if p <= k:
                x |= x >> (p & width - 1)
                if x & x + 1 == 0:
                    return most
                break
            x |= x >> (k & width - 1)
            if x & x + 1 == 0:
                return most
            p -= k
            # Each round has doubled what one shift can fill.
            k *= 2
        # Its length above most is the number of zeros that are left of it.
        j = trailing_zeros(complement(x, width), width)
        x >>= j & width - 1
        j = trailing_zeros(x, width)
        x >>= j & width - 1
        most += j
        if x & x + 1 == 0:
            return most
        p = j


def find_bit_range64(c: int, n: int, width: int) -> int:
    """The lowest place of n ones in a row in c, or the width if there is none (findBitRange64)."""
    p, k = n - 1, 1
    while p > 0:
        if p <= k:
            # Shift by what is left.
            c &= c >> (p & width - 1)
            break
        c &= c >> (k & width - 1)
        if c == 0:
            return width
        p -= k
        # What is left has runs of k ones shrunk to one, so the next shift may be twice as far.
        k *= 2
    return trailing_zeros(c, width)  # type: ignore[no-any-return]  # a word


@dataclass(frozen=True, slots=True)
class PallocData:
    """type pallocData: what is allocated of a chunk, and which of its free pages were returned to the system."""

    alloc: PallocBits
    scavenged: PageBits

    def alloc_range(self, i: int, n: int) -> "PallocData":
        """With pages [i, i+n) allocated, and not scavenged."""
        return PallocData(self.alloc.alloc_range(i, n), self.scavenged.clear_range(i, n))

    def alloc_all(self) -> "PallocData":
        """With every page allocated, and none scavenged."""
        return PallocData(self.alloc.alloc_all(), self.scavenged.clear_all())
