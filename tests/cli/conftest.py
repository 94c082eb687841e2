"""Commands as processes of their own, against brokers and through a gateway."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

SECONDS = 60
MAIN = [sys.executable, "-c", "from tailrace.cli import main; main()"]


class Runner:
    """Runs `tailrace` with a target of its own."""

    def __init__(self, *options: str) -> None:
        self.options = options

    def start(self, *words: str, **more) -> subprocess.Popen:
        """A running command."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TAILRACE_")}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([*MAIN, *words, *self.options], env=environ, **{**pipes, **more})

    def __call__(self, *words: str, given: bytes = b"") -> tuple[int, bytes, str]:
        """Exit code, output, errors."""
        process = self.start(*words)
        out, err = process.communicate(given, SECONDS)
        return process.returncode, out, err.decode()


@pytest.fixture
def runner() -> type[Runner]:
    """For tests that choose the target themselves."""
    return Runner


@pytest.fixture(scope="session")
def gateway(kafka, tmp_path_factory) -> Iterator[str]:
    """The address of a gateway in a process of its own."""
    log = tmp_path_factory.mktemp("gateway") / "log"
    with log.open("wb") as sink:
        serve = Runner("--broker", kafka.bootstrap_servers)
        process = serve.start(
            "serve", "--open", "--port", "0", stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not (found := re.search(r"http://[\d.]+:\d+", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(SECONDS)


@pytest.fixture(params=["broker", "gateway"])
def run(request, kafka) -> Runner:
    """`tailrace` straight on the broker, and through a gateway."""
    if request.param == "broker":
        return Runner("--broker", kafka.bootstrap_servers)
    return Runner("--url", request.getfixturevalue("gateway"))
