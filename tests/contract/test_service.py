"""Services: the same worker on the log in memory and on Kafka."""

import asyncio
import threading
from dataclasses import dataclass

from tests.contract.clusters import until
from tests.contract.services import Running, committed, read_all

from tailrace import Record, To
from tailrace.core.groups import Spot
from tailrace.core.ports import NewRecord


@dataclass
class Order:
    """What handlers are given."""

    id: int
    price: float = 1.0


async def test_values_are_typed(cluster, app, run):
    """A handler has what its annotation says, with its key and record beside."""
    topic, seen = cluster.topic(), []

    @app.on(topic, start="earliest")
    def take(order: Order, key: str, record: Record):
        seen.append((order, key, record.offset))

    cluster.store(topic, NewRecord(b'{"id": 7}', b"k", 0))
    await run(app)
    await until(lambda: seen)
    assert seen == [(Order(7), "k", 0)]


async def test_results_keep_the_key(cluster, app, run):
    """What a handler returns is stored in each of its topics, under the record's key."""
    source, left, right = cluster.topic(), cluster.topic(), cluster.topic()

    @app.on(source, start="earliest", to=[left, right])
    def double(order: Order) -> Order:
        return Order(order.id, order.price * 2)

    cluster.store(source, NewRecord(b'{"id": 1, "price": 2.5}', b"k", 0))
    await run(app)
    for topic in (left, right):
        (record,) = await read_all(cluster, topic, 1)
        assert (record.key, record.value) == (b"k", b'{"id":1,"price":5.0}')


async def test_a_result_chooses_its_topic(cluster, app, run):
    """`To` names one of the topics; what is yielded is sent one by one, None not at all."""
    source, left, right = cluster.topic(), cluster.topic(), cluster.topic()

    @app.on(source, start="earliest", to=[left, right])
    async def branch(number: int):
        yield To(left if number < 0 else right, number)
        if number > 1:
            yield To(left, None, key="gone")

    cluster.append(source, b"-1", b"1", b"2")
    await run(app)
    assert [r.value for r in (await read_all(cluster, left, 2))] == [b"-1", None]
    assert [r.value for r in (await read_all(cluster, right, 2))] == [b"1", b"2"]


async def test_async_handlers_share_a_loop_with_hooks(cluster, app, run):
    """What on_start makes on the loop can be used by handlers; on_stop comes last."""
    topic, seen = cluster.topic(), []

    @app.on_start
    async def begin():
        seen.append(asyncio.get_running_loop())

    @app.on(topic, start="earliest")
    async def take(value: int):
        await asyncio.sleep(0)
        seen.append((value, asyncio.get_running_loop() is seen[0]))

    @app.on_stop
    def end():
        seen.append("end")

    cluster.append(topic, b"1", b"2")
    running = await run(app)
    await until(lambda: len(seen) == 3)
    await running.stop()
    assert seen[1:] == [(1, True), (2, True), "end"]


async def test_batches(cluster, app, run):
    """Lists of at most so many; results are sent one by one with their record's key."""
    source, target, sizes = cluster.topic(), cluster.topic(), []

    @app.on(source, start="earliest", batch=3, to=target)
    def take(numbers: list[int], key: list[bytes]) -> list[int]:
        sizes.append(len(numbers))
        return [number * 10 for number in numbers]

    cluster.store(source, *(NewRecord(b"%d" % n, b"k%d" % n, 0) for n in range(7)))
    await run(app)
    records = await read_all(cluster, target, 7)
    assert [(r.key, r.value) for r in records] == [(b"k%d" % n, b"%d" % (n * 10)) for n in range(7)]
    assert max(sizes) <= 3


async def test_a_stop_commits_what_is_done(cluster, app, run):
    """The next worker begins after it."""
    topic, seen = cluster.topic(), []

    @app.on(topic, start="earliest")
    def take(value: int):
        seen.append(value)

    cluster.append(topic, b"1", b"2")
    running = await run(app)
    await until(lambda: len(seen) == 2)
    await running.stop()
    cluster.append(topic, b"3")
    assert committed(cluster, app, topic) == 2


async def test_a_stop_finishes_the_record_in_hand(cluster, app, run):
    """That record is committed; those that wait behind it are not begun."""
    topic, begun, go_on = cluster.topic(), threading.Event(), threading.Event()

    @app.on(topic, start="earliest")
    def take(value: int):
        begun.set()
        go_on.wait(20)

    cluster.append(topic, b"1", b"2", b"3")
    running = await run(app)
    await asyncio.to_thread(begun.wait, 20)
    stopping = asyncio.ensure_future(running.stop())
    await until(lambda: all(m._handover.interrupted for m in running.service._members))
    go_on.set()
    await stopping
    assert running.service.records == 1
    assert committed(cluster, app, topic) == 1


async def test_commits_come_by_themselves(cluster, app, run):
    """Every so often, while the service goes on."""
    topic = cluster.topic()

    @app.on(topic, start="earliest")
    def take(value: int): ...

    cluster.append(topic, b"1", b"2")
    running = await run(app, commit_seconds=0.1)
    member = running.service._members[0]
    await until(lambda: member._committed == {Spot(topic, 0): 2})


async def test_explicit_commits(cluster, app, run):
    """Only what the handler says is committed, at a stop too."""
    topic, seen = cluster.topic(), []

    @app.on(topic, start="earliest", commit="explicit")
    def take(value: int):
        seen.append(value)
        if value == 2:
            app.commit()

    cluster.append(topic, b"1", b"2", b"3")
    running = await run(app)
    await until(lambda: len(seen) == 3)
    await running.stop()
    assert committed(cluster, app, topic) == 2


async def test_each_record_is_committed_by_itself(cluster, app, run):
    """A handler that commits each record is not held up by what waits behind it."""
    topic, seen = cluster.topic(), []

    @app.on(topic, start="earliest", commit="explicit")
    def take(value: int):
        seen.append(value)
        app.commit()

    cluster.append(topic, *(b"%d" % n for n in range(100)))
    running = await run(app)
    await until(lambda: running.service._members[0]._committed == {Spot(topic, 0): 100})
    assert seen == list(range(100))


async def test_retries_come_before_a_skip(cluster, app, run, caplog):
    """A record is tried again as often as declared, then left out, and both are said."""
    topic, tries, seen = cluster.topic(), [], []

    @app.on(topic, start="earliest", retries=2, on_error="skip")
    def take(value: int):
        tries.append(value)
        if value == 2 or (value == 1 and len(tries) < 2):
            raise ValueError("not now")
        seen.append(value)

    cluster.append(topic, b"1", b"2", b"3")
    await run(app)
    await until(lambda: seen == [1, 3])
    assert tries == [1, 1, 2, 2, 2, 3]
    said = [r.getMessage() for r in caplog.records if r.name == "tailrace.runtime" and r.levelname == "ERROR"]
    assert said == [
        f"take failed on the record at topic {topic}, partition 0, offset 1: ValueError: not now. Skipped."
    ]


async def test_a_failure_stops_the_worker(cluster, app, run):
    """What was done before is committed, the record is not, and the error names it."""
    topic = cluster.topic()

    @app.on(topic, start="earliest")
    def take(value: int):
        if value == 2:
            raise ValueError("never")

    cluster.append(topic, b"1", b"2", b"3")
    running = await run(app)
    error = await running.failed()
    assert f"topic {topic}, partition 0, offset 1" in str(error)
    assert committed(cluster, app, topic) == 1


async def test_an_unreadable_value_is_not_tried_again(cluster, app, run, caplog):
    """It is skipped where so declared, and the error says what is wrong with it."""
    topic, seen = cluster.topic(), []

    @app.on(topic, start="earliest", retries=5, on_error="skip")
    async def take(order: Order):
        seen.append(order.id)

    cluster.append(topic, b'{"id": "x"}', None, b'{"id": 2}')
    await run(app)
    await until(lambda: seen == [2])
    wrong, null = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert "cannot be read as Order. (Expected `int`, got `str` - at `$.id`)" in wrong
    assert "the value is null" in null


async def test_timers_send(cluster, app, run):
    """A timer runs at the start and then at its pace; an error does not end it."""
    topic, calls = cluster.topic(), []

    @app.every("20ms", to=topic)
    async def tick():
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("once")
        return len(calls)

    running = Running(cluster, app)
    await until(lambda: len(calls) > 3)
    await running.stop()
    assert [r.value for r in (await read_all(cluster, topic, 2))][:2] == [b"1", b"3"]


async def test_send_from_a_handler(cluster, app, run):
    """`app.send` stores beside what is returned: with a key, headers and null."""
    source, target = cluster.topic(), cluster.topic()

    @app.on(source, start="earliest")
    def take(value: int):
        app.send(target, {"n": value}, key="k", headers=[("h", b"1")])
        app.send(target, None)

    cluster.append(source, b"1")
    await run(app)
    first, second = await read_all(cluster, target, 2)
    assert (first.key, first.value, list(first.headers)) == (b"k", b'{"n":1}', [("h", b"1")])
    assert second.value is None


async def test_two_workers_share_a_topic(cluster, app, run):
    """Each has partitions of its own; together they have each record once."""
    topic, seen = cluster.topic(4), []

    @app.on(topic, start="earliest", workers=2)
    def take(value: int):
        seen.append((threading.current_thread().name, value))

    running = await run(app)
    await until(lambda: len({m.name for m in running.service._members if m.ready}) == 2)
    for partition in range(4):
        cluster.append(topic, b"%d" % partition, partition=partition)
    await until(lambda: len(seen) >= 4)
    await running.stop()
    assert sorted(value for _, value in seen) == [0, 1, 2, 3]
    assert len({name for name, _ in seen}) == 2


async def test_partitions_move_between_services(cluster, app, run):
    """A second worker takes over without a record lost; what the first has done does not come again."""
    topic, seen = cluster.topic(4), []

    @app.on(topic, start="earliest")
    def take(value: int):
        seen.append(value)

    first = await run(app)
    for n in range(40):
        cluster.append(topic, b"%d" % n, partition=n % 4)
    await until(lambda: len(seen) == 40)
    await run(app)
    for n in range(40, 80):
        cluster.append(topic, b"%d" % n, partition=n % 4)
    await until(lambda: len(seen) >= 80)
    assert sorted(seen) == list(range(80))
    await first.stop()


async def test_without_a_group_all_is_read_each_time(cluster, app, run):
    """Two services have everything, and the next begins anew."""
    topic, seen = cluster.topic(2), []

    @app.on(topic, group=None, start="earliest")
    def take(value: int):
        seen.append(value)

    cluster.append(topic, b"1", partition=0)
    cluster.append(topic, b"2", partition=1)
    first = await run(app)
    await until(lambda: sorted(seen) == [1, 2])
    await first.stop()
    await run(app)
    await until(lambda: sorted(seen) == [1, 1, 2, 2])


async def test_texts(cluster, app, run):
    """With format text a value is its characters, and so is a result."""
    source, target = cluster.topic(), cluster.topic()

    @app.on(source, start="earliest", format="text", to=target)
    def take(value: str) -> str:
        return value.upper()

    cluster.append(source, "grüß".encode())
    await run(app)
    assert [r.value for r in (await read_all(cluster, target, 1))] == ["GRÜSS".encode()]


async def test_a_result_that_cannot_be_stored(cluster, app, run):
    """It is a failure of its record: nothing of it is committed."""
    source, target = cluster.topic(), cluster.topic()

    @app.on(source, start="earliest", to=target)
    def take(value: int):
        return b"x" * 2_000_000

    cluster.append(source, b"1")
    running = await run(app)
    await running.failed()
    assert committed(cluster, app, source) == 0
