"""`python -m spanproof.checks` is the `spanproof` command."""

from spanproof.checks.cli import run

run()
