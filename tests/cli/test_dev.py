"""`tailrace dev` with a Kafka of its own."""

import os
import re
import signal
from pathlib import Path

import pytest

SECONDS = 90


@pytest.fixture
def dev(runner, tmp_path):
    """Started on free ports, and what it printed about itself."""
    process = runner().start(
        "dev", "--port", "0", "--broker-port", "0", "--no-demo", "--kafka-topic", "chat",
        "--data-dir", str(tmp_path),
    )  # fmt: skip
    lines = []
    for line in iter(process.stdout.readline, b""):
        lines.append(line.decode())
        if "Ctrl-C" in lines[-1]:
            break
    yield process, "".join(lines)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=SECONDS)


def children(pid):
    """The processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@pytest.mark.kafka
def test_what_it_prints_works_and_it_ends_with_its_kafka(dev, run_printed):
    """The ports that it took and a topic that exists; without Kafka it says so instead of going on."""
    process, printed = dev
    assert re.search(r"Kafka   localhost:[1-9]", printed)
    tail, produce = (
        next(line for line in printed.splitlines() if word in line) for word in (" tail ", "produce")
    )
    assert run_printed(produce.partition("| ")[2], b"hello\n")[0] == 0
    assert run_printed(tail.replace(" -f", ""))[1].count(b"hello") == 1
    (supervisor,) = children(process.pid)
    (java,) = children(supervisor)
    os.kill(java, signal.SIGKILL)
    assert process.wait(SECONDS) == 4
    assert b"Error: Kafka ended by itself." in process.stderr.read()


@pytest.fixture
def run_printed(runner):
    """Runs a printed command as it stands, but for the program's name."""
    return lambda command, given=b"": runner()(*command.split()[1:], given=given)
