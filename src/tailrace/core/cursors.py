"""Where a reader stands: the next offset to read in every partition of every topic.

cursor = topic *(";" topic), topic = name ["~" tag] ":" position *("," position),
position = partition "@" (offset ["e" epoch] | "t" millis). Writers sort; readers take any order.
A leader epoch is read and dropped: a cut log is noticed by its offsets, and nobody here writes one.
Above 512 bytes the same content is written as "~2" and base64url varints.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tailrace.core.errors import BadCursor
from tailrace.core.varints import VarintReader, write_varint

COMPACT_PREFIX = "~2"
COMPACT_ABOVE_BYTES = 512
# As in "0@0,": with more of them the long form need not even be tried.
SHORTEST_POSITION = 4
TAG_LENGTH = 6
MAX_OFFSET = 2**63 - 1
MAX_PARTITION = MAX_EPOCH = 2**31 - 1

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_TAG = re.compile(r"[A-Za-z0-9_-]{6}")
_POSITION = re.compile(r"(\d{1,10})@(?:t(\d{1,19})|(\d{1,19})(?:e(\d{1,10}))?)", re.ASCII)

_OFFSET, _OFFSET_AND_EPOCH, _TIMESTAMP = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset to read, or a moment (ms) where the end could not be asked."""

    offset: int = 0
    timestamp: int | None = None

    def __str__(self) -> str:
        return str(self.offset) if self.timestamp is None else f"t{self.timestamp}"


@dataclass(frozen=True, slots=True)
class TopicCursor:
    """A reader's place in one topic; a partition that is not named starts at 0."""

    positions: Mapping[int, Position]
    tag: str | None = None

    @classmethod
    def at(cls, offsets: Mapping[int, int], tag: str | None = None) -> "TopicCursor":
        """A place given by plain offsets."""
        return cls({p: Position(o) for p, o in offsets.items()}, tag)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A reader's place in all its topics."""

    topics: Mapping[str, TopicCursor] = field(default_factory=dict)

    def __str__(self) -> str:
        text = ";".join(format_topic(t, c.tag, c.positions) for t, c in sorted(self.topics.items()))
        return text if len(text) <= COMPACT_ABOVE_BYTES else self.compact()

    def compact(self) -> str:
        """The short form of a long cursor."""
        return _compact({name: (topic.tag, topic.positions) for name, topic in self.topics.items()})

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read either form; refuse with a reason what is not a cursor.

        Raises:
            BadCursor: the text is not a cursor.
        """
        if text.startswith(COMPACT_PREFIX):
            return cls(_parse_compact(text[len(COMPACT_PREFIX) :]))
        topics: dict[str, TopicCursor] = {}
        for part in text.split(";"):
            name, topic = _parse_topic(part)
            if name in topics:
                raise _bad(f"topic {name!r} stands twice")
            topics[name] = topic
        return cls(topics)


def format_topic(topic: str, tag: str | None, positions: Mapping[int, Position | int]) -> str:
    """One topic's part of a cursor."""
    places = ",".join(f"{p}@{positions[p]}" for p in sorted(positions))
    return f"{topic}~{tag}:{places}" if tag else f"{topic}:{places}"


def format_whole(topic: str, tag: str | None, positions: Mapping[int, Position | int]) -> str:
    """The cursor of a reader of one topic, in its short form where it is long."""
    if len(positions) * SHORTEST_POSITION <= COMPACT_ABOVE_BYTES:
        text = format_topic(topic, tag, positions)
        if len(text) <= COMPACT_ABOVE_BYTES:
            return text
    return _compact({topic: (tag, positions)})


def join_topics(parts: Iterable[str]) -> str:
    """A whole cursor from its topics' parts, in order of their names."""
    text = ";".join(sorted(parts, key=_name))
    return text if len(text) <= COMPACT_ABOVE_BYTES else Cursor.parse(text).compact()


def _name(part: str) -> str:
    return part.partition(":")[0].partition("~")[0]


def topic_tag(cluster_id: str, topic_id: bytes) -> str:
    """The short tag by which a topic deleted and made again is noticed; `topic_id` is 16 bytes."""
    digest = hashlib.sha256(cluster_id.encode() + b"/" + topic_id).digest()
    return base64.urlsafe_b64encode(digest).decode()[:TAG_LENGTH]


def valid_topic_name(name: str) -> bool:
    """Whether Kafka takes the name: 1 to 249 of letters, digits, dot, underscore, hyphen."""
    return bool(_TOPIC.fullmatch(name)) and name not in {".", ".."}


def _bad(why: str) -> BadCursor:
    return BadCursor(
        f"This is not a cursor: {why}.",
        hint="Use a cursor exactly as a stream or page gave it, for example orders:0@1207,1@998.",
    )


def _parse_topic(part: str) -> tuple[str, TopicCursor]:
    head, colon, places = part.rpartition(":")
    name, tilde, tag = head.partition("~")
    if not colon or not valid_topic_name(name):
        raise _bad(f"{part[:80]!r} does not start with a topic name and a colon")
    if tilde and not _TAG.fullmatch(tag):
        raise _bad(f"the tag {tag[:20]!r} has not {TAG_LENGTH} characters of base64url")
    positions: dict[int, Position] = {}
    for place in places.split(",") if places else ():
        match = _POSITION.fullmatch(place)
        if not match:
            raise _bad(f"{place[:40]!r} is no partition@offset")
        position = Position(int(match[3])) if match[3] else Position(timestamp=int(match[2]))
        _add(positions, name, int(match[1]), position, int(match[4] or 0))
    return name, TopicCursor(positions, tag or None)


def _add(positions: dict[int, Position], topic: str, partition: int, position: Position, epoch: int) -> None:
    if partition in positions:
        raise _bad(f"partition {partition} of {topic!r} stands twice")
    largest = max(position.offset, position.timestamp or 0)
    if partition > MAX_PARTITION or largest > MAX_OFFSET or epoch > MAX_EPOCH:
        raise _bad(f"partition {partition} of {topic!r} has a number beyond Kafka's")
    positions[partition] = position


def _compact(topics: Mapping[str, tuple[str | None, Mapping[int, Position | int]]]) -> str:
    out = bytearray()
    write_varint(out, len(topics))
    for name, (tag, positions) in sorted(topics.items()):
        _write_text(out, name)
        _write_text(out, tag or "")
        write_varint(out, len(positions))
        for partition in sorted(positions):
            write_varint(out, partition)
            _write_position(out, positions[partition])
    return COMPACT_PREFIX + base64.urlsafe_b64encode(out).rstrip(b"=").decode()


def _write_text(out: bytearray, text: str) -> None:
    write_varint(out, len(text))
    out += text.encode("ascii")


def _write_position(out: bytearray, position: Position | int) -> None:
    if isinstance(position, int):
        kind, number = _OFFSET, position
    elif position.timestamp is None:
        kind, number = _OFFSET, position.offset
    else:
        kind, number = _TIMESTAMP, position.timestamp
    out.append(kind)
    write_varint(out, number)


def _parse_compact(text: str) -> dict[str, TopicCursor]:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        reader = VarintReader(data)
        topics: dict[str, TopicCursor] = {}
        for _ in range(reader.number()):
            name, topic = _read_topic(reader)
            if name in topics:
                raise _bad(f"topic {name!r} stands twice")
            topics[name] = topic
        if not reader.at_end or not topics:
            raise _bad("the short form is empty or goes on after its end")
    except ValueError as error:
        raise _bad(f"its short form is damaged ({error})") from None
    return topics


def _read_topic(reader: VarintReader) -> tuple[str, TopicCursor]:
    name, tag = reader.text(), reader.text()
    if not valid_topic_name(name) or (tag and not _TAG.fullmatch(tag)):
        raise _bad("its short form names no topic")
    positions: dict[int, Position] = {}
    for _ in range(reader.number()):
        partition, kind, number = reader.number(), reader.number(), reader.number()
        if kind not in {_OFFSET, _OFFSET_AND_EPOCH, _TIMESTAMP}:
            raise _bad("its short form has a position of an unknown kind")
        epoch = reader.number() if kind == _OFFSET_AND_EPOCH else 0
        position = Position(timestamp=number) if kind == _TIMESTAMP else Position(number)
        _add(positions, name, partition, position, epoch)
    return name, TopicCursor(positions, tag or None)
