"""Bitmaps of whole chunks: what is proved of them in minutes, and edits of the text that break it."""

import re
from itertools import product

import pytest

from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.proofs.catalogue import PLAIN_BY_NAME
from spanproof.checks.proofs.pages import long_bitmaps
from spanproof.checks.proving.lifted.judging import PlainTheorem, judge_plain, replay_inputs
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.palloc_bits import longest_inside


@pytest.mark.long
@pytest.mark.parametrize("theorem", long_bitmaps.THEOREMS, ids=lambda t: t.name)
def test_it_holds(theorem: PlainTheorem) -> None:
    """Of any 512 bits."""
    result = judge_plain(theorem, Subject())[0].result

    assert (result.verdict, result.reason) == (Verdict.HOLDS, "")


@pytest.mark.long
@pytest.mark.parametrize(
    ("theorem", "function", "old", "new"),
    [
        (long_bitmaps.FIND, "PallocBits.find_small_n", "end + start >= npages", "end + start > npages"),
        (long_bitmaps.FIND, "PallocBits.find_large_n", "s + size >= npages", "s + size > npages"),
        (long_bitmaps.FIND, "PallocBits.find_large_n", "s < width", "s <= width"),
        (long_bitmaps.LONGEST, "palloc_bits.longest_inside", "most += j", "most += j - 1"),
        (long_bitmaps.SUMMARIZE, "PallocBits.summarize", "most >= width - 2", "most >= width - 3"),
        (long_bitmaps.SUMMARIZE, "PallocBits.summarize", "cur = leading_zeros(x, width)", "cur = 0"),
    ],
    ids=lambda x: str(getattr(x, "name", x))[:40],
)
def test_an_edit_breaks_it(theorem: PlainTheorem, function: str, old: str, new: str) -> None:
    """The text is what is proved: inputs are found that break it when they are run, or else it is not shown."""
    subject = Subject(planted((Edit(function, old, new),)), "edited")

    found, told = judge_plain(theorem, subject)

    assert found.result.verdict is not Verdict.HOLDS, told
    if found.record is not None:
        assert replay_inputs(found.record, PLAIN_BY_NAME, subject).difference == ""


def test_the_longest_run_of_small_words() -> None:
    """All words of eight bits, whatever is known: the longest run of zeros between two ones, if it is longer."""
    for x, most in product(range(256), range(9)):
        inside = max((len(run) for run in re.findall("(?<=1)0+(?=1)", f"{x:b}")), default=0)
        assert longest_inside(x, most, 8) == max(most, inside), (bin(x), most)
