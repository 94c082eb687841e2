"""Names of a topic's configuration, for near misses: the broker itself only says that one is unknown."""

import re
from collections.abc import Mapping

from confluent_kafka import KafkaError

from tailrace.core.errors import BadRequest, TailraceError
from tailrace.kafka.errors import translate_error
from tailrace.kafka.settings import nearest

_UNKNOWN = "Unknown topic config name: "
_NO_NUMBER = re.compile(r"Invalid value (?P<value>.*) for configuration (?P<name>[\w.]+): Not a number")
_QUANTITY = re.compile(r"([0-9]{1,15}) *([a-z]+)")
# By how a name ends: what it counts, and how many of them people's units are.
_COUNTED: dict[str, tuple[str, Mapping[str, int]]] = {
    "ms": (
        "milliseconds",
        {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000},
    ),
    "bytes": (
        "bytes",
        {"kb": 1 << 10, "kib": 1 << 10, "mb": 1 << 20, "mib": 1 << 20, "gb": 1 << 30, "gib": 1 << 30},
    ),
}

TOPIC_CONFIGS = (
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
)


def refused(error: KafkaError, detail: str) -> TailraceError:
    """Our error for what an administrator was told, with the right name or form where they can be guessed."""
    text = error.str()
    if text.startswith(_UNKNOWN):
        near = nearest(text.removeprefix(_UNKNOWN), TOPIC_CONFIGS)
        return BadRequest(detail, cause=f"{text}.", hint=f"Did you mean {near}?" if near else "")
    translated = translate_error(error, detail)
    if wrong := _NO_NUMBER.match(text):
        translated.hint = _number_hint(wrong["name"], wrong["value"])
    return translated


def _number_hint(name: str, value: str) -> str:
    counted, units = _COUNTED.get(name.rpartition(".")[2], ("", {}))
    given = _QUANTITY.fullmatch(value.strip().lower())
    if given and given[2] in units:
        return f"It is a number of {counted}: {name}={int(given[1]) * units[given[2]]}"
    return f"It is a number of {counted}." if counted else "Give a number."
