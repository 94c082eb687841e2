"""The lines of commands: what a record is as a line, and what a line stands for."""

import pytest

from tailrace.core.errors import BadRecord
from tailrace.core.ports import NewRecord
from tailrace.pipelines.lines import Result, json_question, json_results, text_question, text_results

ONE, TWO = ["left"], ["left", "right"]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (b'{"a": 1.50}', b'{"a": 1.50}\n'),
        (b'{\n "a":\r\n 1}', b'{  "a":   1}\n'),
        (b'"a\\nb"', b'"a\\nb"\n'),
        (None, b"null\n"),
    ],
)
def test_a_value_is_one_line(value, line):
    """JSON as it is, but for breaks between tokens."""
    assert json_question(value) == line


@pytest.mark.parametrize("value", [b"", b"text", b"{", b'"\xff"', b"\xff"])
def test_a_value_that_is_no_json_is_refused(value):
    """A command would fail on it."""
    with pytest.raises(BadRecord, match="no JSON"):
        json_question(value)


def test_text_is_taken_as_it_is():
    """Any bytes of one line."""
    assert text_question(b"\xffa") == b"\xffa\n"
    assert text_question(None) == b"\n"
    assert text_results(b"a b", ONE) == [Result(None, NewRecord(b"a b"))]
    with pytest.raises(BadRecord, match="several lines"):
        text_question(b"a\nb")


@pytest.mark.parametrize("line", [b"", b"  ", b"\r"])
def test_an_empty_line_is_no_result(line):
    """A filter says so."""
    assert not json_results(line, ONE)


@pytest.mark.parametrize(
    "line", [b'{"a": 1.50}', b"7", b'"x"', b"null", b'{"topic": 5}', b'{"topic": "news"}']
)
def test_a_value_goes_to_all_topics(line):
    """Byte for byte; `topic` means nothing of itself where there is no choice."""
    assert json_results(line, ONE) == [Result(None, NewRecord(line))]


def test_a_list_is_several_results():
    """Of which each may be anything; a list within it is a value."""
    results = json_results(b'[1, [2], {"topic": "left", "value": 3}]', TWO)
    assert results == [
        Result(None, NewRecord(b"1")), Result(None, NewRecord(b"[2]")), Result("left", NewRecord(b"3")),
    ]  # fmt: skip
    assert not json_results(b"[]", TWO)


def test_a_records_object_says_all():
    """Topic, key, headers and partition, as everywhere else."""
    line = b'{"topic": "right", "value": {"a": 1}, "key": "k", "headers": [["h", "x"]], "partition": 2}'
    ((topic, record),) = json_results(line, TWO)
    assert (topic, record) == ("right", NewRecord(b'{"a": 1}', b"k", 2, None, (("h", b"x"),)))


def test_an_object_that_names_a_branch_goes_there_whole():
    """Without `value` it is itself the value."""
    line = b'{"topic": "right", "n": 1}'
    assert json_results(line, TWO) == [Result("right", NewRecord(line))]


@pytest.mark.parametrize("line", [b'{"topic": "rigt", "n": 1}', b'{"topic": "rigt", "value": 1}'])
def test_a_wrong_branch_is_refused(line):
    """It would be sent to all, or be lost."""
    with pytest.raises(BadRecord, match="'rigt', which this program does not write"):
        json_results(line, TWO)


@pytest.mark.parametrize("line", [b"hello", b"{'a': 1}", b"[1, x]", b"1 2"])
def test_a_line_that_is_no_json_is_refused(line):
    """With what to do instead."""
    with pytest.raises(BadRecord) as caught:
        json_results(line, TWO)
    assert "standard error" in caught.value.hint


def test_a_records_object_with_a_wrong_field_is_refused():
    """As everywhere else."""
    with pytest.raises(BadRecord, match="not a record"):
        json_results(b'{"topic": "left", "value": 1, "key": 5}', TWO)
