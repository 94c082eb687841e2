"""Examples as processes of their own, and what they print."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from tests.running import Running

ROOT = Path(__file__).parents[2]
MAIN = [sys.executable, "-c", "from tailrace.cli import main; main()"]


@pytest.fixture
def examples():
    """The folder of the examples."""
    return ROOT / "examples"


@pytest.fixture
def copy(examples, tmp_path):
    """A copy of an example's folder, for one that writes files."""

    def make(name):
        return Path(shutil.copytree(examples / name, tmp_path / name))

    return make


@pytest.fixture(scope="session")
def environ(tmp_path_factory):
    """No setting of the caller's environment reaches an example, and none writes into the user's folders."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TAILRACE_")}
    return kept | {"XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}


@pytest.fixture
def start(environ):
    """Starts commands in a folder; they end with the test."""
    started = []

    def run(*command, folder, **variables):
        started.append(Running([str(word) for word in command], folder, environ | variables))
        return started[-1]

    yield run
    for running in started:
        running.kill()


@pytest.fixture
def tailrace(start, kafka):
    """Starts `tailrace …` in a folder, against the session's Kafka."""

    def run(*words, folder, **variables):
        variables = {"TAILRACE_BROKER": kafka.bootstrap_servers} | variables
        return start(*MAIN, *words, folder=folder, **variables)

    return run
