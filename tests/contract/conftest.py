"""One contract, two clusters."""

import pytest
from tests.contract.clusters import KafkaCluster, Listener, MemoryCluster


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
