"""The figures of a bench as a page of docs, from `spanproof bench explore --json FILE`. Read next: rows.py."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

HEAD = """\
# Speed

Generated from the results of `spanproof bench explore --json FILE`, on two cores that did little else. Each row is a
figure that is to be reached, and says what was measured and how; where it is not reached, what limits it and what was
tried. Ratios are of one session. Figures of another machine differ; the command measures yours.
"""


def speed_page(results: Sequence[Mapping[str, Any]]) -> str:
    """The whole page."""
    reached = sum(result["verdict"] == "holds" for result in results)
    return "\n".join((HEAD, f"{reached} of {len(results)} are reached.\n", *_rows(results))).rstrip() + "\n"


def _rows(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for result in results:
        figure, _, how = result["bound"].partition(": ")
        yield f"## {result['name']}"
        yield ""
        yield f"**{figure}**: {how}"
        yield ""
        if result["reason"]:
            yield f"Not reached: {result['reason']}."
            yield ""
