"""What a task's topic holds."""

import json
import logging
import time
import uuid

import pytest

from tailrace.core.errors import BrokerUnavailable, TopicNotFound
from tailrace.core.scans import ScanRequest
from tailrace.kafka.scan import KafkaScan
from tailrace.kafka.settings import translate

SECONDS = 30.0


def wait_for(condition, seconds=SECONDS):
    """Poll until it holds, and give what it gave."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def task():
    """The id of a new task."""
    return f"task-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def stored(kafka, task):
    """All records of the task's topic as their objects; none where there is no topic."""

    def read():
        settings = translate({"bootstrap_servers": kafka.bootstrap_servers})
        try:
            scan = KafkaScan(settings, ScanRequest((task,)), 0)
        except (TopicNotFound, BrokerUnavailable):  # its leader may not know it yet
            return []
        return [json.loads(v) for event in scan.events() if event is not None for v in event.values()]

    return read


@pytest.fixture
def logger():
    """A logger that no other handler hears."""
    made = logging.Logger("train", logging.DEBUG)
    yield made
    for handler in made.handlers:
        handler.close()
