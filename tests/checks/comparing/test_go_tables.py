"""Go's own tests of the page allocator, by their names, on the reference; and that a broken text does not pass them."""

import json
from collections import Counter
from typing import Any

import pytest

from spanproof.checks.comparing import go_tables
from spanproof.checks.comparing.go_tables import FILES, SubTest, differences, judge_file, sub_tests
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.task_lists import TABLES
from spanproof.checks.verdict import Verdict

ALL = [sub_test for file in FILES for sub_test in sub_tests(file)]


@pytest.mark.parametrize("sub_test", ALL, ids=str)
def test_go(sub_test: SubTest) -> None:
    """Each call gives what it gives in Go."""
    assert not list(differences(sub_test))


def test_every_recorded_call_is_replayed() -> None:
    """As many as the README of the tables counts, and none of a kind that nobody plays."""
    calls = Counter(call[0] for sub_test in ALL for call in sub_test.calls)

    assert (len(ALL), calls.total()) == (268, 12_409)
    assert set(calls) == set(go_tables.PLAYERS)
    assert TABLES == FILES


BROKEN = {
    "FindBitRange64": Edit("palloc_bits.find_bit_range64", "p -= k", "p -= k + 1"),
    "a block is shifted by one more": Edit("palloc_bits.find_bit_range64", "p, k = n - 1, 1", "p, k = n, 1"),
    "FillAligned": Edit(
        "scavenge.fill_aligned", "x = complement((x & c) + c | x | c, width)", "x = complement(x | c, width)"),
    "the run crosses no word": Edit("PallocBits.find_small_n", "end = leading_zeros(bi, width)", "end = 0"),
    "a long run forgets a word": Edit("PallocBits.find_large_n", "size += width", "size = width"),
    "the end of a summary is lost": Edit("PallocBits.summarize", "cur = leading_zeros(x, width)", "cur = 0"),
    "runs within a word are not counted": Edit("palloc_bits.longest_inside", "most += j", "pass"),
    "merging forgets what crosses": Edit("palloc_bits.merge_summaries", "max(most, end + si, mi)", "max(most, mi)"),
    "#38605": Edit("page_cache.leave_block", "g.pages_per_block - 1", "g.pages_per_block"),
    "#40191": Edit(
        "PageTree.find_mapped_addr", "self.arenas is None or ai not in self.arenas", "False"),
    "a flush forgets what was scavenged": Edit("CachingPageAlloc.flush", "c.scav & 1 << i != 0", "False"),
    "the cursor is not raised": Edit("ScavengeIndex.free", "await self.search_addr_force.store_marked(addr)", "pass"),
    "generations do not move it": Edit(
        "ScavengeIndex.next_gen", "await self.search_addr_bg.store_marked(free_hwm)", "pass"),
    "ranges that touch stay two": Edit("AddrRanges.add", "i > 0 and ranges[i - 1].limit == r.base", "False"),
    "the lowest candidate": Edit("scavenge.find_scavenge_candidate", "i = search_idx // width", "i = 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_text_differs(name: str) -> None:
    """Each of these edits is seen, from the bitmaps of one word to the cursors."""
    heap = planted((BROKEN[name],))

    results = [judge_file(file, heap) for file in FILES]
    assert any(result.verdict is Verdict.VIOLATED and result.reason for result in results)


def test_a_difference_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the sub-test, the call, what it gives and what it gives in Go; and no call at all is not a pass."""
    told: Any = SubTest("mranges", "TestAddrRangesFindSucc", "Made", (["AddrRanges.FindSucc", [], 12, "->", 1],))
    monkeypatch.setattr(go_tables, "sub_tests", {"made": (told,), "empty": ()}.__getitem__)

    assert judge_file("made").reason == "TestAddrRangesFindSucc/Made, call 0: AddrRanges.FindSucc gives [0], in Go [1]"
    assert judge_file("empty").verdict is not Verdict.HOLDS
    assert json.dumps(judge_file("made").as_json())
