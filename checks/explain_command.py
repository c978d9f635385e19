"""`spanproof explain`: the story of one claim, fault or theorem. Read next: telling.py."""

import click

from spanproof.checks.options import known


@click.command()
@click.argument("name", metavar="CLAIM|FAULT|THEOREM")
def explain(name: str) -> int:
    """Tell the story of one claim, fault or theorem.

    What it says, where in Go, why it matters, what proves it, which fault breaks it, and the shortest run in which it
    does, found on the spot.
    """
    from spanproof.checks.telling import story_of, tellable  # noqa: PLC0415

    known(name, tellable(), "claim, fault or theorem")
    click.echo(story_of(name), nl=False)
    return 0
