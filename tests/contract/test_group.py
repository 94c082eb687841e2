"""Members of groups: what services ask of a log."""

import asyncio
import contextlib
import threading
import time
import uuid

import pytest
from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient
from tests.contract.clusters import DEADLINE, KafkaCluster

from tailrace.core.errors import TailraceError
from tailrace.core.groups import Spot
from tailrace.core.ports import NewRecord
from tailrace.kafka import group as kafka_group
from tailrace.kafka.group import KafkaGroupReader
from tailrace.kafka.services import KafkaServices
from tailrace.kafka.settings import translate
from tailrace.kafka.solo import KafkaSoloReader


class Joined:
    """A member, as a service's reading thread uses it."""

    def __init__(self, cluster, *topics, group="", start="earliest"):
        self.records, self.revoked, self.to_commit = [], [], {}
        group = None if group is None else group or f"g-{uuid.uuid4().hex}"
        self.group = group
        self.reader = cluster.services().reader(topics, group, start, "member-0", self.on_revoked)

    def on_revoked(self, spots):
        self.revoked += spots
        return {spot: self.to_commit[spot] for spot in spots if spot in self.to_commit}

    def poll(self, most=100, seconds=0.05):
        batch = self.reader.poll(most, seconds)
        rows = [] if batch is None else [batch.record(row) for row in range(len(batch))]
        self.records += rows
        return batch

    def values(self):
        return [record.value for record in self.records]

    def leave(self):
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.close()


class Collecting:
    """Keeps a member's batches."""

    def __init__(self, member, batches):
        self.member, self.batches = member, batches

    def poll(self):
        batch = self.member.poll()
        if batch is not None:
            self.batches.append(batch)


def poll_until(condition, *members):
    """Let the members poll in turns until something is true."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the deadline has passed"
        for member in members:
            member.poll()


@pytest.fixture
def join(cluster):
    """Join a group; every member leaves with the test."""
    joined = []

    def run(*topics, **more):
        joined.append(Joined(cluster, *topics, **more))
        return joined[-1]

    yield run
    for member in joined:
        member.leave()


def assign(*members):
    poll_until(lambda: all(member.reader.assigned for member in members), *members)


async def test_a_new_group_reads_from_the_earliest(cluster, join):
    """All partitions come, each in order."""
    topic = cluster.topic(2)
    cluster.append(topic, b"a", b"b", partition=0)
    cluster.append(topic, b"c", partition=1)
    member = join(topic)
    poll_until(lambda: len(member.records) == 3, member)
    assert sorted(member.values()) == [b"a", b"b", b"c"]
    assert [r.value for r in member.records if r.partition == 0] == [b"a", b"b"]


async def test_a_new_group_starts_at_the_latest(cluster, join):
    """What was there before the member is not for it."""
    topic = cluster.topic()
    cluster.append(topic, b"before")
    member = join(topic, start="latest")
    assign(member)
    cluster.append(topic, b"after")
    poll_until(lambda: member.records, member)
    assert member.values() == [b"after"]


async def test_a_reader_of_the_latest_misses_nothing_once_it_is_assigned(cluster, join):
    """What is stored from then on is new to it, however soon it comes."""
    for _ in range(10):
        topic = cluster.topic(partitions=4)
        cluster.append(topic, b"old")
        member = join(topic, group=None, start="latest")
        poll_until(lambda member=member: member.reader.assigned, member)
        cluster.append(topic, b"new")
        poll_until(lambda member=member: member.records, member)
        assert member.values() == [b"new"]
        member.leave()


async def test_the_latest_is_where_the_group_began(cluster, join):
    """A member that leaves before its first commit loses nothing of what came since its group began."""
    topic = cluster.topic()
    first = join(topic, start="latest", group=f"g-{topic}")
    assign(first)
    cluster.append(topic, b"missed")
    first.leave()
    second = join(topic, start="latest", group=f"g-{topic}")
    poll_until(lambda: second.records, second)
    assert second.values() == [b"missed"]


async def test_a_topic_made_later_is_read_from_its_beginning(cluster, join):
    """A reader of the latest waits for a topic, and takes all of it."""
    missing = f"t-{uuid.uuid4().hex[:12]}"
    member = join(missing, start="latest")
    member.poll()
    cluster.make(missing)
    cluster.append(missing, b"first")
    poll_until(lambda: member.records, member)
    assert member.values() == [b"first"]


async def test_a_group_goes_on_where_it_committed(cluster, join):
    """The next member has what was not committed, and nothing else."""
    topic = cluster.topic()
    cluster.append(topic, b"a", b"b", b"c")
    first = join(topic, group=f"g-{topic}")
    poll_until(lambda: len(first.records) == 3, first)
    first.reader.commit({Spot(topic, 0): 2}, wait=True)
    first.leave()
    second = join(topic, group=f"g-{topic}")
    poll_until(lambda: second.records, second)
    assert second.values() == [b"c"]


async def test_a_commit_that_is_not_waited_for(cluster, join):
    """It is stored soon, and no failure is told."""
    topic = cluster.topic()
    cluster.append(topic, b"a")
    member = join(topic)
    poll_until(lambda: member.records, member)
    member.reader.commit({Spot(topic, 0): 1}, wait=False)
    member.poll()
    assert not member.reader.uncommitted()


async def test_partitions_are_shared(cluster, join):
    """Two members have a part each; what the first gives back it is told, and may commit."""
    topic = cluster.topic(4)
    first = join(topic, group=f"g-{topic}")
    assign(first)
    first.to_commit = {Spot(topic, p): 1 for p in range(4)}
    for partition in range(4):
        cluster.append(topic, b"done", partition=partition)
    poll_until(lambda: len(first.records) == 4, first)
    second = join(topic, group=f"g-{topic}")
    poll_until(lambda: first.revoked and second.reader.assigned, first, second)
    for partition in range(4):
        cluster.append(topic, b"next", partition=partition)
    poll_until(lambda: len(first.records) + len(second.records) >= 8, first, second)
    assert {r.partition for r in second.records}
    assert not {r.partition for r in second.records} & {r.partition for r in first.records[4:]}
    assert b"done" not in second.values()


async def test_who_leaves_gives_its_partitions_back(cluster, join):
    """The other member has them then."""
    topic = cluster.topic(4)
    first, second = join(topic, group=f"g-{topic}"), join(topic, group=f"g-{topic}")
    assign(first, second)
    for partition in range(4):
        cluster.append(topic, b"a", partition=partition)
    poll_until(lambda: len(first.records) + len(second.records) >= 4, first, second)
    second.leave()
    first.records.clear()
    for partition in range(4):
        cluster.append(topic, b"b", partition=partition)
    poll_until(lambda: len({r.partition for r in first.records if r.value == b"b"}) == 4, first)


async def test_a_paused_member_gets_nothing(cluster, join):
    """It stays a member, and goes on without loss."""
    topic = cluster.topic()
    member = join(topic)
    assign(member)
    member.reader.pause()
    cluster.append(topic, b"a", b"b")
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        assert member.poll() is None
    member.reader.resume()
    poll_until(lambda: len(member.records) == 2, member)


async def test_a_pause_ends_while_partitions_move(cluster, join):
    """What comes back to a member goes on, though it was not the member's at the resume."""
    topic = cluster.topic(2)
    first = join(topic, group=f"g-{topic}")
    assign(first)
    first.reader.pause()
    second = join(topic, group=f"g-{topic}")
    poll_until(lambda: first.revoked, first, second)
    first.reader.resume()
    assign(first, second)
    for partition in range(2):
        cluster.append(topic, b"a", partition=partition)
    poll_until(lambda: len(first.records) + len(second.records) == 2, first, second)


async def test_without_a_group_each_reads_everything(cluster, join):
    """Two readers have all records each, and commit nothing."""
    topic = cluster.topic(2)
    first, second = join(topic, group=None), join(topic, group=None)
    cluster.append(topic, b"a", partition=0)
    cluster.append(topic, b"b", partition=1)
    poll_until(lambda: len(first.records) == len(second.records) == 2, first, second)
    first.reader.commit({Spot(topic, 0): 1}, wait=True)
    third = join(topic, group=None)
    poll_until(lambda: len(third.records) == 2, third)


async def test_without_a_group_a_topic_is_waited_for(cluster, join):
    """It is read from its beginning, whatever the start."""
    missing = f"t-{uuid.uuid4().hex[:12]}"
    member = join(missing, group=None, start="latest")
    member.poll()
    cluster.make(missing)
    cluster.append(missing, b"first")
    poll_until(lambda: member.records, member)
    assert member.values() == [b"first"]


async def test_rows_and_what_is_left_of_them(cluster, join):
    """Columns, next offsets, and a batch without what was taken away."""
    topic = cluster.topic(2)
    cluster.store(topic, NewRecord(b"a", b"k", 0, None, [("h", b"1")]), NewRecord(b"b", None, 0))
    cluster.append(topic, b"c", partition=1)
    member, batches = join(topic), []
    poll_until(lambda: len(member.records) == 3, Collecting(member, batches))
    first = next(batch for batch in batches if b"a" in batch.values())
    row = first.values().index(b"a")
    assert first.keys()[row] == b"k"
    assert list(first.headers()[row]) == [("h", b"1")]
    ends = {spot: at for batch in batches for spot, at in batch.ends(0, len(batch)).items()}
    assert ends == {Spot(topic, 0): 2, Spot(topic, 1): 1}
    assert [v for batch in batches for v in batch.rest(0, {Spot(topic, 0)}).values()] == [b"c"]
    assert [len(batch.rest(len(batch), ())) for batch in batches] == [0] * len(batches)


async def test_a_sender_stores(cluster, join):
    """What is settled is there: value, key, headers and partition as given."""
    topic = cluster.topic(2)
    sender = cluster.services().sender("member-0")
    sender.send(topic, b"v", b"k", 1, None, [("h", b"1")])
    sender.send(topic, None, b"k", 1)
    assert sender.settle(DEADLINE)
    member = join(topic)
    poll_until(lambda: len(member.records) == 2, member)
    assert [(r.value, r.key, r.partition) for r in member.records] == [(b"v", b"k", 1), (None, b"k", 1)]
    assert sender.sent == 2
    sender.close()


async def test_a_sender_tells_what_is_refused(cluster):
    """At the sending or when it is settled, before anything is committed."""
    topic = cluster.topic()
    sender = cluster.services().sender("member-0")

    def send():
        sender.send(topic, b"x" * 2_000_000)
        sender.settle(DEADLINE)

    with pytest.raises(TailraceError):
        send()
    sender.close()


async def test_many_threads_share_a_sender(cluster, join):
    """Nothing is lost between them."""
    topic = cluster.topic()
    sender = cluster.services().sender("member-0")
    threads = [
        threading.Thread(target=lambda: [sender.send(topic, b"v") for _ in range(200)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sender.settle(DEADLINE)
    member = join(topic)
    poll_until(lambda: len(member.records) == 800, member)
    sender.close()


@pytest.mark.kafka
@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
async def test_places_that_nobody_says_are_asked_for_again(kafka, monkeypatch, assignor):
    """A coordinator that is slow while partitions are taken over is waited for."""
    cluster = KafkaCluster(kafka.bootstrap_servers)
    topic, group = cluster.topic(2), f"g-{uuid.uuid4().hex}"
    monkeypatch.setattr(kafka_group, "QUESTION_SECONDS", 0.0001)
    settings = translate({**cluster.settings, "partition.assignment.strategy": assignor})
    reader = KafkaServices(settings).reader([topic], group, "earliest", "member-0", lambda spots: {})
    cluster.append(topic, b"1")
    records, end = [], time.monotonic() + DEADLINE
    while not records:
        assert time.monotonic() < end
        batch = reader.poll(10, 0.05)
        if reader.assigned:
            monkeypatch.undo()
        records += batch.values() if batch else []
    reader.close()
    cluster.close()
    assert records == [b"1"]


class MadeAgain:
    """Says of a topic that it was made again, once."""

    def __init__(self, topic):
        self.topics = {topic}

    def made_again(self, now):
        del now
        topics, self.topics = self.topics, set()
        return topics


def first_values(reader):
    """What comes first."""
    end = time.monotonic() + DEADLINE
    while (batch := reader.poll(10, 0.05)) is None:
        assert time.monotonic() < end
    return batch.values()


async def stable(cluster, group):
    """The group's members have been told what is theirs."""
    admin = AdminClient(cluster.settings)
    end = time.monotonic() + DEADLINE
    while True:
        assert time.monotonic() < end
        # A coordinator that was just started says that it is not ready.
        with contextlib.suppress(KafkaException):
            found = await asyncio.wrap_future(admin.describe_consumer_groups([group])[group])
            if found.state == ConsumerGroupState.STABLE:
                return


@pytest.mark.kafka
async def test_who_leaves_takes_nothing_over(kafka):
    """What it was given last, and had not heard of, is not asked about: nothing answers it any more."""
    cluster = KafkaCluster(kafka.bootstrap_servers)
    topic, group = cluster.topic(2), f"g-{uuid.uuid4().hex}"
    settings, looks = translate(cluster.settings), MadeAgain(topic)
    reader = KafkaGroupReader(settings, [topic], group, "earliest", "member-0", lambda spots: {}, looks)
    await stable(cluster, group)
    cluster.append(topic, b"1")
    assert first_values(reader) == [b"1"]
    reader.close()
    cluster.close()


@pytest.mark.kafka
async def test_what_was_not_read_yet_of_other_topics_is_not_passed_over(kafka):
    """A reader of the latest that begins anew goes on where it began."""
    cluster = KafkaCluster(kafka.bootstrap_servers)
    remade, other = cluster.topic(), cluster.topic()
    cluster.append(other, b"before")
    settings, looks = translate(cluster.settings), MadeAgain(remade)
    reader = KafkaSoloReader(settings, [remade, other], "latest", "member-0", looks)
    assert reader.assigned
    cluster.append(other, b"after")
    assert first_values(reader) == [b"after"]
    reader.close()
    cluster.close()
