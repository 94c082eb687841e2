"""The container files, read once."""

import os
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")


@pytest.fixture
def root():
    """The repository."""
    return ROOT


class ComposeFile:
    """A compose file: its text, and its tree with the variables given, defaults for the others."""

    def __init__(self, name):
        self.name = name
        self.text = (ROOT / name).read_text()

    def __call__(self, **variables):
        return yaml.safe_load(_VARIABLE.sub(lambda m: variables.get(m[1], m[2] or ""), self.text))

    def brokers(self, **variables):
        """The services that are Kafka."""
        services = self(**variables)["services"]
        return {n: s for n, s in services.items() if "KAFKA_NODE_ID" in s.get("environment", {})}


@pytest.fixture
def compose():
    """compose.yaml."""
    return ComposeFile("compose.yaml")


@pytest.fixture
def cluster():
    """compose.cluster.yaml."""
    return ComposeFile("compose.cluster.yaml")


@pytest.fixture(params=["compose.yaml", "compose.cluster.yaml"])
def each_compose(request):
    """Each compose file of the repository."""
    return ComposeFile(request.param)


@pytest.fixture
def instructions():
    """The Dockerfile as (instruction, rest) pairs, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


@pytest.fixture
def bare_environment():
    """No setting of the caller's environment reaches a test."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")}
