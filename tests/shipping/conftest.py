"""A logger, and a way to wait."""

import logging
import time

import pytest

SECONDS = 30.0


def wait_for(condition, seconds=SECONDS):
    """Poll until it holds, and give what it gave."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def logger():
    """A logger that no other handler hears."""
    made = logging.Logger("train", logging.DEBUG)
    yield made
    for handler in made.handlers:
        handler.close()
