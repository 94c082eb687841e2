"""The names of kafka-python's consumer, one row each, and what becomes of them here."""

import math
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tailrace.core.cursors import valid_topic_name
from tailrace.core.errors import ConfigurationError

DEFAULT_PORT = 9092
STARTS = frozenset({"earliest", "latest"})

Expand = Callable[[Any], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Row:
    """One name: `to` is librdkafka's name, `own` a field of ClientSettings; neither means no effect.

    `convert` makes the value; `expand` makes several of librdkafka's settings from one.
    `only` is the reason why any other value than the default is refused.
    """

    name: str
    default: object = None
    to: str = ""
    own: str = ""
    convert: Callable[[Any], object] | None = None
    expand: Expand | None = None
    only: str = ""

    def is_default(self, value: object) -> bool:
        """Whether a value, as a text too, is the default."""
        if isinstance(self.default, bool):
            return _FLAGS.get(str(value).lower()) is self.default
        if isinstance(self.default, int):
            return str(value).strip() == str(self.default)
        return value in (None, "", "None", (), [])


def broker_list(value: str | Iterable[str]) -> str:
    """librdkafka's comma list of brokers, each with a port."""
    brokers = value.split(",") if isinstance(value, str) else list(value)
    return ",".join(_with_port(broker.strip()) for broker in brokers if broker.strip())


def check_topics(topics: Iterable[str]) -> list[str]:
    """Names to subscribe to; a pattern (librdkafka's leading ^) is refused."""
    names = list(topics)
    for name in names:
        if not valid_topic_name(name):
            why = "a leading ^ would be a pattern" if name.startswith("^") else "it is no topic name"
            raise ConfigurationError(
                f"The topic {name[:80]!r} cannot be subscribed to: {why}.", hint="Name each topic."
            )
    return names


def _with_port(broker: str) -> str:
    scheme, _, host = broker.rpartition("://")
    if scheme.lower() in {"http", "https"}:
        raise ConfigurationError(
            f"{broker[:80]!r} is no address of a broker: Kafka does not speak HTTP.",
            hint=f"Leave {scheme}:// off; the address of a gateway goes with --url.",
        )
    has_port = host.rpartition(":")[2].isdecimal() if "]" not in host else not host.endswith("]")
    return broker if has_port and ":" in host else f"{broker}:{DEFAULT_PORT}"


def _start(value: object) -> str:
    return str(value) if value in STARTS else "error"


def _idle(value: object) -> float | None:
    milliseconds = float(str(value))
    if math.isnan(milliseconds):
        raise ValueError("it is no number of milliseconds")
    return None if math.isinf(milliseconds) or milliseconds < 0 else milliseconds / 1000


def _batch_size(value: object) -> int:
    size = int(str(value))
    if size < 1:
        raise ValueError("at least 1")
    return size


def _flag(value: object) -> bool:
    flag = _FLAGS.get(str(value).lower())
    if flag is None:
        raise ValueError("true or false")
    return flag


_FLAGS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)


def _callable(value: object) -> object:
    if not callable(value):
        raise ValueError("it takes a function, which only a Python program can give")
    return value


def _on_commit(callback: Callable[[object, object], None]) -> Callable[[object, object], None]:
    """kafka-python calls back with (offsets, response), librdkafka with (error, partitions)."""
    _callable(callback)
    return lambda error, partitions: callback(partitions, error)


def _assignors(value: object) -> str:
    names = value.split(",") if isinstance(value, str) else [value] if isinstance(value, type) else value
    return ",".join(_assignor(name) for name in names)  # type: ignore[attr-defined]  # else a TypeError, refused


_ASSIGNORS = {
    "RangePartitionAssignor": "range",
    "RoundRobinPartitionAssignor": "roundrobin",
    "StickyPartitionAssignor": "cooperative-sticky",
    "RangeAssignor": "range",
    "RoundRobinAssignor": "roundrobin",
    "CooperativeStickyAssignor": "cooperative-sticky",
}


def _assignor(value: object) -> str:
    """librdkafka's name for itself, or for a class of kafka-python or Java, as a path too."""
    name = value.strip() if isinstance(value, str) else getattr(value, "__name__", "")
    if name in _ASSIGNORS.values():
        return name
    known = _ASSIGNORS.get(name.rpartition(".")[2])
    if known is None:
        raise ValueError("librdkafka has range, roundrobin and cooperative-sticky, no assignors of one's own")
    return known


_SOCKET_OPTIONS = {
    "TCP_NODELAY": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    "SO_KEEPALIVE": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "SO_RCVBUF": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "SO_SNDBUF": (socket.SOL_SOCKET, socket.SO_SNDBUF),
}


def _socket_options(options: str | Iterable[tuple[int, int, int]]) -> Mapping[str, object]:
    if isinstance(options, str):
        return dict(_socket_option(*_named_option(part)) for part in options.split(","))
    triples = [tuple(option) for option in options]
    if any(len(triple) != 3 for triple in triples):
        raise ValueError("each is a level, an option and a value")
    return dict(_socket_option(*triple) for triple in triples)


def _named_option(text: str) -> tuple[int, int, int]:
    name, _, value = text.strip().partition("=")
    if name not in _SOCKET_OPTIONS or not value.isdecimal():
        raise ValueError(f"as a text it is such as TCP_NODELAY=1, of {', '.join(_SOCKET_OPTIONS)}")
    return (*_SOCKET_OPTIONS[name], int(value))


def _socket_option(level: int, option: int, value: int) -> tuple[str, object]:
    match (level, option):
        case (socket.IPPROTO_TCP, socket.TCP_NODELAY):
            return "socket.nagle.disable", bool(value)
        case (socket.SOL_SOCKET, socket.SO_KEEPALIVE):
            return "socket.keepalive.enable", bool(value)
        case (socket.SOL_SOCKET, socket.SO_RCVBUF):
            return "socket.receive.buffer.bytes", value
        case (socket.SOL_SOCKET, socket.SO_SNDBUF):
            return "socket.send.buffer.bytes", value
    raise ValueError(f"only {', '.join(_SOCKET_OPTIONS)} can be set")


def _check_hostname(value: object) -> str:
    return "https" if _flag(value) else "none"


_OLDEST_API = (0, 10)


def _api_version(value: object) -> Mapping[str, object]:
    if value != "auto" and _version(value) < _OLDEST_API:
        raise ValueError("brokers older than 0.10 cannot be spoken to; leave it out, it is asked")
    return {}


def _version(value: object) -> tuple[int, ...]:
    parts = value.strip("() ").replace(",", ".").split(".") if isinstance(value, str) else value
    # As a number 0.10 would be 0.1.
    if not isinstance(parts, list | tuple) or not all(str(part).strip().isdecimal() for part in parts):
        raise ValueError("it is a text such as 2.5.0, or a tuple")
    return tuple(int(part) for part in parts)


def _sasl_mechanism(value: str) -> str:
    return value.upper()


_METRICS = "metrics are served at /metrics, and by statistics.interval.ms"

ROWS: tuple[Row, ...] = (
    Row("bootstrap_servers", "localhost:9092", to="bootstrap.servers", convert=broker_list),
    Row("client_id", "kafka-python", to="client.id"),
    Row("group_id", None, own="group"),
    Row("key_deserializer", None, own="key_deserializer", convert=_callable),
    Row("value_deserializer", None, own="value_deserializer", convert=_callable),
    Row("fetch_min_bytes", 1, to="fetch.min.bytes"),
    Row("fetch_max_wait_ms", 500, to="fetch.wait.max.ms"),
    Row("fetch_max_bytes", 52428800, to="fetch.max.bytes"),
    Row("max_partition_fetch_bytes", 1048576, to="max.partition.fetch.bytes"),
    Row("request_timeout_ms", 40000, to="socket.timeout.ms"),
    Row("retry_backoff_ms", 100, to="retry.backoff.ms"),
    Row("reconnect_backoff_ms", 50, to="reconnect.backoff.ms"),
    Row("reconnect_backoff_max_ms", 1000, to="reconnect.backoff.max.ms"),
    Row("max_in_flight_requests_per_connection", 5, to="max.in.flight.requests.per.connection"),
    Row("auto_offset_reset", "latest", own="start", convert=_start),
    Row("enable_auto_commit", default=True, own="auto_commit", convert=_flag),
    Row("auto_commit_interval_ms", 5000, to="auto.commit.interval.ms"),
    Row("default_offset_commit_callback", None, own="on_commit", convert=_on_commit),
    Row("check_crcs", default=True, to="check.crcs", only="a corrupt batch must never pass for records"),
    Row("metadata_max_age_ms", 300000, to="topic.metadata.refresh.interval.ms"),
    Row(
        "partition_assignment_strategy",
        "range,roundrobin",
        to="partition.assignment.strategy",
        convert=_assignors,
    ),
    Row("heartbeat_interval_ms", 3000, to="heartbeat.interval.ms"),
    Row("session_timeout_ms", 30000, to="session.timeout.ms"),
    Row("max_poll_records", 500, own="batch_size", convert=_batch_size),
    Row("receive_buffer_bytes", None, to="socket.receive.buffer.bytes"),
    Row("send_buffer_bytes", None, to="socket.send.buffer.bytes"),
    Row("socket_options", None, expand=_socket_options),
    Row("consumer_timeout_ms", math.inf, own="idle", convert=_idle),
    Row(
        "skip_double_compressed_messages", default=False, only="such messages came from clients of Kafka 0.8"
    ),
    Row("security_protocol", "PLAINTEXT", to="security.protocol"),
    Row("ssl_context", None, only="use ssl_cafile, ssl_certfile and ssl_keyfile, for librdkafka"),
    Row(
        "ssl_check_hostname",
        default=True,
        to="ssl.endpoint.identification.algorithm",
        convert=_check_hostname,
    ),
    Row("ssl_cafile", None, to="ssl.ca.location"),
    Row("ssl_certfile", None, to="ssl.certificate.location"),
    Row("ssl_keyfile", None, to="ssl.key.location"),
    Row("ssl_password", None, to="ssl.key.password"),
    Row("ssl_crlfile", None, to="ssl.crl.location"),
    Row("api_version", None, expand=_api_version),
    Row("api_version_auto_timeout_ms", 2000, to="api.version.request.timeout.ms"),
    Row("metric_reporters", (), only=_METRICS),
    Row("metrics_num_samples", 2, only=_METRICS),
    Row("metrics_sample_window_ms", 30000, only=_METRICS),
    Row("selector", None, only="librdkafka has its own"),
    Row("exclude_internal_topics", default=True, own="hide_internal_topics", convert=_flag),
    Row("sasl_mechanism", None, to="sasl.mechanism", convert=_sasl_mechanism),
    Row("sasl_plain_username", None, to="sasl.username"),
    Row("sasl_plain_password", None, to="sasl.password"),
)
