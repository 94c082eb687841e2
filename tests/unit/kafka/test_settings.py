"""Names that users bring toward Kafka: one test a row of the table, then what is refused."""

import logging
import math
import socket

import pytest
from confluent_kafka import Consumer, KafkaException, Producer

from tailrace.core.errors import ConfigurationError
from tailrace.kafka import settings_names as names
from tailrace.kafka.settings import (
    client_config,
    consumer_config,
    producer_config,
    translate,
)
from tailrace.kafka.settings_table import ROWS, check_topics

KAFKA_PYTHONS_NAMES = 47

# name, value given, librdkafka's name, its value
TO_CLIENT = [
    ("bootstrap_servers", ["a", "b:1"], "bootstrap.servers", "a:9092,b:1"),
    ("client_id", "me", "client.id", "me"),
    ("fetch_min_bytes", 2, "fetch.min.bytes", 2),
    ("fetch_max_wait_ms", 100, "fetch.wait.max.ms", 100),
    ("fetch_max_bytes", 1000000, "fetch.max.bytes", 1000000),
    ("max_partition_fetch_bytes", 2000, "max.partition.fetch.bytes", 2000),
    ("request_timeout_ms", 20000, "socket.timeout.ms", 20000),
    ("retry_backoff_ms", 50, "retry.backoff.ms", 50),
    ("reconnect_backoff_ms", 70, "reconnect.backoff.ms", 70),
    ("reconnect_backoff_max_ms", 900, "reconnect.backoff.max.ms", 900),
    ("max_in_flight_requests_per_connection", 3, "max.in.flight.requests.per.connection", 3),
    ("auto_commit_interval_ms", 700, "auto.commit.interval.ms", 700),
    ("check_crcs", True, "check.crcs", True),
    ("metadata_max_age_ms", 60000, "topic.metadata.refresh.interval.ms", 60000),
    ("partition_assignment_strategy", ["range"], "partition.assignment.strategy", "range"),
    ("heartbeat_interval_ms", 1000, "heartbeat.interval.ms", 1000),
    ("session_timeout_ms", 6000, "session.timeout.ms", 6000),
    ("receive_buffer_bytes", 65536, "socket.receive.buffer.bytes", 65536),
    ("send_buffer_bytes", 65536, "socket.send.buffer.bytes", 65536),
    ("security_protocol", "SSL", "security.protocol", "SSL"),
    ("ssl_check_hostname", False, "ssl.endpoint.identification.algorithm", "none"),
    ("ssl_check_hostname", True, "ssl.endpoint.identification.algorithm", "https"),
    ("ssl_cafile", "/ca.pem", "ssl.ca.location", "/ca.pem"),
    ("ssl_certfile", "/c.pem", "ssl.certificate.location", "/c.pem"),
    ("ssl_keyfile", "/k.pem", "ssl.key.location", "/k.pem"),
    ("ssl_password", "secret", "ssl.key.password", "secret"),
    ("ssl_crlfile", "/crl.pem", "ssl.crl.location", "/crl.pem"),
    ("api_version_auto_timeout_ms", 5000, "api.version.request.timeout.ms", 5000),
    ("sasl_mechanism", "scram-sha-256", "sasl.mechanism", "SCRAM-SHA-256"),
    ("sasl_plain_username", "u", "sasl.username", "u"),
    ("sasl_plain_password", "p", "sasl.password", "p"),
]
SOCKET_OPTIONS = [
    ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), "socket.nagle.disable", True),
    ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), "socket.keepalive.enable", True),
    ((socket.SOL_SOCKET, socket.SO_RCVBUF, 9000), "socket.receive.buffer.bytes", 9000),
    ((socket.SOL_SOCKET, socket.SO_SNDBUF, 9000), "socket.send.buffer.bytes", 9000),
]
# name, value given, our field, its value
TO_OWN = [
    ("group_id", "g", "group", "g"),
    ("group_id", None, "group", None),
    ("group.id", "g", "group", "g"),
    ("key_deserializer", bytes.decode, "key_deserializer", bytes.decode),
    ("value_deserializer", bytes.decode, "value_deserializer", bytes.decode),
    ("auto_offset_reset", "earliest", "start", "earliest"),
    ("auto_offset_reset", "none", "start", "error"),
    ("enable_auto_commit", False, "auto_commit", False),
    ("max_poll_records", 10, "batch_size", 10),
    ("max.poll.records", 10, "batch_size", 10),
    ("consumer_timeout_ms", 1500, "idle", 1.5),
    ("consumer_timeout_ms", math.inf, "idle", None),
    ("exclude_internal_topics", False, "hide_internal_topics", False),
]
# name, default, another value
WITHOUT_EFFECT = [
    ("skip_double_compressed_messages", False, True),
    ("ssl_context", None, object()),
    ("metric_reporters", [], [object]),
    ("metrics_num_samples", 2, 3),
    ("metrics_sample_window_ms", 30000, 1),
    ("selector", None, object),
]
# The same as text, as options and the environment have it: name, text, librdkafka's name or our field, value.
CLIENT_TEXTS = [
    ("bootstrap_servers", "a, b:1", "bootstrap.servers", "a:9092,b:1"),
    ("check_crcs", "true", "check.crcs", True),
    (
        "partition_assignment_strategy",
        "range, roundrobin",
        "partition.assignment.strategy",
        "range,roundrobin",
    ),
    ("partition_assignment_strategy", "a.b.RangePartitionAssignor", "partition.assignment.strategy", "range"),
    ("ssl_check_hostname", "false", "ssl.endpoint.identification.algorithm", "none"),
    ("ssl_check_hostname", "True", "ssl.endpoint.identification.algorithm", "https"),
    ("sasl_mechanism", "plain", "sasl.mechanism", "PLAIN"),
    ("socket_options", "TCP_NODELAY=0", "socket.nagle.disable", False),
    ("socket_options", "SO_KEEPALIVE=1, SO_RCVBUF=9000", "socket.receive.buffer.bytes", 9000),
    ("socket_options", "SO_SNDBUF=9000", "socket.send.buffer.bytes", 9000),
]
OWN_TEXTS = [
    ("group_id", "g", "group", "g"),
    ("auto_offset_reset", "earliest", "start", "earliest"),
    ("enable_auto_commit", "False", "auto_commit", False),
    ("max_poll_records", "10", "batch_size", 10),
    ("consumer_timeout_ms", "3000", "idle", 3.0),
    ("consumer_timeout_ms", "inf", "idle", None),
    ("exclude_internal_topics", "no", "hide_internal_topics", False),
]
UNDERSCORED = [name.replace(".", "_") for name in names.OWNED]
FUNCTIONS = ["key_deserializer", "value_deserializer", "default_offset_commit_callback"]


@pytest.mark.parametrize(("name", "value", "target", "expected"), TO_CLIENT)
def test_a_name_becomes_librdkafkas(name, value, target, expected):
    """The name and its value as librdkafka takes them."""
    assert translate({"sasl_mechanism": "PLAIN", name: value}).client[target] == expected


@pytest.mark.parametrize(("name", "text", "target", "expected"), CLIENT_TEXTS)
def test_a_text_becomes_librdkafkas_value(name, text, target, expected):
    """`-X` and the environment have nothing but text."""
    assert translate({name: text}).client[target] == expected


@pytest.mark.parametrize(
    ("name", "value", "target"), [row[:3] for row in TO_CLIENT if type(row[1]) in (int, str)]
)
def test_a_number_is_taken_as_text_too(name, value, target):
    """librdkafka reads it itself."""
    assert str(translate({name: str(value)}).client[target]).lower() == str(value).lower()


@pytest.mark.parametrize(("name", "text", "target", "expected"), OWN_TEXTS)
def test_a_text_becomes_our_own_value(name, text, target, expected):
    """In the type that the field has."""
    assert getattr(translate({name: text}), target) == expected


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_cannot_be_a_text(name):
    """It says that only a program can give one."""
    with pytest.raises(ConfigurationError) as caught:
        translate({name: "json.loads"})
    assert "Python program" in caught.value.cause


@pytest.mark.parametrize(("option", "target", "expected"), SOCKET_OPTIONS)
def test_a_socket_option_becomes_a_setting(option, target, expected):
    """The four options that librdkafka has a setting for."""
    assert translate({"socket_options": [option]}).client[target] == expected


@pytest.mark.parametrize(("name", "value", "target", "expected"), TO_OWN)
def test_a_name_becomes_our_own(name, value, target, expected):
    """What librdkafka does not do, we do."""
    assert getattr(translate({name: value}), target) == expected


@pytest.mark.parametrize(("name", "default", "other"), WITHOUT_EFFECT)
def test_a_name_without_effect_is_taken_at_its_default_with_one_warning(name, default, other, caplog):
    """As text too; anything else than the default is refused."""
    with caplog.at_level(logging.WARNING, "tailrace.kafka"):
        translate({name: default})
        translate({name: "" if default == [] else str(default).lower() if default is False else str(default)})
    assert [name in message for message in caplog.messages] == [True, True]
    with pytest.raises(ConfigurationError, match=name):
        translate({name: other})


def test_the_commit_callback_gets_kafka_pythons_arguments():
    """(offsets, response) there, (error, partitions) here."""
    calls = []
    settings = translate({"default_offset_commit_callback": lambda *args: calls.append(args)})
    settings.on_commit("error", "partitions")
    assert calls == [("partitions", "error")]


@pytest.mark.parametrize("version", [None, "auto", (0, 10), [2, 5], "0.10.1", "2.5.0", "(2, 5)"])
def test_an_api_version_that_librdkafka_speaks_is_taken(version):
    """The broker is asked for it anyway."""
    assert translate({"api_version": version}) == translate({})


def test_every_row_is_tested():
    """The lists above name the whole table."""
    tested = {row[0] for row in (*TO_CLIENT, *TO_OWN, *WITHOUT_EFFECT)}
    tested |= {"socket_options", "default_offset_commit_callback", "api_version"}
    texts = {row[0] for row in (*CLIENT_TEXTS, *OWN_TEXTS, *WITHOUT_EFFECT)} | {*FUNCTIONS, "api_version"}
    texts |= {row[0] for row in TO_CLIENT if type(row[1]) in (int, str)}
    assert {row.name for row in ROWS} <= tested & texts
    assert len(ROWS) == KAFKA_PYTHONS_NAMES


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"socket_options": [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]}, "socket_options"),
        ({"partition_assignment_strategy": [object]}, "partition_assignment_strategy"),
        ({"socket_options": "1"}, "TCP_NODELAY=1"),
        ({"socket_options": [(1, 2)]}, "a level, an option"),
        ({"partition_assignment_strategy": "kafka.own.Assignor"}, "no assignors of one's own"),
        ({"api_version": (0, 9)}, "api_version"),
        ({"api_version": "0.9"}, "older than 0.10"),
        ({"api_version": 2.5}, "such as 2.5.0"),
        ({"consumer_timeout_ms": "nan"}, "no number"),
        ({"exclude_internal_topics": "perhaps"}, "true or false"),
        ({"check_crcs": False}, "check_crcs"),
        ({"check.crcs": False}, "check_crcs"),
        ({"value_deserializer": "json"}, "value_deserializer"),
        ({"max_poll_records": 0}, "max_poll_records"),
        ({"request_timeout_ms": 5}, "request_timeout_ms"),
        ({"debug": "nothing-of-this-name"}, "debug"),
        ({"security_protocol": "SASL_SSL"}, "sasl_mechanism"),
        ({"heartbeat_interval_ms": 6000, "session_timeout_ms": 6000}, "heartbeat"),
        ({"reconnect_backoff_ms": 2000, "reconnect_backoff_max_ms": 1000}, "reconnect"),
        ({"fetch_max_wait_ms": 19500, "request_timeout_ms": 20000}, "fetch.wait.max.ms"),
        ({"group.protocol": "consumer", "session_timeout_ms": 6000}, "session.timeout.ms"),
        ({"max_in_flight_requests_per_connection": 6}, "at most 5"),
        ({"partitioner": "consistent"}, "murmur2_random"),
        ({"delivery.timeout.ms": 60000}, "message.timeout.ms"),
        ({"client_id": "a", "client.id": "b"}, "the same"),
        ({"reconnect_backoff_ms": 1001}, "at most 1000"),
        ({"message.max.bytes": 8000000, "fetch_max_bytes": 4000000}, "fetch_max_bytes"),
    ],
)
def test_a_value_that_would_fail_later_is_refused_now(settings, says):
    """librdkafka accepts some of these silently, and fails others without naming them."""
    with pytest.raises(ConfigurationError, match=says):
        translate(settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"security_protocol": "SSL", "ssl_cafile": "/nope"}, ["ssl_cafile", "'/nope'", "No such file"]),
        ({"security_protocol": "SSL", "ssl_certfile": "/nope"}, ["ssl_certfile", "No such file"]),
        ({"security_protocol": "SSL", "ssl_keyfile": "/nope"}, ["ssl_keyfile", "No such file"]),
        ({"security_protocol": "SSL", "ssl_crlfile": "/nope"}, ["ssl_crlfile", "No such file"]),
        ({"security_protocol": "SSL", "ssl_cafile": __file__}, ["ssl_cafile", "test_settings.py"]),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "GSSAPI"}, ["sasl_mechanism", "GSSAPI"]),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}, ["sasl.username", "must be set"]),
        ({"partition.assignment.strategy": "own"}, ["partition.assignment.strategy", "Unsupported"]),
    ],
)
def test_what_librdkafka_refuses_when_it_makes_a_client_is_refused_at_the_start(settings, says):
    """By the name that was given, with a reason that OpenSSL does not tell."""
    with pytest.raises(ConfigurationError) as caught:
        translate(settings)
    assert [one for one in says if one not in str(caught.value)] == []


def test_a_client_on_trial_asks_nobody():
    """A token is asked for when a client is made, and a client that debugs writes lines."""
    asked = []
    settings = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "debug": "all"}
    translate({**settings, "oauth_cb": asked.append})
    assert asked == []


def test_a_client_on_trial_fetches_no_token():
    """librdkafka asks for one at once, and waits for the answer when the client ends."""
    oidc = "sasl.oauthbearer."
    with socket.create_server(("127.0.0.1", 0)) as endpoint:
        endpoint.setblocking(False)
        translate({
            "security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", f"{oidc}method": "oidc",
            f"{oidc}client.id": "a", f"{oidc}client.secret": "b",
            f"{oidc}token.endpoint.url": f"http://127.0.0.1:{endpoint.getsockname()[1]}/token",
        })  # fmt: skip
        with pytest.raises(BlockingIOError):
            endpoint.accept()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("fetch_min_byte", "fetch_min_bytes"),
        ("bootstrap-servers", "bootstrap"),
        ("sesion.timeout.ms", "session.timeout.ms"),
        ("compresion.type", "compression.type"),
        ("fetch.max.wait.ms", "fetch"),
        ("max_request_size", "message.max.bytes"),
        ("buffer_memory", "queue.buffering.max.kbytes"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, near):
    """A typing error is said at the start, with what was probably meant."""
    with pytest.raises(ConfigurationError) as caught:
        translate({name: 1})
    assert near in caught.value.hint


@pytest.mark.parametrize("name", ["opaque", "socket_cb", "nothing.of.this.name"])
def test_a_name_that_librdkafka_does_not_take_from_users_is_unknown(name):
    """Pointers of the C library among them."""
    with pytest.raises(ConfigurationError, match="no setting"):
        translate({name: "1"})


@pytest.mark.parametrize("name", sorted({*names.OWNED, *UNDERSCORED} - {row.name for row in ROWS}))
def test_a_name_of_our_own_is_refused_with_the_reason(name):
    """Correctness rests on these; with underscores for dots too."""
    with pytest.raises(ConfigurationError) as caught:
        translate({name: "1"})
    assert name in caught.value.detail
    assert caught.value.cause


@pytest.mark.parametrize("name", sorted(names.ALL))
def test_librdkafka_knows_the_names_that_we_suggest(name):
    """An upgrade that drops one shows here."""
    with pytest.raises(KafkaException) as caught:
        Producer({name: "", "tailrace.probe": ""})
    assert f'property: "{name}"' not in caught.value.args[0].str()


def test_a_name_of_librdkafka_is_taken_as_it_is():
    """Everything that it can be told."""
    assert translate({"statistics.interval.ms": 1000}).client["statistics.interval.ms"] == 1000


@pytest.mark.parametrize("name", sorted(names.ALL - names.WITHOUT_DOT))
def test_a_name_of_librdkafka_is_known_with_underscores_too(name):
    """A variable of the environment has no dots."""
    try:
        translate({name.replace(".", "_"): "1"})
    except ConfigurationError as error:
        assert "no setting" not in error.detail  # noqa: PT017  # many refuse this value


def test_a_variables_name_reaches_librdkafka():
    """As the name with dots does, also against that one."""
    assert translate({"statistics_interval_ms": "1000"}).client["statistics.interval.ms"] == "1000"
    with pytest.raises(ConfigurationError, match="the same"):
        translate({"statistics_interval_ms": "1000", "statistics.interval.ms": "1000"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("h", "h:9092"),
        ("h:1,i", "h:1,i:9092"),
        ("[::1]", "[::1]:9092"),
        ("[::1]:1", "[::1]:1"),
        ("SSL://h", "SSL://h:9092"),
    ],
)
def test_brokers_get_kafkas_port(given, expected):
    """Where none is given, under either name of the setting."""
    assert translate({"bootstrap_servers": given}).client["bootstrap.servers"] == expected
    assert translate({"bootstrap.servers": given}).client["bootstrap.servers"] == expected


@pytest.mark.parametrize("name", ["bootstrap_servers", "bootstrap.servers"])
@pytest.mark.parametrize("given", ["http://h:1", "b:1, HTTPS://h"])
def test_a_broker_has_no_address_of_http(name, given):
    """It was asked all the same, and the guess was that it might want TLS."""
    with pytest.raises(ConfigurationError) as refused:
        translate({name: given})
    assert "does not speak HTTP" in refused.value.detail
    assert "://" in refused.value.hint
    assert "--url" in refused.value.hint


def test_without_brokers_it_is_localhost():
    """librdkafka has no default."""
    assert translate({}).client["bootstrap.servers"] == "localhost:9092"


def test_settings_can_be_pointed_elsewhere():
    """The embedded broker's address is known after its start."""
    settings = translate({"client_id": "me", "group_id": "g"}).at("b:1")
    assert (settings.client["bootstrap.servers"], settings.client["client.id"]) == ("b:1", "me")
    assert settings.group == "g"


def test_secrets_are_never_shown():
    """Neither in the form for logs nor in an error."""
    settings = translate(
        {"sasl_plain_password": "hunter2", "ssl_password": "hunter2", "sasl_mechanism": "PLAIN"}
    )
    assert "hunter2" not in repr(settings)


def test_a_pattern_is_no_topic():
    """A leading ^ would subscribe to whatever matches."""
    assert check_topics(["a", "b.c"]) == ["a", "b.c"]
    with pytest.raises(ConfigurationError, match="pattern"):
        check_topics(["^a"])


def test_each_client_gets_its_own_names_only():
    """librdkafka warns about the names of another kind of client."""
    settings = translate({"fetch_min_bytes": 2, "batch.size": 1000, "client_id": "c"})
    consumer, producer = consumer_config(settings, "g"), producer_config(settings, linger_ms=0)
    assert consumer["fetch.min.bytes"] == 2
    assert "batch.size" not in consumer
    assert producer["batch.size"] == 1000
    assert "fetch.min.bytes" not in producer
    assert client_config(settings)["client.id"] == "c"


def test_a_reader_commits_nothing_and_sees_what_is_committed():
    """By cursor; a lost position is an error, never a jump."""
    config = consumer_config(translate({"group_id": "theirs"}), "g", fetch_wait_max_ms=50)
    assert config["fetch.wait.max.ms"] == 50
    assert config["group.id"] == "g"
    assert (config["enable.auto.commit"], config["auto.offset.reset"]) == (False, "error")
    assert (config["isolation.level"], config["check.crcs"]) == ("read_committed", True)
    Consumer(config).close()


def test_a_writer_is_safe_and_sends_keys_where_java_does():
    """As the wire page says."""
    config = producer_config(translate({}), linger_ms=2)
    assert (config["acks"], config["enable.idempotence"]) == ("all", True)
    assert (config["partitioner"], config["compression.type"]) == ("murmur2_random", "lz4")
    assert (config["message.timeout.ms"], config["linger.ms"]) == (25000, 2)
    assert config["allow.auto.create.topics"] is False
    Producer(config)
