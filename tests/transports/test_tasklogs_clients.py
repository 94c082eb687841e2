"""Task logs on real Kafka, read as existing clients do."""

import asyncio
import contextlib
import hashlib
import json
import shutil
import subprocess
import time

import pytest
import requests
from tests.transports.kafka_log import kafka_ports, store
from tests.transports.wire import live_gateway

from tailrace.core.ports import NewRecord
from tailrace.settings import PrincipalEntry, Settings, TaskLogs

pytestmark = pytest.mark.kafka

TOKEN = "tr_ann"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()


@contextlib.asynccontextmanager
async def serving(kafka, folder, task, **more):
    people = (PrincipalEntry("ann", DIGEST),)
    logs = TaskLogs(folder=str(folder), idle=1.5)
    settings = Settings(principals=people, owners={task: "ann"}, tasklogs=logs)
    async with (
        kafka_ports(kafka.bootstrap_servers) as ports,
        live_gateway(settings, reader=ports.reader, tail=ports.tail, **more) as live,
    ):
        live.writer = ports.writer
        live.url = f"http://127.0.0.1:{live.port}/api/v1/logs?method=kafka&id={task}"
        yield live


def record(text):
    return NewRecord(json.dumps({"log": text, "stream": "stdout"}).encode())


@pytest.fixture
def task(make_topic, tmp_path):
    name = make_topic(partitions=1)
    (tmp_path / name).mkdir()
    return name


def with_requests(url, **more):
    """Lines as they come, and how many of them are blank."""
    headers = {"Authorization": f"Basic {TOKEN}"}
    with requests.get(url, headers=headers, stream=True, timeout=50, **more) as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "multipart/x-mixed-replace"
        return list(response.iter_lines())


async def test_requests_reads_every_line_and_no_blank_one(kafka, tmp_path, task):
    """20,000 lines of all lengths around its 512 bytes."""
    lengths = [1 + n % 1100 for n in range(20_000)]
    lines = [f"{n}:".encode() + b"x" * length for n, length in enumerate(lengths)]
    (tmp_path / task / "worker.log").write_bytes(b"".join(line + b"\n" for line in lines[:10_000]))
    async with serving(kafka, tmp_path, task) as live:
        for at in range(10_000, 20_000, 1_000):
            await store(live.writer, task, [record(line.decode() + "\n") for line in lines[at : at + 1_000]])
        found = await asyncio.to_thread(with_requests, live.url)
    assert sum(not line for line in found) == 0
    assert found == lines


async def test_requests_follows(kafka, tmp_path, task):
    """Each line is there when it is written, not when a buffer is full."""
    (tmp_path / task / "worker.log").write_bytes(b"one\n")
    async with serving(kafka, tmp_path, task) as live:
        seen = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def follow():
            headers = {"Authorization": f"Basic {TOKEN}"}
            with requests.get(
                f"{live.url}&follow=true", headers=headers, stream=True, timeout=50
            ) as response:
                for line in response.iter_lines(chunk_size=1):
                    loop.call_soon_threadsafe(seen.put_nowait, line)
                    if line == b"end":
                        return

        following = asyncio.create_task(asyncio.to_thread(follow))
        async with asyncio.timeout(20):
            assert await seen.get() == b"one"
            for text in ("two", "three", "end"):
                await store(live.writer, task, [record(text)])
                line = await seen.get()
                while not line:
                    line = await seen.get()
                assert line == text.encode()
            await following


async def test_curl(kafka, tmp_path, task):
    """With a user, with a token, and the last lines."""
    if shutil.which("curl") is None:
        pytest.skip("curl is missing: apt-get install curl")
    (tmp_path / task / "worker.log").write_bytes(b"one\n")

    def curl(*words):
        return subprocess.run(["curl", "-sN", *words], capture_output=True, timeout=30, check=True).stdout

    async with serving(kafka, tmp_path, task) as live:
        await store(live.writer, task, [record("two\n"), record("three\n")])
        assert await asyncio.to_thread(curl, "-u", f"{TOKEN}:", live.url) == b"one\r\ntwo\r\nthree\r\n"
        text = ("-H", "Accept: text/plain", "-H", f"Authorization: Bearer {TOKEN}")
        assert await asyncio.to_thread(curl, *text, f"{live.url}&tail=2") == b"two\nthree\n"


async def test_the_first_line_is_quick(kafka, tmp_path, task):
    """From the file, whatever the topic takes."""
    (tmp_path / task / "worker.log").write_bytes(b"one\n")
    async with serving(kafka, tmp_path, task) as live:
        begun = time.perf_counter()
        wire = await live.get(live.url.split(str(live.port))[1], f"Authorization: Basic {TOKEN}")
        await wire.more()
        assert time.perf_counter() - begun < 0.5
        assert wire.body == b"one\r\n"


async def test_a_task_without_a_topic_gets_none(kafka, tmp_path):
    """Reading makes no topic and no group."""
    task = "never-made"
    (tmp_path / task).mkdir()
    async with serving(kafka, tmp_path, task) as live:
        wire = await live.get(live.url.split(str(live.port))[1], f"Authorization: Basic {TOKEN}")
        assert await wire.rest() == b""
        assert task not in await live.hub.reader.topic_names()
