from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.client.responses import ResponseReader
from tailrace.core.errors import Unavailable


def read(data, cuts=()):
    reader = ResponseReader()
    body = b""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, stop in pairwise(places):
        reader.feed(data[start:stop])
        body += reader.taken()
    return reader, body


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.lists(st.integers(0, 999), max_size=8))
def test_a_chunked_body_is_the_same_however_it_is_cut(pieces, cuts):
    """No place to cut changes what is read."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    reader, body = read(data, cuts)
    assert body == b"".join(pieces)
    assert reader.ended


def test_a_body_of_known_length_ends_by_itself():
    """The connection's end is not waited for."""
    reader, body = read(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabc")
    assert (body, reader.ended, reader.head.status, reader.head.headers["x-a"]) == (b"abc", True, 404, "b")


def test_an_interim_answer_is_passed_over():
    """100 Continue is not the answer."""
    reader, _ = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert (reader.head.status, reader.ended) == (204, True)


def test_a_cut_body_is_told():
    """A chunked body without its end is not taken for a whole one."""
    reader, _ = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
    with pytest.raises(Unavailable):
        reader.closed()


ENDLESS_CHUNK_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5" * 70_000


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-OpenSSH\r\n\r\n", b"\x00" * 70_000, b"HTTP/1.1 x\r\n\r\n", ENDLESS_CHUNK_HEAD]
)
def test_what_is_no_http_is_refused(data):
    """Another service's greeting is no answer."""
    with pytest.raises(Unavailable):
        read(data)


def test_a_port_that_speaks_no_http_is_told_from_a_lost_connection():
    """Kafka ends such a connection without a word, and trying again would never help."""
    with pytest.raises(Unavailable) as before:
        ResponseReader().closed()
    assert "port" in before.value.hint
    reader, _ = read(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    with pytest.raises(Unavailable) as amid:
        reader.closed()
    assert amid.value.hint == "Try again."
