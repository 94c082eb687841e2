"""The programs on the pages for those who come from elsewhere do what stands beside them."""

import ast
import shlex

import pytest

from tailrace import App, bootstrap
from tailrace.auth import check_safe
from tailrace.cli.group import exit_code

from .console import steps
from .pages import ROOT, blocks

FROM = ROOT / "docs/from"
ORDER = {"number": 7, "amount": 10.0}


def app_of(page, title):
    """The app of a page's file."""
    (text,) = (block.text for block in blocks(FROM / page) if block.title == title)
    module = {}
    exec(compile(text, title, "exec"), module)
    return next(value for value in module.values() if isinstance(value, App))


@pytest.mark.parametrize("page", sorted(FROM.glob("*.md")), ids=lambda page: page.stem)
def test_what_stands_on_a_page_is_python(page):
    """Both sides of each comparison can be copied."""
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text)


def test_a_consumer_of_kafka_python_becomes_a_function(capsys):
    """It prints the key, or that there is none, and a field of each order."""
    with app_of("kafka-python.md", "billing.py").test() as trial:
        trial.send("purchases", ORDER, key="k")
        trial.send("purchases", ORDER)
        trial.run()
    assert capsys.readouterr().out == "b'k' 10.0\nNone 10.0\n"


@pytest.mark.parametrize(
    ("page", "reads", "writes", "total"),
    [("kafka-python.md", "purchases", "receipts", 12.0), ("confluent-kafka.md", "trips", "fares", 10.0)],
)
def test_a_producer_becomes_a_return_value(page, reads, writes, total):
    """The result goes under the record's number."""
    with app_of(page, f"{writes}.py").test() as trial:
        trial.send(reads, ORDER)
        trial.run()
        (result,) = trial.sent_records(writes)
    assert (result.key, result.value) == (b"7", f'{{"total":{total}}}'.encode())


def test_a_poll_loop_becomes_a_function(capsys):
    """It prints the key, or that there is none, and the text of each line."""
    with app_of("confluent-kafka.md", "printers.py").test() as trial:
        trial.send("lines", b"a line", key="k")
        trial.send("lines", b"another")
        trial.run()
    assert capsys.readouterr().out == "b'k' a line\nNone another\n"


def test_the_bridge_of_flask_socketio_starts_as_written(monkeypatch):
    """The command is safe to start, and names the pages of Flask's own server."""
    (block,) = (block for block in blocks(FROM / "flask-socketio.md") if block.language == "console")
    (export, _), (serve, _) = steps(block.text)
    name, _, value = export.removeprefix("export ").partition("=")
    monkeypatch.setenv(name, value)
    started = []
    monkeypatch.setattr(bootstrap, "serve", lambda settings, _: started.append(settings))
    assert exit_code(shlex.split(serve)[1:]) == 0
    check_safe(started[0])
    assert "http://127.0.0.1:5000" in started[0].socketio.origins
