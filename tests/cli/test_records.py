import json
import os
import signal
import time

import pytest

pytestmark = pytest.mark.kafka

SECONDS = 60
# Records with timestamps of long ago are due for deletion as soon as the broker looks, 30 s after its start.
KEEP = {"retention.ms": "-1"}


def rows(out: bytes) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def test_lines_go_in_and_come_out(run, topic):
    """Each line is a record; the last needs no line feed, an empty one is an empty value."""
    assert run("produce", topic, given=b"one\n\n\xff\nlast")[0] == 0
    assert run("consume", topic, "--format", "raw") == (0, b"one\n\n\xff\nlast\n", "")


def test_any_record_goes_round_as_json(run, make_topic):
    """Bytes, keys, headers, null, timestamps and partitions survive consume | produce."""
    given = (
        b'{"value":"//4=","value_encoding":"base64","key":"AP8=","key_encoding":"base64","partition":1,"timestamp":7}\n'
        b'{"value":null,"key":"","partition":0,"timestamp":8}\n'
        b'{"value":"","value_encoding":"text","key":null,"partition":2,"timestamp":9,"headers":[["a",null],["a",{"base64":"/w=="}],["","x"]]}\n'
        b'{"value":12345678901234567890.10,"key":"k","partition":0,"timestamp":10}\n'
        b'{"value":"a\\nb","value_encoding":"text","key":"k","partition":0,"timestamp":11}\n'
    )
    first, second = (make_topic(partitions=3, config=KEEP) for _ in range(2))
    assert run("produce", first, "--format", "json", given=given)[0] == 0
    out = run("consume", first, "--format", "json")[1]
    assert run("produce", second, "--format", "json", given=out)[0] == 0
    again = run("consume", second, "--format", "json")[1]
    assert sorted(again.splitlines()) == sorted(out.replace(first.encode(), second.encode()).splitlines())
    assert out.count(b"12345678901234567890.10") == 1
    assert {row["timestamp"] for row in rows(out)} == {7, 8, 9, 10, 11}


def test_a_cursor_goes_on_where_the_last_run_ended(run, topic, tmp_path):
    """No record twice, none left out."""
    file = str(tmp_path / "cursor")
    for value in (b"a\nb\n", b"c\n"):
        run("produce", topic, given=value)
        assert run("consume", topic, "--format", "raw", "--save-cursor", file)[1] == value
    assert run("consume", topic, "--format", "raw", "--save-cursor", file)[1] == b""


def test_max_ends_in_the_middle_and_the_cursor_knows(run, topic, tmp_path):
    """A limit leaves the rest for the next run."""
    file = str(tmp_path / "cursor")
    run("produce", topic, given=b"1\n2\n3\n")
    first = run("consume", topic, "--format", "raw", "--max", "2", "--save-cursor", file)[1]
    assert (first, run("consume", topic, "--format", "raw", "--save-cursor", file)[1]) == (b"1\n2\n", b"3\n")


def test_places_to_start_and_to_end(run, make_topic):
    """Times, the last N and cursors."""
    topic = make_topic(config=KEEP)
    lines = "".join(f'{{"value":{n},"timestamp":{1_700_000_000_000 + n * 1000}}}\n' for n in range(5))
    run("produce", topic, "--format", "json", given=lines.encode())

    def values(*words: str) -> str:
        return run("consume", topic, "--format", "raw", *words)[1].decode().replace("\n", "")

    assert values("--from", "-2") == "34"
    assert values("--from", "2023-11-14T22:13:22Z") == "234"
    assert values("--from", f"{topic}:0@1", "--to", f"{topic}:0@3") == "12"
    assert values("--from", "end") == ""


FILTERED = (
    b'{"value":{"n":1},"key":"a","headers":[["h","x"]]}\n{"value":{"n":2},"key":"b"}\n'
    b'{"value":{"n":3},"key":"a","headers":[["h","x"]]}\n{"value":"text","key":"a"}\n'
)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ('key == "a"', ['{"n":1}', '{"n":3}', '"text"']),
        ('headers["h"] == "x"', ['{"n":1}', '{"n":3}']),
        ("value.n == 2", ['{"n":2}']),
    ],
)
def test_only_what_the_filter_lets_through(run, topic, expression, found):
    """By the gateway, or here when it is the brokers that are read."""
    run("produce", topic, "--format", "json", given=FILTERED)
    code, out, err = run("consume", topic, "--filter", expression, "--format", "value")
    assert (code, out.decode().split(), err) == (0, found, "")


def test_a_limit_counts_what_the_filter_lets_through(run, topic, tmp_path):
    """And the cursor stands behind the last of them."""
    run("produce", topic, "--format", "json", given=FILTERED)
    words = ("--filter", 'key == "a"', "--format", "value", "--save-cursor", str(tmp_path / "cursor"))
    first = run("consume", topic, *words, "--max", "2")[1]
    assert (first, run("consume", topic, *words)[1]) == (b'{"n":1}\n{"n":3}\n', b'"text"\n')


def test_a_filter_that_is_none_is_wrong_usage(run, topic):
    """Said before anybody is asked."""
    code, out, err = run("consume", topic, "--filter", "value ~ 5")
    assert (code, out) == (2, b"")
    assert "filter" in err


def test_one_partition(run, make_topic):
    """--partition reads nothing else."""
    topic = make_topic(partitions=2)
    run("produce", topic, "--partition", "0", given=b"zero\n")
    run("produce", topic, "--partition", "1", given=b"one\n")
    assert run("consume", topic, "--partition", "1", "--format", "raw")[1] == b"one\n"


def test_a_partition_that_is_not_there_is_said_once(run, topic):
    """Not for each record."""
    code, _, err = run("produce", topic, "--partition", "7", given=b"a\nb\n")
    assert (code, len(err.splitlines())) == (2, 2)
    assert "has no partition 7" in err


def test_keys_headers_and_null(run, topic):
    """-K splits a line, -Z makes an empty value null, -H adds headers."""
    run("produce", topic, "-K", ":", "-Z", "-H", "h=1", given=b"k:\n")
    (row,) = rows(run("consume", topic, "--format", "json")[1])
    assert (row["key"], row["value"], row["headers"]) == ("k", None, [["h", "1"]])


def test_a_whole_file_is_one_record(run, topic, tmp_path):
    """--format raw takes an input as it is."""
    (tmp_path / "picture").write_bytes(b"\x00\n\xff\n")
    run("produce", topic, str(tmp_path / "picture"), "--format", "raw")
    (row,) = rows(run("consume", topic, "--format", "json")[1])
    assert row["value"] == "AAr/Cg=="


def test_a_line_that_is_no_record_stops_and_tells_what_is_stored(run, topic):
    """What stands before it is stored, nothing behind it, and the line is named."""
    code, _, err = run("produce", topic, "--format", "json", given=b'{"value":1}\nnonsense\n{"value":3}\n')
    assert (code, err.splitlines()[0]) == (2, "Error: Record 2: This is not a record.")
    assert run("consume", topic, "--format", "raw")[1] == b"1\n"


def test_a_missing_topic_is_said_and_not_made(run):
    """Reading or writing never makes a topic."""
    for words in (("consume", "missing"), ("produce", "missing"), ("tail", "missing")):
        code, _, err = run(*words, given=b"x\n")
        assert code == 1
        assert "missing" in err
        assert len(err.splitlines()) <= 3
        assert words[0] != "produce" or "tailrace topics create missing" in err
    assert b"missing" not in run("topics", "list")[1]


def test_follow_shows_new_records_until_interrupted(run, topic):
    """Ctrl-C ends --follow with 0."""
    process = run.start("consume", topic, "--from", "beginning", "--follow", "--format", "raw")
    run("produce", topic, given=b"first\n")
    assert process.stdout.readline() == b"first\n"
    run("produce", topic, given=b"second\n")
    assert process.stdout.readline() == b"second\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=SECONDS)[1] == b""
    assert process.returncode == 0


def test_sigterm_ends_a_reading_as_ctrl_c_does(run, topic, tmp_path):
    """Its place is saved to the record; the code says what ended it."""
    file = tmp_path / "place"
    words = ("consume", topic, "--format", "raw", "--save-cursor", str(file))
    process = run.start(*words, "--from", "beginning", "--follow")
    run("produce", topic, given=b"first\n")
    assert process.stdout.readline() == b"first\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=SECONDS) == (b"", b"")
    assert process.returncode == 143
    run("produce", topic, given=b"second\n")
    assert run(*words) == (0, b"second\n", "")


def test_sigterm_ends_a_tail(run, topic):
    """Whoever stops it need not kill it."""
    process = run.start("tail", topic, "-f", "--format", "raw")
    run("produce", topic, given=b"first\n")
    assert process.stdout.readline() == b"first\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=SECONDS) == (b"", b"")
    assert process.returncode == 143


def test_tail_is_sorted_by_time_over_partitions_then_follows(run, make_topic):
    """The last records in the order in which they were made."""
    topic = make_topic(partitions=2, config=KEEP)
    lines = "".join(
        f'{{"value":{n},"timestamp":{1_700_000_000_000 + n},"partition":{n % 2}}}\n' for n in range(6)
    )
    run("produce", topic, "--format", "json", given=lines.encode())
    process = run.start("tail", topic, "-n", "3", "-f", "--format", "raw")
    assert [process.stdout.readline() for _ in range(3)] == [b"3\n", b"4\n", b"5\n"]
    run("produce", topic, given=b"6\n")
    assert process.stdout.readline() == b"6\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def test_a_closed_pipe_ends_silently(run, topic):
    """`| head -1` leaves neither an error nor a message."""
    run("produce", topic, given=b"x" * 99 + b"\n" + b"y\n" * 200_000)
    process = run.start("consume", topic, "--format", "raw")
    assert process.stdout.readline().startswith(b"x")
    process.stdout.close()
    assert process.wait(SECONDS) == 0
    assert process.stderr.read() == b""
    process.stdin.close()
    process.stderr.close()


def test_typed_lines_are_stored_as_they_come(run, topic):
    """A person at a terminal does not wait for the end of the input."""
    process = run.start("produce", topic)
    process.stdin.write(b"typed\n")
    process.stdin.flush()
    deadline = time.monotonic() + SECONDS
    while run("consume", topic, "--format", "raw")[1] != b"typed\n":
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 130


def test_sigterm_stores_what_was_taken(run, topic):
    """The count is told; the code says what ended it."""
    process = run.start("produce", topic)
    process.stdin.write(b"typed\n")
    process.stdin.flush()
    deadline = time.monotonic() + SECONDS
    while run("consume", topic, "--format", "raw")[1] != b"typed\n":
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=SECONDS)[1] == b"1 stored, 0 refused\n"
    assert process.returncode == 143


def test_every_refusal_is_counted(run, make_topic):
    """Records that Kafka does not take are told, the others are stored."""
    topic = make_topic(config={"max.message.bytes": "2000"})
    noise = os.urandom(3000).hex().encode()
    lines = b'{"value":1}\n{"value":"%b"}\n' % noise
    code, _, err = run("produce", topic, "--format", "json", given=lines)
    assert code == 1
    assert "refused" in err


def test_a_hundred_thousand_records_do_not_block(run, topic):
    """Answers are read while the body is written."""
    given = b"".join(b'{"n":%d}\n' % n for n in range(100_000))
    assert run("produce", topic, given=given)[0] == 0
    assert run("consume", topic, "--format", "raw")[1] == given
