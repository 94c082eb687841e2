"""The commands by name: what each one is for, without an import."""

# The module of a command has its name, with _ for a space.
COMMANDS = {
    "dev": "Kafka, the gateway and demo data in one process",
    "serve": "The gateway in front of a cluster",
    "broker": "The embedded Kafka alone",
    "produce": "Store lines or JSON records in a topic",
    "consume": "Read records from any place on",
    "tail": "The last records of a topic, and those that follow",
    "logs": "A task's log: its worker's file, then its topic",
    "logs ship": "Store a worker's log file in its task's topic",
    "topics": "List, create, describe, configure, grow and delete topics",
    "graph": "Check a pipeline's file and draw it",
    "run": "Services in Python, one program, or a pipeline's file",
    "login": "Log in to a gateway",
    "logout": "Forget the login of a gateway",
    "whoami": "Who you are to a gateway",
    "config": "The settings in force and where each comes from",
    "completion": "The script for your shell's Tab key",
}
# They hold processes and connections, or a program's own, that have to be closed before the process may end.
SERVICES = {"dev", "serve", "broker", "run"}

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
    return _HEAD + "".join(f"  {name:11} {summary}\n" for name, summary in COMMANDS.items()) + _FOOT
