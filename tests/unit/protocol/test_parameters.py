"""A request's parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.errors import BadRequest, UnknownParameter
from tailrace.protocol.parameters import Parameter, ParameterReader

READER = ParameterReader(
    [
        Parameter("topic", "text", "Which.", repeats=True),
        Parameter("from", "start", "Where.", default="end"),
        Parameter("limit", "whole", "How many.", least=1, most=9),
        Parameter("wait", "seconds", "How long.", default=0.0, most=30),
        Parameter("strict", "switch", "Really.", default=False),
        Parameter("form", "choice", "How.", choices=("a", "b")),
    ]
)


def test_defaults():
    """Without any parameter."""
    assert READER.read(b"") == {
        "topic": (), "from": "end", "limit": None, "wait": 0.0, "strict": False, "form": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        (b"topic=a&topic=b", "topic", ("a", "b")),
        (b"from=2026-01-01T00:00+01:00", "from", "2026-01-01T00:00+01:00"),
        (b"from=orders%3A0%401", "from", "orders:0@1"),
        (b"limit=9", "limit", 9),
        (b"wait=500ms", "wait", 0.5),
        (b"wait=10s", "wait", 10.0),
        (b"strict", "strict", True),
        (b"strict=1", "strict", True),
        (b"form=b", "form", "b"),
    ],
)
def test_values(query, name, value):
    """Each kind."""
    assert READER.read(query)[name] == value


@pytest.mark.parametrize(
    "query",
    [b"limit=0", b"limit=10", b"limit=1.5", b"limit=-1", b"limit=", b"wait=31", b"wait=x", b"wait=nan",
     b"strict=maybe", b"form=c", b"limit=1&limit=1", b"from=%ff", b"from=\xff", b"limit=\xd9\xa1"],
)  # fmt: skip
def test_wrong_values_are_refused(query):
    """With the parameter's own sentence as a hint."""
    with pytest.raises(BadRequest):
        READER.read(query)


def test_an_unknown_one_is_refused_and_the_known_are_named():
    """With the nearest of them."""
    with pytest.raises(UnknownParameter) as raised:
        READER.read(b"limt=1")
    assert "'limit'" in raised.value.hint
    assert "topic, from, limit" in raised.value.hint


def test_a_missing_one_is_refused():
    """Where it is required."""
    reader = ParameterReader([Parameter("topic", "text", "Which.", required=True, repeats=True)])
    with pytest.raises(BadRequest):
        reader.read(b"")


@given(st.binary(max_size=100))
def test_any_query_is_read_or_refused(query):
    """Never another exception."""
    try:
        READER.read(query)
    except BadRequest:
        return
