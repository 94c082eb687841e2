"""A gateway with task logs on a log in memory, and how one is asked for."""

import asyncio
import hashlib
import json

import pytest
from tests.transports.wire import live_gateway

from tailrace.core.errors import BrokerUnavailable
from tailrace.memory import MemoryLog, MemoryReader
from tailrace.settings import GrantEntry, PrincipalEntry, Settings, TaskLogs


def principal(name, *grants):
    return PrincipalEntry(name, hashlib.sha256(f"tr_{name}".encode()).hexdigest(), grants)


PEOPLE = (principal("ann"), principal("bob"), principal("root", GrantEntry(("read",), "*")))
IDLE = 0.3
OWNERS = {"job": "ann", "new": "ann", "b.job": "bob"}


def log(text):
    return json.dumps({"log": text}).encode()


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


def answers_within(wire, seconds):
    return asyncio.wait_for(wire.rest(), seconds)


@pytest.fixture
def folder(tmp_path):
    for task in OWNERS:
        (tmp_path / "logs" / task).mkdir(parents=True)
    return tmp_path / "logs"


@pytest.fixture
def file(folder):
    return folder / "job" / "worker.log"


@pytest.fixture
def settings(folder):
    return Settings(
        principals=PEOPLE,
        owners=OWNERS,
        tasklogs=TaskLogs(folder=str(folder), idle=IDLE, codes=("404=1404",)),
    )


class AwayReader(MemoryReader):
    """A log whose brokers are away until told otherwise."""

    def __init__(self, log):
        super().__init__(log)
        self.away, self.refused = False, []

    async def describe(self, topics):
        if self.away:
            self.refused.append(asyncio.get_running_loop().time())
            raise BrokerUnavailable("No broker.")
        return await super().describe(topics)

    async def latest(self, topic):
        await self.describe([topic])
        return await super().latest(topic)


@pytest.fixture
async def live(settings):
    memory = MemoryLog()
    async with live_gateway(settings, memory, heartbeat=0.4, reader=AwayReader(memory)) as live:
        live.reader = live.hub.reader
        live.log.create("job", 2)
        yield live


async def ask(live, query="", *headers, who="ann", task="job", shown=None):
    shown = f"Authorization: {shown or f'Basic tr_{who}'}"
    return await live.get(f"/api/v1/logs?method=kafka&id={task}{query}", shown, *headers)


def accept(media):
    return f"Accept: {media}"


NDJSON = accept("application/x-ndjson")


def said(wire):
    """The lines of an NDJSON body, each with the cursor that came after it."""
    waiting, found = [], []
    for row in map(json.loads, wire.body.splitlines()):
        if "line" in row:
            waiting.append(row["line"])
        elif "cursor" in row:
            found += [(line, row["cursor"]) for line in waiting]
            waiting.clear()
    return found


def lines(wire):
    return [line for line, _ in said(wire)]
