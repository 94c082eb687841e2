"""Every command of "Kafka in five minutes", on real Kafka, with what the page says it prints."""

import os
import re
import sys
from pathlib import Path

import pytest

from .console import at_terminal, pattern, steps
from .pages import ROOT, blocks

PAGE = ROOT / "docs/kafka-in-five-minutes.md"


@pytest.fixture
def shell(kafka, tmp_path):
    """Runs a command as somebody at a terminal would, against the session's Kafka."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TAILRACE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    environ |= {"PATH": path, "TAILRACE_BROKER": kafka.bootstrap_servers, "COLUMNS": "120"}
    return lambda command: at_terminal(command, environ, tmp_path)


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
