"""One contract, two clusters."""

import asyncio
import uuid

import pytest
from tests.contract.clusters import KafkaCluster, Listener, MemoryCluster
from tests.contract.services import Running

from tailrace import App


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
async def cluster(request):
    """Each test runs on the memory form and on real Kafka."""
    if request.param == "memory":
        made = MemoryCluster()
    else:
        made = KafkaCluster(request.getfixturevalue("kafka").bootstrap_servers)
    yield made
    made.close()


@pytest.fixture
async def reader(cluster):
    """The cluster's reader."""
    return cluster.reader()


@pytest.fixture
def listener():
    """Keeps what the tail tells."""
    return Listener()


@pytest.fixture
async def tail(cluster, listener):
    """The cluster's tail."""
    return cluster.tail(listener)


@pytest.fixture
async def run(cluster):
    """Run apps; all stop with the test."""
    started = []

    async def start(app, **more):
        started.append(Running(cluster, app, **more))
        return await started[-1].ready()

    yield start
    for one in started:
        one._stop.set()
    await asyncio.gather(*(one._task for one in started), return_exceptions=True)


@pytest.fixture
def app():
    """An app whose group is its own."""
    return App(f"app-{uuid.uuid4().hex[:12]}")
