import pytest

from tailrace.client import scan as scans
from tailrace.client.exchange import Address
from tailrace.client.scan import GatewayScan
from tailrace.core.errors import BrokerUnavailable, Forbidden, Unavailable
from tailrace.core.scans import Missing, ScanRequest, Waiting

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def record(offset, partition=0):
    form = b'{"topic":"t","partition":%d,"offset":%d,"timestamp":1,"key":null,"value":%d,"headers":[]}\n'
    return form % (partition, offset, offset)


def says(*lines, end=True):
    body = b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in lines)
    return lambda connection, rest: connection.sendall(HEAD + body + (b"0\r\n\r\n" if end else b""))


def refuses(status, problem=b""):
    def script(connection, rest):
        head = b"HTTP/1.1 %d No\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % (status, len(problem)) + problem)

    return script


def scan(gateway, **request):
    return GatewayScan(Address.parse(gateway.url, "tr_x"), ScanRequest(("t",), **request))


def values(events):
    batches = [e for e in events if e is not None and not isinstance(e, Missing | Waiting)]
    return [value for batch in batches for value in batch.values()]


CURSOR = b'{"cursor":"t~abcdef:0@0"}\n'
DONE = b'{"end":{"reason":"to","cursor":"t~abcdef:0@3"}}\n'


def test_a_cut_stream_goes_on_and_repeats_are_dropped(scripted):
    """The next connection starts at the cursor; what comes again is not shown again."""
    gateway = scripted(
        says(CURSOR, record(0), record(1), record(2)[:20], end=False),
        says(record(1), record(2), DONE),
    )
    reading = scan(gateway, stop=None)
    assert values(reading.events()) == [b"0", b"1", b"2"]
    assert b"from=t~abcdef%3A0%402" in gateway.requests[1]
    assert str(reading.cursor()) == "t~abcdef:0@3"


def test_a_goodbye_is_no_end(scripted):
    """A gateway that goes away sends its readers elsewhere."""
    bye = b'{"end":{"reason":"stopping","cursor":"t~abcdef:0@1"}}\n'
    gateway = scripted(says(CURSOR, record(0), bye), says(record(1), DONE))
    assert values(scan(gateway, stop=None).events()) == [b"0", b"1"]


def test_a_gap_is_told_and_moved_over(scripted):
    """The cursor stands behind what is missing."""
    gap = b'{"gap":{"topic":"t","partition":0,"from":0,"to":2,"cause":"retention","cursor":"t:0@2"}}\n'
    gateway = scripted(says(CURSOR, gap, record(2), DONE))
    events = list(scan(gateway, stop=None).events())
    assert [e for e in events if isinstance(e, Missing)] == [Missing("t", 0, 0, 2, "retention")]
    assert values(events) == [b"2"]


def test_the_limit_counts_over_connections(scripted):
    """What was read before the cut is asked for no more."""
    gateway = scripted(says(CURSOR, record(0), end=False), says(record(1), record(2), DONE))
    assert values(scan(gateway, stop=None, limit=2).events()) == [b"0", b"1"]
    assert b"limit=1" in gateway.requests[1]


def test_a_record_only_of_the_partitions_wanted(scripted):
    """Others move the cursor and are not shown."""
    gateway = scripted(says(CURSOR, record(0), record(7, 1), DONE))
    assert values(scan(gateway, stop=None, partitions=frozenset({1})).events()) == [b"7"]


def test_nothing_left_is_an_end(scripted):
    """204 answers a resume at or past the stop."""
    gateway = scripted(lambda c, rest: c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert list(scan(gateway, stop=None).events()) == []


def test_a_refusal_is_raised_as_what_it_is(scripted):
    """No retry where none makes sense."""
    problem = b'{"code":"forbidden","detail":"Not yours.","hint":"Ask."}'
    with pytest.raises(Forbidden, match="Not yours"):
        scan(scripted(refuses(403, problem)))


def test_a_first_answer_of_unavailable_is_told(scripted):
    """What could not be reached at first is said instead of waited for."""
    with pytest.raises(Unavailable):
        scan(scripted(refuses(503)))


STALLED = b'{"stalled":{"reason":"broker_unavailable"}}\n'


def test_a_reading_that_is_to_end_does_not_wait_for_kafka(scripted):
    """A gateway without Kafka ends it with a sentence."""
    with pytest.raises(BrokerUnavailable, match="cannot reach Kafka"):
        list(scan(scripted(says(STALLED, end=False)), stop="end").events())


def test_a_reading_that_is_to_end_gives_up_where_nothing_new_comes(scripted, monkeypatch):
    """Heartbeats alone are no progress: the gateway's Kafka may be gone in the middle."""
    monkeypatch.setattr(scans, "GIVE_UP_SECONDS", 0.5)

    def stays(connection, rest):
        says(CURSOR, record(0), b'{"cursor":"t~abcdef:0@1"}\n', end=False)(connection, rest)
        assert connection.recv(1) == b""

    reading = scan(scripted(stays), stop="end")
    with pytest.raises(BrokerUnavailable, match="Nothing new"):
        list(reading.events())
    assert str(reading.cursor()) == "t~abcdef:0@1"


def test_a_reading_without_end_waits_for_kafka(scripted):
    """It says so, and goes on when Kafka is back."""
    events = list(scan(scripted(says(STALLED, CURSOR, record(0), DONE)), stop=None).events())
    assert Waiting("the gateway cannot reach Kafka") in events
    assert values(events) == [b"0"]


def test_the_token_goes_in_a_header(scripted):
    """Never in the address, which logs keep."""
    gateway = scripted(says(DONE))
    list(scan(gateway, stop=None).events())
    assert b"Authorization: Bearer tr_x" in gateway.requests[0]
    assert b"tr_x" not in gateway.requests[0].split(b"\r\n")[0]


def test_the_filter_is_the_gateway_s(scripted):
    """It is asked for again wherever the stream was cut."""
    gateway = scripted(says(CURSOR, record(0), end=False), says(record(1), DONE))
    reading = GatewayScan(Address.parse(gateway.url, None), ScanRequest(("t",), stop=None), 'key == "a"')
    assert values(reading.events()) == [b"0", b"1"]
    assert all(b"&filter=key+%3D%3D+%22a%22" in request for request in gateway.requests)
