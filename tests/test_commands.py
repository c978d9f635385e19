"""Every command that README and docs name is there with its options, and is run, if with less to do."""

import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest

from spanproof.checks import cli
from spanproof.checks.tracing.shipped import RECORDED
from tests.checks.golang.conftest import newest
from tests.clone import ROOT

DOCS = ROOT / "docs"
SAID = re.compile(r"(?:`|^\s*(?:\$ )?(?:\.venv/bin/)?)spanproof ([a-z][^`\n]*)", re.MULTILINE)
"""A command that a page names, in its text or in a block."""
NO_COMMANDS = {"record", "holds"}
"""What `spanproof` begins otherwise: the JSON format, a sentence."""
VIOLATED, UNKNOWN = 1, 3
RECHECKED = ("prove --certificates kept find1_finds_the_lowest_free_page && prove --recheck kept --json a.json", 0)
"""One writes what the other reads."""
AS_RUN: dict[str, tuple[str, int]] = {
    "compare": ("compare --seed 7 --examples 20", UNKNOWN),
    "compare --histories": ("compare --histories 500", UNKNOWN),
    "compare --seed 7": ("compare --seed 7 --examples 20", UNKNOWN),
    "completion SHELL": ("completion zsh", 0),
    "explain NAME": ("explain no_page_in_two_spans", 0),
    "explore --fault NAME": ("explore two_allocs_one_arena --fault failed_cas_not_reloaded", VIOLATED),
    "explore --fault plain_store_for_cas": ("explore two_allocs_one_arena --fault plain_store_for_cas", VIOLATED),
    "explore NAME": ("explore finding_done_beside_a_reclaimer", 0),
    "explore SCENARIO": ("explore dirty_and_fresh", 0),
    "explore [SCENARIO...]": ("explore dirty_and_fresh free_against_alloc", 0),
    "faults": ("faults second_fit", 0),
    "faults --json FILE": ("faults second_fit --json found.json", 0),
    "faults NAME": ("faults second_fit", 0),
    "faults [NAME...]": ("faults second_fit", 0),
    "go compare": ("go compare --commands 500 --goroot NEWEST", 0),
    "go interleave": ("go interleave two_allocs_each --goroot NEWEST", 0),
    "go interleave finding_free_below_the_cursor": (
        "go interleave finding_free_below_the_cursor --goroot NEWEST",
        VIOLATED,
    ),
    "go releases": ("go releases --goroot NEWEST", 0),
    "go releases --goroot DIR --release go1.27": ("go releases --goroot NEWEST --release go1.27", 0),
    "list": ("list", 0),
    "pin RECORD": ("pin docs/records/overlap-missed.json", 0),
    "prove --certificates DIR": RECHECKED,
    "prove --necessity --json FILE": ("prove cursors_rise_where_they_may --necessity --json uses.json", 0),
    "prove --recheck DIR --json FILE": RECHECKED,
    "prove --stability --json FILE": ("prove cursors_rise_where_they_may --stability --json moves.json", 0),
    "prove needzero_false_is_already_zero --without sys_unused_zeroes": (
        "prove needzero_false_is_already_zero --without sys_unused_zeroes",
        VIOLATED,
    ),
    "prove --tier long": ("prove index_words_say_what_was_stored --tier long", 0),
    "prove NAME": ("prove find1_finds_the_lowest_free_page", 0),
    "prove [THEOREM...]": ("prove find1_finds_the_lowest_free_page", 0),
    "replay RECORD": ("replay docs/records/overlap-missed.json", VIOLATED),
    "trace": ("trace RECORDED", 0),
    "trace [FILE...]": ("trace RECORDED", 0),
}
"""What is run, and its exit code, of a command that has a placeholder or more to do than a test may."""
CI = (".ci/run", ".venv/bin/spanproof check --budget 600\n")
"""All of `check`, which does what `prove` and `explore` do."""
ONE_FAULT = ("tests/checks/faults/test_by_proofs.py", '["faults", "plain_store_for_cas", "--proofs", ')
ELSEWHERE: dict[str, tuple[str, str]] = {
    "bench explore": ("tests/checks/benching/test_rows.py", '["bench", "explore", "sampled_schedules", '),
    "bench explore --json FILE": ("tests/checks/benching/test_rows.py", '"sampled_schedules", "--json", '),
    "check": CI,
    "explore": CI,
    "prove": CI,
    "prove no_overlapping_spans": CI,
    "faults my_fault --proofs": ONE_FAULT,
    "faults --proofs": ONE_FAULT,
    "go check --patch FILE": ("tests/checks/golang/test_patched.py", '["go", "check", "--patch", '),
    "replay": ("tests/test_readme.py", "def test_the_replay_line_of_the_readme_runs("),
    "replay spanproof-report/FILE.json": ("tests/test_readme.py", "def test_the_replay_line_of_the_readme_runs("),
}  # fmt: skip
"""Who runs it, and by what line: all of it, or with something in place of Go or of what is not there."""
NOT_IN_CI = {
    "go fetch": "it needs the network",
    "go releases --keep": "it changes what the tests hold Go to; that a patched Go is refused is tested",
    "replay docs/records/dirty-memory-as-zero.json --go": "not every machine can show it; what it does is tested",
}
"""Commands that no test runs as they stand, and why."""
ALONE = {"bench", "go"}
"""What is named as a part of the tool: its commands are named too."""


@cache
def named() -> dict[str, set[str]]:
    """Each command that a page names, as it stands there, and the pages."""
    found: dict[str, set[str]] = {}
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))):
        for said in SAID.findall(page.read_text(encoding="utf-8")):
            words = re.split(r"  +| \.\.\.", said)[0].strip()  # what is said of it stands behind two spaces
            if words.split()[0] not in NO_COMMANDS:
                found.setdefault(words, set()).add(page.name)
    return found


def shown() -> set[str]:
    """Commands of which a page shows what they print: tests/test_guides.py and tests/test_readme.py run those."""
    pages = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
    lines = (line for page in pages for line in page.read_text(encoding="utf-8").splitlines())
    return {line.removeprefix("$ spanproof ") for line in lines if line.startswith("$ spanproof ")}


def is_there(command: click.Command, words: list[str]) -> bool:
    """Whether there is such a command, and all options that are given are its own."""
    if isinstance(command, click.Group) and words:
        return words[0] in command.commands and is_there(command.commands[words[0]], words[1:])
    options = {"--help", *(option for parameter in command.params for option in parameter.opts)}
    given = (word.partition("=")[0].rstrip(".,;:") for word in words if re.match(r"--[a-z]", word))
    return set(given) <= options


def test_every_command_that_a_page_names_is_there() -> None:
    """With each of its options; whoever follows a page meets nothing that is gone."""
    assert len(named()) > 60
    missing = {words: pages for words, pages in named().items() if not is_there(cli.cli, words.split())}
    assert missing == {}
    assert not is_there(cli.cli, ["explore", "--budgets"])
    assert not is_there(cli.cli, ["explorer"])


TO_RUN = {AS_RUN.get(words, (words, 0)) for words in set(named()) - shown() - set(ELSEWHERE) - set(NOT_IN_CI) - ALONE}


@pytest.mark.parametrize(("run", "ends"), sorted(TO_RUN))
def test_every_command_that_a_page_names_runs(
    run: str, ends: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands there, or with less to do; it ends as it should."""
    (tmp_path / "docs").symlink_to(DOCS)
    monkeypatch.chdir(tmp_path)
    assert re.search(r"[A-Z]{3}", run.replace("NEWEST", "").replace("RECORDED", "")) is None, f"{run}: with what?"
    for command in run.split(" && "):
        assert cli.main([_filled(word) for word in shlex.split(command)]) == ends


def test_what_is_run_is_what_is_named() -> None:
    """The same command, with all options that the page gives it."""
    for words, (run, _) in AS_RUN.items():
        assert words.split(maxsplit=1)[0] == run.split(maxsplit=1)[0]
        assert options(words) <= options(run)


def options(words: str) -> set[str]:
    """The options that a command is given."""
    return {word for word in words.split() if word.startswith("--")}


def _filled(word: str) -> str:
    """A word, or what it stands for."""
    if word == "NEWEST":
        return str(newest().root)
    return str(RECORDED[-1]) if word == "RECORDED" else word


def test_what_is_run_elsewhere_is_run_there() -> None:
    """By a line that stands there; and nothing is excepted that no page names."""
    for words, (file, line) in ELSEWHERE.items():
        assert line in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not run {words}"
    assert set(AS_RUN) | set(ELSEWHERE) | set(NOT_IN_CI) <= set(named())
