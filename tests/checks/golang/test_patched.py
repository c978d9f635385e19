"""Patches of Go's page heap: a right one holds, wrong ones are violations, and what is not run is unknown."""

import difflib
import json
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.golang.patched import PatchError, changed_by, edits_of, resting_on, snake
from spanproof.checks.golang.toolchains import Toolchain
from tests.checks.golang.conftest import edited

RIGHT = {
    "min in place of an if": (
        "mheap.go", "		if arenaLimit > heapArenaBytes {\n			arenaLimit = heapArenaBytes\n		}\n",
        "		arenaLimit = min(arenaLimit, heapArenaBytes)\n",
    ),
}  # fmt: skip
WRONG = {
    "a watermark that is off by a page": (
        "mheap.go", "if arenaBase < zeroedBase {", "if arenaBase+pageSize < zeroedBase {",
    ),
    "a cache is looked for behind its block": (
        "mpagecache.go", "pageSize*(pageCachePages-1)}", "pageSize*pageCachePages}",
    ),
    "a sweeper that does not win its span": (
        "mgcsweep.go", "if !atomic.Cas(&s.sweepgen, l.sweepGen-2, l.sweepGen-1) {",
        "if atomic.Store(&s.sweepgen, l.sweepGen-1); false {",
    ),
}  # fmt: skip
BEYOND = (
    "mheap.go",
    "func (h *mheap) allocManual(npages uintptr, typ spanAllocType) *mspan {\n",
    "		_ = npages\n",
)
"""A change that is not run here: of a function that takes the whole heap."""


def patch_of(toolchain: Toolchain, file: str, old: str, new: str) -> str:
    """The change as a unified diff."""
    before = (toolchain.runtime / file).read_text(encoding="utf-8")
    after = edited(toolchain, file, old, new)[file].decode()
    names = f"a/src/runtime/{file}", f"b/src/runtime/{file}"
    return "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), *names))


def judged(toolchain: Toolchain, patch: str, folder: Path) -> tuple[int, dict[str, str]]:
    """(the exit code, the verdicts by name) of the command."""
    (folder / "change.diff").write_text(patch, encoding="utf-8")
    place = ["--goroot", str(toolchain.root), "--json", str(folder / "found.json"), "--out", str(folder)]
    code = cli.main(["go", "check", "--patch", str(folder / "change.diff"), "--commands", "5000", *place])
    results = json.loads((folder / "found.json").read_text())["results"]
    return code, {result["name"]: result["verdict"] for result in results}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_patch_holds(toolchain: Toolchain, name: str, tmp_path: Path) -> None:
    """What it changes is run, and agrees."""
    code, verdicts = judged(toolchain, patch_of(toolchain, *RIGHT[name]), tmp_path)
    assert (code, set(verdicts.values())) == (0, {"holds"})
    assert len(verdicts) > 15


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_patch_is_a_violation(toolchain: Toolchain, name: str, tmp_path: Path) -> None:
    """With a record."""
    code, verdicts = judged(toolchain, patch_of(toolchain, *WRONG[name]), tmp_path)
    assert code == 1
    assert "violated" in verdicts.values()
    assert list(tmp_path.glob("go-*.json"))


def test_what_is_changed_and_not_run_is_unknown(toolchain: Toolchain, tmp_path: Path) -> None:
    """However well the rest agrees."""
    file, head, line = BEYOND
    code, verdicts = judged(toolchain, patch_of(toolchain, file, head, head + line), tmp_path)
    assert code == 3
    assert verdicts.pop(f"changes {toolchain.version}") == "unknown"
    assert set(verdicts.values()) == {"holds"}


def test_what_a_patch_changes_is_named(toolchain: Toolchain) -> None:
    """The function, and not those around it."""
    edits = edits_of(toolchain, patch_of(toolchain, *WRONG["a watermark that is off by a page"]))
    assert changed_by(toolchain, edits) == ["mheap.allocNeedsZero"]
    assert (
        changed_by(
            toolchain,
            edited(toolchain, "mheap.go", "if arenaBase < zeroedBase {", "if arenaBase  < zeroedBase { // so"),
        )
        == []
    )


def test_what_rests_on_a_function_is_named() -> None:
    """The theorems whose proofs run the reference's text of it."""
    assert snake("mheap.allocNeedsZero") == "alloc_needs_zero"
    assert resting_on(["mheap.allocNeedsZero"])["zeroed_base_never_decreases"] == ["alloc_needs_zero"]
    assert resting_on(["mheap.nothing"]) == {}


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ("", "it is no unified diff"),
        ("hello\n", "it is no unified diff"),
        ("--- a/README\n+++ b/README\n@@ -1 +1 @@\n-a\n+b\n", "it changes README"),
        ("--- a/src/runtime/mheap.go\n+++ b/src/runtime/mheap.go\n@@ -1 +1 @@\n-no such line\n+b\n", "does not fit"),
        ("--- a/src/runtime/none.go\n+++ b/src/runtime/none.go\n@@ -1 +1 @@\n-a\n+b\n", "no file none.go"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(toolchain: Toolchain, patch: str, reason: str) -> None:
    """In one line, with the file."""
    with pytest.raises(PatchError if "no file" not in reason else Exception, match=reason):
        edits_of(toolchain, patch)


def test_the_command_wants_something_to_judge(tmp_path: Path) -> None:
    """And a patch that can be read."""
    assert cli.main(["go", "check"]) == 2
    assert cli.main(["go", "check", "--patch", str(tmp_path / "none.diff")]) == 2
