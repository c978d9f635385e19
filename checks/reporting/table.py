"""The verdict table in the terminal: what failed first, and one sentence last.

Colour only on a terminal; elsewhere plain text of 100 columns. No name is broken, so that it can be copied, and found
again: a long one has the line above what is said of it. Nothing in a result is read as markup.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from rich.box import Box
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from spanproof.checks.numbers import how_many
from spanproof.checks.reporting.words import READING_ORDER, WIDTH, in_reading_order, printable, sentence
from spanproof.checks.verdict import Report, Result, Verdict

WIDEST = 140
"""On a wider terminal a row is longer than the eye can follow."""
WIDEST_NAME = 36
"""Beside what is said of it."""
ABOVE = 0xE000
"""Stands for the first long name, the next for the next, until the table is laid out: no name has such letters."""
LEAST_PROSE = 20
"""Columns for what is said beside names, which may be longer than lines are elsewhere."""
RULED = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
"""A rule under the header, an empty line between sections, and nothing else."""
STYLES = {
    Verdict.VIOLATED: Style(color="red", bold=True),
    Verdict.UNKNOWN: Style(color="yellow"),
    Verdict.HOLDS: Style(color="green"),
}


def print_table(report: Report, file: TextIO, see: str = "") -> None:
    """Print the results, what could not run, and the verdict; `see` names the file that shows what was found."""
    whole = not file.isatty()
    console = _console(file, _least(report))
    with console.capture() as printed:
        if report.results:
            console.print(_results(report), "")
        if report.not_run:
            console.print(_not_run(report, whole=whole), "")
        console.print(Text(printable(sentence(report, see)), style=STYLES[report.verdict]), soft_wrap=True)
    _write(_named(printed.get(), _long_names(report)), file)


def _long_names(report: Report) -> list[str]:
    """The names that have a line of their own, each once."""
    names = (printable(result.name) for result in report.results)
    return list(dict.fromkeys(name for name in names if len(name) > WIDEST_NAME))


def _named(table: str, names: Sequence[str]) -> str:
    """The table with each long name in the room that was left for it: its own column and that of the prose."""
    for number, name in enumerate(names):
        room = re.search(f"{chr(ABOVE + number)} {{0,{len(name) - 1}}}", table)
        if room is not None:
            table = table.replace(room[0], name.ljust(len(room[0])))
    return table


def print_rows(titles: Mapping[str, Sequence[tuple[str, ...]]], file: TextIO) -> None:
    """Tables of names and what is said of each: the first row of each has the heads, the last column the prose."""
    width, whole = room(file), not file.isatty()
    fitted = {title: _fitted([tuple(map(printable, row)) for row in rows], width) for title, rows in titles.items()}
    console = _console(file, max(_beside(rows) + LEAST_PROSE for rows in fitted.values()))
    with console.capture() as printed:
        for title, (heads, *rows) in fitted.items():
            table = Table(title=title, title_justify="left", box=None, pad_edge=False)
            for place, head in enumerate(heads):
                table.add_column(head, no_wrap=whole and place < len(heads) - 1, overflow="fold")
            for row in rows:
                table.add_row(*map(Text, row))
            console.print(table, "")
    _write(printed.get(), file)


def _fitted(rows: Sequence[tuple[str, ...]], width: int) -> Sequence[tuple[str, ...]]:
    """The rows, with as many columns above the prose, instead of beside it, as have no room there."""
    kept = len(rows[0]) - 1
    while kept > 1 and _beside([(*row[:kept], "") for row in rows]) + LEAST_PROSE > width:
        kept -= 1
    if kept == len(rows[0]) - 1:
        return rows
    heads, *rest = rows
    above = [", ".join(_counted(row[kept:-1], heads[kept:-1])) for row in rest]
    told = [(*row[:kept], "\n".join(filter(None, (said, row[-1])))) for row, said in zip(rest, above, strict=True)]
    return [(*heads[:kept], ", ".join(heads[kept:])), *told]


def _counted(cells: Sequence[str], heads: Sequence[str]) -> Iterator[str]:
    """Cells that stand under no head of their own: a number says what it counts."""
    for cell, head in zip(cells, heads, strict=True):
        if cell:
            yield f"{cell} {head}" if cell.replace(",", "").isdecimal() else cell


def _beside(rows: Sequence[tuple[str, ...]]) -> int:
    """The columns that are taken by all but the last."""
    return sum(max(map(len, column)) + 1 for column in list(zip(*rows, strict=True))[:-1])


def _write(text: str, file: TextIO) -> None:
    """Without the blanks that fill up a line."""
    file.write("".join(f"{line.rstrip()}\n" for line in text.splitlines()))


def _least(report: Report) -> int:
    """The columns that it takes to break no name of what did not run, and a few for the prose."""
    not_run = [(item.check, printable(item.name), f"{item.count:,}", "") for item in report.not_run]
    return _beside(not_run) + LEAST_PROSE if not_run else 0


def room(file: TextIO) -> int:
    """The columns that a text has: those of the terminal, within reason, and as many as a page has elsewhere."""
    return min(WIDEST, Console(file=file).width) if file.isatty() else WIDTH


def _console(file: TextIO, least: int = 0) -> Console:
    """`least`: the columns that are needed where there is no terminal, so that no name is broken."""
    terminal = file.isatty()
    width = room(file) if terminal else max(WIDTH, least)
    return Console(file=file, force_terminal=terminal, width=width, markup=False, emoji=False, highlight=False)


def _results(report: Report) -> Table:
    count, names = len(report.results), _long_names(report)
    table = _table(f"{how_many(count, 'results')}, {report.release}, seed {report.seed}")
    table.add_column("verdict", no_wrap=True)
    table.add_column("check", no_wrap=True)
    longest = max(len(printable(result.name)) for result in report.results)
    table.add_column("name", no_wrap=True, width=min(longest, WIDEST_NAME))
    reasons = any(result.reason for result in report.results)
    table.add_column("reason, bound" if reasons else "bound", overflow="fold", ratio=1)
    table.add_column("seconds", justify="right", no_wrap=True)
    ordered = in_reading_order(report.results)
    for i, result in enumerate(ordered):
        last = i + 1 == len(ordered) or ordered[i + 1].verdict is not result.verdict
        table.add_row(*_cells(result, names), end_section=last and result.verdict is not READING_ORDER[-1])
    return table


def _cells(result: Result, long_names: Sequence[str]) -> list[Text]:
    """One row. The reason, if there is one, stands above the bound: side by side both would be a few letters wide."""
    name, said = printable(result.name), [printable(text) for text in (result.reason, result.bound) if text]
    if name in long_names:
        name, said = chr(ABOVE + long_names.index(name)), ["", *said]
    return [
        Text(result.verdict.value, style=STYLES[result.verdict]),
        Text(printable(result.check)),
        Text(name),
        Text("\n".join(said)),
        Text(f"{result.seconds:.2f}"),
    ]


def _not_run(report: Report, *, whole: bool) -> Table:
    table = _table("not run: no result, and no change of the verdict")
    table.add_column("check", no_wrap=True)
    table.add_column("name", overflow="fold", no_wrap=whole)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold", ratio=1)
    for item in report.not_run:
        table.add_row(*(Text(printable(text)) for text in (item.check, item.name, f"{item.count:,}", item.reason)))
    return table


def _table(title: str) -> Table:
    table = Table(title=Text(printable(title)), title_justify="left", title_style="", box=RULED, show_edge=False)
    table.expand, table.pad_edge, table.padding = True, False, (0, 1, 0, 0)
    return table
