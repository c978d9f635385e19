"""What a user's heap replaces is told beside each verdict, so that a misspelt name does not go unseen."""

from pathlib import Path

import pytest

from spanproof.checks import cli
from spanproof.checks.replacing import in_words
from spanproof.impl.malloc import Runtime

MINE = """
from spanproof.impl.malloc import Runtime

class Alloc(Runtime.PageAlloc):
    async def free(self, base, npages):
        await Runtime.PageAlloc.free(self, base, npages)

class Mine(Runtime):
    PageAlloc = Alloc
    async def alloc_needs_zero(self, base, npage):
        return await Runtime.alloc_needs_zero(self, base, npage)

class Typo(Runtime):
    async def alloc_needs_zeros(self, base, npage):
        return True
"""


def test_the_reference_replaces_nothing() -> None:
    """Nor adds it anything."""
    assert in_words("x.py:X", Runtime) == "heap x.py:X replaces nothing of the reference"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Mine", "replaces alloc_needs_zero, Alloc.free\n"),
        ("Typo", "replaces nothing of the reference; adds alloc_needs_zeros\n"),
    ],
)
def test_it_is_told(name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the heap, and of its page allocator; not where the reference is tested."""
    (tmp_path / "mine.py").write_text(MINE)
    place = f"{tmp_path}/mine.py:{name}"
    assert cli.main(["explore", "two_allocs_one_arena", "--heap", place]) == 0
    assert said in " ".join(capsys.readouterr().out.replace("\n  ", " ").split(" "))
    assert cli.main(["explore", "two_allocs_one_arena"]) == 0
    assert "replaces" not in capsys.readouterr().out
