"""The command `tailrace`: finds a command by its name, turns how it ended into an exit code."""

import logging
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

import click

from tailrace.cli.commands import COMMANDS, SERVICES, help_text
from tailrace.core.errors import TailraceError

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


class Group(click.Group):
    """Imports a command's module only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of the module named for it."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"tailrace.cli.{cmd_name.replace(' ', '_')}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; a mistyped one is told the nearest."""
        name = args[0]
        if " ".join(args[:2]) in COMMANDS:
            two = " ".join(args[:2])
            return two, self.get_command(ctx, two), args[2:]
        if not ctx.resilient_parsing and name not in COMMANDS and not name.startswith("-"):
            near = get_close_matches(name, COMMANDS, 1)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        """The page that is shown without an import, too."""
        del ctx
        return help_text().rstrip("\n")

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; click would answer a closed pipe with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _forget_output()
            return DONE


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tailrace")
def tailrace() -> None:
    """Kafka for everything that is not a Kafka client."""


def run(arguments: Sequence[str]) -> NoReturn:
    """Run a command line and end the process."""
    # What the Kafka client would print by itself comes as an error of ours.
    logging.getLogger("tailrace").addHandler(logging.NullHandler())
    code = exit_code(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
    sys.stderr.flush()
    command = next((word for word in arguments if word in COMMANDS), None)
    if command not in SERVICES:
        # Nothing is left to do; taking Kafka's client apart would take up to a second.
        os._exit(code)
    sys.exit(code)


def exit_code(arguments: Sequence[str]) -> int:
    """Run a command line; answers how the process is to end."""
    try:
        code = tailrace.main(list(arguments), prog_name="tailrace", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stdout.write(f"{error.ctx.get_help()}\n")
        return DONE
    except click.ClickException as error:
        _say_wrong_usage(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as ended:
        # A second signal: what is in hand is not finished.
        code = ended.code
    except TailraceError as error:
        say_error(error)
        return error.exit_code
    except OSError as error:
        _say_refused(error)
        return FAILED
    return code if isinstance(code, int) else DONE


def say_error(error: TailraceError) -> None:
    """What failed, why, and what to do: at most three lines on standard error."""
    lines = [f"Error: {error.detail}"]
    if error.cause:
        lines.append(f"Why:   {error.cause}")
    if error.hint:
        lines.append(f"Try:   {error.hint}")
    _say(lines)


def _say_refused(error: OSError) -> None:
    why = error.strerror or str(error)
    if error.filename is None:
        _say([f"Error: {why}"])
    else:
        _say([f"Error: {error.filename}: {why}", "Try:   Check this path, and that you may use it."])


def _say_wrong_usage(error: click.ClickException) -> None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "tailrace"
    _say([f"Error: {error.format_message()}", f"Try:   {path} --help"])


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        # A message may quote what came from elsewhere: no control character reaches the terminal.
        plain = "".join(c if c.isprintable() else " " for c in line)
        sys.stderr.write(f"{plain}\n")


def _forget_output() -> None:
    """Nobody reads on: what is still buffered goes nowhere, silently."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
