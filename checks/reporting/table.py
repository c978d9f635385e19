"""The verdict table in the terminal: what failed first, and one sentence last.

Colour only on a terminal; elsewhere plain text of 100 columns. Nothing in a result is read as markup.
"""

from typing import TextIO

from rich.box import Box
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from spanproof.checks.reporting.words import READING_ORDER, WIDTH, in_reading_order, printable, sentence
from spanproof.checks.verdict import Report, Result, Verdict

WIDEST = 140
"""On a wider terminal a row is longer than the eye can follow."""
WIDEST_NAME = 36
RULED = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
"""A rule under the header, an empty line between sections, and nothing else."""
STYLES = {
    Verdict.VIOLATED: Style(color="red", bold=True),
    Verdict.UNKNOWN: Style(color="yellow"),
    Verdict.HOLDS: Style(color="green"),
}


def print_table(report: Report, file: TextIO, see: str = "") -> None:
    """Print the results, what could not run, and the verdict; `see` names the file that shows what was found."""
    console = _console(file)
    with console.capture() as printed:
        if report.results:
            console.print(_results(report), "")
        if report.not_run:
            console.print(_not_run(report), "")
        console.print(Text(printable(sentence(report, see)), style=STYLES[report.verdict]), soft_wrap=True)
    file.write("".join(f"{line.rstrip()}\n" for line in printed.get().splitlines()))


def _console(file: TextIO) -> Console:
    terminal = file.isatty()
    width = min(WIDEST, Console(file=file).width) if terminal else WIDTH
    return Console(file=file, force_terminal=terminal, width=width, markup=False, emoji=False, highlight=False)


def _results(report: Report) -> Table:
    count = len(report.results)
    table = _table(f"{count} result{'' if count == 1 else 's'}, {report.release}, seed {report.seed}")
    table.add_column("verdict", no_wrap=True)
    table.add_column("check", no_wrap=True)
    longest = max(len(result.name) for result in report.results)
    table.add_column("name", overflow="fold", width=min(longest, WIDEST_NAME))
    reasons = any(result.reason for result in report.results)
    table.add_column("reason, bound" if reasons else "bound", overflow="fold", ratio=1)
    table.add_column("seconds", justify="right", no_wrap=True)
    ordered = in_reading_order(report.results)
    for i, result in enumerate(ordered):
        last = i + 1 == len(ordered) or ordered[i + 1].verdict is not result.verdict
        table.add_row(*_cells(result), end_section=last and result.verdict is not READING_ORDER[-1])
    return table


def _cells(result: Result) -> list[Text]:
    """One row. The reason, if there is one, stands above the bound: side by side both would be a few letters wide."""
    said = "\n".join(printable(text) for text in (result.reason, result.bound) if text)
    return [
        Text(result.verdict.value, style=STYLES[result.verdict]),
        *(Text(printable(text)) for text in (result.check, result.name)),
        Text(said),
        Text(f"{result.seconds:.2f}"),
    ]


def _not_run(report: Report) -> Table:
    table = _table("not run: no result, and no change of the verdict")
    table.add_column("check", no_wrap=True)
    table.add_column("name", overflow="fold")
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold", ratio=1)
    for item in report.not_run:
        table.add_row(*(Text(printable(text)) for text in (item.check, item.name, f"{item.count:,}", item.reason)))
    return table


def _table(title: str) -> Table:
    table = Table(title=Text(printable(title)), title_justify="left", title_style="", box=RULED, show_edge=False)
    table.expand, table.pad_edge, table.padding = True, False, (0, 1, 0, 0)
    return table
