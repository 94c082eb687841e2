"""A file into a spool, while disks and rotations refuse what they take a moment later."""

import errno
import os
import threading
import time

import msgspec
import pytest

from tailrace.shipping.entries import Entry
from tailrace.shipping.file import FileIntake
from tailrace.shipping.spool import Spool

SECONDS = 20


def logs(spool):
    reading = spool.read(100, 1 << 20)
    return [value for frame in reading.frames for value in frame.values] if reading else []


@pytest.fixture
def follow(tmp_path):
    """Follow a file in a thread of its own; what was said comes back with the spool."""
    stop, threads = threading.Event(), []

    def start(path):
        said, spool = [], Spool(tmp_path / "spool")
        intake = FileIntake(path, spool, said.append, stop.is_set)
        threads.append(threading.Thread(target=intake.follow))
        threads[-1].start()
        return said, spool

    yield start
    stop.set()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()


def wait_for(condition):
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def test_a_full_disk_is_said_once_and_waited_for(tmp_path, monkeypatch):
    """The lines stay in the file meanwhile."""
    tries, write = [], os.pwrite

    def full_at_first(*words):
        tries.append(words)
        if len(tries) <= 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(*words)

    said, spool = [], Spool(tmp_path / "spool")
    (tmp_path / "worker.log").write_bytes(b"one\ntwo\n")
    monkeypatch.setattr(os, "pwrite", full_at_first)
    FileIntake(tmp_path / "worker.log", spool, said.append, lambda: False).run_to_end()
    assert logs(spool) == [b'{"log":"one\\n"}', b'{"log":"two\\n"}']
    assert [text.partition(": ")[2] for text in said] == ["No space left on device"]


@pytest.mark.parametrize("place", [b"junk", msgspec.msgpack.encode([0, 0, -1])])
def test_a_place_that_cannot_be_read_sends_the_file_again(tmp_path, place):
    """Rather than nothing at all."""
    said, spool = [], Spool(tmp_path / "spool")
    spool.append([Entry(0, b"before")], place)
    (tmp_path / "worker.log").write_bytes(b"one\n")
    FileIntake(tmp_path / "worker.log", spool, said.append, lambda: False).run_to_end()
    assert logs(spool) == [b"before", b'{"log":"one\\n"}']
    assert "sent from its beginning" in said[0]


def test_a_file_that_cannot_be_opened_for_a_moment_is_said_and_waited_for(tmp_path, follow):
    """As one that rotation makes, and only then makes readable."""
    log = tmp_path / "worker.log"
    log.write_bytes(b"one\n")
    said, spool = follow(log)
    assert wait_for(lambda: logs(spool)) == [b'{"log":"one\\n"}']
    log.rename(tmp_path / "worker.log.1")
    log.symlink_to(log)
    wait_for(lambda: said)
    (tmp_path / "new").write_bytes(b"two\n")
    (tmp_path / "new").rename(log)
    assert wait_for(lambda: logs(spool)) == [b'{"log":"two\\n"}']
    assert len(said) == 1
