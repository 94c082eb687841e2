"""What an administrator of topics promises, in memory and on real Kafka."""

import uuid

import pytest
from tests.contract.clusters import MemoryCluster

from tailrace import topics
from tailrace.core.errors import BadRequest, BrokerUnavailable, TopicExists, TopicNotFound
from tailrace.core.ports import NewTopic
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.settings import translate
from tailrace.memory import MemoryAdmin


@pytest.fixture
def admin(cluster):
    """The cluster's administrator."""
    if isinstance(cluster, MemoryCluster):
        return MemoryAdmin(cluster.log)
    return KafkaAdmin(translate(cluster.settings))


@pytest.fixture
def name():
    """A name that no topic has."""
    return f"t-{uuid.uuid4().hex[:12]}"


def test_a_topic_made_is_shown_and_listed(admin, name):
    """With its partitions, their leaders and their empty logs."""
    admin.create([NewTopic(name, 3, 1, {"retention.ms": "100000"})])
    topic = admin.describe(name)
    assert [p.partition for p in topic.partitions] == [0, 1, 2]
    assert all(p.leader in p.in_sync_replicas for p in topic.partitions)
    assert {(p.earliest, p.latest) for p in topic.partitions} == {(0, 0)}
    assert topic.config == {"retention.ms": "100000"}
    assert topic.tag == {t.name: t.tag for t in admin.list_topics()}[name]


def test_offsets_bound_what_can_be_read(cluster, admin):
    """The first that is left, and the next stable one."""
    topic = cluster.topic()
    cluster.append(topic, b"1", b"2", b"3")
    cluster.trim(topic, 1)
    (partition,) = admin.describe(topic).partitions
    assert (partition.earliest, partition.latest) == (1, 3)


def test_the_numbers_may_be_left_to_the_broker(admin, name):
    """One partition there, and here."""
    admin.create([NewTopic(name)])
    assert len(admin.describe(name).partitions) == 1


def test_making_a_topic_twice_is_told(admin, name):
    """As its own error."""
    admin.create([NewTopic(name, 1)])
    with pytest.raises(TopicExists):
        admin.create([NewTopic(name, 1)])


@pytest.mark.parametrize("wrong", ["", "a b", "^a", "..", "x" * 250])
def test_a_name_that_kafka_does_not_take_is_refused(admin, wrong):
    """And cannot be looked up."""
    with pytest.raises(BadRequest):
        admin.create([NewTopic(wrong, 1)])
    with pytest.raises(TopicNotFound):
        admin.describe(wrong)


def test_a_topic_without_partitions_is_refused(admin, name):
    """0 is not the broker's default."""
    with pytest.raises(BadRequest):
        admin.create([NewTopic(name, 0)])


def test_a_topic_has_a_bounded_number_of_partitions(admin, name):
    """Made so or grown so: one call for 20,000 ended the gateway and filled the broker's disk."""
    with pytest.raises(BadRequest, match="20000 partitions"):
        admin.create([NewTopic(name, 20_000)])
    admin.create([NewTopic(name, 1)])
    with pytest.raises(BadRequest, match="20000 partitions") as refused:
        admin.grow(name, 20_000)
    assert refused.value.hint == "A topic has 1 to 10,000."


def test_configuration_is_set_and_goes_back(admin, name):
    """What is not named stays."""
    admin.create([NewTopic(name, 1, config={"retention.ms": "100000"})])
    admin.configure(name, {"cleanup.policy": "compact"})
    assert admin.describe(name).config == {"cleanup.policy": "compact", "retention.ms": "100000"}
    admin.configure(name, {"retention.ms": None})
    assert admin.describe(name).config == {"cleanup.policy": "compact"}


def test_growing_adds_partitions(admin, name):
    """And never takes some away."""
    admin.create([NewTopic(name, 1)])
    admin.grow(name, 4)
    assert len(admin.describe(name).partitions) == 4
    with pytest.raises(BadRequest):
        admin.grow(name, 2)


def test_a_topic_deleted_is_gone_and_made_again_is_another(admin, name):
    """By its tag."""
    admin.create([NewTopic(name, 1)])
    tag = admin.describe(name).tag
    admin.delete(name)
    with pytest.raises(TopicNotFound):
        admin.describe(name)
    admin.create([NewTopic(name, 1)])
    assert admin.describe(name).tag != tag


def test_a_topic_that_is_not_there_cannot_be_changed(admin, name):
    """Whatever the change."""
    for change in (
        lambda: admin.configure(name, {"retention.ms": "1"}),
        lambda: admin.grow(name, 2),
        lambda: admin.delete(name),
    ):
        with pytest.raises(TopicNotFound):
            change()


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("config", "value", "hint"),
    [
        ("retention.ms", "1h", "It is a number of milliseconds: retention.ms=3600000"),
        ("retention.bytes", "2 GiB", "It is a number of bytes: retention.bytes=2147483648"),
        ("retention.ms", "long", "It is a number of milliseconds."),
        ("min.insync.replicas", "two", "Give a number."),
    ],
)
def test_a_value_that_is_no_number_is_told_what_it_counts(kafka, name, config, value, hint):
    """The broker only says that it is no LONG."""
    admin = KafkaAdmin(translate({"bootstrap_servers": kafka.bootstrap_servers}))
    admin.create([NewTopic(name, 1)])
    with pytest.raises(BadRequest) as caught:
        admin.configure(name, {config: value})
    assert caught.value.hint == hint


@pytest.mark.kafka
def test_an_unknown_configuration_gets_the_nearest_name(kafka, name):
    """The broker only says that it does not know it."""
    admin = KafkaAdmin(translate({"bootstrap_servers": kafka.bootstrap_servers}))
    with pytest.raises(BadRequest) as caught:
        admin.create([NewTopic(name, 1, config={"retention.m": "1"})])
    assert "retention.ms" in caught.value.hint
    admin.create([NewTopic(name, 1)])
    with pytest.raises(BadRequest) as caught:
        admin.configure(name, {"retention.m": "1"})
    assert "retention.ms" in caught.value.hint


@pytest.mark.parametrize("internal", ["__consumer_offsets", "_tailrace.access"])
def test_internal_topics_are_not_changed(admin, internal):
    """They are left to those who own them."""
    for change in (
        lambda: admin.create([NewTopic(internal, 1)]),
        lambda: admin.configure(internal, {"retention.ms": "1"}),
        lambda: admin.grow(internal, 99),
        lambda: admin.delete(internal),
    ):
        with pytest.raises(BadRequest, match="internal"):
            change()


@pytest.mark.parametrize("prefix", ["__t-", "_tailrace.t-"])
async def test_internal_topics_are_shown_to_administrators_only(cluster, admin, reader, prefix):
    """Readers find them by their names alone."""
    topic, other = cluster.topic(prefix=prefix), cluster.topic()
    assert {t.name: t.internal for t in admin.list_topics() if t.name in {topic, other}} == {
        topic: True,
        other: False,
    }
    assert admin.describe(topic).internal
    assert topic not in await reader.topic_names()
    assert topic in await reader.describe([topic])


def test_none_is_made_if_one_is_malformed(admin, name):
    """Whatever is wrong with it."""
    for wrong in (NewTopic("a b"), NewTopic(f"{name}-2", 0), NewTopic(f"{name}-2", replicas=0)):
        with pytest.raises(BadRequest):
            admin.create([NewTopic(name, 1), wrong])
        with pytest.raises(TopicNotFound):
            admin.describe(name)


def test_more_replicas_than_brokers_are_refused(admin, name):
    """There is one broker."""
    with pytest.raises(BadRequest):
        admin.create([NewTopic(name, 1, 2)])


def test_with_no_broker_every_call_ends_at_its_deadline(name):
    """As a retryable error."""
    admin = KafkaAdmin(translate({"bootstrap_servers": "127.0.0.1:1"}), call_seconds=0.3)
    for call in (
        admin.list_topics,
        lambda: admin.describe(name),
        lambda: admin.create([NewTopic(name, 1)]),
        lambda: admin.configure(name, {"retention.ms": "1"}),
        lambda: admin.grow(name, 2),
        lambda: admin.delete(name),
    ):
        with pytest.raises(BrokerUnavailable):
            call()


@pytest.mark.kafka
def test_topics_from_python(kafka, name, monkeypatch):
    """The same, with the broker from the environment or by name."""
    monkeypatch.setenv("TAILRACE_BROKER", kafka.bootstrap_servers)
    topics.create(name, partitions=2, config={"retention.ms": "100000"})
    topics.configure(name, {"retention.ms": None})
    topics.grow(name, 3)
    found = topics.describe(name, broker=kafka.bootstrap_servers)
    assert (len(found.partitions), found.config) == (3, {})
    topics.delete(name)
    assert name not in [topic.name for topic in topics.list(settings={"client_id": "test"})]
