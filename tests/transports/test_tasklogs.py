"""GET /api/v1/logs on a log in memory."""

import hashlib
import json

import pytest
from tests.transports.wire import live_gateway

from tailrace.settings import GrantEntry, PrincipalEntry, Settings, TaskLogs


def principal(name, *grants):
    return PrincipalEntry(name, hashlib.sha256(f"tr_{name}".encode()).hexdigest(), grants)


PEOPLE = (
    principal("ann"),
    principal("bob"),
    principal("root", GrantEntry(("read",), "*")),
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "logs" / "job").mkdir(parents=True)
    return tmp_path / "logs"


@pytest.fixture
async def live(folder):
    settings = Settings(
        principals=PEOPLE,
        owners={"job": "ann", "new": "ann"},
        tasklogs=TaskLogs(folder=str(folder), idle=1.0),
    )
    async with live_gateway(settings) as live:
        yield live


def log(text):
    return json.dumps({"log": text}).encode()


async def ask(live, query="method=kafka&id=job", *headers, who="ann"):
    return await live.get(f"/api/v1/logs?{query}", f"Authorization: Basic tr_{who}", *headers)


async def test_the_file_s_lines_then_the_topic_s(live, folder):
    """In the form that existing clients read."""
    (folder / "job" / "worker.log").write_bytes(b"one\ntwo\n")
    live.log.create("job")
    live.log.append("job", log("three\n"), log("four\nfive\n"), None, log("\n"), b'{"x":1}')
    wire = await ask(live)
    assert (wire.status, wire.headers["content-type"]) == (200, "multipart/x-mixed-replace")
    assert await wire.rest() == b'one\r\ntwo\r\nthree\r\nfour\r\nfive\r\n\r\n{"x":1}\r\n'
    assert wire.whole
