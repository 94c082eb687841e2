"""librdkafka's lines in the gateway's log: few, and in words for people."""

import logging

import pytest

from tailrace.kafka.client_log import in_our_words, kind, not_for_long
from tailrace.telemetry.repeats import MOST_KINDS, SAY_AGAIN_AFTER, Repeats

REFUSED = (
    "[thrd:{0}/bootstrap]: {0}/bootstrap: Connect to ipv4#127.0.0.1:9999 failed: "
    "Connection refused (after {1}ms in state CONNECT)"
)
AWAY = "Kafka at localhost:9999 does not answer (Connection refused); trying again."


class Log:
    """A logger with the filters of the clients' own, by a clock of this test's."""

    def __init__(self):
        self.now, self.lines = 0.0, []
        self.logger = logging.Logger("tailrace.kafka")
        handler = logging.Handler()
        handler.emit = self.lines.append
        self.logger.addHandler(handler)
        for each in (not_for_long, in_our_words, Repeats(kind, lambda: self.now)):
            self.logger.addFilter(each)

    def says(self, text, client="tailrace#producer-4", facility="FAIL"):
        """As confluent_kafka hands on a line of librdkafka's."""
        self.logger.log(logging.ERROR, "%s [%s] %s", facility, client, text)

    def said(self):
        """What came through, each with how many were left out before it."""
        return [(line.getMessage(), getattr(line, "fields", {}).get("left_out")) for line in self.lines]


@pytest.fixture
def log():
    return Log()


def test_a_broker_that_is_away_is_said_once_for_all_clients(log):
    """However many clients try it, and however often."""
    for number in range(100):
        log.says(REFUSED.format("localhost:9999", number), f"tailrace#consumer-{number}")
    assert log.said() == [(AWAY, None)]


def test_after_a_minute_it_is_said_again_with_how_many_were_left_out(log):
    """Somebody who looks at the log later sees that it lasts."""
    for log.now in (0, 1, SAY_AGAIN_AFTER - 1, SAY_AGAIN_AFTER, 2 * SAY_AGAIN_AFTER):
        log.says(REFUSED.format("localhost:9999", 0))
    assert log.said() == [(AWAY, None), (AWAY, 2), (AWAY, None)]


def test_two_brokers_are_two_lines(log):
    """Which ones are away must be seen."""
    log.says(REFUSED.format("kafka-1:9092", 0))
    log.says(REFUSED.format("sasl_ssl://kafka-2:9092", 0))
    assert [text.split()[2] for text, _ in log.said()] == ["kafka-1:9092", "kafka-2:9092"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("n:1/2: Connection setup timed out in state CONNECT (after 30028ms)", "Connection setup timed out"),
        (
            "n:1/2: Failed to resolve 'n:1': Name or service not known (after 3ms)",
            "Name or service not known",
        ),
    ],
)
def test_other_ways_to_be_away(log, text, why):
    """A host that is silent, and a name that nobody knows."""
    log.says(f"[thrd:n:1/2]: {text}")
    assert log.said() == [(f"Kafka at n:1 does not answer ({why}); trying again.", None)]


def test_other_lines_of_librdkafka_come_as_they_are_and_once(log):
    """Times and counts in them make no new kind; another text does."""
    for milliseconds in (12, 7000):
        log.says(f"[thrd:n:1/2]: n:1/2: Disconnected (after {milliseconds}ms in state UP)")
    log.says("[thrd:n:1/2]: n:1/2: SSL handshake failed")
    assert [text.rpartition(": ")[2] for text, _ in log.said()] == [
        "Disconnected (after 12ms in state UP)",
        "SSL handshake failed",
    ]


def test_what_a_starting_broker_says_is_left_out(log):
    """The client asks again by itself."""
    log.says("Failed to acquire idempotence PID: Coordinator load in progress: retrying")
    assert log.said() == []


def test_our_own_lines_are_always_said(log):
    """Only what librdkafka repeats is left out."""
    for _ in range(2):
        log.logger.warning("The setting %s has no effect here: %s.", "a", "b")
    assert len(log.said()) == 2


def test_kinds_are_bounded(log):
    """The one not said for longest is forgotten, and said once too often."""
    for number in [*range(MOST_KINDS + 1), MOST_KINDS, 0]:
        log.says(f"topic-{number} is odd")
    assert len(log.said()) == MOST_KINDS + 2
