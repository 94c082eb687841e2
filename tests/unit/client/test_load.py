import socket

import pytest

from tailrace.client.exchange import Address
from tailrace.client.load import GatewayValueLoad
from tailrace.core.errors import TopicNotFound, UnknownOutcome

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
VALUES = [b"%d" % n for n in range(1000)]


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


def body_of(connection, rest):
    """The whole request body, as it stood on the wire."""
    while not rest.endswith(b"0\r\n\r\n"):
        rest += connection.recv(1 << 16)
    return rest


def add_for_ever(loading):
    for _ in range(10_000):
        loading.add(VALUES)


def load(gateway):
    return GatewayValueLoad(Address.parse(gateway.url, None), "t")


def test_answers_of_any_length_do_not_block_a_long_body(scripted):
    """A gateway that reads nothing before 40 MB of its answers are taken is still served."""
    error = b'{"line":1,"error":{"code":"bad_record","detail":"%b"}}\n' % (b"x" * 9000)

    def talks_first(connection, rest):
        connection.sendall(HEAD)
        for _ in range(4000):
            connection.sendall(chunk(error))
        body_of(connection, rest)
        connection.sendall(chunk(b'{"acked":2000000,"failed":4000}\n') + b"0\r\n\r\n")

    loading = load(scripted(talks_first))
    refused = 0
    for _ in range(2000):
        loading.add(VALUES)
        refused += len(loading.refused())
    assert loading.finish() == 1_996_000
    assert refused + len(loading.refused()) == 4000


def test_a_cut_tells_how_many_are_confirmed(scripted):
    """What was not confirmed may have been stored: nobody sends it again by itself."""

    def cuts(connection, rest):
        connection.recv(1 << 16)
        connection.sendall(HEAD + chunk(b'{"acked":7}\n'))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass  # closing with unread bytes would reset the connection, last words and all

    loading = load(scripted(cuts))
    with pytest.raises(UnknownOutcome, match=r"7 of [\d,]+ records"):
        add_for_ever(loading)


def test_a_refusal_before_the_body_is_raised(scripted):
    """A topic that does not exist is said at once, not after the last line."""
    problem = b'{"code":"topic_not_found","detail":"No t."}'
    head = b"HTTP/1.1 404 No\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n"
    loading = load(scripted(lambda connection, rest: connection.sendall(head % len(problem) + problem)))
    with pytest.raises(TopicNotFound):
        add_for_ever(loading)
