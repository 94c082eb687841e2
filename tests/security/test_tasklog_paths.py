"""Ids that are paths, links, devices: no byte from outside of the folder of logs."""

import asyncio
import itertools
import os
import random
import socket
import threading
from urllib.parse import quote

import pytest
from tests.transports.wire import live_gateway

from tailrace.settings import GrantEntry, PrincipalEntry, Settings, TaskLogs
from tailrace.transports.tasklogs.file import FileReader
from tailrace.transports.tasklogs.folder import LogFolder

SECRET = b"FOREIGN-BYTES-7d1f"
PAYLOADS = 2_000

UP = (
    "..",
    "%2e%2e",
    "%252e%252e",
    ".%2e",
    "%2e.",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "\uff0e\uff0e",
    "\u2025",
    "....",
    ".%00.",
    "..;",
    "..%20",
)
SLASH = (
    "/",
    "%2f",
    "%252f",
    "%5c",
    "\\",
    "%c0%af",
    "%ef%bc%8f",
    "\u2215",
    "//",
    "/./",
    "%25252f",
    "%u2215",
)
TARGETS = ("secret", "secret/worker.log", "etc/passwd", "outside", "outside/worker.log", "proc/self/environ")
HEADS = (
    "",
    "job",
    "job/",
    "/",
    "./",
    "file://",
    "C:",
    "%00",
    "job%00",
    "~",
    "job.",
    " ",
    "%0a",
    "-",
    "$HOME",
    "{job}",
)


def payloads(folder):
    """Ids as they stand in an address."""
    made = [
        head + (up + slash) * depth + target
        for head, up, slash, depth, target in itertools.product(HEADS, UP, SLASH, (1, 2, 5), TARGETS)
    ]
    absolute = [quote(str(folder.parent / name), safe=safe) for name in TARGETS for safe in ("", "/")]
    random.Random(4).shuffle(made)
    return [*traps(folder), *absolute, *made][:PAYLOADS]


def traps(folder):
    """Names that are good, of what is no log."""
    return sorted(entry.name for entry in folder.iterdir() if entry.name != "job")


@pytest.fixture
def folder(tmp_path):
    """A folder with one good log, and every trap that a file system has."""
    outside, folder = tmp_path / "outside", tmp_path / "logs"
    (folder / "job").mkdir(parents=True)
    (folder / "job" / "worker.log").write_bytes(b"good\n")
    outside.mkdir()
    (outside / "worker.log").write_bytes(SECRET)
    (tmp_path / "secret").write_bytes(SECRET)
    for name, make in {
        "folder-link": None,
        "link": lambda at: at.symlink_to(tmp_path / "secret"),
        "relative-link": lambda at: at.symlink_to("../../secret"),
        "chain": lambda at: at.symlink_to("../link/worker.log"),
        "other-name": lambda at: at.hardlink_to(outside / "worker.log"),
        "proc": lambda at: at.symlink_to("/proc/self/environ"),
        "pipe": os.mkfifo,
        "folder": lambda at: at.mkdir(),
        "socket": listen,
        "device": lambda at: at.symlink_to("/dev/zero"),
    }.items():
        if make is None:
            (folder / name).symlink_to(outside)
        else:
            (folder / name).mkdir()
            make(folder / name / "worker.log")
    # A link to a log of the same folder leads nowhere either.
    (folder / "neighbour").symlink_to(folder / "job")
    return folder


def listen(at):
    here = os.getcwd()  # noqa: PTH109 - a socket's path is short
    os.chdir(at.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(at.name)
    finally:
        os.chdir(here)


@pytest.fixture
async def live(folder):
    anybody = PrincipalEntry("anonymous", None, (GrantEntry(("read",), "*"),))
    logs = TaskLogs(folder=str(folder), idle=0.2)
    async with live_gateway(Settings(principals=(anybody,), tasklogs=logs)) as live:
        yield live


async def test_two_thousand_payloads_get_no_foreign_byte(live, folder, monkeypatch):
    """Though the caller may read any task's log."""
    monkeypatch.setenv("FOREIGN", SECRET.decode())
    asked, foreign, answered = payloads(folder), 0, {}
    assert len(asked) == PAYLOADS

    async def ask(part):
        nonlocal foreign
        wire = await live.connect()
        for payload in part:
            path = quote(f"/api/v1/logs?method=kafka&id={payload}", safe="/?&=%:;~$.{}", encoding="utf-8")
            await live.get(path, wire=wire)
            body = await wire.rest()
            foreign += SECRET in body or b"root:" in body or b"\0" in body
            answered[wire.status] = answered.get(wire.status, 0) + 1

    await asyncio.gather(*(ask(asked[n::8]) for n in range(8)))
    assert foreign == 0
    assert set(answered) <= {400, 404}
    assert sum(answered.values()) == PAYLOADS
    wire = await live.get("/api/v1/logs?method=kafka&id=job")
    assert await wire.rest() == b"good\r\n"


@pytest.mark.parametrize(
    "cursor",
    [
        "../secret~AAAAAA:1@0",
        "worker.log~AAAAAA:1@0;../secret:0@0",
        "worker.log~../..:1@0",
        "/etc/passwd",
        "worker.log~AAAAAA:1@-1",
    ],
)
async def test_cursors_name_no_paths(live, cursor):
    """They are places, and of this log alone."""
    wire = await live.get(f"/api/v1/logs?method=kafka&id=job&from={quote(cursor)}")
    assert (wire.status, SECRET in await wire.rest()) == (400, False)


def test_a_name_that_changes_under_way(folder, tmp_path):
    """Log and link in turn, as fast as they can be exchanged: what is read is the log, or nothing."""
    log, job = folder / "job" / "worker.log", folder / "job"
    link, task = folder / "job" / "link", folder / "task"
    link.symlink_to(tmp_path / "secret")
    task.symlink_to(tmp_path / "outside")
    over = threading.Event()

    def exchange():
        while not over.is_set():
            for one, other in ((log, link), (job, task)):
                aside = one.parent / "aside"
                one.rename(aside)
                other.rename(one)
                one.rename(other)
                aside.rename(one)

    worker = threading.Thread(target=exchange)
    worker.start()
    try:
        seen = set()
        for _ in range(1_000):
            reader = FileReader(LogFolder(str(folder)), "job")
            seen.update(reader.read().lines)
            reader.close()
    finally:
        over.set()
        worker.join()
    assert seen <= {b"good"}
