"""What docs say is what comes out when the work is done again."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from spanproof.checks.faults.by_proofs import judge_by_proofs
from spanproof.checks.faults.fault import Origin
from spanproof.checks.faults.layers import LAYERS, by_search
from spanproof.checks.faults.left_out import LEFT_OUT
from spanproof.checks.faults.planting import PLANTABLE, every_fault, subject
from spanproof.checks.proofs.catalogue import PLAIN
from spanproof.checks.proving.evidence.necessity import Necessity, Use, merged
from spanproof.checks.proving.evidence.script import Script
from spanproof.checks.proving.evidence.unneeded import WHY
from spanproof.checks.proving.heard import listening
from spanproof.checks.proving.theorem import DOMAIN_NAMES, JOBS, Unit, prove, units
from spanproof.checks.record import load
from spanproof.checks.running.replaying import replay
from spanproof.checks.verdict import Verdict
from spanproof.impl.malloc import Runtime
from spanproof.model.claims import CLAIMS
from tests.checks.proofs.done import in_integers, together

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_bits(page: str) -> str:
    """The page without what it says of 64-bit words."""
    return re.sub(r"^\* \*\*\w+\*\* in 64-bit words: .*\n", "", page, flags=re.MULTILINE)


@together
def test_the_theorems_page_is_what_is_proved(generate: ModuleType) -> None:
    """In integers every verdict, premise, contract and number of obligations is as the proofs come out."""
    page = generate.THEOREMS_PAGE.read_text()
    proofs = {(unit, "int"): in_integers(unit) for job in JOBS.values() for unit in units(job, Runtime)}

    assert without_bits(page) == generate.theorems_page(("int",), proofs)
    assert page.count("**holds** in 64-bit words") == page.count("\n### ")


def test_the_findings_page_is_what_is_found(generate: ModuleType) -> None:
    """Searched again, every finding is there, and nothing else."""
    assert generate.FINDINGS_PAGE.read_text() == generate.findings_page()


def test_the_faults_page_has_every_fault_that_is_written_down(generate: ModuleType) -> None:
    """In words that are still true; and what is left out, with its reason."""
    text = generate.FAULTS_PAGE.read_text()
    names = set(re.findall(r"^(?:\| |\* )`(\w+)`", text, re.MULTILINE))
    assert names >= set(PLANTABLE)
    assert not names - set(every_fault())
    assert len([n for n in names & set(PLANTABLE) if PLANTABLE[n].origin in (Origin.HISTORY, Origin.STUDY)]) >= 40
    assert all(PLANTABLE[name].says in text for name in PLANTABLE)
    assert all(bug.reason in text for bug in LEFT_OUT)


def test_the_faults_page_keeps_what_was_promised(generate: ModuleType) -> None:
    """So many generated ones, of which so many that change something are caught; each survivor is explained."""
    text = generate.FAULTS_PAGE.read_text()
    line = r"^\* generated: (\d+) of (\d+) caught, (\d+) equivalent, (\d+) survived"
    caught, made, equivalent, survived = map(int, re.findall(line, text, re.MULTILINE)[0])
    assert made >= 150
    assert caught + equivalent + survived == made
    assert caught >= 0.97 * (made - equivalent)
    assert "Not explained yet" not in text
    assert "not asked in time" not in text
    most = re.findall(r"^\* history: .* at the median, ([\d.]+) s at most", text, re.MULTILINE)
    assert float(most[0]) < 10


def test_what_the_faults_page_says_of_a_search_is_found_again(generate: ModuleType) -> None:
    """Some of the faults that it says search has found."""
    rows = [line.split(" | ") for line in generate.FAULTS_PAGE.read_text().splitlines() if line.startswith("| `")]
    explore = 3 + list(LAYERS).index("explore")
    found = [row[0].strip("| `") for row in rows if len(row) == 3 + len(LAYERS) and "steps" in row[explore]]
    assert len(found) > 60
    for name in found[::12]:
        heap = subject(fault=name)
        assert by_search(PLANTABLE[name], heap, lambda _: None) is not None, name


def rows_of(page: Path) -> list[list[str]]:
    """The rows of its tables, heads left out, as cells."""
    lines = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in rows if row[0] not in {"proof", "conjunct", "fault"}]


def names_in(domains: tuple[str, ...]) -> set[str]:
    """How certificates call all proofs in these domains."""
    every = [unit for job in JOBS.values() for unit in units(job, Runtime)]
    return {f"{unit} in {DOMAIN_NAMES[domain]}" for unit in every for domain in domains}


def asked_of(name: str) -> list[str]:
    """The questions of a proof that is of one text for all releases."""
    (unit,) = units(JOBS[name], Runtime)
    script = Script()
    with listening(script):
        prove(unit, Runtime, "int")
    return [question.about for question in script.asked]


ASKED_AGAIN = ("alloc_needs_zero", "zeroing: rely", "memclr", "sweep")


def test_the_rechecked_page_has_every_proof(generate: ModuleType) -> None:
    """In integers, of the quick tier, and more; nobody disagrees, and nothing is open."""
    text, rows = generate.RECHECKED_PAGE.read_text(), rows_of(generate.RECHECKED_PAGE)
    names = {row[0] for row in rows}
    assert names >= names_in(("int",)) | {t.name for t in PLAIN if t.tier == "quick"}
    assert names <= names_in(("int", "bv64")) | {t.name for t in PLAIN}
    assert "on 0 somebody disagrees" in text
    assert [row[0] for row in rows if row[1] != row[2]] == []
    assert sum(int(row[1]) for row in rows) > 9_000


@pytest.mark.parametrize("name", ASKED_AGAIN)
def test_what_other_solvers_were_asked_is_what_proofs_ask(generate: ModuleType, name: str) -> None:
    """Done again, a proof asks as many questions as the pages say."""
    many = str(len(asked_of(name)))
    for page, column in ((generate.RECHECKED_PAGE, 1), (generate.STABILITY_PAGE, 1)):
        found = {row[column] for row in rows_of(page) if row[0] == f"{only_unit(name)} in integers" and len(row) != 4}
        assert found == {many}


def only_unit(name: str) -> Unit:
    """The one text of a proof."""
    (unit,) = units(JOBS[name], Runtime)
    return unit


def test_the_necessity_page_is_what_is_found(generate: ModuleType) -> None:
    """Done again, whatever is needed is needed on the page; a conjunct that nothing needs has a reason."""
    text, found = generate.NECESSITY_PAGE.read_text(), dict[str, Use]()
    for name in ("alloc_needs_zero", "zeroing: rely"):
        heard = Necessity(name)
        with listening(heard):
            prove(only_unit(name), Runtime, "int")
        found = merged([found, heard.uses])
    needed = {row[0] for row in rows_of(generate.NECESSITY_PAGE)}
    mine = {name for name, use in found.items() if use.needed_by}
    assert len(mine) > 15
    assert {
        f"{part.partition('.')[2]}: `{goal}`" for part, _, goal in (name.partition(": ") for name in mine)
    } <= needed
    assert "not explained yet" not in text
    assert all(reason in text for reason in WHY.values())


def test_the_stability_page_says_what_moves(generate: ModuleType) -> None:
    """Every proof of the quick tier in integers, under our solver; as many rows of what moves as it says."""
    text, rows = generate.STABILITY_PAGE.read_text(), rows_of(generate.STABILITY_PAGE)
    names = {row[0] for row in rows if len(row) == 3}
    assert names == names_in(("int",)) | {t.name for t in PLAIN if t.tier == "quick"}
    assert "0 of them in their answer" in text
    said = [int(number) for number in re.findall(r"; (\d+) move, \d+ of them in their answer", text)]
    assert said
    assert sum(said) == len([row for row in rows if len(row) == 4])


def test_the_obligations_that_fail_are_of_every_fault(generate: ModuleType) -> None:
    """That is written down; and most that fail have a run."""
    text, rows = generate.FAILING_PAGE.read_text(), rows_of(generate.FAILING_PAGE)
    names = set(re.findall(r"^(?:\| |\* )`(\w+)`", text, re.MULTILINE))
    assert names >= set(PLANTABLE)
    assert not names - set(every_fault())
    reached = [row for row in rows if row[2].startswith("reached")]
    assert len(reached) > 60


@pytest.mark.parametrize("name", ["plain_store_for_cas", "need_zero_not_raised"])
def test_the_obligation_that_fails_is_the_one_named(generate: ModuleType, name: str) -> None:
    """Put to the proofs again."""
    fault = PLANTABLE[name]
    again = judge_by_proofs(fault, lambda _: None).result
    (row,) = [row for row in rows_of(generate.FAILING_PAGE) if row[0] == f"`{name}`"]
    assert again.verdict is Verdict.HOLDS
    assert row[1] == again.bound.replace("|", "\\|")
    assert row[2].startswith("reached")


@pytest.mark.long
def test_the_theorems_page_in_64_bits(generate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for all of it."""
    monkeypatch.setitem(sys.modules, "generate", generate)
    monkeypatch.setattr(sys, "path", [str(DOCS), *sys.path])

    assert generate.THEOREMS_PAGE.read_text() == generate.theorems_page(("int", "bv64"))


def test_the_missed_overlap_is_the_shortest_and_replays(generate: ModuleType) -> None:
    """The record in docs is the one that a breadth-first search finds; in its run allocNeedsZero does not throw."""
    record = load(generate.MISSED)

    assert generate.MISSED.read_text() == generate.overlap_missed().dumps()
    assert replay(record, subject(fault=record.fault).heap_class).difference == ""
    assert record.violated.claim == "no_page_in_two_spans"
    assert not any("throw" in step.result for step in record.steps)
    done = [step.thread for step in record.steps if step.function == "alloc_needs_zero"]
    assert set(done) == {0, 1}, "both threads came through alloc_needs_zero"
    assert f"{len(record.steps)} steps" in (DOCS / "explanation" / "the-overlap-throw.md").read_text()


def test_dirty_memory_is_the_run_with_the_fewest_preemptions_and_replays(generate: ModuleType) -> None:
    """The record in docs is what the search finds, the page shows it as printed, and speaks of its steps."""
    record, page = load(generate.DIRTY), generate.DIRTY_PAGE.read_text()

    assert generate.DIRTY.read_text() == generate.dirty_memory().dumps()
    assert page == generate.dirty_memory_page(page)
    assert replay(record, subject().heap_class).difference == ""
    assert (record.violated.claim, record.switches, record.fault) == ("asked_for_zero_gets_zero", 1, None)
    taken, kept, read = (record.steps[n - 1] for n in (5, 47, 66))
    assert (taken.function, taken.access, record.steps[16].access) == ("scavenge_one", "lock", "unlock")
    assert (kept.cell, kept.after) == (read.cell, read.after) == ("mspan[0].needzero", "0")
    assert {int(n) for n in re.findall(r"\bsteps? (\d+)", page.partition("```\n\n")[2])} == {5, 47, 66}


def test_the_site_is_built_without_a_dead_link(tmp_path: Path) -> None:
    """As `mkdocs build` does: every page is in its table of contents, every link and anchor leads somewhere."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(  # noqa: S603  # a tool of ours
        command, cwd=DOCS.parent, capture_output=True, text=True, timeout=120, check=False
    )
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site" / "tutorial.html").exists()


def test_the_lists_are_what_there_is() -> None:
    """Claims, scenarios, releases, the command line and the glossary: made again, each page is the same."""
    spec = importlib.util.spec_from_file_location("catalogue", DOCS / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    catalogue = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(catalogue)

    assert catalogue.claims_page().count("\n### ") == len(CLAIMS)
    for path, text in catalogue.pages().items():
        assert path.read_text() == text, f"python docs/catalogue.py makes {path.name} anew"
