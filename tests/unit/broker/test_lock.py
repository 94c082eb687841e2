"""One cluster to a data folder."""

import os
import subprocess
import sys

import pytest

from tailrace.broker import EmbeddedKafkaError
from tailrace.broker.lock import FolderLock


def test_a_second_owner_is_refused_with_the_first_ones_process(tmp_path):
    """The sentence names the folder, the cause who uses it."""
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.take()
    with pytest.raises(EmbeddedKafkaError, match="already runs") as caught:
        second.take()
    first.release()
    assert str(os.getpid()) in caught.value.cause


def test_a_released_lock_can_be_taken(tmp_path):
    """One start after the other."""
    for _ in range(2):
        lock = FolderLock(tmp_path)
        lock.take()
        lock.release()


def test_the_lock_of_a_dead_owner_is_waited_for(tmp_path):
    """An owner that was killed leaves nodes that end within seconds."""
    lock = FolderLock(tmp_path)
    lock.take()
    holder = subprocess.Popen(["sleep", "0.5"], pass_fds=[lock.descriptor])
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    os.pwrite(lock.descriptor, dead.stdout.ljust(32, b"\n"), 0)
    os.close(lock.descriptor)
    second = FolderLock(tmp_path)
    second.take()
    assert holder.wait(5) == 0
    second.release()
