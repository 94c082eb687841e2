"""The namespace `/kafka`, line by line of its table, with the library's own client."""

import asyncio
from uuid import UUID

import pytest
from tests.live_gateway import live_gateway, memory_ports
from tests.transports.socketio_clients import Recorder

from tailrace.core.ports import NewRecord
from tailrace.memory import MemoryLog
from tailrace.settings import Limits, Settings, SocketIO


@pytest.fixture
def log():
    log = MemoryLog()
    log.create("demo", 2)
    return log


@pytest.fixture
async def live(log):
    async with live_gateway(memory_ports(log)) as live:
        yield live


@pytest.fixture(params=["websocket", "polling"])
async def client(live, request):
    client = await Recorder().connect(live.url, transports=[request.param])
    yield client
    await client.close()


async def connected(live, **options):
    return await Recorder().connect(live.url, transports=["websocket"], **options)


async def test_connecting_is_answered_in_logs(client):
    """The first event says that the connection stands."""
    assert client.events == [("logs", "Connection established")]


async def test_a_text_is_stored_then_told_then_listed(client, log):
    """The answers to kafkaproducer come in the order of the contract."""
    await client.emit("kafkaproducer", "hello")
    assert await client.after(4) == [
        ("logs", "Added hello to topic"),
        ("kafkaproducer", "hello"),
        ("kafkaconsumer1", ""),
        ("kafkaconsumer", "hello"),
    ]


async def test_the_key_is_a_fresh_uuid(client, log):
    """Each record has a UUID4 of 36 ASCII characters as its key."""
    await client.emit("kafkaproducer", "one")
    await client.emit("kafkaproducer", "two")
    await client.until(lambda events: client.values()[-2:] == ["one", "two"])
    keys = [r.key for p in log.topic("demo").partitions for r in p.records]
    assert all(len(key) == 36 and UUID(key.decode()).version == 4 for key in keys)
    assert len(set(keys)) == 2


async def test_an_empty_text_is_a_record(client, log):
    """The text may be empty."""
    await client.emit("kafkaproducer", "")
    assert (await client.after(4))[-1] == ("kafkaconsumer", "")
    assert [r.value for p in log.topic("demo").partitions for r in p.records] == [b""]


async def test_an_empty_topic_ends_at_once(client):
    """The list is cleared and that is all."""
    await client.emit("kafkaconsumer")
    await client.emit("kafkaproducer", 1)
    assert await client.after(2) == [("kafkaconsumer1", ""), ("logs", "Error: kafkaproducer takes a text.")]


@pytest.mark.parametrize("payload", [(), ("any",), ({"a": [1]},), (None,), (1, 2, 3)])
async def test_kafkaconsumer_takes_any_payload(client, log, payload):
    """What is sent along does not matter."""
    log.append("demo", b"a")
    await client.emit("kafkaconsumer", *payload)
    assert await client.after(2) == [("kafkaconsumer1", ""), ("kafkaconsumer", "a")]


async def test_partitions_are_merged_by_time(client, log):
    """The oldest next record comes first, the lower partition among equals; order in a partition stays."""
    for partition, timestamp, value in [(0, 5, b"a"), (1, 3, b"b"), (1, 9, b"c"), (0, 2, b"d"), (0, 9, b"e")]:
        log.store("demo", partition, NewRecord(value, timestamp=timestamp))
    await client.emit("kafkaconsumer")
    await client.after(6)
    assert client.values() == ["b", "a", "d", "e", "c"]


async def test_values_are_shown_as_text(client, log):
    """Null is null, invalid UTF-8 shows U+FFFD, the rest is as it was stored."""
    log.append("demo", None, b"\xff\xfeok", "Grüße 🙂 \u2028".encode(), b'{"a": 1}', b"")
    await client.emit("kafkaconsumer")
    await client.after(6)
    assert client.values() == [None, "\ufffd\ufffdok", "Grüße 🙂 \u2028", '{"a": 1}', ""]


@pytest.mark.parametrize("payload", [(), (None,), (1,), ({"data": "x"},), (["x"],), (b"x",)])
async def test_what_is_no_text_is_an_error(client, log, payload):
    """The connection stays and the next event is handled."""
    await client.emit("kafkaproducer", *payload)
    await client.emit("kafkaconsumer")
    assert await client.after(2) == [("logs", "Error: kafkaproducer takes a text."), ("kafkaconsumer1", "")]


async def test_half_a_character_is_an_error(client):
    """A lone surrogate has no UTF-8 form."""
    await client.emit("kafkaproducer", "\ud800")
    assert (await client.after(1))[0][1].startswith("Error: ")


@pytest.mark.parametrize("size", [2**20 + 1, 2 * 2**20, 5_000_000])
async def test_a_text_too_large_is_an_error(live, log, size):
    """The connection stays."""
    client = await connected(live)
    await client.emit("kafkaproducer", "x" * size)
    assert (await client.after(1))[0][1].startswith("Error: the text is too large")
    await client.emit("kafkaconsumer")
    assert (await client.after(2))[1] == ("kafkaconsumer1", "")
    await client.close()


async def test_the_largest_record_of_control_characters_is_stored(log):
    """What JSON makes six times as long is measured as the record that it is."""
    settings = Settings(limits=Limits(record=1000))
    async with live_gateway(memory_ports(log), settings) as live:
        client = await connected(live)
        await client.emit("kafkaproducer", "\x01" * 1000)
        assert (await client.after(4))[-1] == ("kafkaconsumer", "\x01" * 1000)
        await client.close()


async def test_a_broker_away_is_an_error(client, log):
    """What cannot be stored or read is told; when the broker is back all works again."""
    log.away = True
    await client.emit("kafkaproducer", "x")
    await client.emit("kafkaconsumer")
    assert all(data.startswith("Error: ") for _, data in await client.after(2))
    log.away = False
    await client.emit("kafkaproducer", "back")
    assert (await client.after(6))[-1] == ("kafkaconsumer", "back")


async def test_a_missing_topic_is_an_error_and_not_made(client, log):
    """A topic is never made by reading or writing."""
    log.delete("demo")
    await client.emit("kafkaproducer", "x")
    await client.emit("kafkaconsumer")
    assert all(data.startswith("Error: ") for _, data in await client.after(2))
    assert not list(log.topics())


async def test_quick_events_never_mix_their_lists(client, log):
    """Each event's answers are complete before the next one's begin."""
    for number in range(5):
        await client.emit("kafkaproducer", str(number))
    await client.until(lambda events: client.values()[-5:] == list("01234"))
    expected = []
    for number in range(5):
        expected += [("logs", f"Added {number} to topic"), ("kafkaproducer", str(number))]
        expected += [("kafkaconsumer1", ""), *[("kafkaconsumer", str(n)) for n in range(number + 1)]]
    assert client.events[1:] == expected


async def test_beyond_sixteen_waiting_events_it_is_busy(live, log):
    """One is handled, sixteen wait, each one more is refused; all that were taken are answered."""
    held, let_go = live.gateway.reader.latest, asyncio.Event()

    async def slow(topic):
        await let_go.wait()
        return await held(topic)

    live.gateway.reader.latest = slow
    client = await connected(live)
    for _ in range(20):
        await client.emit("kafkaconsumer")
    assert await client.after(3) == [("logs", "Error: busy")] * 3
    let_go.set()
    assert (await client.after(20))[3:] == [("kafkaconsumer1", "")] * 17
    await client.close()


async def test_twenty_events_of_one_poll_are_all_seen(live):
    """A client that sends much before its upgrade loses nothing."""
    client = await Recorder().connect(live.url, transports=["polling"])
    await asyncio.gather(*(client.emit("kafkaproducer", number) for number in range(20)))
    await client.after(20)
    assert set(client.logs()[1:]) <= {"Error: kafkaproducer takes a text.", "Error: busy"}
    await client.close()


async def test_a_list_ends_at_its_limit_and_says_so(log):
    """One line in logs tells that the topic holds more; at the limit exactly there is none."""
    log.append("demo", *[b"%d" % n for n in range(6)])
    for limit, extra in ((5, 1), (6, 0)):
        settings = Settings(socketio=SocketIO(list_limit=limit))
        async with live_gateway(memory_ports(log), settings) as live:
            client = await connected(live)
            await client.emit("kafkaconsumer")
            await client.emit("kafkaproducer", 1)
            events = await client.until(lambda events: events[-1][1] == "Error: kafkaproducer takes a text.")
            assert client.values() == [str(n) for n in range(limit)]
            assert len(events) == 3 + limit + extra
            await client.close()


async def test_a_long_list_is_whole_and_in_order(client, log):
    """Ten thousand records of two partitions, each in its order."""
    for number in range(10_000):
        log.store("demo", number % 2, NewRecord(b"%d" % number))
    await client.emit("kafkaconsumer")
    await client.after(10_001)
    assert client.values() == [str(number) for number in range(10_000)]


async def test_records_after_the_call_are_not_in_the_list(client, log):
    """The end is the topic's end as of the call, even where a transaction is open."""
    log.append("demo", b"a")
    log.begin("demo")
    log.append("demo", b"hidden")
    await client.emit("kafkaconsumer")
    await client.emit("kafkaproducer", 1)
    assert [name for name, _ in await client.after(3)] == ["kafkaconsumer1", "kafkaconsumer", "logs"]
    assert client.values() == ["a"]


async def test_only_the_caller_is_answered(live):
    """Another client hears nothing of it."""
    one, other = await connected(live), await connected(live)
    await one.emit("kafkaproducer", "x")
    await one.after(4)
    await other.emit("kafkaproducer", 1)
    assert await other.after(1) == [("logs", "Error: kafkaproducer takes a text.")]
    await one.close()
    await other.close()


async def test_the_namespace_counts_among_what_is_delivered(live, client, log):
    """Its clients and the records of their lists, by the metrics that streams have."""
    log.append("demo", "ä".encode(), b"2")
    await client.emit("kafkaconsumer")
    await client.after(3)
    told = live.gateway.metrics.exposition().decode().splitlines()
    assert 'tailrace_readers{transport="socketio"} 1' in told
    assert 'tailrace_records_delivered_total{transport="socketio"} 2' in told
    size = sum(len(f'2/kafka,["kafkaconsumer",{{"data":"{value}"}}]'.encode()) for value in ("ä", "2"))
    assert f'tailrace_delivered_bytes_total{{transport="socketio"}} {size}' in told
    assert not [line for line in told if 'transport="other"' in line]
