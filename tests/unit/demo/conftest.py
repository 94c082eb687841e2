"""Where the demo's data lies."""

from pathlib import Path

import pytest

import tailrace.demo


@pytest.fixture
def data_folder():
    """The folder of the data files."""
    return Path(tailrace.demo.__file__).parent / "data"
