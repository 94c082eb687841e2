"""The last N records, found in what a LogReader gives."""

import pytest

from tailrace.core.last import last_positions
from tailrace.core.ports import NewRecord


@pytest.mark.parametrize("count", [1, 700, 2_400, 5_000])
async def test_the_last_n_are_those_with_the_newest_times(cluster, reader, count):
    """Over partitions of different ages, in parts from each one's end."""
    topic = cluster.topic(3)
    now = 1_700_000_000_000
    records = [NewRecord(b"%d" % n, None, p, now + n + 500 * p) for p in range(3) for n in range(1_000)]
    cluster.store(topic, *records)
    earliest, latest = await reader.earliest(topic), await reader.latest(topic)
    found = await last_positions(reader, topic, count, earliest, latest)
    newest = sorted(((r.timestamp, -r.partition) for r in records), reverse=True)[:count]
    assert found == {p: 1_000 - sum(q == -p for _, q in newest) for p in range(3)}
