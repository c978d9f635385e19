"""`spanproof completion`: the shell completes commands, options, and the names that they take.

Click asks the command itself what could follow, so names are those of the version that runs. They are imported only
when they are asked for. Read next: options.py.
"""

from collections.abc import Callable, Iterable, Iterator

import click
from click.shell_completion import CompletionItem, get_completion_class

ASKED = "_SPANPROOF_COMPLETE"
"""The variable by which the shell asks; click makes it of the command's name."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Write what makes your shell complete commands, options and names.

    \b
      bash  eval "$(spanproof completion bash)"        in ~/.bashrc
      zsh   eval "$(spanproof completion zsh)"         in ~/.zshrc
      fish  spanproof completion fish | source         in ~/.config/fish/config.fish
    """  # noqa: D301  # \b is click's
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, "spanproof", ASKED).source())
    return 0


def _scenarios() -> Iterable[str]:
    from spanproof.checks.scenarios import BY_NAME  # noqa: PLC0415

    return BY_NAME


def _claims() -> Iterable[str]:
    from spanproof.model.claims import BY_NAME  # noqa: PLC0415

    return BY_NAME


def _theorems() -> Iterable[str]:
    from spanproof.checks.proofs.catalogue import BY_NAME, PLAIN_BY_NAME  # noqa: PLC0415

    return (*BY_NAME, *PLAIN_BY_NAME)


def _faults() -> Iterable[str]:
    from spanproof.checks.faults.planting import PLANTABLE  # noqa: PLC0415  # those made from the tree take seconds

    return PLANTABLE


def _releases() -> Iterable[str]:
    from spanproof.model.releases import RELEASES  # noqa: PLC0415

    return (release.name for release in RELEASES)


def _premises() -> Iterable[str]:
    from spanproof.checks.proving.theorem import REMOVABLE  # noqa: PLC0415

    return REMOVABLE


def _told() -> Iterable[str]:
    from spanproof.checks.telling import tellable  # noqa: PLC0415

    return tellable()


NAMES: dict[str, Callable[[], Iterable[str]]] = {
    "explore scenarios": _scenarios,
    "prove theorems": _theorems,
    "prove without": _premises,
    "faults names": _faults,
    "explain name": _told,
    "claim": _claims,
    "fault": _faults,
    "release": _releases,
}
"""What names a parameter takes: that of one command, or that of all commands that have it."""
PLACES = {
    "FILE": "file",
    "[FILE]": "file",
    "[FILE]...": "file",
    "RECORD": "file",
    "FILE.py:CLASS": "file",
    "DIR": "dir",
}
"""What the shell itself completes, by the word that stands for it in the help."""


class _Named(click.types.StringParamType):
    """A text that is one of many names, or a place."""

    def __init__(self, names: Callable[[], Iterable[str]], place: str = "") -> None:
        """Take the names from a function, or a place of that kind from the shell."""
        self.names, self.place = names, place

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """What could stand here."""
        if self.place:
            return [CompletionItem(incomplete, type=self.place)]
        return [CompletionItem(name) for name in self.names() if name.startswith(incomplete)]


def complete_names(group: click.Group) -> None:
    """Have the parameters of all commands complete the names that they take."""
    for command in _commands(group):
        for param in command.params:
            if type(param.type) is not click.types.StringParamType:
                continue
            names = NAMES.get(f"{command.name} {param.name}") or NAMES.get(str(param.name))
            place = PLACES.get(param.metavar or "", "")
            if names is not None or place:
                param.type = _Named(names or tuple, "" if names else place)


def _commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield from _commands(command) if isinstance(command, click.Group) else (command,)
