"""The hand-written pages: links, settings and commands that are in them."""

import re
import shlex
import subprocess
import sys

import click
import pytest

from tailrace.auth.grants import Grant
from tailrace.cli.commands import COMMANDS
from tailrace.cli.group import tailrace
from tailrace.settings import load

from .pages import PAGES, ROOT, blocks

TOML = [(page, block.text) for page in PAGES for block in blocks(page) if block.language == "toml"]
SHELL = [(p, b.text) for p in PAGES for b in blocks(p) if b.language in {"sh", "console"}]
COMMAND = re.compile(r"(?:^|[|=$;]\s*|\$ |\s)(tailrace (?:" + "|".join(COMMANDS) + r")\b[^|>\n]*)")


def commands():
    """Each `tailrace …` of each page's shell blocks."""
    return [
        pytest.param(match[1], id=f"{page.stem}:{match[1][:50]}")
        for page, text in SHELL
        for match in COMMAND.finditer(text.replace("\\\n", " "))
    ]


@pytest.mark.parametrize("command", commands())
def test_every_command_of_a_page_is_understood(command):
    """Options and arguments of the manual are those that the program has."""
    group, arguments = tailrace, shlex.split(command, comments=True)[1:]
    while isinstance(group, click.Group):
        name, group, arguments = group.resolve_command(click.Context(group), arguments)
    group.make_context(name, arguments)


@pytest.mark.parametrize(("page", "text"), TOML, ids=[page.stem for page, _ in TOML])
def test_every_settings_file_of_a_page_is_valid(page, text, tmp_path):
    """A reader can copy it."""
    file = tmp_path / "tailrace.toml"
    file.write_text(text)
    settings = load(config=file, environ={})
    for principal in settings.principals:
        for grant in principal.grants:
            Grant.parse(grant.actions, grant.topic)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page):
    """Links work in the repository too, not only in the built manual."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_page_reads_as_plain_markdown(page):
    """Nothing in it is for one tool only: it is read in a clone and on a forge too."""
    assert not re.findall(r"^(?:===|!!!|\?\?\?) .*", page.read_text(), re.M)


def test_every_make_command_of_a_page_is_one(root):
    """`make X` in a text is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.M))
    used = {word for page in PAGES for word in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.M)}
    assert used
    assert used <= targets


def test_the_decisions_stay_short(root):
    """A record of a decision has ten lines at most beside what was measured, and the index has it."""
    index = (root / "docs/decisions/index.md").read_text()
    for page in (root / "docs/decisions").glob("*.md"):
        if page.name != "index.md":
            reasons = re.sub(r"<!-- results -->.*<!-- end of results -->", "", page.read_text(), flags=re.S)
            assert len(reasons.strip().splitlines()) <= 10, page.name
            assert f"({page.name})" in index


def test_the_page_of_each_example_is_ten_lines(root):
    """What it shows and how to run it."""
    for page in root.glob("examples/*/README.md"):
        assert len(page.read_text().splitlines()) <= 10, page.parent.name


def test_the_manual_builds_without_a_warning(root, tmp_path):
    """Every link and anchor of the built manual leads somewhere, and no page asks another host."""
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=root, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        assert not re.findall(r"<(?:link|script|img)[^>]+(?:href|src)=\"?(?:https?:)?//", page.read_text())
