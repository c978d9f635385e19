"""The HTML page: complete, self-contained, and safe from what a record says."""

import json
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from typing import Any

import pytest

from spanproof.checks.record import Record
from spanproof.checks.reporting.matrix import matrix
from spanproof.checks.reporting.overview import groups
from spanproof.checks.reporting.page import Beside, render_page
from spanproof.checks.reporting.strip import MOST, strip
from spanproof.checks.reporting.traced import traces
from spanproof.checks.tracing.series import Life
from spanproof.checks.verdict import NotRun, Result, Verdict
from spanproof.model.geometry import GO_AMD64
from tests.checks.reporting.examples import (
    HEAP,
    HOSTILE,
    cached_heap,
    checked_report,
    counted,
    crowded,
    explained_raise,
    faults_report,
    geometry_json,
    hostile,
    lost_raise,
    mixed_report,
    proved_report,
    told_trace,
)


class Seen(HTMLParser):
    """The tags, attributes and texts that a browser would find."""

    def __init__(self, page: str) -> None:
        """Read the page."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self.lasttag == "script" and self.tags[-1] == "script" and data.strip():
            self.scripts[-1] += data
        else:
            self.text += data


def page(records: dict[str, Record], *, reproducible: bool = True) -> str:
    """A page of the mixed report."""
    return render_page(mixed_report(), records, "0.1.0", folder="spanproof-report", reproducible=reproducible)


def data_of(text: str) -> Any:
    """What the page's script reads."""
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert match
    return json.loads(match[1])


UNUSABLE: list[dict[str, Any]] = [
    {"arena_base_offset": -(2**60)}, {"arena_base_offset": 3}, {"arenas": True}, {"arenas": 2**40},
    {"pages_per_arena": 0}, {"arenas": 2.0}, {"page_size": 10**400}, {"arena_base_offset": 2**59},
]  # fmt: skip
"""What a geometry may say that no heap can be drawn of."""
ORDINARY = {"lost-raise.json": explained_raise(), "trace.json": told_trace()}


@pytest.mark.parametrize("outside", ["http:", "https:", "//", "@import", "src=", "url(", "<link", "<iframe"])
def test_nothing_comes_from_outside(outside: str) -> None:
    """The page names no address and loads nothing: style, script and data stand in it."""
    assert outside not in page(ORDINARY)


def test_hostile_texts_stay_texts() -> None:
    """A record that tries to break out adds no tag, no script and no handler; the page has the same shape."""
    seen = Seen(page({"lost-raise.json": hostile()}))
    calm = Seen(page({"lost-raise.json": replace(lost_raise(), flip=explained_raise().flip)}))

    assert set(seen.tags) == set(calm.tags)
    assert seen.tags.count("script") == calm.tags.count("script") == 2
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("src", "style")]
    assert HOSTILE.split("\u2028")[0] in seen.text


def test_no_hostile_string_is_unescaped() -> None:
    """Neither the markup nor the data that the script reads holds the raw text."""
    text = page({"lost-raise.json": hostile()})
    data = text.split('id="data">')[1].split("</script>")[0]

    assert "<script>alert" not in text
    assert "<img" not in text
    assert "{{ 7*7 }}" in text
    assert not set("<>&\u2028\u2029") & set(data)


def test_hostile_results_stay_texts() -> None:
    """Names, reasons, premises and what did not run are escaped too, also in what the page links to."""
    result = Result("explore", HOSTILE, Verdict.VIOLATED, HOSTILE, HOSTILE, (HOSTILE,), 0, {HOSTILE: 1}, HOSTILE)
    killed = Result("faults", HOSTILE, Verdict.VIOLATED, HOSTILE, counts={f"{HOSTILE}_found": 0, "prove_found": 1})
    traced = Result("trace", f"{HOSTILE}: {HOSTILE}", Verdict.HOLDS, bound=HOSTILE, counts={HOSTILE: 1})
    heard: tuple[dict[str, Any], ...] = (
        {"kind": "necessity", "proof": HOSTILE, "uses": {HOSTILE: {"needed_by": HOSTILE, "perhaps": HOSTILE}}},
        {"kind": "stability", "proof": HOSTILE, "solver": HOSTILE, "moved": [{"about": HOSTILE, "work": [1]}]},
        {"kind": "inferred", "proof": HOSTILE, "kept": {HOSTILE: [HOSTILE]}},
    )
    proved = Result("prove", HOSTILE, Verdict.HOLDS)
    results = (result, killed, traced, proved)
    report = replace(mixed_report(), results=results, release=HOSTILE, evidence=heard)
    report = replace(report, not_run=(NotRun("go", HOSTILE, HOSTILE),))
    series = (replace(counted(HOSTILE), life=Life(HOSTILE, HOSTILE, (HOSTILE,))),)
    beside = Beside({HOSTILE: {HOSTILE: HOSTILE}}, {HOSTILE: HOSTILE}, series, {HOSTILE: HOSTILE})
    planted = Result("faults", HOSTILE, Verdict.HOLDS, "", f"caught by x 1.0 s, {HOSTILE}")
    for shown in (results, (planted,)):
        named = {HOSTILE: hostile(), f"{HOSTILE}2": hostile()}
        text = render_page(replace(report, results=shown), named, HOSTILE, folder=HOSTILE, beside=beside)
        assert "<script>alert" not in text
        assert "<img" not in text


def test_only_the_pages_own_script_may_run() -> None:
    """The policy allows script and style by their digests, and nothing else."""
    policy = dict(Seen(page(ORDINARY)).attributes)["content"]
    policies = [
        value for name, value in Seen(page(ORDINARY)).attributes if name == "content" and "default-src" in value
    ]

    assert policy
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policies[0]
    assert {part.strip() for part in policies[0].split(";")} >= {"base-uri 'none'", "form-action 'none'"}


def test_everything_of_a_result_is_shown() -> None:
    """Verdict, bound, premises, reason, counts and seconds of each result, and what did not run, are on the page."""
    text = Seen(page(ORDINARY, reproducible=False)).text
    report = mixed_report()

    for result in report.results:
        assert all(word in text for word in (result.verdict.value, result.name, result.bound, result.reason))
        assert all(premise in text for premise in result.assumptions)
        assert f"{result.seconds:.2f}" in text
    assert "transitions 2,926" in text
    assert report.not_run[0].reason in text


def test_everything_of_a_record_is_shown() -> None:
    """The claim in English, its source, what was seen, the fault, the replay command; a trace tells its story."""
    text = Seen(page(ORDINARY)).text

    for record in ORDINARY.values():
        violated = record.violated
        assert all(word in text for word in (violated.claim, violated.says, violated.source, violated.detail))
    assert "plain_store_for_cas" in text
    assert "spanproof replay spanproof-report/lost-raise.json" in text
    assert "event 17: P0 allocates pages [4, 6)" in text


def test_the_change_that_avoids_it_is_shown() -> None:
    """The pair with their steps, what is moved, both orders, and the program; of a record without, nothing of it."""
    text = " ".join(Seen(page(ORDINARY)).text.split())

    assert "T1 alloc_needs_zero: store zeroedBase[1] , step 17" in text.replace("],", "] ,")
    assert "1 step of T0 moved before step 17 (T1's store): nothing breaks" in text
    assert "as it ran" in text
    assert "as it holds" in text
    assert "program = Program(" in text
    assert "What order would have saved it" not in Seen(page({"lost-raise.json": lost_raise()})).text


def test_an_access_that_comes_only_later_is_no_step() -> None:
    """Of a pair whose second access the run does not reach, the page says so."""
    record = explained_raise()
    assert record.flip
    first, second = record.flip.pair
    flip = replace(record.flip, pair=(first, replace(second, step=0)), alone=True)
    text = Seen(page({"r.json": replace(record, flip=flip)})).text

    assert "only after the last step" in text
    assert "this claim holds, another breaks" in text
    assert data_of(page({"r.json": replace(record, flip=flip)}))["record-1"]["pair"] == [17, 0]


@pytest.mark.parametrize("step", [25, -1, int(1e308), 10**400])
def test_an_access_beyond_the_record_is_no_step(step: int) -> None:
    """A number that no step of the record has is neither drawn nor told."""
    record = explained_raise()
    assert record.flip
    first, second = record.flip.pair
    text = page({"r.json": replace(record, flip=replace(record.flip, pair=(replace(first, step=step), second)))})

    assert data_of(text)["record-1"]["pair"] == [0, 24]
    assert "only after the last step" in Seen(text).text


def test_what_stands_beside_the_results_is_shown() -> None:
    """A Go program, with the command that runs it; a proof step by step, without times if pages must be the same."""
    beside = Beside(
        {"lost-raise.json": {"main.go": "package main"}}, {"a_theorem": "4 paths, 0.01 s in the solver, 0.08 s in all"}
    )
    text = Seen(render_page(mixed_report(), ORDINARY, "0.1.0", folder="out", reproducible=True, beside=beside)).text

    assert "package main" in text
    assert "spanproof replay out/lost-raise.json --go" in text
    assert "4 paths" in text
    assert "0.01" not in text.split("Proofs, step by step")[1]
    assert "0.08 s" not in text
    assert ".json --go" not in Seen(page(ORDINARY)).text


def test_the_overview_says_what_is_not_known_and_what_is_taken_for_granted() -> None:
    """Checks, those that failed first; what is unknown or did not run, and why; premises, and how many rest on them."""
    text = Seen(page(ORDINARY)).text
    words = [line.strip() for line in text.splitlines() if line.strip()]

    explored, proved = words.index("explore"), words.index("prove")

    assert words[explored + 1 : explored + 5] == ["1", "0", "1", "states 30,814, transitions 2,926"]
    assert explored < proved
    assert "provealloc_needs_zero[red]time limit of 10 s reached" in text
    assert "gogo tool :smile:no Go on this machine" in text
    assert "disjoint regions 1" in words


def test_checks_that_failed_come_first() -> None:
    """Violated before unknown before what holds, whatever the order of the results."""
    verdicts = {"held": Verdict.HOLDS, "unclear": Verdict.UNKNOWN, "broken": Verdict.VIOLATED}
    results = tuple(Result(check, "name", verdict) for check, verdict in verdicts.items())

    rows = groups(replace(mixed_report(), results=results))

    assert [row.check for row in rows] == ["broken", "unclear", "held"]
    assert [row.verdicts["violated"] for row in rows] == [1, 0, 0]


def test_a_trace_has_the_most_that_a_claim_saw_of_a_kind() -> None:
    """Claims look at parts of the same rows: their counts are not added, and the last is not taken for the most."""
    results = (
        Result("trace", f"t: claim_{n}", Verdict.HOLDS, counts={"events": 9, "grow": n}) for n in (3, 7, 5)
    )  # fmt: skip
    (trace,) = traces(results)

    assert [(kind.name, kind.number, kind.share) for kind in trace.kinds] == [("grow", 7, 1.0)]
    assert (trace.claims, trace.hold) == (3, 3)


def test_a_layer_that_could_not_be_asked_has_missed_nothing() -> None:
    """Of a fault of which nothing is known, a layer that found nothing was not asked to the end."""
    counts = {"explore_found": 0, "tables_found": 1, "tables_steps": 3}
    unknown = Result("faults", "unclear", Verdict.UNKNOWN, "no time", counts=counts)
    missed = replace(unknown, name="missed", verdict=Verdict.HOLDS)
    found = matrix([unknown, missed])

    assert found
    assert [[cell.kind for cell in row.cells] for row in found.rows] == [["not asked", "found"], ["missed", "found"]]


def test_a_scenario_says_what_it_is_and_what_had_to_happen() -> None:
    """Beside its name; the events only where the search held, since only then did they happen."""
    held = Result("explore", "cache_against_cache", Verdict.HOLDS)
    text = Seen(render_page(replace(mixed_report(), results=(held,)), {}, "0.1.0", reproducible=True)).text
    broken = replace(held, verdict=Verdict.VIOLATED)
    other = Seen(render_page(replace(mixed_report(), results=(broken,)), {}, "0.1.0", reproducible=True)).text

    assert "two Ps fill their page caches" in text
    assert "had to happen did" in text
    assert "had to happen did" not in other


def test_a_faults_run_is_a_matrix() -> None:
    """Faults that survive first; sizes in their units; times only if the page may differ from run to run."""
    timed, same = (Seen(render_page(faults_report(), {}, "0.1.0", reproducible=flag)).text for flag in (False, True))

    assert "2 of 3 caught" in same
    assert same.index("survivor", same.index("Kill matrix")) < same.index("second_fit", same.index("Kill matrix"))
    assert "1,100 calls" in same
    assert "not asked" in same
    assert "2.61 s" in timed
    assert "2.61" not in same
    assert "Kill matrix" not in Seen(page(ORDINARY)).text


def test_check_says_what_caught_its_planted_faults() -> None:
    """Which layer, with what; those that nothing caught first, and why; the overview counts them."""
    timed, same = (Seen(render_page(checked_report(), {}, "0.1.0", reproducible=flag)).text for flag in (False, True))
    words = [line.strip() for line in same.split("Planted faults")[1].splitlines() if line.strip()]

    assert "planted 3, caught 1" in same
    assert words[0] == "Each layer against a fault that it must catch: 1 of 3 caught."
    table = " ".join(words)
    assert table.index("lost_update") < table.index("second_fit") > table.index("not_capped")
    assert "not caught explore does not catch it any more" in table
    assert "unknown the budget of 55 s is used up" in table
    assert "tables TestFind/Chunks8, 11 calls" in table
    assert "2.13" in timed
    assert "2.13" not in same
    assert "Planted faults" not in Seen(page(ORDINARY)).text


def test_a_theorem_says_what_it_is() -> None:
    """Its own sentence stands under its name where it was handed in; a claim of the model has one anyway."""
    report = proved_report("alloc_needs_zero_terminates", "zeroed_base_never_decreases")
    beside = Beside(says={"alloc_needs_zero_terminates": "Both loops end."})
    text = Seen(render_page(report, {}, "0.1.0", reproducible=True, beside=beside)).text

    assert "Both loops end." in text
    assert "zeroedBase of an arena never goes down." in text


def test_a_shared_proof_is_counted_once() -> None:
    """Theorems that rest on the same proofs each tell their seconds; the overview adds up what was worked."""
    results = proved_report("a", "b", "c").results
    shared = tuple(replace(r, seconds=s) for r, s in zip(results, (40.25, 40.25, 2.0), strict=True))
    text = Seen(render_page(replace(mixed_report(), results=shared), {}, "0.1.0")).text

    assert "42.25" in text
    assert "82.50" not in text


def test_a_result_links_to_its_record() -> None:
    """The row of a violated result leads to its record on the same page, and only where there is one."""
    text = page(ORDINARY)

    assert '<a href="#record-1">two_allocs_one_arena</a>' in text.replace("<wbr>", "")
    assert 'id="record-1"' in text
    assert '<a href="#record-1">two_allocs</a>' not in text


def test_reproducible_pages_are_identical_and_know_no_time() -> None:
    """The same input gives the same bytes, whatever the seconds were; otherwise seconds and the machine are named."""
    report = mixed_report()
    slower = replace(report, results=tuple(replace(result, seconds=99.0) for result in report.results))
    one, two = (render_page(r, ORDINARY, "0.1.0", reproducible=True) for r in (report, slower))

    assert one == two
    assert "seconds" not in Seen(one).text
    assert "Python" not in Seen(one).text
    assert "Python" in Seen(render_page(report, ORDINARY, "0.1.0")).text


def test_no_results_is_unknown() -> None:
    """A report without results says unknown and is still a page."""
    text = render_page(replace(mixed_report(), results=(), not_run=()), {}, "0.1.0", reproducible=True)

    assert '<h1 class="unknown">unknown: nothing was checked</h1>' in text
    assert "Not run" not in Seen(text).text


def test_the_script_gets_every_step_and_every_cell_it_draws() -> None:
    """The data holds the steps as the record does, start values, watched cells, and the pages of both arenas."""
    data = data_of(page(ORDINARY))["record-1"]

    assert data["steps"] == [step.as_json() for step in lost_raise().steps]
    assert data["watched"][0] == "zeroedBase[1]"
    assert data["strip"]["arenas"] == [{"index": 1, "runs": [[4, 8]]}, {"index": 2, "runs": [[8, 12]]}]
    assert data["cells"]["memory[8]"] == "7"
    assert data["pair"] == [17, 24]


def test_the_map_gets_the_page_allocator_and_the_caches() -> None:
    """What the allocator and each P say at the start is there, though no step may touch it."""
    data = data_of(page({"r.json": replace(cached_heap(), steps=lost_raise().steps[-1:])}))["record-1"]

    assert (data["strip"]["ps"], data["strip"]["pagesPerChunk"]) == (1, 4)
    assert data["cells"]["pcache[0]"] == "PageCache(base=0, cache=0, scav=0)"
    assert data["cells"]["pages"].startswith("alloc {[0, 1)} of")


def test_of_a_large_heap_only_the_pages_concerned_are_drawn() -> None:
    """At the real geometry the strip shows the touched pages and their neighbours, and a bounded number of them."""
    record = lost_raise()
    sizes = {**asdict(GO_AMD64), "arenas": 16, "first_arena": 12288, "arena_base_offset": 0}
    first = 12288 * 8192
    step = replace(record.steps[0], cell=f"spans[{first + 8191}]")
    far = replace(record, program={"geometry": sizes}, cells={f"memory[{first + 3}]": "1"}, steps=(step,))
    many = replace(far, cells={f"memory[{first + 3 * n}]": "1" for n in range(5000)})

    drawn, most = strip(far), strip(many)

    assert drawn
    assert most
    runs = ((first + 2, first + 5), (first + 8190, first + 8192))
    assert dict(drawn.arenas) == {12288: runs, 12289: ((first + 8192, first + 8193),)}
    assert sum(limit - base for runs in most.arenas.values() for base, limit in runs) == MOST


def test_a_heap_of_128_pages_is_drawn_whole_and_one_of_more_is_not() -> None:
    """Of the larger one, pages that nothing concerns are left out."""
    sizes = {**geometry_json(HEAP), "heap_addr_bits": 12}
    whole, more = (
        strip(replace(lost_raise(), program={"geometry": {**sizes, "arenas": arenas}})) for arenas in (32, 33)
    )

    assert whole
    assert more
    drawn = [sum(limit - base for runs in s.arenas.values() for base, limit in runs) for s in (whole, more)]
    assert drawn[0] == 128
    assert drawn[1] < 20


def test_as_many_caches_are_drawn_as_there_are_ps_up_to_64() -> None:
    """And no more, however many Ps a record says there are."""
    for ps, drawn in ((2, 2), (64, 64), (65, 64), (1 << 16, 64)):
        found = strip(replace(lost_raise(), program={"geometry": {**geometry_json(HEAP), "ps": ps}}))
        assert found
        assert sum(cell.startswith("pcache[") for cell in found.cells()) == drawn


def test_the_first_pages_of_spans_are_drawn() -> None:
    """Where a span begins when the run does, and where a step lets one begin."""
    sizes = {**asdict(GO_AMD64), "arenas": 16, "first_arena": 12288, "arena_base_offset": 0}
    first = 12288 * 8192
    record = lost_raise()
    base = replace(record.steps[0], cell="mspan[1].base", before="0", after=str((first + 500) * 8192))
    cells = {"mspan[0].base": str((first + 100) * 8192), "mspan[0].state": "1"}
    found = strip(replace(record, program={"geometry": sizes}, cells=cells, steps=(base,)))

    assert found
    assert dict(found.arenas) == {12288: ((first + 99, first + 102), (first + 499, first + 502))}


@pytest.mark.parametrize(
    "geometry",
    [
        None, [], {}, {"page_size": 0}, {"page_size": "8"}, HOSTILE, crowded(2, 9).program,
        *({**geometry_json(HEAP), **changed} for changed in UNUSABLE),
    ],
)  # fmt: skip
def test_a_record_without_geometry_has_no_strip(geometry: object) -> None:
    """A record of another shape is shown without the strip."""
    assert strip(replace(lost_raise(), program={"geometry": geometry})) is None
