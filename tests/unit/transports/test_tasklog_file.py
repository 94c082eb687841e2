"""One reader's way along a log file."""

import os
import resource
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tailrace.protocol.tasklog_cursor import FilePlace, LogCursor
from tailrace.transports.tasklogs import folder
from tailrace.transports.tasklogs.file import LINES_AT_ONCE, LONGEST_LINE, FileReader
from tailrace.transports.tasklogs.folder import LogFolder


@pytest.fixture
def log(tmp_path):
    (tmp_path / "job").mkdir()
    return tmp_path / "job" / "worker.log"


@pytest.fixture
def reader(tmp_path, log):
    """Make readers; all are closed with the test."""
    made = []

    def make(**more):
        made.append(FileReader(LogFolder(str(tmp_path)), "job", **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def rest(reader, read=None):
    """All lines up to the end, and the last place."""
    read = read or reader.read()
    lines, place = list(read.lines), read.place
    while read.more:
        read = reader.read()
        lines += read.lines
        place = read.place or place
    return lines, place


def append(path, data):
    with path.open("ab") as file:
        file.write(data)


def test_whole_lines_only(reader, log):
    """What has no line feed yet is no line."""
    log.write_bytes(b"one\n\ntw")
    one = reader()
    assert rest(one)[0] == [b"one", b""]
    append(log, b"o\n")
    assert one.changed()
    assert rest(one)[0] == [b"two"]
    assert not one.changed()


def test_an_unfinished_line_is_given_at_the_end(reader, log):
    """And its line feed, when it comes, ends no further line."""
    log.write_bytes(b"one\ntwo")
    one = reader()
    assert rest(one)[0] == [b"one"]
    read = one.rest()
    assert read.lines == [b"two"]
    append(log, b"\nthree\n")
    two = reader()
    assert rest(two, two.begin_at(read.place))[0] == [b"three"]


def test_any_bytes(reader, log):
    """As they are, whatever they are."""
    data = bytes(range(256)) + b"\n\x00\xff\r\n"
    log.write_bytes(data)
    assert rest(reader())[0] == data.split(b"\n")[:-1]


def test_a_long_line_comes_in_parts(reader, log):
    """Memory does not depend on what a worker writes."""
    log.write_bytes(b"x" * (LONGEST_LINE + 5) + b"\nend\n")
    assert [len(line) for line in rest(reader())[0]] == [LONGEST_LINE, 5, 3]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_last_lines(reader, log, count, end):
    """Counted from the end; an unfinished one is the last of them."""
    lines = [b"%d" % n * 40_000 for n in range(3)]
    log.write_bytes(b"\n".join(lines) + end)
    one = reader()
    found = rest(one, one.begin_last(count))[0] + list(one.rest().lines)
    assert found == (lines[-count:] if count else [])


def test_the_last_lines_of_ten_gigabytes(reader, log):
    """Found in at most 50 ms, without reading the file."""
    log.write_bytes(b"first\n")
    os.truncate(log, 10 << 30)
    append(log, b"\n" + b"".join(b"line %d\n" % n for n in range(20)))
    one = reader()
    begun = time.perf_counter()
    read = one.begin_last(10)
    seconds = time.perf_counter() - begun
    assert read.lines == [b"line %d" % n for n in range(10, 20)]
    assert seconds <= 0.05
    begun = time.perf_counter()
    reader().begin_last(30)
    assert time.perf_counter() - begun <= 0.5


def test_a_place_goes_on_where_it_was(reader, log):
    """At every line, from a cursor's text."""
    log.write_bytes(b"".join(b"line %d\n" % n for n in range(50)))
    read = reader(each=True).read()
    for n, place in enumerate(read.places):
        assert LogCursor.parse(str(place)).file == place
        one = reader()
        assert rest(one, one.begin_at(place))[0] == list(read.lines[n + 1 :])


def rename(log):
    log.rename(log.with_name("worker.log.1"))


def copy_and_truncate(log):
    log.with_name("worker.log.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)


@pytest.mark.parametrize("rotate", [rename, copy_and_truncate])
def test_rotation_loses_and_repeats_nothing(reader, log, rotate):
    """What came before it and was not read yet is read from what the file is called now."""
    log.write_bytes(b"one\n")
    live = reader()
    _, place = rest(live)
    append(log, b"two\n")
    rotate(log)
    append(log, b"three\n")
    assert live.changed()
    assert rest(live)[0] == [b"two", b"three"]
    back = reader()
    assert rest(back, back.begin_at(place))[0] == [b"two", b"three"]


@pytest.mark.parametrize("rotate", [rename, copy_and_truncate])
def test_rotation_twice_while_away(reader, log, rotate):
    """All files between are read, the oldest first."""
    log.write_bytes(b"one\n")
    _, place = rest(reader())
    append(log, b"two\n")
    for n in (3, 5):
        older = log.with_name("worker.log.1")
        if older.exists():
            older.rename(log.with_name("worker.log.2"))
        rotate(log)
        append(log, b"%d\n%d\n" % (n, n + 1))
        os.utime(log, ns=(time.time_ns() + n * 10**9,) * 2)
    back = reader()
    assert rest(back, back.begin_at(place))[0] == [b"two", b"3", b"4", b"5", b"6"]


def test_a_worker_that_goes_on_with_the_renamed_file(reader, log):
    """Until the new one has bytes, and what it wrote last has no line feed."""
    log.write_bytes(b"one\n")
    live = reader()
    rest(live)
    with log.open("ab") as worker:
        rename(log)
        log.touch()
        worker.write(b"two\nthree")
        worker.flush()
        assert rest(live)[0] == [b"two"]
        append(log, b"four\n")
    assert rest(live)[0] == [b"three", b"four"]


def test_a_truncated_file_starts_over(reader, log):
    """Its new lines come, and that some may be missing is said."""
    log.write_bytes(b"one\ntwo\n")
    live = reader()
    rest(live)
    log.write_bytes(b"new and longer than before\n")
    assert live.changed()
    read = live.read()
    while not read.lines:
        read = live.read()
    assert (read.lines, read.cut) == ([b"new and longer than before"], True)


def test_a_log_that_appears_later(reader, log):
    """Is noticed by a look."""
    live = reader()
    assert rest(live) == ([], None)
    assert not live.changed()
    log.write_bytes(b"one\n")
    assert live.changed()
    assert rest(live)[0] == [b"one"]


def test_what_is_no_file_is_not_read(tmp_path, log, reader):
    """Links, links of the folder, other names of a file, pipes, folders."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret\n")
    for make in (
        lambda: log.symlink_to(secret),
        lambda: log.hardlink_to(secret),
        lambda: os.mkfifo(log),
        log.mkdir,
    ):
        make()
        assert rest(reader()) == ([], None)
        log.rmdir() if log.is_dir() and not log.is_symlink() else log.unlink()
    log.parent.rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "worker.log").write_bytes(b"secret\n")
    log.parent.symlink_to(tmp_path / "elsewhere")
    assert rest(reader()) == ([], None)


def test_a_file_that_is_cut_while_a_client_is_behind(reader, log):
    """And has grown past the place again: all of its new lines come, and the gap is said."""
    log.write_bytes(b"".join(b"old line %06d\n" % n for n in range(20_000)))
    live = reader()
    live.read()
    new = [b"new line %06d and more" % n for n in range(20_000)]
    log.write_bytes(b"\n".join(new) + b"\n")
    reads = [live.read() for _ in range(30)]
    assert [line for read in reads for line in read.lines] == new
    assert next(read.cut for read in reads if read.lines)


@contextmanager
def no_descriptors():
    """Nothing more can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_log_that_can_t_be_opened_is_not_absent(reader, log):
    """Taken for none, a place would be forgotten and all lines come again."""
    log.write_bytes(b"one\ntwo\n")
    place = reader(each=True).read().places[0]
    back = reader()
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        back.begin_at(place)
    assert rest(back, back.begin_at(place))[0] == [b"two"]


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_many_rotated_files_need_few_descriptors(reader, log):
    """Each is opened when its turn comes."""
    log.write_bytes(b"0\n")
    _, place = rest(reader())
    for n in range(1, 60):
        log.rename(log.with_name(f"worker.log.{100 - n}"))
        log.write_bytes(b"%d\n" % n)
        os.utime(log, ns=(n * 10**9,) * 2)
    os.utime(log.with_name("worker.log.99"), ns=(0, 0))
    before = open_descriptors()
    back = reader()
    read = back.begin_at(place)
    assert open_descriptors() <= before + 1
    assert rest(back, read)[0] == [b"%d" % n for n in range(1, 60)]


def test_the_newest_of_many_rotated_files(reader, log):
    """By when they were written, not by their names."""
    log.write_bytes(b"one\n")
    _, place = rest(reader())
    append(log, b"two\n")
    for n in range(80):
        old = log.with_name(f"worker.log-2025{n:04d}")
        old.write_bytes(b"old %d\n" % n)
        os.utime(old, ns=(n * 10**9,) * 2)
    log.rename(log.with_name("worker.log-20261121"))
    log.write_bytes(b"three\n")
    back = reader()
    assert rest(back, back.begin_at(place))[0] == [b"two", b"three"]


def test_what_lies_beside_a_log_is_none(reader, log):
    """Packed files, and places that other programs keep."""
    log.write_bytes(b"one\n")
    live = reader()
    _, place = rest(live)
    rename(log)
    log.write_bytes(b"three\n")
    for name in ("worker.log.2.gz", "worker.log.pos", "worker.log.1.zst", "worker.log-lock"):
        log.with_name(name).write_bytes(b"no line of the log\n")
        os.utime(log.with_name(name), ns=(2 * 10**18,) * 2)
    assert rest(live)[0] == [b"three"]
    back = reader()
    assert rest(back, back.begin_at(place))[0] == [b"three"]


def test_a_look_that_nobody_heard_of_hides_nothing(reader, log):
    """A change is one until it has been read."""
    log.write_bytes(b"one\n")
    live = reader()
    rest(live)
    append(log, b"two\n")
    assert [live.changed() for _ in range(3)] == [True] * 3
    rest(live)
    assert not live.changed()


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "empty"])
def test_what_can_t_be_read_keeps_nobody_busy(reader, log, kind):
    """Something else in place of a log is looked at once."""
    log.write_bytes(b"one\n")
    live = reader()
    rest(live)
    rename(log)
    {
        "pipe": lambda: os.mkfifo(log),
        "link": lambda: log.symlink_to("/etc/passwd"),
        "folder": log.mkdir,
        "empty": log.touch,
    }[kind]()
    assert live.changed()
    assert rest(live)[0] == []
    assert not live.changed()


def test_the_line_feed_of_a_line_that_was_given(reader, log):
    """Ends no further line, also for the one who gave it."""
    log.write_bytes(b"one\ntwo")
    live = reader()
    assert rest(live)[0] == [b"one"]
    assert live.read().unfinished
    assert live.rest().lines == [b"two"]
    assert not live.read().unfinished
    append(log, b"\nthree\n")
    assert rest(live)[0] == [b"three"]


def test_a_folder_that_its_owner_filled(reader, log, monkeypatch):
    """Is listed twice and up to a bound, whatever a cursor says; the log itself is always seen."""
    monkeypatch.setattr(folder, "MOST_ENTRIES", 100)
    log.write_bytes(b"one\n")
    for n in range(300):
        log.with_name(f"worker.log.{n}").touch()
    listings, looks, list_, stat = [], [], folder._list, os.stat
    monkeypatch.setattr(folder, "_list", lambda opened: listings.append(opened) or list_(opened))
    monkeypatch.setattr(os, "stat", lambda *place, **more: looks.append(place) or stat(*place, **more))
    back = reader()
    assert rest(back, back.begin_at(FilePlace("AAAAAA", 1, 1)))[0] == [b"one"]
    assert len(listings) == 2
    assert 0 < sum("worker.log." in str(place) for place in looks) <= 2 * 100


def test_closing_waits_for_no_read(reader, log, monkeypatch):
    """On a disk that hangs it would keep another thread; the file is let go when the read ends."""
    log.write_bytes(b"one\n")
    live, before = reader(), open_descriptors()
    reading, answers = threading.Event(), threading.Event()
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda *words: (reading.set(), answers.wait(5), pread(*words))[2])
    thread = threading.Thread(target=live.read)
    thread.start()
    reading.wait(5)
    live.close()
    assert not answers.is_set()
    answers.set()
    thread.join()
    assert open_descriptors() == before


def test_short_lines_are_given_a_few_at_a_time(reader, log):
    """A block of line feeds alone is tens of thousands of lines, each with a place of its own."""
    log.write_bytes(b"\n" * 10_000 + b"end")
    live = reader(each=True)
    reads = [live.read() for _ in range(10)]
    assert max(len(read.lines) for read in reads) == LINES_AT_ONCE
    assert sum(len(read.lines) for read in reads) == 10_000
    append(log, b"\n" * 10_000)
    assert len(live.rest().lines) == LINES_AT_ONCE
    assert live.changed()


def test_a_folder_that_is_not_there_is_told_once(tmp_path, caplog):
    """By its name; none at all is no mistake."""
    for path in ("", str(tmp_path), str(tmp_path / "none")):
        LogFolder(path).warn_if_absent()
    (told,) = caplog.messages
    assert f"{tmp_path}/none (tasklogs.folder)" in told
