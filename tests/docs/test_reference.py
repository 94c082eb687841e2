"""Everything that the code declares stands in the manual's reference."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click import Group

from tailrace.cli.commands import COMMANDS
from tailrace.cli.group import tailrace
from tailrace.core.errors import TailraceError
from tailrace.kafka.settings_names import OWNED
from tailrace.kafka.settings_table import ROWS
from tailrace.protocol.routes import ROUTES
from tailrace.settings import OTHER_VARIABLES, declarations
from tailrace.telemetry.metrics import Metrics


def descendants(error):
    """All classes below a class."""
    return [d for child in error.__subclasses__() for d in (child, *descendants(child))]


@pytest.mark.parametrize("declared", list(declarations()), ids=lambda d: d.name)
def test_every_setting_is_in_the_manual(generator, declared):
    """A setting's row has its name, what it is, and its variable if it has one."""
    row = next(line for line in generator.settings_page().splitlines() if f"`{declared.name}`" in line)
    assert declared.meaning in row
    assert declared.option_only or f"`{declared.variable}`" in row


def test_every_other_variable_is_in_the_manual(generator):
    """Variables that are no settings are listed too."""
    page = generator.settings_page()
    assert all(f"`{name}`" in page and meaning in page for name, meaning in OTHER_VARIABLES.items())


def test_every_client_setting_is_in_the_manual(generator):
    """The names of other clients, and those that are refused."""
    page = generator.settings_page()
    assert all(f"| `{name}` |" in page for name in (*(row.name for row in ROWS), *OWNED))


def test_every_metric_is_in_the_manual(generator):
    """A metric's row has its meaning and its labels."""
    rows = generator.metrics_page().splitlines()
    for metric in Metrics():
        row = next(line for line in rows if f"`{metric.name}`" in line)
        assert metric.meaning in row
        assert all(f"`{label}`" in row for label in metric.labels)


def test_every_error_code_is_in_the_manual(generator):
    """A client that meets a code can look it up."""
    page = generator.errors_page()
    codes = [e.code for e in descendants(TailraceError) if e.__module__ == TailraceError.__module__]
    assert codes
    assert all(f"| `{code}` |" in page for code in codes)


def test_every_route_and_parameter_is_in_the_manual(generator):
    """Each route has a section with all its parameters."""
    sections = generator.routes_page().split("\n## ")
    for route in ROUTES:
        section = next(s for s in sections if s.startswith(f"{route.method} {route.path}\n"))
        assert all(f"| `{p.name}` |" in section and p.meaning in section for p in route.parameters)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_manual(generator, name):
    """Each command, and each one below it, has a section with its help."""
    page = generator.commands_page()
    assert f"\n## tailrace {name}\n" in page
    command = tailrace.get_command(None, name)
    for below in command.commands if isinstance(command, Group) else ():
        assert f"\n## tailrace {name} {below}\n" in page


@pytest.fixture(scope="module")
def pages(generator):
    """Made by a process of its own: a command keeps the option for help that it was first asked with."""
    code = "import json, generate_reference as g; print(json.dumps({n: p() for n, p in g.PAGES.items()}))"
    folder = Path(generator.__file__).parent
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, check=True, timeout=60
    )
    return json.loads(ran.stdout)


@pytest.mark.parametrize("name", ["settings", "metrics", "errors", "commands", "http"])
def test_the_pages_in_the_repository_are_those_of_the_code(generator, pages, name):
    """The manual's links work in a clone; where this fails, `make docs` writes the pages anew."""
    assert (generator.REFERENCE / f"{name}.md").read_text() == pages[name]
