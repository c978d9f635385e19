"""Patches of Go's page heap: a right one holds, wrong ones are violations, and what is not run is unknown."""

import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.golang.comparing.compare import judge_go
from spanproof.checks.golang.extracted.extracting import extracted
from spanproof.checks.golang.interleaving.interleave import judge_interleavings
from spanproof.checks.golang.patched import changed_by_patch, resting_on, snake
from spanproof.checks.golang.reading.patches import PatchError, elsewhere, laid_over
from spanproof.checks.golang.reading.patches import patch_of as diff_of
from spanproof.checks.golang.reading.toolchains import Toolchain
from spanproof.checks.golang.untried import folders, ran, untried
from spanproof.checks.subject import Subject
from tests.checks.golang.conftest import edited

NEEDS_LINUX = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="programs are traced on linux/amd64 alone"
)
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
    return diff_of(edited(toolchain, file, old, new))


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


WRONG_ONES = [pytest.param(name, marks=pytest.mark.long) for name in WRONG]
"""The first of them is judged in every run, where docs/how-to/check-a-patched-go.md does it."""


@pytest.mark.parametrize("name", WRONG_ONES)
def test_a_wrong_patch_is_a_violation(toolchain: Toolchain, name: str, tmp_path: Path) -> None:
    """With a record that has the patch in it, and shows the same again."""
    code, verdicts = judged(toolchain, patch_of(toolchain, *WRONG[name]), tmp_path)
    assert code == 1
    assert "violated" in verdicts.values()
    records = list(tmp_path.glob("go-*.json"))
    assert records
    assert {cli.main(["replay", str(record)]) for record in records} == {1}


@pytest.mark.long
def test_what_is_changed_and_not_run_is_unknown(toolchain: Toolchain, tmp_path: Path) -> None:
    """However well the rest agrees."""
    file, head, line = BEYOND
    code, verdicts = judged(toolchain, patch_of(toolchain, file, head, head + line), tmp_path)
    assert code == 3
    assert verdicts.pop(f"changes {toolchain.version}") == "unknown"
    assert set(verdicts.values()) == {"holds"}


@NEEDS_LINUX
def test_what_only_a_traced_program_runs_can_be_a_violation(toolchain: Toolchain, tmp_path: Path) -> None:
    """allocSpan's part that nothing is compared with: memory that is called zero and is not."""
    patch = patch_of(toolchain, "mheap.go", "		s.needzero = 1\n", "		s.needzero = 0\n")
    code, verdicts = judged(toolchain, patch, tmp_path)
    assert code == 1
    assert verdicts.pop(f"changes {toolchain.version}") == "unknown"
    violated = [name for name, verdict in verdicts.items() if verdict == "violated"]
    assert violated
    assert all(name.startswith(f"traced {toolchain.version}: ") for name in violated)
    assert list(tmp_path.glob("*.json"))


def test_a_file_that_a_patch_makes_is_compiled(toolchain: Toolchain) -> None:
    """And one outside the runtime is named, and tests are nothing."""
    new = "--- /dev/null\n+++ b/src/runtime/zz_new.go\n@@ -0,0 +1,3 @@\n+package runtime\n+\n+func zzNew() {}\n"
    other = "--- a/src/net/http/server.go\n+++ b/src/net/http/server.go\n@@ -1 +1 @@\n-a\n+b\n"
    test = "--- a/src/runtime/gc_test.go\n+++ b/src/runtime/gc_test.go\n@@ -1 +1 @@\n-a\n+b\n"
    patched = laid_over(toolchain, new + other + test)
    assert [name for name, _ in patched.laid] == ["zz_new.go"]
    assert changed_by_patch(patched) == ["zzNew"]
    assert elsewhere(new + other + test) == ["src/net/http/server.go"]
    assert laid_over(toolchain, diff_of(patched)) == patched
    with pytest.raises(PatchError, match=r"it changes src/net/http/server\.go"):
        laid_over(toolchain, other)


def test_what_a_patch_changes_is_named(toolchain: Toolchain) -> None:
    """The function, and not those around it."""
    patched = laid_over(toolchain, patch_of(toolchain, *WRONG["a watermark that is off by a page"]))
    assert changed_by_patch(patched) == ["mheap.allocNeedsZero"]
    same = edited(toolchain, "mheap.go", "if arenaBase < zeroedBase {", "if arenaBase  < zeroedBase { // so")
    assert changed_by_patch(same) == []


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
        laid_over(toolchain, patch)


def test_the_command_wants_something_to_judge(tmp_path: Path) -> None:
    """And a patch that can be read."""
    assert cli.main(["go", "check"]) == 2
    assert cli.main(["go", "check", "--patch", str(tmp_path / "none.diff")]) == 2


UNTRIED = {
    "in a branch for the real heap alone": ("mgcscavenge.go", "				gcController.heapReleased.add(nbytes)\n", ""),
    "about a lock, and run by one thread": (
        "mgcscavenge.go", "			// Mark the range as scavenged.\n", "			unlock(p.mheapLock)\n			lock(p.mheapLock)\n",
    ),
}  # fmt: skip


def test_what_is_compiled_and_not_run_is_unknown(toolchain: Toolchain) -> None:
    """Line by line: of the text as it was, and of the new one."""
    with folders() as place:
        for number, (name, edit) in enumerate(UNTRIED.items()):
            patched = edited(toolchain, *edit)
            histories, trials = Path(place) / f"{number}a", Path(place) / f"{number}b"
            for folder in (histories, trials):
                folder.mkdir(parents=True)
            judge_go(patched, Subject(), 0, 500, lambda _: None, histories)
            judge_interleavings(patched, Subject(), lambda _: None, names=["three_threads"], covering=trials)
            found = untried(patched, ["pageAlloc.scavengeOne"], ran(patched, histories, trials))
            reason = "changed where nothing runs it" if "alone" in name else "what is changed is about other threads"
            assert [each for each in found if reason in each] == found != [], name


def short(patch: str) -> str:
    """Without its last two lines."""
    return "\n".join(patch.splitlines()[:-2]) + "\n"


def longer(patch: str) -> str:
    """With a line more than its head says."""
    return patch + "+more\n"


def binary(patch: str) -> str:
    """With another file that is no text."""
    return patch + "diff --git a/x b/x\nGIT binary patch\nliteral 1\nabc\n"


@pytest.mark.parametrize(
    ("cut", "reason"), [(short, "cut short"), (longer, "damaged at its line"), (binary, "GIT binary patch")]
)
def test_what_is_left_of_a_patch_is_not_judged(
    toolchain: Toolchain, cut: Callable[[str], str], reason: str
) -> None:  # fmt: skip
    """As if it were all of it."""
    with pytest.raises(PatchError, match=reason):
        laid_over(toolchain, cut(patch_of(toolchain, *WRONG["a watermark that is off by a page"])))


def test_a_mail_with_a_patch_is_read(toolchain: Toolchain) -> None:
    """What git writes around it is no part of it."""
    patch = patch_of(toolchain, *RIGHT["min in place of an if"])
    mail = f"From: x\n\n- a list\n---\n src/runtime/mheap.go | 2 +-\n\n{patch}-- \n2.50.0\n\n"
    assert laid_over(toolchain, mail) == laid_over(toolchain, patch)


def test_a_directive_is_a_change(toolchain: Toolchain) -> None:
    """Though it stands in a comment; of a list of constants, only what has changed is."""
    edit = "mheap.go", "//go:systemstack\nfunc (h *mheap) allocSpan(", "func (h *mheap) allocSpan("
    assert changed_by_patch(edited(toolchain, *edit)) == ["mheap.allocSpan"]
    edit = "mgcscavenge.go", "	retainExtraPercent = 10\n", "	retainExtraPercent = 100\n"
    assert changed_by_patch(edited(toolchain, *edit)) == ["retainExtraPercent"]
    assert "retainExtraPercent" not in extracted(toolchain).names
