"""What `module:name` means."""

import sys

import pytest

from tailrace.core.errors import ConfigurationError, TailraceError
from tailrace.runtime.spec import WorkerSpec
from tailrace.runtime.targets import adjusted, find

SHOP = """
from tailrace import App
app = App("shop")
tasks = App("tasks")
empty = App("empty")

@app.on("orders", to="results")
def take(value: int): ...

@app.every("5s")
def tick(): ...

@tasks.task
def once(): ...

def helper(): ...
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, with a module; nothing of it stays imported."""
    before, path = set(sys.modules), list(sys.path)
    (tmp_path / "shop_module.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_an_app():
    """All that it reads and does by the clock; the current folder is looked into."""
    target = find("shop_module:app")
    assert target.app.name == "shop"
    assert [one.name for one in target.programs] == ["take", "tick"]


@pytest.mark.parametrize("name", ["take", "tick", "once"])
def test_one_program(name):
    """By its function's name."""
    assert [one.name for one in find(f"shop_module:{name}").programs] == [name]


def test_a_program_imported_from_elsewhere(folder):
    """Its app is that of its own module."""
    (folder / "other_module.py").write_text("from shop_module import take")
    assert find("other_module:take").app.name == "shop"


@pytest.mark.parametrize(
    ("run", "said", "hint"),
    [
        ("shop_module", "does not say what to run", "MODULE:NAME"),
        ("shop_module:", "does not say what to run", "MODULE:NAME"),
        ("shop_module.py:take", "shop_module.py is a file", "Write shop_module:take."),
        ("t/services/orders:app", "t/services/orders is a file", "cd t/services, then orders:app"),
        ("t/orders.py:app", "t/orders.py is a file", "cd t, then orders:app"),
        ("shopmodule:app", "There is no module 'shopmodule'", "shopmodule.py"),
        ("shop_module:ap", "has no 'ap'", "Did you mean 'app'?"),
        ("shop_module:zzz", "has no 'zzz'", "It has app, tasks, empty"),
        ("shop_module:helper", "is no program of an App", "@app.on"),
        ("shop_module:tasks", "has only tasks", "shop_module:once"),
        ("shop_module:empty", "has nothing to run", "@app.on"),
    ],
)
def test_wrong_targets(run, said, hint):
    """Each is told with what to do."""
    with pytest.raises(ConfigurationError) as caught:
        find(run)
    assert said in caught.value.detail
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["\nimport missing_thing", "\n1 / 0", "\nx = ("])
def test_a_module_that_fails(folder, text):
    """Its own error is the cause, with its line, and no wrong usage."""
    (folder / "broken_module.py").write_text(text)
    with pytest.raises(TailraceError) as caught:
        find("broken_module:app")
    assert not isinstance(caught.value, ConfigurationError)
    said = ("missing_thing", "ZeroDivisionError: division by zero", "SyntaxError: '(' was never closed")
    assert any(one in caught.value.cause for one in said)
    assert "broken_module.py, line 2)" in caught.value.cause


def test_a_spec_wins_over_the_decorator():
    """Topics, group, start and format; a group of null is none."""
    spec = WorkerSpec("", reads=["a"], writes=["b", "c"], group=None, start="earliest", format="text")
    (program,) = adjusted(find("shop_module:take"), spec, workers=3).programs
    assert (program.topics, program.to, program.group) == (("a",), ("b", "c"), None)
    assert (program.start, program.format, program.workers) == ("earliest", "text", 3)


def test_what_a_spec_leaves_out_stays():
    """As the decorator says."""
    (program,) = adjusted(find("shop_module:take"), WorkerSpec("")).programs
    assert (program.topics, program.to, program.group) == (("orders",), ("results",), "shop")


@pytest.mark.parametrize(
    ("run", "spec", "said"),
    [
        ("tick", WorkerSpec("", reads=["a"]), "is a timer, which reads nothing"),
        ("take", WorkerSpec("", args=["1"]), "takes no arguments"),
    ],
)
def test_what_does_not_fit(run, spec, said):
    """A timer reads nothing, a handler has no arguments."""
    with pytest.raises(ConfigurationError, match=said):
        adjusted(find(f"shop_module:{run}"), spec)
