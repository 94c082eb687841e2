"""The hand-written pages and their fenced blocks."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_FOLDERS = [ROOT, *(ROOT / "docs" / name for name in (".", "decisions", "tutorials", "from"))]
_EXAMPLES = [*ROOT.glob("examples/README.md"), *ROOT.glob("examples/*/README.md")]
PAGES = sorted([*(page for folder in _FOLDERS for page in folder.glob("*.md")), *_EXAMPLES])
_FENCE = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]*)"')


class Block(NamedTuple):
    """A fenced block of a page: its language, its text, and its title."""

    language: str
    text: str
    title: str = ""


def blocks(page):
    """The fenced blocks of a page, in order."""
    return [Block(m[2], m[4], _title(m[3])) for m in _FENCE.finditer(page.read_text())]


def _title(words):
    found = _TITLE.search(words)
    return found[1] if found else ""
