"""`tailrace completion`: what your shell needs for the Tab key."""

import sys

import click
from click.shell_completion import get_completion_class

from tailrace.cli.options import Command

VARIABLE = "_TAILRACE_COMPLETE"


@click.command(cls=Command, example='eval "$(tailrace completion bash)"', name="completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell, to be evaluated in its start-up file."""
    made = get_completion_class(shell)
    if made is not None:
        root = context.find_root()
        sys.stdout.write(made(root.command, {}, "tailrace", VARIABLE).source() + "\n")
