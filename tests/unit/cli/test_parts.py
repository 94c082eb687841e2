import io
import json
import os

import click
import pytest

from tailrace.cli import lines
from tailrace.cli.cursor_file import CursorFile
from tailrace.cli.new_topics import parse_topic, parse_topics
from tailrace.cli.output import show, table
from tailrace.cli.produce import ANY_PARTITION, Stamp
from tailrace.cli.progress import ProgressBar, progress_line
from tailrace.cli.target import Target
from tailrace.core.cursors import Cursor
from tailrace.core.errors import BadCursor, ConfigurationError
from tailrace.core.ports import NewRecord, NewTopic


def test_a_cursor_is_kept_and_found_again(tmp_path):
    """The next run starts where this one ended."""
    file = CursorFile(str(tmp_path / "place"))
    assert file.load(["orders"]) is None
    file.save(Cursor.parse("orders:0@12"))
    assert CursorFile(str(tmp_path / "place")).load(["orders"]) == "orders:0@12"
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_a_file_that_is_no_cursor_is_refused(tmp_path):
    """A wrong file is named instead of being overwritten."""
    (tmp_path / "notes").write_text("dear diary")
    with pytest.raises(BadCursor, match="notes"):
        CursorFile(str(tmp_path / "notes")).load(["orders"])


def test_a_place_that_cannot_be_kept_is_said_at_once(tmp_path):
    """Not when all the records are out; the attempt leaves nothing behind."""
    with pytest.raises(ConfigurationError, match="nowhere"):
        CursorFile(str(tmp_path / "nowhere" / "here")).load(["orders"])
    assert CursorFile(str(tmp_path / "here")).load(["orders"]) is None
    assert list(tmp_path.iterdir()) == []


def test_a_place_in_another_topic_is_not_lost(tmp_path):
    """A file that belongs to another reading is refused instead of being overwritten."""
    (tmp_path / "here").write_text("weather:0@12")
    with pytest.raises(BadCursor, match="a place in weather"):
        CursorFile(str(tmp_path / "here")).load(["demo"])
    assert CursorFile(str(tmp_path / "here")).load(["demo", "weather"]) == "weather:0@12"


def test_a_topic_is_read_with_its_parts():
    """NAME[:PARTITIONS[:REPLICAS[:CLEANUP]]]."""
    assert parse_topic("a") == NewTopic("a")
    assert parse_topic("a:3::compact") == NewTopic("a", 3, None, {"cleanup.policy": "compact"})


@pytest.mark.parametrize("text", ["", "a b", "a:0", "a:x", "a:1:1:shred", "a:1:1:delete:9", "a:-1"])
def test_a_topic_that_is_none_is_wrong_usage(text):
    """A mistyped one is refused before anything starts."""
    with pytest.raises(click.UsageError):
        parse_topic(text)


def test_options_win_over_the_variable():
    """The same topic named twice is made once, as the option says."""
    assert parse_topics(["a:2"], "a:1, b") == [NewTopic("a", 2), NewTopic("b")]


def test_progress_tells_rate_and_time_left():
    """A person sees how long it still takes."""
    assert progress_line(500, 2000, 5.0) == "██████░░░░░░░░░░░░░░░░░░  25%  500 of 2,000  100/s  15 s left"
    assert progress_line(500, None, 5.0) == "500 records  100/s"


def test_progress_is_drawn_after_two_seconds_and_taken_away():
    """Quick work leaves no trace on the terminal."""
    now, stream = [0.0], io.StringIO()
    bar = ProgressBar(stream, enabled=True, clock=lambda: now[0])
    bar.update(1, 2)
    assert stream.getvalue() == ""
    now[0] = 2.5
    bar.update(1, 2)
    bar.finish()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_a_table_has_its_numbers_to_the_right():
    """Columns line up."""
    assert table([["NAME", "N"], ["a", "10"], ["bcdef", "7"]]) == ["NAME    N", "a      10", "bcdef   7"]


def test_rows_are_json_lines_where_no_terminal_is(capsys):
    """Programs get all fields."""
    show([{"a": 1, "b": None}], ["a"])
    assert json.loads(capsys.readouterr().out) == {"a": 1, "b": None}


def test_options_beat_the_environment():
    """--broker is not overruled by an exported gateway."""
    environ = {"TAILRACE_URL": "http://g:1", "TAILRACE_BROKER": "b:1"}
    assert Target.choose(None, "mine:9", None, None, (), environ).url == ""
    assert Target.choose(None, None, None, None, (), environ).url == "http://g:1"


@pytest.mark.parametrize("name", ["bootstrap_servers", "bootstrap.servers", "metadata.broker.list"])
def test_brokers_by_another_clients_name_are_the_brokers(name):
    """As if typed with --broker, beside which they are refused: neither wins silently."""
    environ = {"TAILRACE_URL": "http://g:1", "TAILRACE_BROKER": "theirs:9"}
    chosen = Target.choose(None, None, None, None, (f"{name}=mine:9",), environ)
    assert (chosen.url, chosen.broker, dict(chosen.client)) == ("", "mine:9", {})
    with pytest.raises(click.UsageError, match=f"--broker and -X {name}"):
        Target.choose(None, "typed:9", None, None, (f"{name}=mine:9",), environ)
    with pytest.raises(click.UsageError, match="--url and --broker"):
        Target.choose("http://g:1", None, None, None, (f"{name}=mine:9",), environ)


def test_a_line_with_a_separator_has_a_key():
    """As with kcat -K; a line without it keeps the common key."""
    stamp = Stamp(b"common", 2, (), b":", empty_is_null=True)
    assert stamp.line(b"k:v:w") == NewRecord(b"v:w", b"k", 2)
    assert stamp.line(b"k:") == NewRecord(None, b"k", 2)
    assert stamp.line(b"bare") == NewRecord(b"bare", b"common", 2)


def test_what_was_typed_wins_over_the_record():
    """`any` lets the key choose the partition again."""
    stamp = Stamp(None, ANY_PARTITION, (("h", b"1"),), b"", empty_is_null=False)
    assert stamp.over(NewRecord(b"v", b"k", 5, 99)) == NewRecord(b"v", b"k", None, 99, (("h", b"1"),))


def test_lines_come_as_they_are_written():
    """A pipe's reader does not wait for more than a line, and the last one needs no line feed."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source:
        blocks = lines.blocks(source)
        os.write(writing, b"one\ntw")
        assert next(blocks) == b"one\n"
        os.write(writing, b"o\nend")
        assert next(blocks) == b"two\n"
        os.close(writing)
        assert list(blocks) == [b"end\n"]
