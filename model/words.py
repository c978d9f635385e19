"""Concrete machine words: the arithmetic that Go's text does beyond plus and minus, on Python integers.

Every function also accepts whatever behaves like a word, so the same text can be read with symbols. Mirrors
runtime/stubs.go (alignUp, alignDown) and the operators Python lacks. Read next: state.py.
"""

WORD_BITS = 64
WORD_MASK = (1 << WORD_BITS) - 1


def wrap(word: int) -> int:
    """The word modulo 2**64, as Go's uintptr keeps it."""
    return word & WORD_MASK


def align_up(word: int, multiple: int) -> int:
    """The least multiple that is not below the word (runtime, alignUp)."""
    return (word + multiple - 1) // multiple * multiple


def and_not(word: int, mask: int) -> int:
    """Go's `word &^ mask`."""
    return word & ~mask


def lowest_run(bits: int, length: int) -> int:
    """The index of the lowest run of `length` ones in a bitmap of any width, or -1.

    Each round halves what is left to check: bit i stays set while a run of the length reached so far begins at i.
    """
    reached = 1
    while reached < length:
        more = min(reached, length - reached)
        bits &= bits >> more
        reached += more
    return (bits & -bits).bit_length() - 1


def run_of_ones(first: int, length: int) -> int:
    """A bitmap with `length` ones from bit `first` on."""
    return ((1 << length) - 1) << first
