"""Filter expressions: what they mean, and that reading one costs next to nothing."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace.core.errors import BadRequest
from tailrace.core.records import Chunk, Record
from tailrace.core.routes import KEY
from tailrace.protocol.filters import MAX_FILTER_CHARACTERS, parse_filter


@pytest.mark.parametrize("text", ['key=="a == b"', '  key  ==  "a == b"  ', '\tkey == "a == b"'])
def test_spaces_around_the_sides_mean_nothing(text):
    """And two equals signs in a string are none."""
    match = parse_filter(text)
    assert (match.route, match.value) == (KEY, b"a == b")


@pytest.mark.parametrize("text", [" {}", "a{}", "{}==", "a{}=", 'key["{}', '""{}x', "key ={}"])
def test_a_refusal_takes_no_time_whatever_the_text(text):
    """The event loop waits for it: spaces once took half a second."""
    text = text.format(" " * (MAX_FILTER_CHARACTERS - len(text)))
    begun = time.perf_counter()
    with pytest.raises(BadRequest):
        parse_filter(text)
    assert time.perf_counter() - begun < 0.05


odd_json = st.recursive(
    st.binary(max_size=8)
    | st.sampled_from([b"1e400", b"null", b'"x"', b'"\xff"', b"-0", b"123456789012345678901"]),
    lambda inner: st.builds(b'{"a":%b}'.__mod__, inner),
    max_leaves=4,
)


@given(odd_json)
@example(b'{"a":"\xff"}')
@example(b"[" * 5_000)
def test_no_value_makes_a_filter_fail(value):
    """Text that is no UTF-8 where a filter looks once ended the way of all readers' records."""
    record = Record("t", 0, 0, 0, None, value, ())
    for text in ('value.a == "x"', "value.a.a == 1", "value.a == null"):
        assert len(parse_filter(text).route.extract(Chunk.of([record]))) == 1


@pytest.mark.parametrize(
    "name", ['a"b', "a\\b", "a\x00b", "a\nb", "ä 1", "", " ", "class", "field", "__dict__", "\x7f"]
)
def test_a_field_may_have_any_name(name):
    """Some are none for the decoder's types, which once ended in a fault."""
    quoted = json.dumps(name)
    values = [b"1", b'{"x":1}', f"{{{quoted}: 1}}".encode(), f'{{{quoted}: "1"}}'.encode()]
    chunk = Chunk.of([Record("t", 0, n, 0, None, value, ()) for n, value in enumerate(values)])
    match = parse_filter(f"value[{quoted}] == 1")
    assert [found == match.value for found in match.route.extract(chunk)] == [False, False, True, False]


@pytest.mark.parametrize("depth", [1, 4, 5, 16])
def test_a_path_is_found_at_any_depth(depth):
    """However it is found: what is absent, of another kind or damaged is no match."""
    inner = [b"5", b"5.0", b'"5"', b"{}", b"[5]", b"null", b'"\xff"']
    whole = [b'{"z":[{}],"a":' * depth + value + b"}" * depth for value in inner] + [
        b"[",
        b"7",
        b'{"a":5}x',
        None,
    ]
    chunk = Chunk.of([Record("t", 0, n, 0, None, value, ()) for n, value in enumerate(whole)])
    match = parse_filter(f"value{'.a' * depth} == 5")
    found = [value == match.value for value in match.route.extract(chunk)]
    assert found == [True, True] + [False] * (len(whole) - 2)
