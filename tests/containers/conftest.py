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


@pytest.fixture
def compose_text():
    """compose.yaml as it is written."""
    return (ROOT / "compose.yaml").read_text()


@pytest.fixture
def compose(compose_text):
    """Makes compose.yaml's tree with the variables given, defaults for the others."""

    def read(**variables):
        return yaml.safe_load(_VARIABLE.sub(lambda m: variables.get(m[1], m[2] or ""), compose_text))

    return read


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
