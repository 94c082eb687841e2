"""The commands by name: where each one lives, and what it is for."""

from typing import NamedTuple


class Command(NamedTuple):
    """`quick` commands hold nothing that would have to be closed, so the process may end at once."""

    module: str
    summary: str
    quick: bool = True


COMMANDS = {
    "dev": Command("dev", "Kafka, the gateway and demo data in one process", quick=False),
    "serve": Command("serve", "The gateway in front of a cluster", quick=False),
    "broker": Command("broker", "The embedded Kafka alone", quick=False),
    "produce": Command("produce", "Store lines or JSON records in a topic"),
    "consume": Command("consume", "Read records from any place on"),
    "tail": Command("tail", "The last records of a topic, and those that follow"),
    "topics": Command("topics", "List, create, describe, configure, grow and delete topics"),
    "config": Command("config", "The settings in force and where each comes from"),
    "completion": Command("completion", "The script for your shell's Tab key"),
}

_HEAD = """\
Usage: tailrace COMMAND [OPTIONS] [ARGS]...

Kafka for everything that is not a Kafka client.

Commands:
"""
_FOOT = """
Options:
  --version   The version of Tailrace.
  -h, --help  This page; `tailrace COMMAND --help` shows a command's options and an example.
"""


def help_text() -> str:
    """The page of all commands."""
    return _HEAD + "".join(f"  {name:11} {one.summary}\n" for name, one in COMMANDS.items()) + _FOOT
