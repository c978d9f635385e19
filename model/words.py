"""Concrete machine words: the arithmetic that Go's text does beyond plus and minus, on Python integers.

Every function also accepts whatever behaves like a word, so the same text can be read with symbols. Mirrors
runtime/stubs.go (alignUp, alignDown), internal/runtime/sys (the counts of zeros and ones) and the operators that Python
lacks. Go's words of a bitmap have 64 bits; those of small heaps have fewer: `width`. Read next: state.py.
"""

from typing import Any

WORD_BITS = 64
WORD_MASK = (1 << WORD_BITS) - 1


def wrap(word: int) -> int:
    """The word modulo 2**64, as Go's uintptr keeps it."""
    return word & WORD_MASK


def uint32(word: int) -> int:
    """The word modulo 2**32, as Go's uint32 keeps it."""
    return word % (1 << 32)


def align_up(word: int, multiple: int) -> int:
    """The least multiple that is not below the word (runtime, alignUp)."""
    return (word + multiple - 1) // multiple * multiple


def and_not(word: int, mask: int) -> int:
    """Go's `word &^ mask`."""
    return word & ~mask


def align_down(word: int, multiple: int) -> int:
    """The greatest multiple that is not above the word (runtime, alignDown)."""
    return word // multiple * multiple


def trailing_zeros(word: Any, width: int) -> Any:
    """How many zeros stand below the lowest one, or the width if there is none (sys.TrailingZeros64)."""
    if isinstance(word, int):
        return (word & -word).bit_length() - 1 if word else width
    return word.trailing_zeros(width)


def leading_zeros(word: Any, width: int) -> Any:
    """How many zeros stand above the highest one, or the width if there is none (sys.LeadingZeros64)."""
    if isinstance(word, int):
        return width - word.bit_length()
    return word.leading_zeros(width)


def ones_count(word: Any) -> Any:
    """How many ones the word has (sys.OnesCount64)."""
    if isinstance(word, int):
        return word.bit_count()
    return word.ones_count()


def complement(word: int, width: int) -> int:
    """Go's `^word` of a word of a bitmap."""
    return word ^ (1 << width) - 1


def lowest_run(bits: int, length: int) -> int:
    """The index of the lowest run of `length` ones in a bitmap of any width, or -1.

    Of a long bitmap ever longer parts are looked at, as most runs are found far down.
    """
    seen = 128 * length
    while seen < bits.bit_length():
        found = _lowest_run(bits & run_of_ones(0, seen), length)
        if found >= 0:
            return found
        seen *= 8
    return _lowest_run(bits, length)


def _lowest_run(bits: int, length: int) -> int:
    """Each round halves what is left to check: bit i stays set while a run of the length reached so far begins at i."""
    reached = 1
    while reached < length:
        more = min(reached, length - reached)
        bits &= bits >> more
        reached += more
    return (bits & -bits).bit_length() - 1


def without(bits: int, others: int) -> int:
    """The ones of a bitmap that are none of another's: `bits & ~others`, without a negative number, which is slow."""
    return bits ^ bits & others


def run_of_ones(first: int, length: int) -> int:
    """A bitmap with `length` ones from bit `first` on."""
    return ((1 << length) - 1) << first
