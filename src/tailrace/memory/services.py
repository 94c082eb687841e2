"""What services use of a cluster, in memory."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from tailrace.core.errors import TailraceError
from tailrace.core.groups import GroupReader, OnRevoked, Positions, Sender, StartAt
from tailrace.core.ports import NewRecord, Outcome
from tailrace.core.records import Headers
from tailrace.memory.group import MemoryGroup, MemoryGroupReader
from tailrace.memory.log import MemoryLog
from tailrace.memory.writer import MemoryWriter


class MemorySender:
    """Stores at once; a topic that does not exist is made, as brokers do in their default setting."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._writer = MemoryWriter(log, lambda told: told())
        self.sent = 0
        self.waiting = 0

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp: int | None = None,
        headers: Headers = (),
        *,
        wait: bool = True,  # noqa: ARG002  # there is always room
    ) -> None:
        """Store a record."""
        if all(known.name != topic for known in self._log.topics()):
            self._log.create(topic)
        self._writer.append(topic, [NewRecord(value, key, partition, timestamp, headers)], _check)
        self.sent += 1

    def settle(self, seconds: float) -> bool:  # noqa: ARG002  # nothing takes time here
        """All is stored."""
        return True

    def forgive(self) -> None:
        """Nothing was refused."""

    def close(self) -> None:
        """Nothing is open."""


class MemoryServices:
    """Opens readers and senders of a MemoryLog; see Services."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._groups: dict[str, MemoryGroup] = defaultdict(MemoryGroup)

    def reader(
        self,
        topics: Collection[str],
        group: str | None,
        start: StartAt,
        client_id: str,  # noqa: ARG002  # nobody lists clients here
        on_revoked: OnRevoked,
    ) -> GroupReader:
        """A new member, or without a group a reader of everything."""
        found = MemoryGroup() if group is None else self._groups[group]
        return MemoryGroupReader(self._log, found, topics, start, on_revoked, commits=group is not None)

    def sender(self, client_id: str) -> Sender:  # noqa: ARG002  # likewise
        """A new producer."""
        return MemorySender(self._log)

    def committed(self, group: str) -> Positions:
        """What a group has committed."""
        return dict(self._groups[group].committed)


def _check(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, TailraceError):
            raise outcome
