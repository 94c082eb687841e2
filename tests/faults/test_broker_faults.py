"""What brokers do to a gateway: they go away, drop records, and have topics made again."""

import time

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.faults.conftest import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(180)]


@pytest.fixture
def admin(kafka):
    return AdminClient({"bootstrap.servers": kafka.bootstrap_servers})


def produce(gateway, topic):
    return gateway.ask("POST", f"/v1/topics/{topic}/records", {"value": 1}, seconds=40)


def test_a_broker_killed_and_started_again(kafka, gateway, make_topic, store, follow, say):
    """Streams go on by themselves; produces answer 503 with Retry-After within 30 s."""
    topic = make_topic(partitions=3)
    followers = [follow(f"topic={topic}", form) for form in ("ndjson", "sse")]
    store(topic, 300, 3)
    wait_for(lambda: all(len(f.taken) == 300 for f in followers), what="the first records")
    kafka.kill()
    try:
        began = time.monotonic()
        status, headers, _ = produce(gateway, topic)
        took = time.monotonic() - began
        late = follow(f"topic={topic}", "sse")
        wait_for(lambda: late.connects == 1, 15, "a stream without a broker")
    finally:
        kafka.start()
    assert status == 503
    assert int(headers["Retry-After"]) >= 1
    assert took < 30
    back = time.monotonic()
    store(topic, 300, 3, first=300)
    wait_for(lambda: all(f.next and len(set(f.taken_places())) >= 600 for f in followers), what="the rest")
    wait_for(lambda: late.taken, what="the stream that was opened without a broker")
    went_on = time.monotonic() - back
    assert all(f.connects == 1 and not f.gaps() and not f.disordered for f in followers)
    say(f"broker killed: produce 503 after {took:.1f} s; 2 of 2 streams went on after {went_on:.1f} s")


def test_retention_past_a_cursor_is_told_first(admin, gateway, make_topic, store, follow):
    """Records that were deleted are a gap before the first record."""
    topic = make_topic()
    store(topic, 100)
    admin.delete_records([TopicPartition(topic, 0, 60)])[TopicPartition(topic, 0)].result(10)
    for form in ("ndjson", "sse"):
        follower = follow(f"topic={topic}&to=end", form, start=f"{topic}:0@10")
        wait_for(lambda f=follower: len(f.taken) >= 40, what="the records that are left")
        gap = follower.gaps()[0]
        assert (gap["from"], gap["to"], gap["cause"]) == (10, 60, "retention")
        assert follower.order[0] == "gap"
        follower.wanted = False


def test_a_cursor_of_a_topic_made_again_is_told_first(admin, gateway, make_topic, store, follow):
    """Even when the new topic is longer than the old position."""
    topic = make_topic()
    store(topic, 20)
    old = follow(f"topic={topic}", "ndjson")
    wait_for(lambda: len(old.taken) == 20)
    old.wanted = False
    remake(admin, make_topic, topic)
    store(topic, 50)
    for form in ("ndjson", "sse"):
        follower = follow(f"topic={topic}", form, start=old.cursor)
        wait_for(lambda f=follower: f.gaps() and f.heard >= 50, what="the new topic")
        assert follower.gaps()[0]["cause"] == "recreated"
        assert follower.order[0] == "gap"


def test_a_topic_made_again_under_a_live_stream_is_told_within_two_seconds(
    admin, gateway, make_topic, store, follow, say
):
    """And read from its start."""
    topic = make_topic()
    store(topic, 20)
    followers = [follow(f"topic={topic}", form) for form in ("ndjson", "sse")]
    wait_for(lambda: all(len(f.taken) == 20 for f in followers))
    remake(admin, make_topic, topic)
    began = time.monotonic()
    store(topic, 5)
    wait_for(lambda: all("recreated" in [g["cause"] for g in f.gaps()] for f in followers), 10, "the gap")
    took = time.monotonic() - began
    wait_for(lambda: all(f.heard >= 25 for f in followers), 10, "the new records")
    say(f"topic made again under 2 of 2 live streams: told after {took:.2f} s")
    assert took < 2


def test_a_topic_made_again_after_its_leader_came_back_is_read(
    kafka, admin, gateway, make_topic, store, follow
):
    """By streams that are open and by those that come, however often leaders were elected for the old one."""
    topic = make_topic()
    store(topic, 20)
    # All consumers that catch up have read it.
    early = [follow(f"topic={topic}", "ndjson", start="beginning") for _ in range(8)]
    wait_for(lambda: all(len(f.taken) == 20 for f in early), what="the old topic")
    kafka.kill()
    kafka.start()
    store(topic, 5, first=20)
    wait_for(lambda: all(len(f.taken) == 25 for f in early), what="the old topic, led again")
    remake(admin, make_topic, topic)
    store(topic, 30)
    wait_for(lambda: all(f.heard >= 55 for f in early), 20, "the new topic's records")
    late = [follow(f"topic={topic}&to=end", "sse", start="beginning") for _ in range(8)]
    wait_for(lambda: all(f.heard >= 30 for f in late), 20, "the new topic's records, from its beginning")


def remake(admin, make_topic, topic):
    admin.delete_topics([topic], operation_timeout=10)[topic].result(10)

    def made():
        try:
            make_topic(topic)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            return False
        return True

    wait_for(made, 20, "the topic's second life")
