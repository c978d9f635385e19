"""Where each column of the lanes stands, and what each row says.

Lanes may be narrower than their texts: only one thread acts in a row, so its text may run over the empty lanes to its
right. Read next: watch.py, which chooses the cells and the folds.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from spanproof.checks.record import Record, Step
from spanproof.checks.reporting.watch import failed_swap, folds, start_value, watched
from spanproof.checks.reporting.words import WIDTH, clip, printable, threads

GAP = 2
NARROWEST = 60
"""Columns in which lanes can be read at all."""
NARROW = 14
"""The least width of a lane, while there is room for it."""
ONE_LANE_ABOVE = 8
"""So many threads have lanes of their own; more share one, each row naming its thread."""
CELL_WIDTH = 24
HEADER_LINES = 4
MARK = "<-- violated here"
AT_START = "violated at the start, before any step"
FOLDED = "(n steps in f): folded; nobody else runs in between, and no cell shown at the right is touched"


@dataclass(frozen=True, slots=True)
class Row:
    """One line: the step or steps, who took them, what was done, and the texts under the watched cells."""

    label: str
    thread: int
    text: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One watched cell and the room its values take."""

    cell: str
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns from left to right: the step, one lane a thread (`starts` counts from the first lane), the cells."""

    width: int
    """Of all of it."""
    step: int
    starts: dict[int, int]
    lanes: int
    columns: tuple[Column, ...]
    named: bool
    """Whether a row must say whose it is, since all threads share one lane."""


def grid(record: Record, mark: str = MARK, at_start: str = AT_START, *, width: int = WIDTH) -> list[str]:
    """The lanes of a record, line by line.

    mark: what stands beside the last step.
    at_start: what is said where there are no steps.
    width: columns of the longest line, NARROWEST at least.
    """
    if not record.steps:
        return [f"  {at_start}"]
    every = watched(record)
    columns = _columns(record, every, width)
    shown = [column.cell for column in columns]
    rows = _rows(record, shown)
    layout = _layout(record, rows, columns, (mark, width))
    return [
        *_header(record, layout),
        _line(layout, _start(record, columns)),
        *(_line(layout, row) for row in rows[:-1]),
        *_marked(_line(layout, rows[-1]), mark, width),
        *(_note(FOLDED, width) if any("-" in row.label for row in rows) else ()),
        *_without_room([cell for cell in every if cell not in shown], width),
    ]


def _columns(record: Record, cells: Sequence[str], width: int) -> tuple[Column, ...]:
    """The watched cells that have room beside the lanes; the first always has."""
    lanes = len({step.thread for step in record.steps})
    room = width - 16 - min(62, 34 + NARROW * (min(lanes, ONE_LANE_ABOVE) - 1))
    widths = {cell: max(len(printable(cell)), len(printable(start_value(record, cell)))) for cell in cells}
    for step in record.steps:
        if step.cell in widths:
            widths[step.cell] = max(widths[step.cell], len(_value(step)))
    columns: list[Column] = []
    for cell, need in widths.items():
        wide = min(CELL_WIDTH, need)
        if columns and room < wide + GAP:
            continue
        columns.append(Column(cell, wide))
        room -= wide + GAP
    return tuple(columns)


def _value(step: Step) -> str:
    """What a row shows under the cell that its step touched."""
    if step.before == step.after:
        return _shortened(step.after, CELL_WIDTH)
    room = (CELL_WIDTH - len(" -> ")) // 2
    before, after = _shortened(step.before, room), _shortened(step.after, room)
    return "(changed)" if before == after else f"{before} -> {after}"


def _shortened(value: str, width: int) -> str:
    return clip(printable(value), width)


def _rows(record: Record, shown: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for group in folds(record.steps, shown):
        step = record.steps[group[0]]
        if len(group) > 1:
            text = f"({len(group)} steps in {_functions(record.steps[group.start : group.stop])})"
            rows.append(Row(f"{group.start + 1}-{group.stop}", step.thread, text, ("",) * len(shown)))
        else:
            cells = tuple(_value(step) if step.cell == cell else "" for cell in shown)
            rows.append(Row(str(group.start + 1), step.thread, _text(step, shown), cells))
    return rows


def _functions(steps: Sequence[Step]) -> str:
    names = list(dict.fromkeys(printable(step.function) for step in steps))
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _text(step: Step, shown: Sequence[str]) -> str:
    """What the thread did: the cell is named unless its column shows it."""
    text = f"{step.function}: {step.access}"
    if failed_swap(step):
        text += " failed"
    return printable(text if step.cell in shown else f"{text} {step.cell}")


def _start(record: Record, columns: Sequence[Column]) -> Row:
    values = tuple(_shortened(start_value(record, column.cell), CELL_WIDTH) for column in columns)
    return Row("start", -1, "", values)


def _layout(record: Record, rows: Sequence[Row], columns: tuple[Column, ...], ends: tuple[str, int]) -> Layout:
    """`ends`: the mark, and the last column."""
    mark, width = ends
    step = max(len("start"), *(len(row.label) for row in rows))
    room = width - 2 - step - GAP - sum(column.width + GAP for column in columns)
    with_mark = width - 2 - step - GAP - GAP - len(rows[-1].cells[0]) - GAP - len(mark)
    if with_mark >= NARROW:  # else the mark stands on a line of its own
        room = min(room, with_mark)
    acting = sorted({step.thread for step in record.steps})
    if len(acting) > ONE_LANE_ABOVE:
        return Layout(width, step, dict.fromkeys(acting, 0), room, columns, named=True)
    needs = [max(len(row.text) for row in rows if row.thread == thread) for thread in acting]
    programs = threads(record)
    wide = [max(need, *map(len, _title(t, programs[t], 2 * NARROW))) for need, t in zip(needs, acting, strict=True)]
    if sum(wide) + GAP * len(wide) <= room:
        starts = {thread: sum(wide[:k]) + GAP * k for k, thread in enumerate(acting)}
        return Layout(width, step, starts, sum(wide) + GAP * (len(wide) - 1), columns, named=False)
    apart = room // len(acting)
    if len(acting) > 1:
        apart = min(apart, max(NARROW, (room - max(needs)) // (len(acting) - 1)))
    return Layout(width, step, {t: k * apart for k, t in enumerate(acting)}, room, columns, named=False)


def _line(layout: Layout, row: Row) -> str:
    start = layout.starts.get(row.thread, 0)
    text = f"T{row.thread} {row.text}" if layout.named and row.thread >= 0 else row.text
    lane = (" " * start + clip(text, layout.lanes - start)).ljust(layout.lanes)
    beside = zip(layout.columns, row.cells, strict=True)
    cells = "".join(" " * GAP + text.ljust(column.width) for column, text in beside)
    return f"  {row.label:>{layout.step}}  {lane}{cells}".rstrip()


def _header(record: Record, layout: Layout) -> list[str]:
    """The names of the columns. The programs stand in them if each has room there, else one a line above them."""
    programs = threads(record)
    ends = [*(start - GAP for start in list(layout.starts.values())[1:]), layout.lanes]
    heads: list[tuple[int, list[str]]] = []
    if not layout.named:
        lanes = zip(layout.starts.items(), ends, strict=True)
        heads = [(start, _title(thread, programs[thread], end - start)) for (thread, start), end in lanes]
    if (
        layout.named
        or any(len(title) > HEADER_LINES or title == [""] for _, title in heads)
        or len(programs) > len(heads)
    ):
        above = [clip(f"  T{thread} {'; '.join(ops)}", layout.width) for thread, ops in programs.items() if ops]
        heads = [(start, [f"T{thread}"]) for thread, start in layout.starts.items()][: len(heads)]
        return [*above, *([""] if above else []), *_heads(layout, heads)]
    return _heads(layout, heads)


def _title(thread: int, operations: Sequence[str], width: int) -> list[str]:
    """The thread and its operations, one a line; nothing if one of them is too long for the lane."""
    lines = [f"{'' if n else f'T{thread}':<3}{op}" for n, op in enumerate(operations)] or [f"T{thread}"]
    return [""] if max(map(len, lines)) > width else lines


def _heads(layout: Layout, heads: Sequence[tuple[int, list[str]]]) -> list[str]:
    """The lines of the header; the step and the cells stand on the last, just above their values."""
    height = max((len(title) for _, title in heads), default=1)
    lines: list[str] = []
    for k in range(height):
        lane = ""
        for start, title in heads:
            lane = lane.ljust(start) + (title[k] if k < len(title) else "")
        lines.append(f"  {'':>{layout.step}}  {lane}".rstrip())
    names = "".join(" " * GAP + clip(printable(c.cell), c.width).ljust(c.width) for c in layout.columns)
    last = lines[-1][2 + layout.step :].ljust(GAP + layout.lanes)
    return [*lines[:-1], f"  {'step':>{layout.step}}{last}{names}".rstrip()]


def _marked(line: str, mark: str, width: int) -> list[str]:
    if len(line) + GAP + len(mark) <= width:
        return [f"{line}  {mark}"]
    return [line, mark.rjust(width)]


def _without_room(cells: Sequence[str], width: int) -> list[str]:
    """A note that names the watched cells which have no column."""
    if not cells:
        return []
    return _note(f"watched too, but without room here: {', '.join(printable(cell) for cell in cells)}", width)


def _note(text: str, width: int) -> list[str]:
    """A text below the lanes."""
    return ["", *textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)]
