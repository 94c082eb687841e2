"""What the client library's error codes mean here: one table, code to our error."""

import re
from types import MappingProxyType

from confluent_kafka import KafkaError, KafkaException

from tailrace.core.errors import (
    BadRecord,
    BadRequest,
    BrokerUnavailable,
    ConfigurationError,
    Conflict,
    Forbidden,
    Internal,
    Overloaded,
    Stopping,
    TailraceError,
    TooLarge,
    TopicExists,
    TopicNotFound,
    Unavailable,
    UnknownOutcome,
)

# What is not in the table is a fault of ours: nothing we ask for answers with it.
DEFAULT = Internal

_FATES: dict[type[TailraceError], tuple[str, ...]] = {
    TopicNotFound: ("UNKNOWN_TOPIC_OR_PART", "UNKNOWN_TOPIC_ID", "_UNKNOWN_TOPIC", "INCONSISTENT_TOPIC_ID"),
    TopicExists: ("TOPIC_ALREADY_EXISTS",),
    TooLarge: ("MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_MSG_SIZE"),
    BadRecord: (
        "_UNKNOWN_PARTITION",
        "INVALID_RECORD",
        "INVALID_MSG",
        "INVALID_TIMESTAMP",
        "UNSUPPORTED_FOR_MESSAGE_FORMAT",
        "_INVALID_DIFFERENT_RECORD",
    ),
    BadRequest: (
        "TOPIC_EXCEPTION",
        "INVALID_PARTITIONS",
        "INVALID_REPLICATION_FACTOR",
        "INVALID_REPLICA_ASSIGNMENT",
        "INVALID_CONFIG",
        "INVALID_REQUEST",
        "POLICY_VIOLATION",
        "TOPIC_DELETION_DISABLED",
        "DUPLICATE_RESOURCE",
        "OFFSET_OUT_OF_RANGE",
        "_INVALID_ARG",
    ),
    Conflict: ("REASSIGNMENT_IN_PROGRESS", "OPERATION_NOT_ATTEMPTED"),
    Forbidden: (
        "TOPIC_AUTHORIZATION_FAILED",
        "CLUSTER_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        "SECURITY_DISABLED",
    ),
    BrokerUnavailable: (
        "_TRANSPORT",
        "_ALL_BROKERS_DOWN",
        "_RESOLVE",
        "_TIMED_OUT",
        "_TIMED_OUT_QUEUE",
        "_WAIT_COORD",
        "_DESTROY_BROKER",
        "_UNKNOWN_BROKER",
        "_NODE_UPDATE",
        # No partition that was asked about has a leader.
        "_NOENT",
        "BROKER_NOT_AVAILABLE",
        "LEADER_NOT_AVAILABLE",
        "NOT_LEADER_FOR_PARTITION",
        "REPLICA_NOT_AVAILABLE",
        "NOT_CONTROLLER",
        "UNKNOWN_CONTROLLER_ID",
        "STALE_CTRL_EPOCH",
        "STALE_BROKER_EPOCH",
        "FENCED_LEADER_EPOCH",
        "UNKNOWN_LEADER_EPOCH",
        "LISTENER_NOT_FOUND",
        "PREFERRED_LEADER_NOT_AVAILABLE",
        "ELIGIBLE_LEADERS_NOT_AVAILABLE",
        "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE",
        "NOT_COORDINATOR",
        "OFFSET_NOT_AVAILABLE",
        "KAFKA_STORAGE_ERROR",
        "LOG_DIR_NOT_FOUND",
        "REBOOTSTRAP_REQUIRED",
        # Fewer replicas in sync than the topic demands: nothing was stored.
        "NOT_ENOUGH_REPLICAS",
        "_ISR_INSUFF",
        "_AUTHENTICATION",
        "_SSL",
        "SASL_AUTHENTICATION_FAILED",
        "UNSUPPORTED_SASL_MECHANISM",
        "ILLEGAL_SASL_STATE",
    ),
    UnknownOutcome: (
        # The client library cannot say whether the request reached the log.
        "_MSG_TIMED_OUT",
        "_PURGE_INFLIGHT",
        "REQUEST_TIMED_OUT",
        "NETWORK_EXCEPTION",
        "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
        # A sequence that does not fit: an earlier try may be in the log.
        "OUT_OF_ORDER_SEQUENCE_NUMBER",
        "DUPLICATE_SEQUENCE_NUMBER",
        "_GAPLESS_GUARANTEE",
        "_INCONSISTENT",
    ),
    # The producer is replaced; what it had not sent was not stored.
    Unavailable: (
        "_FATAL",
        "_FENCED",
        "_STATE",
        "_RETRY",
        "_PREV_IN_PROGRESS",
        "_IN_PROGRESS",
        "_CRIT_SYS_RESOURCE",
        "PRODUCER_FENCED",
        "INVALID_PRODUCER_EPOCH",
        "INVALID_PRODUCER_ID_MAPPING",
        "UNKNOWN_PRODUCER_ID",
        "CONCURRENT_TRANSACTIONS",
        "TRANSACTION_ABORTABLE",
    ),
    Overloaded: ("_QUEUE_FULL", "THROTTLING_QUOTA_EXCEEDED"),
    Stopping: ("_PURGE_QUEUE", "_DESTROY"),
    ConfigurationError: (
        "UNSUPPORTED_VERSION",
        "_UNSUPPORTED_FEATURE",
        "_NOT_CONFIGURED",
        "UNSUPPORTED_COMPRESSION_TYPE",
        "INVALID_REQUIRED_ACKS",
    ),
}

FATES = MappingProxyType(
    {int(getattr(KafkaError, name)): error for error, names in _FATES.items() for name in names}
)

# A partition's leader is being elected, or is known to one side only: over in a moment.
ELECTING = frozenset({
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
})  # fmt: skip

_HINTS: dict[type[TailraceError], str] = {
    BrokerUnavailable: (
        "Check that Kafka runs, on this port, and that its advertised address can be reached from here."
    ),
    Forbidden: "Ask the cluster's administrator for an ACL for the gateway's user.",
    UnknownOutcome: "Read the topic's end before sending again, or accept a repeated record.",
    TooLarge: "Send smaller records, or raise the topic's max.message.bytes.",
}


def translate_error(error: KafkaError, detail: str) -> TailraceError:
    """Our error for a code of Kafka or its client; `detail` says what was tried."""
    fate = FATES.get(error.code(), DEFAULT)
    return fate(detail, cause=f"{error.str()} ({error.name()})", hint=_HINTS.get(fate, ""))


def translate_question(refused: KafkaError, detail: str) -> TailraceError:
    """The same for a question: it changes nothing, so that no answer is never an unknown outcome."""
    error = translate_error(refused, detail)
    if isinstance(error, Unavailable):
        return BrokerUnavailable(detail, cause=error.cause, hint=_HINTS[BrokerUnavailable])
    return error


_LOGIN = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED})
_LOGIN_HINT = "Check the mechanism, the user and the password (sasl_mechanism, sasl_plain_username)."
_TLS_HINT = "Check security_protocol and the certificates: both sides must speak TLS, or neither."
_HTTP_CAUSE = "What listens there speaks HTTP, as a gateway does"
_HTTP_HINT = "Give the port on which Kafka listens; the address of a gateway goes with --url."
# What Kafka's client takes the first four bytes for of an answer that begins with HTTP.
_HTTP_AS_SIZE = str(int.from_bytes(b"HTTP", "big"))
# Around the reason stand the broker, which the detail names, and how long it took.
_REASON = re.compile(r"(?:\S+/\w+: )?(?P<reason>.*?)(?: \(after \d+ms in state \w+\))?", re.DOTALL)


def tells_why(told: KafkaError) -> bool:
    """Whether a broker refuses the client, rather than being away."""
    return told.code() in _LOGIN or _of_tls(told) or _of_http(told)


def explain(error: TailraceError, told: KafkaError) -> None:
    """Let an error tell the reason that a connection was told, and what to do about it."""
    reason = _REASON.fullmatch(told.str())
    error.cause = f"{reason['reason'] if reason else told.str()} ({told.name()})"
    if _of_http(told):
        error.cause = f"{_HTTP_CAUSE} ({told.name()})"
        error.hint = _HTTP_HINT
    elif told.code() in _LOGIN:
        error.hint = _LOGIN_HINT
    elif _of_tls(told):
        error.hint = _TLS_HINT


def _of_tls(told: KafkaError) -> bool:
    # A side that speaks no TLS hangs up, which is a trouble of transport.
    return told.code() == KafkaError._SSL or "SSL" in told.str()


def _of_http(told: KafkaError) -> bool:
    return _HTTP_AS_SIZE in told.str()


def translate_exception(exception: KafkaException, detail: str) -> TailraceError:
    """The same for an exception that carries such an error."""
    return translate_error(exception.args[0], detail)
