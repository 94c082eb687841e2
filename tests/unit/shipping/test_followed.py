"""A file is read line by line, each line once, whatever is done to it."""

import os
import shutil
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.errors import ConfigurationError
from tailrace.shipping.followed import CHUNK_BYTES, MOST_LINES, FollowedFile
from tailrace.shipping.marks import decode_mark


class Reader:
    """Takes all there is; a second one goes on at the first one's place."""

    def __init__(self, path, mark=None):
        self.told = []
        self.mark = mark
        self.file = FollowedFile(path, mark, self.told.append, clock=lambda: time.time() + 60)

    def __call__(self):
        taken = b""
        while one := self.file.take():
            taken += one.lines
            self.mark = decode_mark(one.mark.encode())
        return taken


@pytest.fixture
def log(tmp_path):
    return tmp_path / "worker.log"


def write(path, data, mode="ab"):
    with path.open(mode) as file:
        file.write(data)


def test_a_file_that_grows_is_read_on_and_a_part_of_a_line_waits(log):
    """Until its end comes."""
    read = Reader(log)
    assert read() == b""
    write(log, b"one\ntw")
    assert read() == b"one\n"
    assert read() == b""
    write(log, b"o\nthree\n")
    assert read() == b"two\nthree\n"


def test_the_last_line_of_a_file_may_have_no_end(log):
    """It is given when nothing more will come."""
    write(log, b"one\ntwo")
    read = Reader(log)
    assert read() == b"one\n"
    assert read.file.at_end
    assert read.file.rest().lines == b"two"
    assert read.file.rest() is None


def test_the_next_process_goes_on_where_the_last_one_was(log):
    """The part of a line that it had seen was not taken."""
    write(log, b"one\ntw")
    first = Reader(log)
    first()
    write(log, b"o\n")
    assert Reader(log, first.mark)() == b"two\n"


@pytest.mark.parametrize("between", [False, True])
def test_a_renamed_file_is_read_to_its_end_before_the_new_one(log, between):
    """Also where the renaming fell between two processes, and the old file's last line has no end."""
    write(log, b"one\n")
    read = Reader(log)
    assert read() == b"one\n"
    write(log, b"two\nend")
    log.rename(log.with_name("worker.log.1"))
    write(log, b"three\n")
    read = Reader(log, read.mark) if between else read
    assert read() == b"two\nendthree\n"


def test_a_renamed_file_is_followed_while_the_new_one_is_empty(log):
    """As after logrotate's `create`: the worker goes on with the file that it has open."""
    write(log, b"one\n")
    read = Reader(log)
    with log.open("ab", buffering=0) as worker:
        read()
        log.rename(log.with_name("worker.log.1"))
        log.touch()
        assert read() == b""
        assert read.file.at_end
        worker.write(b"two\n")
        assert read() == b"two\n"
    write(log, b"three\n")
    assert read() == b"three\n"


def test_a_line_that_comes_to_a_file_that_was_left_is_taken(log):
    """For some seconds; the place stays in the new file."""
    write(log, b"one\n")
    read = Reader(log)
    with log.open("ab", buffering=0) as worker:
        read()
        log.rename(log.with_name("worker.log.1"))
        write(log, b"three\n")
        assert read() == b"three\n"
        worker.write(b"two\n")
        assert read() == b"two\n"
    write(log, b"four\n")
    assert Reader(log, read.mark)() == b"four\n"
    assert read() == b"four\n"


def test_a_folder_that_is_gone_is_waited_for(log):
    """And the file in it is taken on where it was left, when it comes back."""
    write(log, b"one\n")
    read = Reader(log)
    read()
    away = log.parent.rename(log.parent.with_name("away"))
    read = Reader(log, read.mark)
    assert read() == b""
    write(away / log.name, b"two\n")
    away.rename(log.parent)
    assert (read(), read.told) == (b"two\n", [])


def test_of_several_rotations_every_file_is_read_in_order(log):
    """And compressed ones, or others that are named alike, are left alone."""
    write(log, b"one\n")
    read = Reader(log)
    read()
    write(log, b"two\n")
    for number in (3, 2):
        log.rename(log.with_name(f"worker.log.{number}"))
        write(log, b"in %d\n" % number)
        tick(log)
    write(log.with_name("worker.log.1.gz"), b"x\n")
    write(log.with_name("worker.log.old"), b"y\n")
    assert Reader(log, read.mark)() == b"two\nin 3\nin 2\n"


def tick(path):
    """Later than all files before: the system's clock of files is coarse."""
    tick.now = max(getattr(tick, "now", 0), time.time_ns()) + 10_000_000
    os.utime(path, ns=(tick.now, tick.now))


def test_a_truncated_file_is_read_from_its_beginning(log):
    """Also when it has grown beyond the old place before anybody looked."""
    write(log, b"one\n")
    read = Reader(log)
    read()
    write(log, b"2\n", "wb")
    assert read() == b"2\n"
    write(log, b"another and longer\n", "wb")
    assert read() == b"another and longer\n"


@pytest.mark.parametrize("between", [False, True])
def test_what_was_copied_and_truncated_is_read_from_the_copy(log, between):
    """As logrotate's copytruncate does it, before the rest was read."""
    write(log, b"one\n")
    read = Reader(log)
    read()
    write(log, b"two\n")
    shutil.copy2(log, log.with_name("worker.log-20261121"))
    write(log, b"three\n", "wb")
    read = Reader(log, read.mark) if between else read
    assert read() == b"two\nthree\n"


def test_another_file_that_was_given_the_inode_is_no_continuation(log):
    """The old one is gone, and that is said."""
    write(log, b"one\ntwo\n")
    read = Reader(log)
    read()
    write(log, b"other lines, and more of them\n", "wb")
    again = Reader(log, read.mark)
    assert again() == b"other lines, and more of them\n"
    assert "another file" in again.told[0]


def test_a_line_without_end_is_given_in_parts_of_whole_characters(log):
    """Memory has a bound."""
    write(log, "€".encode() * CHUNK_BYTES + b"\nnext\n")
    file = FollowedFile(log, None, print)
    parts = iter(file.take, None)
    taken = list(parts)
    assert [one.more for one in taken][:3] == [True] * 3
    assert not taken[-1].more
    assert all("€".startswith(one.lines[-3:].decode()) for one in taken[:-1])
    assert b"".join(one.lines for one in taken) == log.read_bytes()


def test_many_short_lines_are_given_in_pieces(log):
    """A frame of the spool has a bound, too."""
    write(log, b"\n" * (MOST_LINES * 2 + 1))
    file = FollowedFile(log, None, print)
    assert [len(one.lines) for one in iter(file.take, None)] == [MOST_LINES, MOST_LINES, 1]


def test_what_is_no_file_is_refused(tmp_path):
    """A folder, or a pipe, which has no places."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigurationError, match="no file with lines"):
            FollowedFile(path, None, print).take()


@given(st.lists(st.tuples(st.sampled_from("wwwwrtcn"), st.binary(max_size=600)), max_size=25))
def test_whatever_is_done_to_it_each_line_comes_once_and_in_order(tmp_path_factory, steps):
    """Writes of any bytes, renamings, copies with truncation, and new processes; looked at after each."""
    log = tmp_path_factory.mktemp("any") / "worker.log"
    write(log, b"start\n")
    tick(log)
    read, written = Reader(log), b"start\n"
    taken = read()
    for number, (step, data) in enumerate(steps):
        if step == "w":
            # Each line is told from all others, as real ones are by their time.
            lines = b"%d " % number + data.replace(b"\n", b"\n%d " % number)
            write(log, lines)
            written += lines
        elif step == "r" and log.stat().st_size:
            log.rename(log.with_name(f"worker.log.{number}"))
            write(log, b"")
        elif step == "c" and log.stat().st_size:
            shutil.copy2(log, log.with_name(f"worker.log.{number}"))
            write(log, b"", "wb")
        elif step == "n":
            read = Reader(log, read.mark)
        tick(log)
        taken += read()
        assert written.startswith(taken)
    taken += read()
    rest = read.file.rest()
    assert taken + (rest.lines if rest else b"") == written
