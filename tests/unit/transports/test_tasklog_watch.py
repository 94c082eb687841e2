"""What all log streams wait for together."""

import asyncio
import threading

import pytest

from tailrace.core.errors import BrokerUnavailable, Unavailable
from tailrace.memory import MemoryLog, MemoryReader
from tailrace.transports.tasklogs import watch as watching
from tailrace.transports.tasklogs.disk import THREADS, Disk
from tailrace.transports.tasklogs.file import FileReader
from tailrace.transports.tasklogs.folder import LogFolder
from tailrace.transports.tasklogs.watch import LogWatch


class AwayReader(MemoryReader):
    """A log whose brokers are away."""

    async def describe(self, topics):
        raise BrokerUnavailable("No broker.")


@pytest.fixture
async def watch():
    """A watch of files, and its threads."""
    async with asyncio.TaskGroup() as tasks:
        disk = Disk()
        clock = asyncio.get_running_loop().time
        yield LogWatch(disk, AwayReader(MemoryLog()), clock, tasks.create_task), disk
        disk.close()


class Clock:
    """Stands until it is set, and counts who asks."""

    def __init__(self):
        self.now = self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.now


async def test_a_disk_that_was_slow_blinds_nobody(watch, tmp_path, monkeypatch):
    """After a minute without an answer, a new line is noticed soon."""
    logs, disk = watch
    monkeypatch.setattr(watching, "perf_counter", clock := Clock())
    (tmp_path / "job").mkdir()
    file = FileReader(LogFolder(str(tmp_path)), "job")
    file.read()
    grown = asyncio.Event()
    logs.follow(file, grown.set)
    answers = threading.Event()
    for _ in range(THREADS):
        disk.leave(answers.wait)
    await asyncio.sleep(0)  # the first look is asked for
    clock.now = 60
    answers.set()
    try:
        async with asyncio.timeout(watching.LONGEST_PAUSE_SECONDS / 2):
            while clock.asked < 2:  # noqa: ASYNC110 - nobody tells that a look is over
                await asyncio.sleep(0.001)
            (tmp_path / "job" / "worker.log").write_bytes(b"one\n")
            await grown.wait()
    finally:
        logs.forget(file)


async def test_a_step_that_fails_says_nothing_of_a_log(watch):
    """It can't be read at present, whatever the disk says."""
    _, disk = watch
    with pytest.raises(Unavailable, match="EIO"):
        await disk.run(lambda: (_ for _ in ()).throw(OSError(5, "Input/output error")))


async def test_an_old_absence_of_the_broker_counts_no_more(watch):
    """When somebody comes after a while without anybody, it has to be asked again."""
    logs, _ = watch
    logs.away_since = asyncio.get_running_loop().time() - 100
    logs.enter("job")
    assert logs.away_for() == 0
    logs.leave("job")


async def test_one_task_keeps_no_other_waiting(watch):
    """Its steps take a part of the threads, also those that nobody waits for any more."""
    _, disk = watch
    answers = threading.Event()
    slow = [asyncio.create_task(disk.run(answers.wait, "slow")) for _ in range(3 * THREADS)]
    await asyncio.sleep(0)
    for step in slow[:-1]:
        step.cancel()
    try:
        async with asyncio.timeout(5):
            assert await disk.run(lambda: "read", "other") == "read"
    finally:
        answers.set()
    assert await slow[-1]


async def test_a_step_that_nobody_waits_for_any_more_is_not_done(watch):
    """Clients that come and go while the disk is slow leave no work behind."""
    _, disk = watch
    hang, done = threading.Event(), []
    for _ in range(THREADS):
        disk.leave(hang.wait)
    waiting = asyncio.ensure_future(disk.run(lambda: done.append("gone")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    hang.set()
    await disk.run(lambda: done.append("stays"))
    assert done == ["stays"]
