"""Names of a topic's configuration, for near misses: the broker itself only says that one is unknown."""

from confluent_kafka import KafkaError

from tailrace.core.errors import BadRequest, TailraceError
from tailrace.kafka.errors import translate_error
from tailrace.kafka.settings import nearest

_UNKNOWN = "Unknown topic config name: "

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
    """Our error for what an administrator was told; an unknown name gets the nearest right one."""
    text = error.str()
    if not text.startswith(_UNKNOWN):
        return translate_error(error, detail)
    near = nearest(text.removeprefix(_UNKNOWN), TOPIC_CONFIGS)
    return BadRequest(detail, cause=f"{text}.", hint=f"Did you mean {near}?" if near else "")
