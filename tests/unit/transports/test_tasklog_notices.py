"""The system's word that a log file was written to."""

import asyncio
import contextlib
import sys

import pytest

from tailrace.transports.tasklogs.file import FileReader
from tailrace.transports.tasklogs.folder import LogFolder
from tailrace.transports.tasklogs.notices import WriteNotices

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

SECONDS = 5


class Heard:
    """What was told, and a way to wait for it."""

    def __init__(self):
        self.files, self._came = [], asyncio.Event()

    def __call__(self, file):
        self.files.append(file)
        self._came.set()

    async def next(self):
        await asyncio.wait_for(self._came.wait(), SECONDS)
        self._came.clear()
        return self.files[-1]


@pytest.fixture
def folder(tmp_path):
    """Where logs lie, with one of them."""
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "worker.log").write_bytes(b"first\n")
    return tmp_path


@pytest.fixture
async def notices():
    """Notices, and what they have told."""
    heard = Heard()
    made = WriteNotices(heard)
    yield made, heard
    made.close()


@pytest.fixture
def reader(folder):
    """A reader that stands at its log's end."""
    made = FileReader(LogFolder(str(folder)), "job")
    while made.read().more:
        pass
    yield made
    made.close()


def following(folder, told):
    """One more reader of the same file, who is told of it."""
    made = FileReader(LogFolder(str(folder)), "job")
    made.read()
    told.follow(made)
    return made


def write(folder, line=b"more\n"):
    with (folder / "job" / "worker.log").open("ab") as stream:
        stream.write(line)


async def test_a_write_is_told(notices, folder, reader):
    """Each time, without being asked for again."""
    told, heard = notices
    told.follow(reader)
    for _ in range(3):
        write(folder)
        assert await heard.next() is reader


async def test_after_a_rotation_the_new_file_is_told_of(notices, folder, reader):
    """Once its reader has gone over to it."""
    told, heard = notices
    told.follow(reader)
    log = folder / "job" / "worker.log"
    log.rename(folder / "job" / "worker.log.1")
    log.write_bytes(b"second\n")
    while reader.read().more:
        pass
    told.follow(reader)
    write(folder)
    assert await heard.next() is reader


async def test_who_was_forgotten_is_told_nothing_and_others_are(notices, folder, reader):
    """A watch belongs to the file; one whose file is not there yet is told nothing either."""
    told, heard = notices
    absent = FileReader(LogFolder(str(folder)), "absent")
    absent.read()
    with contextlib.closing(following(folder, told)) as other:
        for one in (absent, reader):
            told.follow(one)
        told.forget(reader)
        write(folder)
        assert await heard.next() is other
        told.forget(other)
    write(folder)
    with contextlib.closing(following(folder, told)) as last:
        write(folder)
        assert await heard.next() is last
    assert heard.files == [other, last]


async def test_many_writes_become_few_notices(notices, folder, reader):
    """A worker that writes line by line costs no read each."""
    told, heard = notices
    told.follow(reader)
    for _ in range(500):
        write(folder)
        await asyncio.sleep(0)
    assert await heard.next() is reader
    assert len(heard.files) < 50
