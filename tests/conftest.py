"""Real Kafka and a task's topic for every test that asks, and how long property tests search."""

import json
import uuid

import pytest
from hypothesis import settings

from tailrace.core.errors import BrokerUnavailable, TopicNotFound
from tailrace.core.scans import ScanRequest
from tailrace.kafka.scan import KafkaScan
from tailrace.kafka.settings import translate

pytest_plugins = ["tailrace.testing"]

settings.register_profile("default", max_examples=150, deadline=None)
# `make faults` looks on for minutes.
settings.register_profile("thorough", max_examples=5_000, deadline=None)


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
