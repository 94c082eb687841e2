"""A task's log over HTTP: what a client takes, and what it refuses."""

import contextlib

import pytest

from tailrace.client import task_log
from tailrace.client.exchange import Address
from tailrace.client.task_log import LogRequest, TaskLog
from tailrace.core.errors import BadRequest, BrokerUnavailable, NotFound, TailraceError, Unavailable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"


def saying(*pieces):
    """An answer, after which the connection is closed."""

    def script(connection, rest):
        # Whoever has heard enough leaves in the middle.
        with contextlib.suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)

    return script


def reading(gateway, asked=None):
    address = Address.parse(gateway.url, "tr_secret")
    return TaskLog(address, LogRequest("job"), (asked if asked is not None else []).append)


def test_lines_up_to_their_cursor(scripted):
    """Then the end."""
    lines = b'{"line":"a"}\n{"line":"/w==","encoding":"base64"}\n{"cursor":"c"}\n{"end":{"reason":"idle"}}\n'
    log = reading(scripted(saying(HEAD, lines)))
    assert [event for event in log.events() if event] == [[b"a", b"\xff"]]


@pytest.mark.parametrize(
    "line",
    [
        b'{"end":5}', b"\0", b"\xff", b"[]", b"5", b"null", b'{"gap":"x"}', b'{"error":7}',
        b'{"x":' + b"[" * 50_000, b'{"line":"!","encoding":"base64"}',
        b'{"line":"\xc3\xa4","encoding":"base64"}',
    ],
)  # fmt: skip
def test_a_line_that_is_none_of_a_log(scripted, line):
    """Is an error that says so, and nothing is asked again."""
    log = reading(scripted(saying(HEAD, line + b"\n")))
    with pytest.raises(TailraceError, match="no log"):
        list(log.events())


@pytest.mark.parametrize("piece", [b"x" * 1000, b'{"line":"' + b"x" * 900 + b'"}\n', b'{"line":""}\n' * 50])
def test_what_is_held_has_a_bound(scripted, monkeypatch, piece):
    """A line without an end, and lines without a cursor."""
    monkeypatch.setattr(task_log, "LONGEST_LINE", 20_000)
    monkeypatch.setattr(task_log, "LARGEST_WAITING", 20_000)
    log = reading(scripted(saying(HEAD, *[piece] * 30, b"\n")))
    with pytest.raises(TailraceError, match="no log"):
        list(log.events())


def test_requests_are_told_before_and_after(scripted):
    """With their answer, without what they showed."""
    asked = []
    log = reading(scripted(saying(HEAD, b'{"end":{"reason":"idle"}}\n')), asked)
    assert not any(log.events())
    assert asked[0].startswith("GET http://127.0.0.1:")
    assert asked[1].startswith("200 after ")
    assert "tr_secret" not in "".join(asked)


def test_requests_that_are_refused_or_fail_are_told(scripted):
    """Those are the ones that one wants to see."""
    asked = []
    refused = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(NotFound):
        reading(scripted(saying(refused)), asked)
    assert asked[1].startswith("404 after ")
    with pytest.raises(Unavailable):
        reading(scripted(saying()), asked)
    assert asked[3].startswith("failed after ")
    closed = scripted()
    closed.close()
    with pytest.raises(Unavailable):
        reading(closed, asked)
    assert asked[5].startswith("failed after ")
    assert "Cannot connect" in asked[5]


def test_an_error_that_ends_a_log_is_an_error(scripted):
    """Also one that a later try may not meet: what came before it is not the whole log."""
    said = b'{"line":"a"}\n{"cursor":"c"}\n'
    error = b'{"error":{"code":"broker_unavailable","detail":"Away.","retry":"same"}}\n'
    events = reading(scripted(saying(HEAD, said + error))).events()
    assert next(event for event in events if event) == [b"a"]
    with pytest.raises(BrokerUnavailable, match="Away"):
        list(events)


def test_what_the_server_says_of_a_refusal_is_told(scripted):
    """In its own sentence; another server's error is told by its status."""
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    for body, told in (
        (b'{"code":400,"message":"That is no task.","data":""}', "That is no task"),
        (b'{"x":1}', "400"),
    ):
        with pytest.raises(BadRequest, match=told):
            reading(scripted(saying(head % len(body) + body)))
