"""What programs print, in lines and in files."""

import pytest

from tailrace.pipelines.output import MAX_LINE_BYTES, SHOWN_LINES, KeptOutput, LineSplitter, Throttle


@pytest.mark.parametrize("pieces", [[b"a\nb\n\nc"], [b"a", b"\nb\n", b"\nc"], [b"a\n", b"b\n\n", b"c"]])
def test_lines_are_whole_however_they_come(pieces):
    """The last one, without an end, when nothing more comes."""
    splitter = LineSplitter()
    lines = [line for piece in pieces for line in splitter.split(piece)]
    assert (lines, list(splitter.end())) == ([b"a", b"b", b""], [b"c"])


def test_a_line_without_end_is_given_in_pieces():
    """Memory stays bounded, nothing is lost."""
    splitter = LineSplitter()
    data = b"x" * (3 * MAX_LINE_BYTES) + b"y\nz"
    lines = [line for at in range(0, len(data), 1000) for line in splitter.split(data[at : at + 1000])]
    assert b"".join(lines) == data[:-2]
    assert max(map(len, lines)) <= MAX_LINE_BYTES
    assert list(splitter.end()) == [b"z"]


def test_kept_output_is_bounded(tmp_path):
    """A full file becomes the older one; the last lines are always there."""
    path = tmp_path / "deep" / "one.log"
    kept = KeptOutput(path, most=100)
    for number in range(100):
        kept.add(b"line %02d" % number)
    kept.close()
    files = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert set(files) == {"one.log", "one.log.1"}
    assert all(len(content) <= 100 for content in files.values())
    assert (files["one.log.1"] + files["one.log"]).endswith(b"line 97\nline 98\nline 99\n")


def test_kept_output_goes_on_where_it_was(tmp_path):
    """A pipeline that is started again adds to it."""
    for line in (b"a", b"b"):
        kept = KeptOutput(tmp_path / "one.log")
        kept.add(line)
        kept.close()
    assert (tmp_path / "one.log").read_bytes() == b"a\nb\n"


def test_a_flood_is_shown_in_part():
    """So many lines a second; how many were left out is said in the next one."""
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    assert [throttle.passes() for _ in range(SHOWN_LINES + 5)] == [True] * SHOWN_LINES + [False] * 5
    assert throttle.left_out() == 0
    now[0] = 1.5
    assert (throttle.left_out(), throttle.passes(), throttle.left_out()) == (5, True, 0)
