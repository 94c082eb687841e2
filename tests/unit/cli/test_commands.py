import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import tailrace as package
from tailrace.cli.commands import COMMANDS, help_text
from tailrace.cli.group import exit_code, tailrace


def all_commands() -> list[tuple[str, click.Command]]:
    """Every command and subcommand with its words."""
    context = click.Context(tailrace)
    found = []
    for name in COMMANDS:
        command = tailrace.get_command(context, name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", one) for sub, one in command.commands.items()]
    return found


def test_help_without_an_import_is_the_group_s_own():
    """The page shown before anything is imported names exactly the commands that exist."""
    assert click.Context(tailrace).get_help() == help_text().rstrip("\n")
    assert all(re.search(rf"^  {name} ", help_text(), re.MULTILINE) for name in COMMANDS)


def test_help_imports_nothing_heavy():
    """`tailrace --help` costs no import that a newcomer would notice."""
    code = (
        "import sys; sys.argv = ['tailrace', '--help']; from tailrace.cli import main; main();"
        "heavy = {'asyncio', 'click', 'confluent_kafka', 'msgspec', 'typing'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PYTHONPATH": str(Path(package.__file__).parents[1])},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_group_alone_shows_its_page(capsys):
    """As `tailrace` alone does: on standard output, as it is."""
    assert exit_code(["topics"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: tailrace topics [OPTIONS] COMMAND [ARGS]...\n")
    assert err == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tial"], "No such command 'tial'. Did you mean 'tail'?"),
        (["xyzzy"], "No such command 'xyzzy'."),
        (["tail", "t", "--lines", "x"], "'x' is not a valid whole number."),
        (["produce", "t", "--header", "foo"], "--header takes NAME=VALUE, not 'foo'."),
    ],
)
def test_what_is_mistyped_is_told(words, said, capsys):
    """In words of the user's, with the nearest right one."""
    assert exit_code(words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("words", "command"), all_commands())
def test_every_command_shows_one_example_that_parses(words, command):
    """The example in a command's help is one that the command takes."""
    if isinstance(command, click.Group):
        return
    example = command.example
    ours = next(part for part in re.split(r"\||\$\(", example) if "tailrace " in part)
    arguments = ours.replace(')"', "").split("tailrace ", 1)[1].split()
    rest = arguments[len(words.split()) :]
    assert arguments[: len(words.split())] == words.split()
    command.make_context(words, [word.strip("'\"") for word in rest])
