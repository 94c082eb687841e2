"""What the core needs from a log: `kafka/` is one form, `memory/` another, with one contract suite."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from tailrace.core.errors import BadRequest, BrokerUnavailable, TailraceError
from tailrace.core.records import Chunk, Headers

# Each partition is files and memory in brokers and clients: 20,000 asked for in one call filled a broker's
# disk and ended the gateway. Kafka makes no topic of more in one call, but lets it grow.
MAX_PARTITIONS = 10_000

# Topics of Kafka itself and of Tailrace: shown to administrators, never listed to readers, never changed.
INTERNAL_PREFIXES = ("__", "_tailrace.")


def internal_topic(name: str) -> bool:
    """Whether a topic belongs to Kafka or to Tailrace itself."""
    return name.startswith(INTERNAL_PREFIXES)


def check_partitions(topic: str, number: int) -> None:
    """Return when a topic may have so many partitions.

    Raises:
        BadRequest: it may not.
    """
    if not 1 <= number <= MAX_PARTITIONS:
        raise BadRequest(
            f"The topic {topic[:249]!r} cannot have {number} partitions.",
            hint=f"A topic has 1 to {MAX_PARTITIONS:,}.",
        )


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """What a topic is: `tag` changes when a topic is deleted and made again under its name."""

    name: str
    tag: str
    partitions: int


class LostPosition(Exception):
    """The wanted offset is not in the log any more, or not yet.

    `earliest` and `latest` bound what can be read (latest is the next stable offset).
    """

    def __init__(self, earliest: int, latest: int) -> None:
        super().__init__(f"the log now has offsets {earliest} to {latest}")
        self.earliest = earliest
        self.latest = latest


class PartitionsUnavailable(BrokerUnavailable):
    """Some partitions have no leader to ask; `known` is the answer about the others."""

    def __init__(self, topic: str, unknown: Iterable[int], known: Mapping[int, int]) -> None:
        named = ", ".join(map(str, sorted(unknown)))
        super().__init__(
            f"No broker could be asked about {topic!r}, partition {named}.",
            hint="Check that the brokers that lead it run and can be reached from here.",
        )
        self.known = known


@dataclass(frozen=True, slots=True)
class Block:
    """What a catch-up read found: the records from an offset on, and where to go on.

    `chunk` is None where nothing was found up to `next_offset` (aborted or compacted records).
    `at_end` says that `next_offset` was the log's stable end when it was read.
    `skipped` are records that cannot be read, as (from, to, cause).
    """

    chunk: Chunk | None
    next_offset: int
    at_end: bool = False
    skipped: Sequence[tuple[int, int, str]] = ()


class LogReader(Protocol):
    """Questions about topics and reads from any offset. Every call has a deadline of its own.

    Raises TopicNotFound, Forbidden and BrokerUnavailable; never makes a topic. A question about each
    partition raises PartitionsUnavailable where only some of them can be asked.
    """

    async def describe(self, topics: Sequence[str]) -> Mapping[str, TopicInfo]:
        """What the named topics are; a topic that does not exist is left out."""
        ...

    async def topic_names(self) -> Sequence[str]:
        """The names of all topics, internal ones left out."""
        ...

    async def earliest(self, topic: str) -> Mapping[int, int]:
        """The first offset that each partition still has."""
        ...

    async def latest(self, topic: str) -> Mapping[int, int]:
        """The last stable offset of each partition: what comes next for a committed reader."""
        ...

    async def offsets_at(self, topic: str, timestamp: int) -> Mapping[int, int]:
        """The first offset of each partition at or after the time (ms), or its end."""
        ...

    async def read(self, topic: str, partition: int, offset: int, max_bytes: int) -> Block:
        """The records from the offset on, about `max_bytes` of them, waiting only briefly at the end.

        Sequential reads of a partition are cheap: the place is kept open.

        Raises:
            LostPosition: the offset is outside of the log.
        """
        ...


class TailListener(Protocol):
    """Who is told what a tail source reads; always on the loop's thread."""

    def on_chunk(self, chunk: Chunk) -> None:
        """The next records of a watched topic; each partition's in order, without a hole of ours."""
        ...

    def on_lost(self, topic: str, partition: int, at: int, cause: str, resume_at: int) -> None:
        """Records from `at` on cannot be read; it goes on at `resume_at`."""
        ...

    def on_stalled(self, topic: str, partition: int, offset: int) -> None:
        """An open transaction has held back the committed records from this offset on for 5 s."""
        ...


class TailSource(Protocol):
    """Reads what is watched, once per process, and hands it over in chunks."""

    def watch(self, topic: str, positions: Mapping[int, int]) -> None:
        """Start to read the topic at the given offset of each partition."""
        ...

    def unwatch(self, topic: str) -> None:
        """Stop reading the topic; nothing of it is handed over after this returns."""
        ...

    def close(self) -> None:
        """Stop all reading within its deadline."""
        ...


class NewRecord(NamedTuple):
    """A record to store: `partition` None lets the partitioner choose, `timestamp` None is now.

    A tuple, as `Stored` is: of all that never changes it is the quickest to make, and every record is one.
    """

    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    timestamp: int | None = None
    headers: Headers = ()


class Stored(NamedTuple):
    """Where a record was stored; timestamp in ms."""

    partition: int
    offset: int
    timestamp: int


Outcome = Stored | TailraceError


class LogWriter(Protocol):
    """Stores records durably (idempotent, all in-sync replicas) and tells each one's fate."""

    def append(
        self,
        topic: str,
        records: Sequence[NewRecord],
        on_done: Callable[[Sequence[Outcome]], None],
        *,
        linger: bool = False,
    ) -> int:
        """Take records; answer how many were taken (fewer when the bound is reached, from the front).

        `on_done` is called once on the loop's thread, with the outcomes of the records taken, in order;
        not at all when none was taken. `linger` trades 2 ms of latency for larger batches.
        A topic that does not exist is an outcome TopicNotFound, never made.
        """
        ...

    def writable(self) -> Awaitable[None]:
        """Done when there is room again after `append` took fewer than given."""
        ...

    async def close(self) -> None:
        """Store what was taken, within the deadline."""
        ...


@dataclass(frozen=True, slots=True)
class PartitionDetail:
    """One partition as the cluster has it: `leader` None is offline; end is the last stable offset."""

    partition: int
    leader: int | None
    replicas: Sequence[int]
    in_sync_replicas: Sequence[int]
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class TopicDetail:
    """All about a topic, for people; `config` are values that differ from the broker's default."""

    name: str
    tag: str
    partitions: Sequence[PartitionDetail]
    config: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to make; None leaves the number to the broker's default."""

    name: str
    partitions: int | None = None
    replicas: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)


class TopicAdmin(Protocol):
    """Makes, shows and changes topics. Raises TopicNotFound, TopicExists, BadRequest, BrokerUnavailable."""

    def list_topics(self) -> Sequence[TopicDetail]:
        """All topics, without their configuration."""
        ...

    def describe(self, name: str) -> TopicDetail:
        """One topic."""
        ...

    def create(self, topics: Iterable[NewTopic]) -> None:
        """Make topics and wait until they can be used."""
        ...

    def configure(self, name: str, config: Mapping[str, str | None]) -> None:
        """Set values; None goes back to the broker's default."""
        ...

    def grow(self, name: str, partitions: int) -> None:
        """Raise the number of partitions."""
        ...

    def delete(self, name: str) -> None:
        """Delete the topic and its records."""
        ...


GapCause = Literal["retention", "deleted", "recreated", "truncated", "corrupt", "oversized", "policy"]
