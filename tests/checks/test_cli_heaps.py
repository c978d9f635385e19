"""What a user hears of a heap of their own that cannot be searched: one line, with its place, and what to do."""

import json
from pathlib import Path

import pytest

from spanproof.checks import cli

TOP = "from collections import Counter\nfrom spanproof.impl.malloc import Runtime\n\nCOUNT, SEEN = 0, Counter()\n"
METHOD = "    async def alloc_needs_zero(self, base, npage):\n        {line}\n"
ON = "        return await Runtime.alloc_needs_zero(self, base, npage)\n"
INIT = """\
    def __init__(self, *args, **more):
        {before}
        super().__init__(*args, **more)
        {after}
"""
LINE = 7
"""That of the line in the class below."""
PROGRAM = "two_allocs_one_arena"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


def heap(line: str) -> None:
    """Write mine.py, whose class does this before it does what the reference does."""
    Path("mine.py").write_text(f"{TOP}class Mine(Runtime):\n{METHOD.format(line=line)}{ON}")


def explored() -> tuple[str, str]:
    """The verdict and its reason."""
    assert cli.main(["explore", PROGRAM, "--heap", "mine.py:Mine", "--json", "r.json"]) == 3
    (result,) = json.loads(Path("r.json").read_text())["results"]
    return result["verdict"], result["reason"]


FAILING = {
    "a change of the heap": ("self.last = base", "AttributeError: a heap is frozen: last cannot be set"),
    "raised by hand": ("raise AttributeError('by hand')", "AttributeError: by hand"),
    "a slip of the pen": ("self.zeroed_bse", "has no attribute 'zeroed_bse'"),
    "no such name": ("nope", "NameError: name 'nope' is not defined"),
    "an assertion": ("assert base < 0", "AssertionError"),
    "an await of a number": ("await 3", "TypeError: object int can't be used in 'await' expression"),
    "an exit": ("raise SystemExit(0)", "it exits (SystemExit: 0)"),
}


@pytest.mark.parametrize(("line", "said"), FAILING.values(), ids=FAILING)
def test_a_text_that_fails_is_told_with_its_line(line: str, said: str) -> None:
    """None is a nil dereference, or ends the check: what was raised is told as it is, with file and line."""
    heap(line)

    verdict, reason = explored()

    assert verdict == "unknown"
    assert f"the heap's text fails: mine.py:{LINE} in alloc_needs_zero: " in reason
    assert said in reason


def test_an_exit_is_told_by_every_command() -> None:
    """By the proofs, by what Hypothesis draws and by the histories of the page allocator, too."""
    heap("raise SystemExit(0)")
    text = Path("mine.py").read_text()
    pages = "    class PageAlloc(Runtime.PageAlloc):\n        async def alloc(self, *args):\n"
    Path("pages.py").write_text(f"{text}{pages}            raise SystemExit(0)\n")

    for line in (["compare", "--examples", "8"], ["prove", "zeroed_base_never_decreases"]):
        assert cli.main([*line, "--heap", "mine.py:Mine", "--jobs", "1", "--json", "r.json"]) == 3
        assert "SystemExit" in Path("r.json").read_text()
    assert cli.main(["compare", "--histories", "100", "--heap", "pages.py:Mine", "--json", "r.json"]) == 1
    assert "SystemExit" in Path("r.json").read_text()


def test_a_dereference_of_none_is_still_gos_panic() -> None:
    """Reading and writing an attribute of None alike."""
    for line in ("None.state", "setattr(None, 'state', 1)"):
        heap(line)
        assert cli.main(["explore", PROGRAM, "--heap", "mine.py:Mine", "--json", "r.json"]) == 1
        assert "no_nil_dereference" in Path("r.json").read_text()


def test_super_is_told_with_what_to_write() -> None:
    """It makes a closure, which nobody sees; other closures are told as such."""
    heap("return await super().alloc_needs_zero(base, npage)")

    _, reason = explored()

    assert f"mine.py:{LINE - 1}: alloc_needs_zero has a closure, as super() makes one" in reason
    assert "call Runtime.alloc_needs_zero(self, ...) instead" in reason
    heap("base = (lambda: base)()")
    assert explored()[1].endswith("alloc_needs_zero has a closure; give what it needs as arguments")


def test_super_is_told_by_proofs_too() -> None:
    """In the same words."""
    heap("return await super().alloc_needs_zero(base, npage)")

    line = ["prove", "zeroed_base_never_decreases", "--heap", "mine.py:Mine", "--jobs", "1", "--json", "r.json"]
    assert cli.main(line) == 3
    assert "call Runtime.alloc_needs_zero(self, ...) instead" in Path("r.json").read_text()


REFUSED = {
    "its own __init__": (
        INIT.format(before="pass", after="self.mine = 0"),
        "Mine cannot be made: mine.py:9 in __init__: AttributeError: a heap is frozen: mine cannot be set",
    ),
    "an __init__ of other arguments": ("    def __init__(self):\n        pass\n", "Mine cannot be made: TypeError: "),
    "cells that cannot be listed": (
        "    def fresh(self):\n        return {}[0]\n",
        "Mine cannot be made: mine.py:7 in fresh: KeyError: 0",
    ),
    "a list of its own": (
        INIT.format(before="self.mine = []", after="pass"),
        "its attribute mine is a list: no search sees",
    ),
    "a dictionary on the class": ("    seen = {}\n", "Mine.seen is a dict: no search sees that"),
    "a counter of the module": (METHOD.format(line="SEEN[base] += 1"), "uses SEEN, which is a Counter: no search"),
    "a global": (METHOD.format(line="global COUNT; COUNT += 1"), "mine.py:7: Mine.alloc_needs_zero sets the global"),
    "no async": ("    def clear(self, s):\n        pass\n", "mine.py:6: Mine.clear is awaited, and is no coroutine"),
    "no file that loads": ("    nope\n", "the file does not load: mine.py:6 in Mine: NameError"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "said"), REFUSED.values(), ids=REFUSED)
def test_a_heap_that_cannot_be_searched_is_refused(body: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says why, exit 2."""
    Path("mine.py").write_text(f"{TOP}class Mine(Runtime):\n{body}")

    assert cli.main(["explore", PROGRAM, "--heap", "mine.py:Mine"]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err


NAMES = {
    "nearly": ("Mien", "there is no class Mien in it: did you mean Mine?"),
    "far off": ("Nope", "there is no class Nope in it: it has Mine, Other"),
    "of nothing": ("Bare", "Bare is no class that derives from spanproof.impl.malloc.Runtime; Mine, Other would do"),
    "no class at all": ("COUNT", "COUNT is no class that derives from spanproof.impl.malloc.Runtime; Mine, Other"),
}


@pytest.mark.parametrize(("name", "said"), NAMES.values(), ids=NAMES)
def test_a_name_that_will_not_do(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest is named, or those that there are."""
    classes = "class Mine(Runtime):\n    pass\n\nclass Other(Mine):\n    pass\n\nclass Bare:\n    pass\n"
    Path("mine.py").write_text(TOP + classes)

    assert cli.main(["explore", PROGRAM, "--heap", f"mine.py:{name}"]) == 2
    assert said in capsys.readouterr().err


def test_a_file_without_a_heap(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said what is looked for; what the file imports is not offered."""
    Path("mine.py").write_text(TOP)

    assert cli.main(["explore", PROGRAM, "--heap", "mine.py:Mine"]) == 2
    said = "there is no class Mine in it: nor any other that derives from spanproof.impl.malloc.Runtime"
    assert said in capsys.readouterr().err
