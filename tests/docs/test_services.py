"""The page about services: its app and its test are run as they stand."""

import importlib
import sys

import pytest
from tests.docs.pages import ROOT, blocks


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Import a block of the page by its title."""
    before = set(sys.modules)
    for block in blocks(ROOT / "docs" / "services.md"):
        if block.title:
            (tmp_path / block.title).write_text(block.text)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_the_pages_test_passes(module):
    """A reader can copy both files."""
    module("test_shop").test_an_order_becomes_an_invoice()


def test_the_pages_app_reads_what_it_writes(module, capsys):
    """An order becomes an invoice, which is shown."""
    shop = module("shop")
    with shop.app.test() as trial:
        trial.send("orders", {"id": 1, "amount": 100})
        trial.run()
    assert capsys.readouterr().out == "0 0 {'order': 1, 'total': 119.0}\n"
