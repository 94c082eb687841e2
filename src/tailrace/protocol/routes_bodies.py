"""The JSON bodies of the interface as types: requests are decoded by them, OpenAPI shows them."""

from typing import Annotated, Any, Literal

import msgspec

from tailrace.core.ports import MAX_PARTITIONS, TopicDetail

MAX_REPLICAS = 1_000

TopicName = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._-]{1,249}$")]
Partitions = Annotated[int, msgspec.Meta(ge=1, le=MAX_PARTITIONS)]
Replicas = Annotated[int, msgspec.Meta(ge=1, le=MAX_REPLICAS)]


class TopicIn(msgspec.Struct, forbid_unknown_fields=True):
    """A topic to make; numbers that are left out are the broker's defaults."""

    name: TopicName
    partitions: Partitions | None = None
    replicas: Replicas | None = None
    config: dict[str, str] = {}


class TopicChange(msgspec.Struct, forbid_unknown_fields=True):
    """What to change: the number of partitions only grows; null goes back to the broker's default."""

    partitions: Partitions | None = None
    config: dict[str, str | None] = {}


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """A token to exchange for a cookie."""

    token: str


class GrantOut(msgspec.Struct):
    """A grant: actions on a topic pattern."""

    actions: list[str]
    topic: str


class Session(msgspec.Struct):
    """Who the caller is."""

    name: str
    grants: list[GrantOut]


class Health(msgspec.Struct):
    """How it is."""

    status: Literal["ok"]


class Partition(msgspec.Struct):
    """A partition: leader null is offline, `latest` is the last stable offset."""

    partition: int
    leader: int | None
    replicas: list[int]
    in_sync_replicas: list[int]
    earliest: int
    latest: int


class Topic(msgspec.Struct):
    """A topic; `config` has the values that differ from the broker's defaults."""

    name: str
    internal: bool
    partitions: list[Partition]
    config: dict[str, str]


class TopicRow(msgspec.Struct):
    """A topic in a list; `records` counts offsets, holes included."""

    name: str
    internal: bool
    partitions: int
    replicas: int
    records: int


class TopicList(msgspec.Struct):
    """Topics by name."""

    topics: list[TopicRow]


class RecordOut(msgspec.Struct):
    """A record as readers get it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str | None
    value: Any
    headers: list[tuple[str, Any]]
    key_encoding: Literal["text", "base64"] = "text"
    value_encoding: Literal["json", "text", "base64"] = "json"


class Page(msgspec.Struct):
    """Records, what was missed, and the cursor to go on from; `end` says that there was no more."""

    records: list[RecordOut]
    gaps: list[dict[str, Any]]
    cursor: str
    end: bool


class LogLine(msgspec.Struct):
    """A line of a task's log; without an encoding it is text."""

    line: str
    encoding: Literal["base64"] | None = None


class Problem(msgspec.Struct):
    """RFC 9457, and whether the same request makes sense again."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    cause: str
    hint: str
    retry: Literal["no", "same", "after", "unknown_outcome"]
    retry_after: float | None = None


class Answer(msgspec.Struct):
    """Where a record was stored, or why not; in a stream, `line` says which."""

    partition: int | None = None
    offset: int | None = None
    timestamp: int | None = None
    error: Problem | None = None
    line: int | None = None


class Acked(msgspec.Struct):
    """How many records of a stream are decided, how many of them failed, and the cursor behind them."""

    acked: int
    failed: int
    cursor: str


def topic_form(detail: TopicDetail) -> Topic:
    """A topic in full."""
    partitions = [
        Partition(p.partition, p.leader, list(p.replicas), list(p.in_sync_replicas), p.earliest, p.latest)
        for p in detail.partitions
    ]
    return Topic(detail.name, detail.internal, partitions, dict(detail.config))


def topic_row(detail: TopicDetail) -> TopicRow:
    """A topic in a list."""
    replicas = max((len(p.replicas) for p in detail.partitions), default=0)
    records = sum(p.latest - p.earliest for p in detail.partitions)
    return TopicRow(detail.name, detail.internal, len(detail.partitions), replicas, records)
