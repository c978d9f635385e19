"""Theorems about plain functions: they hold of the text, and edits of it break them with inputs that run."""

import dataclasses
import json
import random
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spanproof.checks import cli
from spanproof.checks.faults.edit import Edit, planted
from spanproof.checks.proofs.catalogue import BY_NAME, PLAIN, PLAIN_BY_NAME
from spanproof.checks.proofs.pages import addresses, caches, first_fit, limits, short_bitmaps, summaries, words
from spanproof.checks.proving.lifted.judging import PlainTheorem, drawn, judge_plain, replay_inputs, shown
from spanproof.checks.proving.lifted.lemma import Given, Lemma, NotMetError, Numbers, broken
from spanproof.checks.record import RecordError, load, loads
from spanproof.checks.running.pages_alone import page_text
from spanproof.checks.subject import Subject
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.geometry import GO_AMD64, Geometry

REFERENCE = page_text(Runtime)
QUICK = [theorem for theorem in PLAIN if theorem.tier == "quick"]
LEMMAS = [lemma for theorem in PLAIN for lemma in theorem.lemmas]
QUICKLY_READ = {lemma.name for theorem in QUICK for lemma in theorem.lemmas}
"""The others speak of 512 places at once, each with a run that may be as long: seconds for a few inputs."""
HARDLY_MET = {f"merge_summaries of 2^{log} pages" for log in GO_AMD64.level_log_pages[1:]}
"""Eight summaries that can be are not drawn by chance: seeds_of_summaries makes them."""
PACKING = "palloc_bits.pack_palloc_sum"


@pytest.mark.parametrize("theorem", [t for t in QUICK if t is not first_fit.QUICK], ids=lambda t: t.name)
def test_it_holds(theorem: PlainTheorem) -> None:
    """For all inputs; each lemma shows something, from premises that can be met."""
    result = judge_plain(theorem, Subject())[0].result

    assert (result.verdict, result.reason) == (Verdict.HOLDS, "")
    assert result.counts["obligations"] >= 2 * len(theorem.lemmas)


def test_names_are_their_own() -> None:
    """Of theorems, also of those about threads, and of the lemmas of each."""
    assert len(PLAIN_BY_NAME) == len(PLAIN)
    assert not PLAIN_BY_NAME.keys() & BY_NAME.keys()
    for theorem in PLAIN:
        assert len({lemma.name for lemma in theorem.lemmas}) == len(theorem.lemmas)


@pytest.mark.parametrize("lemma", LEMMAS, ids=lambda lemma: lemma.name)
def test_it_holds_of_numbers(lemma: Lemma) -> None:
    """The same lemma, run: what is proved of the formulas is so of the text."""
    rng, tried = random.Random(1), 0
    draw = seeds_of_summaries(rng) if lemma.name in HARDLY_MET else partial(drawn, rng)
    for _ in range(2_000):
        given = Numbers(REFERENCE, draw)
        try:
            given.read(lemma)
        except NotMetError:
            continue
        assert given.broken == [], given.given
        tried += 1
        if tried == (500 if lemma.name in QUICKLY_READ else 11):
            break
    assert tried > 10


def seeds_of_summaries(rng: random.Random) -> Any:
    """Draws the numbers of summaries that bitmaps can have: three for each entry, in their order."""
    pages, now = 0, (0, 0, 0)

    def draw(name: str, lo: int, hi: int) -> int:  # noqa: ARG001  # what Numbers asks with
        nonlocal pages, now
        if name == "start[0]":
            pages = 1 << rng.choice(GO_AMD64.level_log_pages[1:])
        if name.startswith("start"):
            start, end = rng.randrange(pages), rng.randrange(pages)
            least = max(start, end)
            now = rng.choice(((pages, pages, pages), (0, 0, 0), (start, rng.randrange(least, pages), end)))
        return now[("start", "most", "end").index(name.partition("[")[0])]

    return draw


EDITS = [
    (words.FIND_BIT_RANGE64, "palloc_bits.find_bit_range64", "k *= 2", "k *= 3"),
    (words.FIND_BIT_RANGE64, "palloc_bits.find_bit_range64", "n - 1", "n - 2"),
    (words.FILL_ALIGNED, "scavenge.fill_aligned", "(x & c) + c | x | c", "(x & c) + c | c"),
    (words.FIND1, "PallocBits.find1", "search_idx // width", "search_idx // width + 1"),
    (words.RANGES_OF_BITS, "PageBits.set_range", "j % width + 1", "j % width"),
    (
        words.RANGES_OF_BITS,
        "PageBits.clear_range",
        "range(i // width + 1, j // width)",
        "range(i // width + 2, j // width)",
    ),
    (summaries.PACK, PACKING, "(end & mask) << 2 * log_max", "(end & mask) << log_max"),
    (summaries.MERGE, "palloc_bits.merge_summaries", "start == i << log_max_pages_per_sum", "start >= 0"),
    (summaries.MERGE, "palloc_bits.merge_summaries", "end = ei", "end += ei"),
    (addresses.RANGES, "AddrRange.subtract", "replace(self, base=b.limit)", "replace(self, base=b.base)"),
    (addresses.RANGES, "AddrRange.subtract", 'raise Throw("bad prune")', "pass"),
    (addresses.RANGES, "AddrRange.take_from_front", "base - length", "base - align"),
    (addresses.RANGES, "AddrRange.take_from_back", "align_down(self.limit - length, align)", "self.limit - length"),
    (addresses.RANGES, "AddrRange.remove_greater_equal", "make_addr_range(self.base, addr, self.offset)", "self"),
    (caches.CACHE_ALLOC, "PageCache.alloc_n", "(1 << npages) - 1 << i", "(1 << npages) - 2 << i"),
    (caches.CACHE_ALLOC, "PageCache.alloc_n", "ones_count(self.scav & mask)", "ones_count(self.cache & mask)"),
    (caches.CACHE_ALLOC, "PageCache.alloc", "and_not(self.scav, 1 << i)", "self.scav"),
    (caches.CACHE_ALLOC, "PageCache.alloc_n", "if i >= g.pages_per_block:\n    return self, 0, 0", ""),
    (
        caches.CACHE_ALLOC,
        "PageCache.alloc_n",
        "PageCache(self.base, and_not(self.cache, mask), and_not(self.scav, mask))",
        "PageCache(0, and_not(self.cache, mask), and_not(self.scav, mask))",
    ),
    (caches.CACHE_ALLOC, "PageCache.alloc", "self.base + i * g.page_size", "self.base % (1 << 31) + i * g.page_size"),
    (addresses.RANGES, "AddrRange.take_from_front", "base > self.limit", "base >= self.limit"),
    (addresses.RANGES, "AddrRange.take_from_back", "self.base > limit", "self.base >= limit"),
    (short_bitmaps.FIND, "PallocBits.find_small_n", "end + start >= npages", "end + start > npages"),
    (short_bitmaps.FIND, "PallocBits.find_large_n", "s + size >= npages", "s + size > npages"),
    (short_bitmaps.SUMMARIZE, "palloc_bits.longest_inside", "most += j", "most += j - 1"),
    (short_bitmaps.SUMMARIZE, "PallocBits.summarize", "most >= width - 2", "most >= width - 3"),
    (caches.SCAV_CHUNK_DATA, "ScavChunkData.pack", "self.flags << 16 + log", "self.flags << 15 + log"),
    (caches.SCAV_CHUNK_DATA, "ScavChunkData.free", "data.in_use - npages", "data.last_in_use - npages"),
    (caches.SCAV_CHUNK_DATA, "ScavChunkData.should_scavenge", "self.last_in_use < g.scav_chunk_hi_occ_pages", "True"),
    (limits.SCAVENGE_FOR, "Pages.scavenge_for", "todo > overage", "todo > growth"),
    (limits.SCAVENGE_FOR, "Pages.scavenge_for", "heap_in_use + heap_free", "heap_in_use"),
    (limits.SCAVENGE_FOR, "Pages.scavenge_for", "scav + inuse > self.memory_limit", "inuse > self.memory_limit"),
    (limits.SCAVENGE_FOR, "Pages.scavenge_for", "force_scavenge = True", "pass"),
    (limits.SCAVENGE_FOR, "Pages.scavenge_for", "self.has_p and bytes_to_scavenge > 0", "bytes_to_scavenge > 0"),
]


@pytest.mark.parametrize(("theorem", "function", "old", "new"), EDITS, ids=lambda x: getattr(x, "name", None))
def test_an_edit_breaks_it(theorem: PlainTheorem, function: str, old: str, new: str) -> None:
    """The text is what is proved: a wrong one fails, and its inputs break the lemma when they are run."""
    subject = Subject(planted((Edit(function, old, new),)), "edited")

    found, told = judge_plain(theorem, subject)

    assert found.result.verdict is Verdict.VIOLATED, told
    assert found.record is not None
    assert replay_inputs(loads(found.record.dumps(), ""), PLAIN_BY_NAME, subject).difference == ""
    assert replay_inputs(found.record, PLAIN_BY_NAME, Subject()).record is None, "the reference breaks nothing"


def test_every_theorem_about_the_text_has_an_edit() -> None:
    """But those about numbers and geometry alone."""
    about = {theorem.name for theorem in QUICK if theorem not in first_fit.THEOREMS} - {t.name for t, *_ in EDITS}

    assert about == {addresses.ORDER.name, addresses.PLACES.name, caches.SWEEPGEN.name}


class Shifted(Geometry):
    """One whose chunks begin a page too high."""

    def chunk_base(self, chunk: int) -> int:
        """A page too high."""
        return super().chunk_base(chunk) + self.page_size


def test_a_wrong_geometry_breaks_places() -> None:
    """An address would lie in a chunk that begins above it."""
    values = {f.name: getattr(GO_AMD64, f.name) for f in dataclasses.fields(GO_AMD64)}
    lemma = Lemma("places", addresses.places(Shifted(**values)))

    found = shown(lemma, REFERENCE)

    assert found.broken
    assert broken(lemma, REFERENCE, found.inputs)


def test_without_a_premise_it_fails() -> None:
    """A summary with a longest run that is shorter than the one at its start is not unpacked as it was packed."""

    def read(given: Given) -> None:
        three = [given.number(name, 0, 1 << 21) for name in ("start", "most", "end")]
        packed = given.call(given.text.pack_palloc_sum, *three, 21)
        given.show("start", given.call(given.text.unpack, packed, 21)[0] == three[0])

    assert shown(Lemma("pack anything", read), REFERENCE).broken


def test_contradicting_premises_are_noticed() -> None:
    """What follows from nothing is unknown."""

    def read(given: Given) -> None:
        x = given.word("x")
        given.assume(x < 3, x > 5)
        given.show("anything", x == 7)

    found = shown(Lemma("nothing", read), REFERENCE)

    assert "contradict" in found.unclear
    assert not found.broken


def test_a_text_that_cannot_be_read_is_tried_with_numbers() -> None:
    """It is unknown as long as nothing breaks, and violated if something does."""
    same = "k = int(str(k)) * 2"
    for new, verdict in ((same, Verdict.UNKNOWN), (same.replace("* 2", "* 3"), Verdict.VIOLATED)):
        heap = planted((Edit("palloc_bits.find_bit_range64", "k *= 2", new),))
        found = judge_plain(words.FIND_BIT_RANGE64, Subject(heap, "edited"))[0]
        assert found.result.verdict is verdict
        assert (found.record is None) == (verdict is Verdict.UNKNOWN)


def test_a_heap_without_the_function_is_unknown() -> None:
    """Not a traceback."""
    assert "cannot be read" in shown(words.FIND_BIT_RANGE64.lemmas[0], SimpleNamespace()).unclear


def test_told_that_time_is_over_it_is_unknown() -> None:
    """With the reason."""
    found = judge_plain(words.FIND1, Subject(), lambda _: "the budget is used up")[0]

    assert (found.result.verdict, found.result.reason) == (Verdict.UNKNOWN, "the budget is used up")


def test_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prove with a heap of one's own that has a bug; the record replays."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "from spanproof.checks.faults.edit import Edit, planted\n"
        'Mine = planted((Edit("PageCache.alloc_n", "ones_count(self.scav & mask)", "ones_count(mask)"),))\n'
    )
    name = "page_cache_alloc_takes_the_lowest_fit"

    assert cli.main(["prove", name, "--heap", "mine.py:Mine", "--out", "o", "--json", "r.json"]) == 1
    told = capsys.readouterr().out
    (result,) = json.loads(Path("r.json").read_text())["results"]
    assert "scavenged pages" in result["reason"]
    assert f"spanproof replay {result['record']}" in told
    assert "PageCache.alloc(" in told
    assert cli.main(["replay", result["record"]]) == 1
    assert "the same as recorded" in capsys.readouterr().out


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    """With a line that says so."""
    heap = Subject(planted((Edit(PACKING, "2 * log_max", "log_max"),)), "edited")
    record = judge_plain(summaries.PACK, heap)[0].record
    assert record is not None
    path = tmp_path / "r.json"
    for old, new in (('"lemma": "pack', '"lemma": "back'), ('"start": "', '"start": "x'), ('"start"', '"begin"')):
        path.write_text(record.dumps().replace(old, new))
        with pytest.raises(RecordError, match="damaged"):
            replay_inputs(load(path), PLAIN_BY_NAME, heap)
