"""The spool: whatever happens between two appends, no line is lost, repeated or out of order."""

import contextlib
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tailrace.core.errors import ConfigurationError
from tailrace.shipping import spool as spools
from tailrace.shipping.entries import Entry
from tailrace.shipping.frames import encode, framed
from tailrace.shipping.numbered import numbered as numbered_records
from tailrace.shipping.spool import Spool, checked_bytes


def entries(first, count, size=10):
    return [Entry(n, b"%d" % n * size) for n in range(first, first + count)]


def values(spool, most=10_000):
    """All that can be read now, with the numbers of the lines."""
    found = []
    while reading := spool.read(most, 1 << 20):
        for frame in reading.frames:
            found += zip(range(frame.first, frame.after), frame.values, strict=True)
    return found


def numbered(first, count, size=10):
    return [(e.timestamp, e.value) for e in entries(first, count, size)]


def test_what_was_appended_is_read_by_the_next_process(tmp_path):
    """Nothing was closed or synced in between, as a kill leaves it."""
    spool = Spool(tmp_path)
    assert spool.append(entries(0, 3), b"here")
    again = Spool(tmp_path)
    assert (values(again), again.waiting, again.mark) == (numbered(0, 3), 3, b"here")
    assert again.key == spool.key


def test_what_is_stored_is_forgotten_also_by_the_next_process(tmp_path):
    """And the disk gets its room back; numbers and the place in the source go on."""
    spool = Spool(tmp_path)
    spool.append(entries(0, 3), b"one")
    reading = spool.read(100, 1 << 20)
    spool.append(entries(3, 2), b"two")
    spool.stored(reading, 0, 77)
    again = Spool(tmp_path)
    assert values(again) == numbered(3, 2)
    again.stored(again_reading(again), 0, 79)
    last = Spool(tmp_path)
    assert (values(last), last.waiting, last.mark, last.sent.position) == ([], 0, b"two", 79)
    assert not list(tmp_path.glob("*.lines"))


def again_reading(spool):
    spool.rewind()
    return spool.read(100, 1 << 20)


def test_rewinding_reads_again_what_is_not_stored(tmp_path):
    """As after an answer that never came."""
    spool = Spool(tmp_path)
    spool.append(entries(0, 4))
    assert values(spool) == numbered(0, 4)
    spool.rewind()
    assert values(spool) == numbered(0, 4)


def test_a_full_spool_refuses_until_something_is_stored(tmp_path):
    """Its files never take more than they may."""
    spool = Spool(tmp_path, most_bytes=10_000, segment_bytes=1_000)
    count = 0
    while spool.append(entries(count, 1)):
        count += 1
    assert sum(path.stat().st_size for path in tmp_path.glob("*.lines")) <= 10_000
    spool.stored(spool.read(count // 2, 1 << 20), 0, 1)
    assert spool.append(entries(count, 1))


def test_one_that_is_full_of_stored_lines_has_room(tmp_path):
    """What is stored is never the reason to refuse."""
    spool = Spool(tmp_path, most_bytes=10_000)
    for n in range(1_000):
        assert spool.append(entries(n, 1, size=50))
        spool.stored(spool.read(10, 1 << 20), 0, n)
    assert spool.waiting == 0


@pytest.mark.parametrize("cut", [1, 5, 9, 30])
def test_a_torn_end_is_not_there_and_the_rest_is(tmp_path, cut):
    """The frame that a power cut tore never was; numbers and marks fit what is left."""
    spool = Spool(tmp_path)
    spool.append(entries(0, 2), b"one")
    spool.append(entries(2, 2), b"two")
    (file,) = tmp_path.glob("*.lines")
    os.truncate(file, file.stat().st_size - cut)
    again = Spool(tmp_path)
    assert (again.waiting, again.mark) == (2, b"one")
    again.append(entries(2, 1), b"three")
    assert values(again) == numbered(0, 3)
    assert again.lost == 0


@pytest.mark.parametrize("segment", [1, 1_000_000])
def test_lines_that_the_disk_damaged_are_counted_told_and_passed(tmp_path, segment):
    """What stands behind them is read on, in the same file and in others."""
    spool = Spool(tmp_path, most_bytes=1 << 20, segment_bytes=segment)
    for n in range(3):
        spool.append(entries(n, 1))
    files = sorted(tmp_path.glob("*.lines"))
    damage(files[len(files) // 2], b"111")
    for _ in range(2):
        first, (number, told), last = values(spool)
        assert [first, last] == numbered(0, 1) + numbered(2, 1)
        assert (number, json.loads(told)["missing"]) == (1, 1)
        assert spool.lost == 1
        spool.rewind()
    assert Spool(tmp_path).waiting == 3


def test_a_damaged_length_hides_no_lines_behind_it(tmp_path):
    """The next frame is found by how it begins."""
    spool = Spool(tmp_path)
    for n in range(3):
        spool.append(entries(n, 1, size=100_000))
    (file,) = tmp_path.glob("*.lines")
    with file.open("r+b") as damaged:
        damaged.seek(4)
        damaged.write(b"\xff")
    assert values(spool)[1:] == numbered(1, 2, size=100_000)
    assert spool.lost == 1


@pytest.mark.parametrize(
    "odd", [[1, [1, 2], [b"a"]], [-1, [1], [b"a"]], [1, [2**64 - 1], [b"a"]], [1, [1], [7]]]
)
def test_a_frame_that_nobody_here_writes_is_passed_like_a_damaged_one(tmp_path, odd):
    """Its check sum fits, its content does not: two times for one line, for one."""
    spool = Spool(tmp_path)
    spool.append(entries(0, 1))
    (file,) = tmp_path.glob("*.lines")
    with file.open("ab") as end:
        end.write(framed(msgspec.msgpack.encode(odd)))
    again = Spool(tmp_path)
    again.append(entries(1, 1))
    assert values(again) == numbered(0, 2)


@pytest.mark.parametrize("name", ["id", "sent", "id.new", "0000000000000001.lines"])
def test_a_pipe_in_its_folder_is_refused(tmp_path, name):
    """To open it would wait for ever."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(ConfigurationError, match=f"{name} is no regular file"):
        Spool(tmp_path)


def test_lines_that_were_all_deleted_do_not_wait_for_ever(tmp_path):
    """Somebody emptied the folder under a running process."""
    spool = Spool(tmp_path, segment_bytes=1)
    spool.append(entries(0, 2))
    for file in tmp_path.glob("*.lines"):
        file.unlink()
    reading = spool.read(10, 1 << 20)
    assert "2 lines missing" in reading.frames[0].values[0].decode()
    spool.stored(reading, 0, 1)
    assert (spool.waiting, spool.lost) == (0, 2)
    spool.append(entries(2, 1))
    assert values(spool) == numbered(2, 1)


def test_the_place_before_it_outlives_a_torn_one(tmp_path):
    """A power cut may take what was being written, nothing else."""
    spool = Spool(tmp_path)
    for n in range(2):
        spool.append(entries(n, 1), b"%d" % n)
        spool.stored(spool.read(10, 1 << 20), 0, n)
    damage(tmp_path / "sent", encode(spool.sent)[:20])
    assert Spool(tmp_path).sent.number == 1


def test_lines_of_another_start_are_told_from_those_with_the_same_number(tmp_path):
    """The place and what was not on the disk yet are gone after a power cut, so numbers come again."""
    told = []
    for _ in range(2):
        spool = Spool(tmp_path)
        spool.append(entries(0, 1))
        told += [line for line, _ in numbered_records(spool.key, spool.read(10, 1 << 20).frames)]
        spool.close()
        for file in (tmp_path / "sent", *tmp_path.glob("*.lines")):
            os.truncate(file, 0)
    assert len(set(told)) == 2


@pytest.mark.parametrize("call", ["fsync", "pwrite"])
def test_no_file_goes_while_the_place_behind_it_is_not_kept(tmp_path, monkeypatch, call):
    """Else a power cut would leave a place before lines that are gone."""
    spool = Spool(tmp_path, segment_bytes=1)
    spool.append(entries(0, 1))
    reading = spool.read(10, 1 << 20)
    spool.append(entries(1, 1))
    with monkeypatch.context() as patched:
        patched.setattr(os, call, no_space)
        spool.stored(reading, 0, 0)
        with contextlib.suppress(OSError):
            spool.sync()
        assert len(list(tmp_path.glob("*.lines"))) == 2
    assert spool.waiting == 1
    spool.stored(spool.read(10, 1 << 20), 0, 1)
    spool.sync()
    assert len(list(tmp_path.glob("*.lines"))) == 1


def test_where_a_source_is_read_its_place_is_written_through(tmp_path, monkeypatch):
    """Once for each sync, and only if it has moved."""
    synced, fsync = [], os.fsync
    spool = Spool(tmp_path)
    spool.append(entries(0, 1), b"here")
    spool.sync()
    spool.stored(spool.read(10, 1 << 20), 0, 1)
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(file) or fsync(file))
    for _ in range(3):
        spool.sync()
    assert len(synced) == 1


def test_on_a_full_disk_stored_lines_give_their_room_back(tmp_path, monkeypatch):
    """Though their file is not full."""
    spool = Spool(tmp_path)
    spool.append(entries(0, 1))
    spool.stored(spool.read(10, 1 << 20), 0, 1)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", no_space)
        with pytest.raises(OSError, match="no space"):
            spool.append(entries(1, 1))
    assert not list(tmp_path.glob("*.lines"))
    assert spool.append(entries(1, 1))
    assert values(spool) == numbered(1, 1)


def test_a_damaged_place_sends_again_rather_than_losing(tmp_path):
    """The files themselves say where they begin."""
    spool = Spool(tmp_path)
    spool.append(entries(0, 2))
    spool.stored(spool.read(10, 1 << 20), 0, 2)
    spool.append(entries(2, 2))
    os.truncate(tmp_path / "sent", 0)
    again = Spool(tmp_path)
    assert values(again)[-2:] == numbered(2, 2)
    assert again.lost == 0


def damage(file, content):
    data = file.read_bytes()
    assert content in data
    file.write_bytes(data.replace(content, b"?" * len(content)))


def test_a_disk_that_takes_nothing_leaves_the_spool_as_it_was(tmp_path, monkeypatch):
    """The error is the caller's; nothing of the lines is there."""
    spool = Spool(tmp_path)
    spool.append(entries(0, 1))
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", no_space)
        with pytest.raises(OSError, match="no space"):
            spool.append(entries(1, 1))
    spool.append(entries(1, 1))
    assert values(spool) == numbered(0, 2)


def no_space(*_):
    raise OSError(28, "no space")


def test_only_lines_that_wait_are_written_through(tmp_path, monkeypatch):
    """Where Kafka takes them at once the disk is never waited for."""
    synced = []
    spool = Spool(tmp_path)
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.setattr(spools, "sync_folder", synced.append)
    for stored in (True, False):
        spool.append(entries(0, 1))
        spool.sync()
        if stored:
            spool.stored(spool.read(10, 1 << 20), 0, 1)
        spool.sync()
        assert bool(synced) is not stored


def test_a_bound_that_fits_no_frame_is_refused():
    """Said at the start, not when lines are lost."""
    with pytest.raises(ConfigurationError, match="1,000 bytes"):
        checked_bytes(1_000)


class SpoolMachine(RuleBasedStateMachine):
    """Any order of appends, reads, confirmations and kills, also in the middle of a write."""

    @initialize(segment=st.sampled_from([1, 100, 2_000]))
    def start(self, segment):

        self.temporary = TemporaryDirectory()
        self.segment = segment
        self.appended, self.stored, self.open = 0, 0, []
        self.spool = self.new()

    def new(self):
        return Spool(Path(self.temporary.name), most_bytes=20_000, segment_bytes=self.segment)

    @rule(count=st.integers(1, 20), size=st.integers(0, 40))
    def append(self, count, size):
        if self.spool.append(entries(self.appended, count, size), b"%d" % (self.appended + count)):
            self.appended += count

    @rule(most=st.integers(1, 50))
    def read(self, most):
        if not self.open and (reading := self.spool.read(most, 5_000)):
            self.open = [reading]
            numbers = [n for frame in reading.frames for n in range(frame.first, frame.after)]
            assert numbers == list(range(self.stored, self.stored + len(numbers)))
            assert [t for frame in reading.frames for t in frame.timestamps] == numbers

    @rule()
    def store(self):
        if self.open:
            reading = self.open.pop()
            self.stored = reading.frames[-1].after
            self.spool.stored(reading, 0, self.stored)

    @rule()
    def rewind(self):
        self.open.clear()
        self.spool.rewind()

    @rule()
    def sync(self):
        self.spool.sync()

    @rule(torn=st.binary(max_size=40))
    def kill(self, torn):
        """The last write may have come half."""
        files = sorted(Path(self.temporary.name).glob("*.lines"))
        self.spool.close()
        if files:
            with files[-1].open("ab") as file:
                file.write(torn)
        self.open.clear()
        self.spool = self.new()

    @invariant()
    def counts_what_waits(self):
        if hasattr(self, "spool"):
            assert self.spool.waiting == self.appended - self.stored
            assert self.spool.mark == (b"%d" % self.appended if self.appended else b"")
            assert self.spool.lost == 0

    def teardown(self):
        if hasattr(self, "spool"):
            self.open.clear()
            self.spool.rewind()
            assert [n for n, _ in values(self.spool)] == list(range(self.stored, self.appended))
            self.spool.close()
            self.temporary.cleanup()


TestSpoolMachine = SpoolMachine.TestCase
