"""What becomes of records whose producer is given up."""

import asyncio

import pytest

from tailrace.core.errors import BrokerUnavailable, Stopping
from tailrace.core.ports import NewRecord
from tailrace.kafka import writer_outlet
from tailrace.kafka.writer_batch import Batch
from tailrace.kafka.writer_outlet import Outlet

# Nobody listens there, so that nothing is ever sent.
NOWHERE = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}


@pytest.fixture
async def outlet(monkeypatch):
    """An outlet that gives up what it has when it fails, and a queue of what it has settled."""
    # Its threads are waited for at the end.
    monkeypatch.setattr(writer_outlet, "_ASK_SECONDS", 0.5)
    settled = asyncio.Queue()
    made = Outlet(
        NOWHERE, at_once=False, on_settled=settled.put_nowait, on_fatal=lambda broken: broken.purge()
    )
    # As if brokers had been asked for the topic: its records are with the client.
    made._remember("known", 1)
    for topic in ("known", "asked"):
        made.send(Batch(topic, [NewRecord(b"1")], 1, lambda outcomes: None))
    yield made, settled
    await made.close()


async def told(settled):
    """What is told of a record that the client has, and of one whose topic is still asked for."""
    batches = [await asyncio.wait_for(settled.get(), 10) for _ in range(2)]
    return {batch.topic: type(batch.outcomes[0]) for batch in batches}


async def test_a_producer_that_is_replaced_asks_for_its_records_again(outlet):
    """The gateway goes on, so nobody is told that it stops."""
    made, settled = outlet
    made._raise_fatal()
    assert await told(settled) == {"known": BrokerUnavailable, "asked": BrokerUnavailable}


async def test_a_gateway_that_stops_says_so(outlet):
    """Another one takes them."""
    made, settled = outlet
    made.purge()
    assert await told(settled) == {"known": Stopping, "asked": Stopping}
