"""The verdict table in the terminal."""

import io
import re
from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from spanproof.checks.proofs.catalogue import PLAIN, THEOREMS
from spanproof.checks.reporting.table import WIDEST_NAME, print_rows, print_table
from spanproof.checks.reporting.words import WIDTH, paragraph
from spanproof.checks.verdict import Report, Result, Verdict
from tests.checks.reporting.examples import HOSTILE, mixed_report

SEE = "spanproof-report/report.html"


class Terminal(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        """Always."""
        return True


def printed(report: Report, see: str = SEE, file: io.StringIO | None = None) -> str:
    """What the table prints."""
    file = io.StringIO() if file is None else file
    print_table(report, file, see)
    return file.getvalue()


def test_the_table(snapshot: SnapshotAssertion) -> None:
    """Failures first, then what is unknown, then what holds; below what did not run; the verdict in the last line."""
    assert printed(mixed_report()) == snapshot


@pytest.mark.parametrize(
    ("verdicts", "last"),
    [
        ((), "unknown: nothing was checked"),
        ((Verdict.HOLDS, Verdict.HOLDS), f"holds: 2 of 2 results hold, see {SEE}"),
        ((Verdict.HOLDS, Verdict.UNKNOWN), f"unknown: 1 of 2, see {SEE}"),
        ((Verdict.VIOLATED, Verdict.HOLDS, Verdict.VIOLATED), f"violated: 2 of 3, see {SEE}"),
        ((Verdict.UNKNOWN, Verdict.VIOLATED), f"violated: 1 of 2, unknown 1 of 2, see {SEE}"),
    ],
)
def test_the_last_line_is_the_verdict(verdicts: tuple[Verdict, ...], last: str) -> None:
    """One sentence says how many results decided the verdict; no results at all is unknown."""
    report = Report("check", "go1.14", 7, tuple(Result("explore", f"s{n}", v) for n, v in enumerate(verdicts)))

    assert printed(report).splitlines()[-1] == last


def test_every_verdict_is_shown() -> None:
    """Each of the three verdicts stands in the row of its result."""
    rows = printed(mixed_report()).splitlines()

    assert [row.split()[0] for row in rows if row.split()[:1] and row.split()[0] in set(Verdict)] == [
        "violated",
        "unknown",
        "holds",
    ]


def test_plain_away_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file gets no colour and at most 100 columns, whatever the environment asks for."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "300")
    text = printed(mixed_report())

    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal shows the verdicts in colour, unless NO_COLOR asks for none."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    assert "\x1b[1;31mviolated" in printed(mixed_report(), file=Terminal())

    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[1;31m" not in printed(mixed_report(), file=Terminal())


def test_texts_are_no_markup() -> None:
    """Square brackets, emoji names and escape sequences in a result are shown as they are, or escaped."""
    result = Result("explore", "[red]base[1][/red] :smile:", Verdict.UNKNOWN, HOSTILE)
    text = printed(replace(mixed_report(), results=(result,)))

    assert "[red]base[1][/red]" in text
    assert ":smile:" in text.split("not run")[0]
    assert "\x1b" not in text


NAME = "a_name_of_forty_five_columns_as_there_are_some"


def test_no_name_is_broken_away_from_a_terminal() -> None:
    """It can be copied, and found; what is said beside it gives way, and no line ends in blanks."""
    prose = 20 * "what is said of it "
    results = tuple(Result("explore", name, Verdict.HOLDS, prose, prose) for name in (NAME, NAME[:8]))
    text = printed(replace(mixed_report(), results=results))
    assert NAME in text
    assert max(map(len, text.splitlines())) <= WIDTH
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_said_has_room_beside_the_longest_names(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of a theorem or of a trace takes a line of its own before it leaves the prose a few letters wide."""
    if terminal:
        monkeypatch.setenv("COLUMNS", "100")
    names = [theorem.name for theorem in (*THEOREMS, *PLAIN)] + ["go1.27.3-gcheavy: the_reference_predicts_every_event"]
    results = tuple(Result("prove", name, Verdict.UNKNOWN, "", 30 * "word ", (), 1.25) for name in names)
    text = printed(replace(mixed_report(), results=results, not_run=()), file=Terminal() if terminal else None)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert max(map(len, lines)) <= WIDTH
    for name in names:
        (line,) = (line for line in lines if re.search(rf" {re.escape(name)}( |$)", line))
        assert line.endswith("1.25")
        assert ("word word word word word word" in line) == (len(name) <= WIDEST_NAME)
    assert sum("word word word word word word" in line for line in lines) >= 4 * len(names)


@pytest.mark.parametrize("columns", [2, 3, 6])
def test_lists_break_no_name(columns: int) -> None:
    """Columns that have no room beside the prose stand above it."""
    heads = ("name", "claim", "release", "states", "threads", "says")
    row = (NAME, NAME.upper(), "go1.16", "3,260", "2", 20 * "what is said of it ")
    out = io.StringIO()
    print_rows({"things": [(*x[: columns - 1], x[-1]) for x in (heads, row)]}, out)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= WIDTH
    assert NAME in text
    assert (NAME.upper() in text) == (columns > 2)
    assert columns < 6 or "go1.16, 3,260 states, 2 threads" in " ".join(text.split())
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_long_text_is_no_verdict() -> None:
    """Broken over lines, none but the first begins at the margin; a word without end is shortened."""
    lines = paragraph(f"violated: {30 * 'nothing '}\nholds: everything {400 * '9'}").splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert [line for line in lines if not line.startswith(" ")] == lines[:1]
    assert "...9" in lines[-1]
