"""What a module's text tells without being run."""

import pytest

from tailrace.pipelines.sources import Source, find_source

TEXT = """
import os, json as j
from a.b import c
try:
    X, (Y, Z) = 1, (2, 3)
except ImportError:
    W: int = 0
if X:
    def f(): ...
class K: ...

@app.on("a", "b", group="g", to=["c", "d"])
async def g(value): ...

@app.every("5s", to=NAME)
def h(): ...
"""


@pytest.fixture
def source(tmp_path):
    def found(text, module="m"):
        (tmp_path / "m.py").write_text(text)
        return find_source(module, tmp_path)

    return found


def test_names_at_the_top_are_found(source):
    """Those under an if or a try too."""
    assert source(TEXT).names == {"os", "j", "c", "X", "Y", "Z", "W", "f", "K", "g", "h"}


@pytest.mark.parametrize("text", ["from x import *", "def __getattr__(name): ..."])
def test_names_that_come_when_it_runs_are_not_judged(source, text):
    """Nobody can say what is missing."""
    assert source(text).names is None


def test_topics_of_a_decorator_are_found_where_they_are_plain(source):
    """A name in their place is not followed."""
    declared = source(TEXT).declared("g")
    assert (declared.reads, declared.writes) == (("a", "b"), ("c", "d"))
    assert source(TEXT).declared("h").writes == ()


def test_a_wrong_module_is_told_with_its_line(source):
    """As Python would."""
    assert source("def f(:\n  pass") == "m.py, line 1: invalid syntax"


@pytest.mark.parametrize(("module", "kind"), [("json", Source), ("json.decoder", Source), ("sys", str)])
def test_installed_modules_are_found(source, module, kind):
    """Also those without source, of which nothing is said."""
    assert isinstance(source("", module), kind)


@pytest.mark.parametrize("module", ["nowhere", "json.nowhere", "m.n"])
def test_what_is_not_there_is_told(source, module):
    """Without importing the package above it."""
    assert source("", module) == "there is no such module"
