"""Every command of each tutorial, on real Kafka, with what the page says it prints.

The pages for those who come from another client of Kafka are followed likewise.

A block with a file's name as its title is that file. Commands of a block titled as a terminal go on while
the page does; what `^C` ends goes on until it has printed what stands before. All others end by themselves,
"in" a terminal that is free.
"""

import os
import re
import shlex
import signal
import socket
import sys
from pathlib import Path

import pytest
from tests.running import Running

from .console import at_terminal, pattern, steps
from .pages import ROOT, blocks

TUTORIALS = sorted((ROOT / "docs/tutorials").glob("*.md"))
FOLLOWED = [*TUTORIALS, *(ROOT / f"docs/from/{client}.md" for client in ("kafka-python", "confluent-kafka"))]
PORTS = {"9092": "--broker-port", "8484": "--port", "8000": None}
"""What the pages name, and the option by which `tailrace dev` takes another."""
TOKEN = re.compile(r"Token +(\S+)")


class Reader:
    """Somebody who follows a page from its top to its end."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {port: free_port(int(port)) for port in PORTS}
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("TAILRACE_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.environ['PATH']}"
        places = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "STATE")}
        self.environ |= {"PATH": path, "COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1", **places}
        if self.ports["9092"] != "9092":
            self.environ["TAILRACE_BROKER"] = f"localhost:{self.ports['9092']}"
        if self.ports["8484"] != "8484":
            self.environ["TAILRACE_URL"] = f"http://127.0.0.1:{self.ports['8484']}"
        self.running = []

    def follow(self, block):
        """Do what a block of the page says."""
        if block.title.endswith("terminal") and not block.title.startswith("in "):
            for command, output in steps(block.text):
                self.start(command, output)
        elif block.language == "console":
            for command, output in steps(block.text):
                self.run(command, output)
        elif block.title:
            (self.folder / block.title).write_text(self.here(block.text))

    def start(self, command, output):
        """Start a command that goes on, and wait for what it prints."""
        if command.partition(" ")[0] == "export":
            return None
        if "tailrace dev" in command:
            others = [f"{o} {self.ports[p]}" for p, o in PORTS.items() if o and self.ports[p] != p]
            command = " ".join([command, *others])
        running = Running(["bash", "-c", f"exec env {self.here(command)}"], self.folder, self.environ)
        self.running.append(running)
        wanted = re.compile(pattern(self.here(output)))
        running.until(lambda lines: wanted.search("".join(f"{line}\n" for line in lines)))
        if token := TOKEN.search(running.text):
            self.environ["TAILRACE_TOKEN"] = token[1]
        return running

    def run(self, command, output):
        """Run a command to its end, or until ^C."""
        if command.partition(" ")[0] == "export":
            return
        if output.endswith("^C\n"):
            running = self.start(command, output.removesuffix("^C\n"))
            assert running.interrupt() == 0, running.text
            return
        printed = at_terminal(self.here(command), self.environ, self.folder)
        # What ends without a line's end is followed by the prompt.
        printed += "" if printed.endswith("\n") or not printed else "\n"
        assert re.fullmatch(pattern(self.here(output)), printed), f"{command}\n{printed}"

    def here(self, text):
        """A text with the ports that this machine has free."""
        for port, taken in self.ports.items():
            text = re.sub(rf"\b{port}\b", taken, text)
        return text

    def leave(self):
        """Ctrl-C in each terminal, the last one first."""
        for running in reversed(self.running):
            if running.process.poll() is None:
                os.killpg(running.process.pid, signal.SIGINT)
                running.ended()
            running.kill()


def free_port(wanted):
    """The port that a page names; where somebody else has it, a free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return str(probe.getsockname()[1])
    raise AssertionError("no port is free")


@pytest.fixture
def reader(installation, tmp_path):
    """Leaves all terminals at the end."""
    somebody = Reader(tmp_path)
    yield somebody
    somebody.leave()


@pytest.mark.kafka
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_every_command_does_what_the_page_says(page, reader):
    """From the top to the end, in one go, as a reader would type it."""
    for block in blocks(page):
        reader.follow(block)


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_every_tutorial_runs_commands(page):
    """A page that shows none is no tutorial."""
    assert [shlex.split(c) for b in blocks(page) if b.language == "console" for c, _ in steps(b.text)]


def test_the_bridge_takes_its_page_from_wherever_it_says_that_it_is():
    """A page from another address would store what it sends and show nothing."""
    page = (ROOT / "docs/tutorials/bridge.md").read_text()
    (listed,) = re.findall(r"TAILRACE_SERVER_ORIGINS=(\S+)", page)
    assert set(re.findall(r"http://[\w.]+:8000", page)) == set(listed.split(","))
