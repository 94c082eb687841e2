"""Services that run beside a test, and what they leave behind."""

import asyncio
import time

import pytest
from tests.contract.clusters import until

from tailrace.core.errors import TailraceError
from tailrace.runtime.service import Service


class Running:
    """A service that runs beside the test."""

    def __init__(self, cluster, app, **more):
        self.service = Service(app, app.programs, cluster.services(), f"{app.name}-0", **more)
        self._stop = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())

    async def _run(self):
        await self.service.start()
        try:
            await self.service.serve(self._stop)
        finally:
            await self.service.finish()

    async def ready(self):
        await until(lambda: self.service.ready and self.service._members)
        return self

    async def stop(self):
        self._stop.set()
        await self._task

    async def failed(self):
        with pytest.raises(TailraceError) as caught:
            await asyncio.wait_for(self._task, 20)
        return caught.value


async def read_all(cluster, topic, count):
    """So many records of a topic; the loop goes on, as async handlers need it."""
    return await asyncio.to_thread(_read_all, cluster, topic, count)


def _read_all(cluster, topic, count):
    reader = cluster.services().reader([topic], None, "earliest", "test", lambda spots: {})
    records, end = [], time.monotonic() + 20
    while len(records) < count:
        assert time.monotonic() < end, f"only {records}"
        batch = reader.poll(1000, 0.1)
        records += [batch.record(row) for row in range(len(batch))] if batch else []
    reader.close()
    return records


def committed(cluster, app, topic):
    """Where another member of the group would begin; its first record's offset."""
    reader = cluster.services().reader([topic], app.name, "earliest", "test", lambda spots: {})
    end = time.monotonic() + 20
    try:
        while time.monotonic() < end:
            if batch := reader.poll(1, 0.1):
                return batch.record(0).offset
    finally:
        reader.close()
    return None
