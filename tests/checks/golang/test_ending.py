"""How a program ended, in its own words, and when its runtime is to blame."""

import sys

import pytest

from spanproof.checks.golang.patched import dies_of_its_runtime
from spanproof.checks.golang.recording.programs import Run, run

DYING = """
import sys
sys.stderr.write('runtime: bad\\\\x1b\\nfatal error: sweep increased allocation count\\ngoroutine 1\\n')
sys.exit(2)
"""


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        (DYING, 2, "fatal error: sweep increased allocation count"),
        ("import sys; sys.exit('no such thing')", 1, "no such thing"),
        ("pass", 0, ""),
    ],
)
def test_the_line_that_says_why_is_kept(program: str, code: int, said: str) -> None:
    """That which a Go runtime writes when it ends, else the first."""
    done = run([sys.executable, "-c", program], {}, 60, quiet=True)
    assert (done.code, done.said) == (code, said)


@pytest.mark.parametrize(
    ("code", "said", "blamed"),
    [
        (2, "fatal error: sweep increased allocation count", True),
        (2, "fatal error: runtime: out of memory", False),
        (2, "panic: of the program's own", False),
        (1, "fatal error: whatever", False),
        (None, "", False),
    ],
)
def test_the_runtime_is_blamed_where_it_ended_the_program(code: int | None, said: str, blamed: bool) -> None:  # a table
    """And not where memory ran out, or where the program itself gave up."""
    assert dies_of_its_runtime(Run(code, 1.0, 1.0, said)) == blamed
