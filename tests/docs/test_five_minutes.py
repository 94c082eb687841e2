"""Every command of "Kafka in five minutes", on real Kafka, with what the page says it prints."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import ROOT, blocks

PAGE = ROOT / "docs/kafka-in-five-minutes.md"
SECONDS = 60


@pytest.fixture
def shell(kafka, tmp_path):
    """Runs a command as somebody at a terminal would, against the session's Kafka."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TAILRACE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    environ |= {"PATH": path, "TAILRACE_BROKER": kafka.bootstrap_servers, "COLUMNS": "120"}
    return lambda command: at_terminal(command, environ, tmp_path)


def at_terminal(command, environ, folder):
    """The lines that a command prints to a terminal; it must end well."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as terminal:
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=folder, env=environ, stdout=terminal, stderr=subprocess.STDOUT
        )
    with os.fdopen(ours, "rb") as screen:
        printed = b"".join(iter(lambda: read_screen(screen), b""))
    assert process.wait(SECONDS) == 0, printed.decode()
    return printed.decode().replace("\r\n", "\n")


def read_screen(screen):
    """More of what was printed; a terminal that nobody writes to any more ends with an error on Linux."""
    try:
        return screen.read1()
    except OSError:
        return b""


def steps(text):
    """A console block's commands, each with the output that the page shows."""
    for step in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, output = step.partition("\n")
        yield command, output


def pattern(output):
    """What the page shows, where … stands for anything."""
    return re.escape(output).replace(re.escape("…\n"), r"(?:.*\n)+").replace("…", ".*")


@pytest.mark.kafka
def test_every_command_does_what_the_page_says(shell, kafka, monkeypatch, capsys):
    """From the top to the end, in one go, as a reader would type it."""
    for block in blocks(PAGE):
        if block.language == "python":
            exec(block.text.replace("localhost:9092", kafka.bootstrap_servers), {})
            assert capsys.readouterr().out == "4 records for the group\n"
        for command, output in steps(block.text) if block.language == "console" else ():
            if command.startswith("export"):
                continue
            printed = shell(command)
            assert re.fullmatch(pattern(output), printed), f"{command}\n{printed}"
