"""Filter expressions: what they mean, and that reading one costs next to nothing."""

import time

import pytest

from tailrace.core.errors import BadRequest
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
