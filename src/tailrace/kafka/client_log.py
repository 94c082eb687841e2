"""What librdkafka says, fit for the gateway's log: a broker that is away is said in our words, and rarely.

Each client tries each broker up to twice a second, and says so each time: 9,463 lines in 11 minutes.
"""

import logging
import re

from tailrace.telemetry.repeats import Repeats

# How confluent_kafka hands on a line: the facility, the client's name, the text.
_FORM = "%s [%s] %s"
_AWAY = "Kafka at %s does not answer (%s); trying again."
_BROKER_AWAY = re.compile(
    r"(?:\w+://)?(?P<broker>[^\s/]+:\d+)(?:/\w+)?: "
    r"(?:Connect to \S+ failed: |(?P<slow>Connection setup timed out)|Failed to resolve '[^']*': )"
    r"(?P<why>[^(]*)"
)
# Not those of an address: brokers are told apart.
_NUMBERS = re.compile(r"(?<![\w.:/-])\d+")


def not_for_long(line: logging.LogRecord) -> bool:
    """Leave out what a broker says for a moment after its start; the client asks again by itself."""
    return "Coordinator load in progress" not in line.getMessage()


def in_our_words(line: logging.LogRecord) -> bool:
    """Say in a sentence that a broker cannot be reached, the same for all clients that tried it."""
    if line.msg == _FORM and (away := _BROKER_AWAY.search(line.getMessage())):
        line.msg = _AWAY
        line.args = (away["broker"], (away["slow"] or away["why"]).strip())
    return True


def kind(line: logging.LogRecord) -> str | None:
    """Two lines of librdkafka are the same if they differ in numbers and in the client's name only."""
    if line.msg == _FORM and isinstance(line.args, tuple):
        facility, _, text = line.args
        return f"{facility} {_NUMBERS.sub('#', str(text))}"
    return line.getMessage() if line.msg == _AWAY else None


def tame(logger: logging.Logger) -> None:
    """Let the logger's lines be few and readable."""
    for each in (not_for_long, in_our_words, Repeats(kind)):
        logger.addFilter(each)
