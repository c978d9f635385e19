"""A copy of the repository into which examples of the how-tos are put, as somebody does who follows them."""

import ast
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("model", "impl", "checks", "src", "tests", "docs", "pyproject.toml", "README.md", "mkdocs.yml")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACES = {
    "scenario": ("add-a-scenario.md", "checks/scenarios.py", "SPAN_SCENARIOS"),
    "fault": ("add-a-fault.md", "checks/faults/corpus.py", "SPAN_FAULTS"),
    "invariant": ("add-an-invariant.md", "model/invariants.py", "INVARIANTS"),
}
"""Of each example: the how-to that has it, the file and the list that it goes into."""


def cloned(folder: Path) -> Path:
    """The repository once more, in an empty folder."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


def put_in(folder: Path, what: str) -> None:
    """Put the example of a scenario, a fault or an invariant where its how-to says."""
    page, file, name = PLACES[what]
    text = (folder / "docs" / "how-to" / page).read_text(encoding="utf-8")
    (block,) = (b for _, b in BLOCK.findall(text) if re.match(rf"# an? {what}\n", b))
    before, item = _parted(block)
    place = folder / file
    lines = place.read_text(encoding="utf-8").splitlines(keepends=True)
    (assigned,) = (n for n in ast.parse("".join(lines)).body if isinstance(n, ast.Assign) and _names(n) == [name])
    assert isinstance(assigned.value, ast.Tuple)
    lines[assigned.value.end_lineno - 1 : assigned.value.end_lineno - 1] = [f"{item},\n"]  # type: ignore[operator]
    lines[assigned.lineno - 1 : assigned.lineno - 1] = [f"{before}\n\n"]
    place.write_text("".join(lines), encoding="utf-8")


def _parted(block: str) -> tuple[str, str]:
    """(what stands before the list, what is an item of it): an example ends with the item."""
    last = ast.parse(block).body[-1]
    assert isinstance(last, ast.Expr)
    lines = block.splitlines()
    return "\n".join(lines[: last.lineno - 1]), "\n".join(lines[last.lineno - 1 :])


def _names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]
