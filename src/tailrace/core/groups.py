"""What services need from a log: membership in a group, and a producer; in `kafka/` and in `memory/`."""

from collections.abc import Callable, Collection, Mapping
from typing import Literal, NamedTuple, Protocol

from tailrace.core.records import Headers, Record

StartAt = Literal["earliest", "latest"]


class Spot(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


Positions = Mapping[Spot, int]


class Polled(Protocol):
    """Records as they were read, at least one; those of a partition in order. Never changed once made."""

    def __len__(self) -> int: ...

    def values(self) -> list[bytes | None]:
        """The values, a row each."""
        ...

    def keys(self) -> list[bytes | None]:
        """The keys, a row each."""
        ...

    def headers(self) -> list[Headers]:
        """The headers, a row each."""
        ...

    def record(self, row: int) -> Record:
        """One row with all that Kafka keeps of it."""
        ...

    def ends(self, start: int, stop: int) -> Positions:
        """For each partition among rows `start` to `stop` (exclusive), the offset after its last one."""
        ...

    def rest(self, start: int, lost: Collection[Spot]) -> "Polled":
        """The rows from `start` on without those of the lost partitions; may be none."""
        ...


class GroupReader(Protocol):
    """A member of a group, or with group None a reader of everything that commits nothing.

    All is for one thread, which hears of revoked partitions while it polls.
    A topic that does not exist is waited for. Where nothing is committed it begins at its `start`, but
    a partition that came later than the reader is read from its first record on.
    """

    @property
    def assigned(self) -> bool:
        """Whether the group has said which partitions this member has; there may be none."""
        ...

    def poll(self, most: int, seconds: float) -> Polled | None:
        """What has come, at most so many rows; waits for the first only.

        Raises TailraceError for what does not heal by itself.
        """
        ...

    def pause(self) -> None:
        """Bring nothing more, but stay a member: `poll` goes on to be called."""
        ...

    def resume(self) -> None:
        """Go on after a pause."""
        ...

    def commit(self, positions: Positions, *, wait: bool) -> None:
        """Store the next offsets to read. Without `wait` a failure shows at `uncommitted`; with it raises."""
        ...

    def uncommitted(self) -> bool:
        """Whether a commit that nobody waited for has failed since the last call."""
        ...

    def close(self) -> None:
        """Leave the group at once."""
        ...


class Sender(Protocol):
    """Stores what services produce. Threads share it."""

    @property
    def sent(self) -> int:
        """How many records were taken."""
        ...

    @property
    def waiting(self) -> int:
        """How many of them are neither stored nor refused."""
        ...

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp: int | None = None,
        headers: Headers = (),
        *,
        wait: bool = True,
    ) -> None:
        """Take a record, waiting for room; without `wait` raises BufferError where there is none.

        Raises TailraceError where it cannot be taken.
        """
        ...

    def settle(self, seconds: float) -> bool:
        """Wait until all that was taken is stored; False if the time was too short.

        Or long enough to tell that there is no broker: none answers, and nothing was ever stored.

        Raises TailraceError if any of it was refused, and each time from then on.
        """
        ...

    def forgive(self) -> None:
        """Go on after a refusal that nothing depends on."""
        ...

    def close(self) -> None:
        """Let go of what is not stored."""
        ...


OnRevoked = Callable[[Collection[Spot]], Positions]
"""Told which partitions go to others; answers what to commit of them first."""


class Services(Protocol):
    """Opens readers and senders of one cluster."""

    def reader(
        self,
        topics: Collection[str],
        group: str | None,
        start: StartAt,
        client_id: str,
        on_revoked: OnRevoked,
    ) -> GroupReader:
        """A new member."""
        ...

    def sender(self, client_id: str) -> Sender:
        """A new producer."""
        ...
