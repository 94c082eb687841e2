"""How a task's topic is reached: `broker_way` is straight, `gateway_way` through a gateway.

Only one of the two is needed, and both are heavy. They import all they use at once: a thread that still sends
while Python ends can import nothing any more, nor can a forked child what its parent was importing.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from tailrace.core.cursors import valid_topic_name
from tailrace.core.errors import ConfigurationError
from tailrace.core.ports import NewRecord, Outcome, internal_topic
from tailrace.core.scans import Scan, ScanRequest

PARTITIONS: Final = 1
"""Of a topic that is made here: one keeps the lines of all of a task's workers in the order of storing."""


class Outbox(Protocol):
    """Stores one batch after another. Raises TailraceError where it cannot go on."""

    def send(self, records: Sequence[NewRecord]) -> None:
        """Take a batch; the one before has its outcomes."""
        ...

    def outcomes(self, seconds: float) -> Sequence[Outcome] | None:
        """The fate of each record of the batch, in order; None if it is not known within the time."""
        ...

    def idle(self) -> None:
        """There is nothing to send now."""
        ...

    def close(self) -> None:
        """Give up what is under way."""
        ...


class Way(Protocol):
    """A topic that is written, and read to see what is stored."""

    @property
    def topic(self) -> str:
        """Its name."""
        ...

    def open(self) -> Outbox:
        """Begin to write; TopicNotFound comes now or with the first batch."""
        ...

    def make(self) -> None:
        """Make the topic."""
        ...

    def scan(self, request: ScanRequest) -> Scan:
        """Read."""
        ...


def checked(task: str) -> str:
    """A task's name, which is that of its topic.

    Raises:
        ConfigurationError: no topic can have it.
    """
    if not valid_topic_name(task) or internal_topic(task):
        raise ConfigurationError(
            f"{task[:80]!r} cannot name a task.",
            hint="1 to 249 letters, digits, dots, underscores and hyphens, as the topic is named after it.",
        )
    return task
