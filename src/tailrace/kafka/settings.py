"""Settings toward Kafka: names that users bring become librdkafka's, the rest is refused with a reason."""

import difflib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from confluent_kafka import KafkaException, Producer

from tailrace.core.errors import ConfigurationError
from tailrace.core.secrets import REDACTED, is_secret
from tailrace.kafka import settings_names as names
from tailrace.kafka.client_log import tame
from tailrace.kafka.settings_table import ROWS, Row, broker_list
from tailrace.kafka.settings_trial import why_refused

LOGGER = logging.getLogger("tailrace.kafka")
tame(LOGGER)

# Never set: librdkafka stops reading a configuration here, before it makes a client.
_PROBE = "tailrace.probe"
_BY_NAME = {row.name: row for row in ROWS}
# Their own names for what is ours; librdkafka takes the first silently and does nothing with it.
_DOTTED_OWN = {"max.poll.records": "max_poll_records", "group.id": "group_id", "check.crcs": "check_crcs"}
_ALIASES = {
    "metadata.broker.list": "bootstrap.servers",
    "sasl.mechanisms": "sasl.mechanism",
    "delivery.timeout.ms": "message.timeout.ms",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "max.in.flight": "max.in.flight.requests.per.connection",
}
# A variable of the environment has no dots.
_UNDERSCORED = {name.replace(".", "_"): name for name in names.ALL}
_MURMUR2 = "murmur2_random"
_MECHANISM = "sasl.mechanism"
_MECHANISMS = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
_MAX_IN_FLIGHT_IDEMPOTENT = 5
# What readers set as reconnect.backoff.max.ms, which librdkafka wants no smaller.
_MAX_RECONNECT_MS = 1_000
# An outcome must be known before the 30 s within which a produce is answered.
_MAX_MESSAGE_TIMEOUT_MS = 25_000


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What `client` tells librdkafka, and what is Tailrace's own; `idle` in seconds, secrets never shown."""

    client: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    group: str | None = None
    batch_size: int = 500
    idle: float | None = None
    start: str = "latest"
    auto_commit: bool = True
    hide_internal_topics: bool = True
    key_deserializer: Callable[[bytes], Any] | None = None
    value_deserializer: Callable[[bytes], Any] | None = None
    on_commit: Callable[[object, object], None] | None = None

    def __repr__(self) -> str:
        shown = {name: REDACTED if is_secret(name) else value for name, value in self.client.items()}
        return f"ClientSettings(client={shown!r}, group={self.group!r})"

    def at(self, brokers: str) -> "ClientSettings":
        """The same toward other brokers."""
        return replace(self, client=MappingProxyType({**self.client, "bootstrap.servers": brokers}))


def translate(settings: Mapping[str, object]) -> ClientSettings:
    """Settings by kafka-python's or librdkafka's names; callables and None are taken as there.

    Raises:
        ConfigurationError: a name is unknown or Tailrace's own, or a value cannot be taken.
    """
    client: dict[str, object] = {"bootstrap.servers": "localhost:9092"}
    own: dict[str, Any] = {}
    given: dict[str, str] = {}
    for name, value in settings.items():
        row = _BY_NAME.get(_DOTTED_OWN.get(name, name))
        values = _by_row(row, name, value, own) if row else _by_librdkafka(name, value)
        for target, converted in values.items():
            _refuse_twice(given, target, name)
            client[target] = converted
    _check_together(client)
    _check_trial(client, given)
    return ClientSettings(MappingProxyType(client), **own)


def client_config(settings: ClientSettings) -> dict[str, Any]:
    """What any client needs, administrators too."""
    scoped = {name: value for name, value in settings.client.items() if name not in names.ONE_SIDED}
    return {"client.id": "tailrace", **scoped, "allow.auto.create.topics": False}


def reading_config(settings: ClientSettings) -> dict[str, Any]:
    """What was set of consumers, for those that settle everything else themselves."""
    scoped = {name: value for name, value in settings.client.items() if name in names.CONSUMER}
    return {**client_config(settings), **scoped}


def consumer_config(settings: ClientSettings, group: str, **more: object) -> dict[str, Any]:
    """A reader by cursor: committed records only, nothing committed; `group` is a name nobody uses.

    `more` are librdkafka's names with underscores for dots.
    """
    return {
        **reading_config(settings),
        **{name.replace("_", "."): value for name, value in more.items()},
        "group.id": group,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "check.crcs": True,
        "logger": LOGGER,
    }


def producer_config(settings: ClientSettings, *, linger_ms: float) -> dict[str, Any]:
    """A writer: idempotent, all in-sync replicas, keys to the partitions that Java's client chooses."""
    scoped = {name: value for name, value in settings.client.items() if name in names.PRODUCER}
    return {
        "compression.type": "lz4",
        "message.timeout.ms": _MAX_MESSAGE_TIMEOUT_MS,
        **client_config(settings),
        **scoped,
        "linger.ms": linger_ms,
        "partitioner": _MURMUR2,
        "enable.idempotence": True,
        "acks": "all",
        "logger": LOGGER,
    }


def _by_row(row: Row, name: str, value: object, own: dict[str, Any]) -> Mapping[str, object]:
    if row.only:
        return _only_default(row, value)
    if value is None:
        return {}
    try:
        converted = row.convert(value) if row.convert else value
        expanded = row.expand(value) if row.expand else {row.to: converted} if row.to else {}
    except (TypeError, ValueError) as error:
        raise _refused(name, value, str(error)) from None
    if row.own:
        own[row.own] = converted
    for target, one in expanded.items():
        _probe(target, one, name)
    return expanded


def _only_default(row: Row, value: object) -> Mapping[str, object]:
    if not (value is None or row.is_default(value)):
        raise _refused(row.name, value, row.only)
    if not row.to:
        LOGGER.warning("The setting %s has no effect here: %s.", row.name, row.only)
        return {}
    return {row.to: row.default}


def _by_librdkafka(given: str, value: object) -> Mapping[str, object]:
    name = _UNDERSCORED.get(given, given)
    if owned := names.OWNED.get(name) or names.OWNED.get(name.replace("_", ".")):
        raise ConfigurationError(
            f"The setting {name} is Tailrace's own and cannot be given.",
            cause=f"{owned[0].upper()}{owned[1:]}.",
            hint="Leave it out.",
        )
    if "." not in name and name not in names.WITHOUT_DOT:
        raise _unknown(given)
    if name in {"bootstrap.servers", "metadata.broker.list"} and isinstance(value, str | list | tuple):
        value = broker_list(value)
    _probe(name, value, given)
    return {_ALIASES.get(name, name): value}


def _probe(target: str, value: object, name: str) -> None:
    """Let librdkafka judge a name and its value; it refuses the second name before it starts anything."""
    try:
        Producer({target: value, _PROBE: ""})
    except KafkaException as error:
        reason = error.args[0].str()
        if _PROBE in reason:
            return
        if "No such configuration property" in reason:
            raise _unknown(name) from None
        raise _refused(name, value, "librdkafka does not take it" if is_secret(name) else reason) from None
    except (TypeError, ValueError) as error:
        raise _refused(name, value, str(error)) from None


def _unknown(name: str) -> ConfigurationError:
    near = names.MEANT.get(name) or nearest(name, [*_BY_NAME, *names.ALL])
    return ConfigurationError(
        f"There is no setting {name!r} toward Kafka.",
        hint=f"Did you mean {near}?" if near else "librdkafka's CONFIGURATION page lists all names.",
    )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to a mistyped one; dots, hyphens and underscores count as the same."""
    plain = {_plain(one): one for one in sorted(known)}
    # Of two spellings of one name the one in the style of what was typed.
    plain |= {_plain(one): one for one in known if ("." in one) == ("." in name)}
    found = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return name.lower().replace(".", "_").replace("-", "_")


def _refused(name: str, value: object, why: str, hint: str = "") -> ConfigurationError:
    shown = REDACTED if is_secret(name) else repr(value)[:80]
    return ConfigurationError(
        f"The setting {name} cannot be {shown}.", cause=f"{why.rstrip('.')}.", hint=hint
    )


def _refuse_twice(given: dict[str, str], target: str, name: str) -> None:
    if target in given:
        raise ConfigurationError(f"The settings {given[target]} and {name} are the same.", hint="Give one.")
    given[target] = name


# The first must not be above the second, by at least so much: a reason for each, tried on librdkafka.
_AT_MOST = (
    ("heartbeat.interval.ms", 3000, "session.timeout.ms", 45000, 1),
    ("reconnect.backoff.ms", 100, "reconnect.backoff.max.ms", 10000, 0),
    ("fetch.wait.max.ms", 500, "socket.timeout.ms", 60000, 1000),
)


def _check_together(client: Mapping[str, object]) -> None:
    for low, low_default, high, high_default, distance in _AT_MOST:
        if _number(client, low, low_default) + distance > _number(client, high, high_default):
            least = f"at least {distance} ms below" if distance else "at most"
            raise ConfigurationError(f"{low} must be {least} {high}.", hint="Change one of the two.")
    if _number(client, "reconnect.backoff.ms", 0) > _MAX_RECONNECT_MS:
        raise ConfigurationError(
            "reconnect.backoff.ms must be at most 1000: a broker that is back is found soon."
        )
    if _number(client, "message.timeout.ms", 1) not in range(1, _MAX_MESSAGE_TIMEOUT_MS + 1):
        raise ConfigurationError("message.timeout.ms must be 1 to 25000: a produce is answered within 30 s.")
    in_flight = "max.in.flight.requests.per.connection"
    if _number(client, in_flight, 1) > _MAX_IN_FLIGHT_IDEMPOTENT:
        raise ConfigurationError(f"{in_flight} must be at most 5: writes are idempotent.")
    if client.get("partitioner", _MURMUR2) != _MURMUR2:
        raise ConfigurationError(f"partitioner must be {_MURMUR2}: keys go where Java's client sends them.")
    _check_group_protocol(client)
    _check_sasl(client)


def _check_trial(client: Mapping[str, object], given: Mapping[str, str]) -> None:
    reason = why_refused(client)
    if not reason:
        return
    if "SASL mechanism" in reason:
        raise _refused(given[_MECHANISM], client[_MECHANISM], reason, f"Give {_MECHANISMS}.")
    target = min((name for name in given if name in reason), key=reason.index, default="")
    if target.endswith(".location"):
        why = _file_trouble(client[target]) or reason
        raise _refused(given[target], client[target], why, "Give a file in PEM form that can be read.")
    if target:
        raise _refused(given[target], client[target], reason)
    raise ConfigurationError("There can be no Kafka client with these settings.", cause=f"{reason}.")


def _file_trouble(path: object) -> str:
    """Why a file cannot be read, which OpenSSL does not say; empty if it can."""
    try:
        Path(str(path)).read_bytes()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _number(client: Mapping[str, object], name: str, default: int) -> int:
    return int(str(client.get(name, default)))


def _check_group_protocol(client: Mapping[str, object]) -> None:
    broker_decides = {"session.timeout.ms", "heartbeat.interval.ms"} & client.keys()
    if client.get("group.protocol") == "consumer" and broker_decides:
        raise ConfigurationError(
            f"{min(broker_decides)} cannot be given with group.protocol=consumer: the broker decides it."
        )


def _check_sasl(client: Mapping[str, object]) -> None:
    if str(client.get("security.protocol", "")).upper().startswith("SASL") and _MECHANISM not in client:
        raise ConfigurationError(
            "security_protocol is SASL, but no sasl_mechanism is given.",
            hint=f"Give sasl_mechanism: {_MECHANISMS}.",
        )
