"""POST /v1/topics/{topic}/records."""

import json

import pytest

from tailrace.core.ports import NewRecord

RECORDS = "/v1/topics/orders/records"
NDJSON = {"content-type": "application/x-ndjson"}


def stored(log, topic="orders"):
    return [r for p in log.topic(topic).partitions for r in p.records]


def lines(response):
    return [json.loads(line) for line in response.text.splitlines()]


async def test_one_record_answers_its_place(client, log):
    """A record object is stored and its place answered."""
    answer = await client.post(RECORDS, json={"key": "k", "value": {"n": 1}, "partition": 1, "timestamp": 7})
    assert answer.status_code == 200
    assert answer.json() == {"partition": 1, "offset": 0, "timestamp": 7}
    assert [(r.key, r.value) for r in stored(log)] == [(b"k", b'{"n":1}')]


async def test_a_json_value_keeps_its_bytes(client, log):
    """Numbers, spaces and escapes come out as they went in."""
    value = b'{ "a":1.000e5,\t"b":12345678901234567890123, "c":"\\u00e9" }'
    await client.post(RECORDS, content=b'{"value":%b}' % value, headers={"content-type": "application/json"})
    assert stored(log)[0].value == value


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"value": None}, None),
        ({"value": "é", "value_encoding": "text"}, "é".encode()),
        ({"value": "", "value_encoding": "text"}, b""),
        ({"value": "/wA=", "value_encoding": "base64"}, b"\xff\0"),
        ({"value": "x"}, b'"x"'),
        ({"value": "null", "value_encoding": "text"}, b"null"),
    ],
)
async def test_encodings_of_a_value(client, log, given, value):
    """json, text, base64 and null are told apart."""
    assert (await client.post(RECORDS, json=given)).status_code == 200
    assert stored(log)[0].value == value


async def test_headers_keep_order_repeats_and_bytes(client, log):
    """Header values are text, null or base64."""
    headers = [["a", "1"], ["a", None], ["b", {"base64": "/w=="}]]
    await client.post(RECORDS, json={"value": 1, "headers": headers, "key": "/w==", "key_encoding": "base64"})
    assert list(stored(log)[0].headers) == [("a", b"1"), ("a", None), ("b", b"\xff")]
    assert stored(log)[0].key == b"\xff"


async def test_what_was_consumed_can_be_produced(client, log):
    """The reader's object is taken, its topic and offset unused."""
    given = {"topic": "elsewhere", "offset": 99, "partition": 0, "timestamp": 5, "key": None, "value": 1}
    answer = await client.post(RECORDS, json={**given, "headers": []})
    assert answer.json() == {"partition": 0, "offset": 0, "timestamp": 5}


@pytest.mark.parametrize(
    "body",
    [
        '{"value":1,"colour":"red"}', '{"key":"k"}', '{"value":1,"partition":-1}', '{"value":1,"key":5}',
        '{"value":5,"value_encoding":"text"}', '{"value":"%","value_encoding":"base64"}', "[1", "5", "",
        "{}x", '{"value":1,"key":"k","key_encoding":"json"}', '{"value":1,"headers":[["a\\u0000b",null]]}',
    ],
)  # fmt: skip
async def test_a_body_that_is_no_record_is_refused(client, log, body):
    """400 with a problem, and nothing is stored."""
    answer = await client.post(RECORDS, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert not stored(log)


async def test_an_array_answers_each_in_order(client, log):
    """Places and errors stand where their records stood."""
    given = [{"value": 1, "partition": 0}, {"nonsense": 1}, {"value": 2, "partition": 9}, {"value": 3}]
    answers = (await client.post(RECORDS, json=given)).json()
    assert ["error" in answer for answer in answers] == [False, True, True, False]
    assert [answers[at]["error"]["code"] for at in (1, 2)] == ["bad_record", "bad_record"]


async def test_an_array_longer_than_the_writers_room_is_stored_whole(client, gateway, log):
    """What does not fit at once waits for room."""
    gateway.writer._room = gateway.writer._capacity = 7
    answers = (await client.post(RECORDS, json=[{"value": n, "partition": 0} for n in range(50)])).json()
    assert [a["offset"] for a in answers] == list(range(50))
    assert [r.value for r in stored(log)] == [b"%d" % n for n in range(50)]


async def test_an_array_of_too_many_is_refused(client, log):
    """10,000 are taken, 10,001 are not."""
    assert (await client.post(RECORDS, json=[{"value": 1}] * 10_000)).status_code == 200
    assert (await client.post(RECORDS, json=[{"value": 1}] * 10_001)).status_code == 413
    assert len(stored(log)) == 10_000


async def test_an_empty_array_answers_an_empty_array(client):
    """Nothing in, nothing out."""
    assert (await client.post(RECORDS, json=[])).json() == []


@pytest.mark.parametrize("media", ["application/octet-stream", "text/plain; charset=utf-8"])
async def test_a_bare_value_with_key_and_partition(client, log, media):
    """The body is the value as it is."""
    answer = await client.post(
        f"{RECORDS}?key=k&partition=1", content=b"\xff{", headers={"content-type": media}
    )
    assert answer.json()["partition"] == 1
    assert [(r.key, r.value) for r in stored(log)] == [(b"k", b"\xff{")]


async def test_a_missing_topic_is_404_and_not_made(client, log):
    """For each form of body."""
    for body in ({"value": 1}, [{"value": 1}]):
        assert (await client.post("/v1/topics/none/records", json=body)).status_code == 404
    assert (await client.post("/v1/topics/none/records", content=b"", headers=NDJSON)).status_code == 404
    assert [t.name for t in log.topics()] == ["orders"]


@pytest.mark.parametrize("body", [{"value": 1}, [{"value": 1}, {"value": 2}]])
async def test_a_broker_that_is_away_is_503_with_retry_after(client, log, body):
    """The same request later makes sense."""
    log.away = True
    answer = await client.post(RECORDS, json=body)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_full_writer_is_overloaded(client, gateway):
    """Nothing is stored, and the client is told to come back."""
    gateway.writer.append("orders", [NewRecord(b"")] * 10_000, lambda _: None)
    answer = await client.post(RECORDS, json={"value": 1})
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")


@pytest.mark.parametrize(
    ("query", "media", "status"),
    [
        ("?key=k", "application/json", 400),
        ("?answers=all", "application/json", 400),
        ("?partition=1", "application/x-ndjson", 400),
        ("?colour=red", "application/json", 400),
        ("", "application/xml", 415),
    ],
)
async def test_what_does_not_go_together_is_refused(client, log, query, media, status):
    """Never ignored."""
    answer = await client.post(RECORDS + query, content=b'{"value":1}', headers={"content-type": media})
    assert answer.status_code == status
    assert not stored(log)


async def test_an_idempotency_key_is_refused_until_it_works(client):
    """Ignoring it would promise what is not kept."""
    answer = await client.post(RECORDS, json={"value": 1}, headers={"idempotency-key": "x"})
    assert answer.status_code == 400


async def test_a_body_that_is_too_large_is_refused(client):
    """413, before it is parsed."""
    answer = await client.post(
        RECORDS, content=b" " * (16 << 20) + b"1", headers=NDJSON | {"content-type": "text/plain"}
    )
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


async def test_a_record_that_is_too_large_is_an_error_of_its_own(client, log):
    """The others of the array are stored."""
    answers = (await client.post(RECORDS, json=[{"value": "x" * (1 << 20)}, {"value": 1}])).json()
    assert answers[0]["error"]["code"] == "too_large"
    assert "offset" in answers[1]


async def test_a_stream_tells_errors_and_the_end(client, log):
    """The default: each error with its line, and how far it got."""
    body = b'{"value":1,"partition":0}\n\n{"bad\n\r\n{"value":2,"partition":0}'
    error, acked = lines(await client.post(RECORDS, content=body, headers=NDJSON))
    assert (error["line"], error["error"]["code"]) == (2, "bad_record")
    tag = log.topic("orders").tag
    assert acked == {"acked": 3, "failed": 1, "cursor": f"orders~{tag}:0@2,1@0"}


async def test_a_stream_with_all_answers(client):
    """One line a record, then the end."""
    body = b'{"value":1,"partition":0}\n{"value":2,"partition":0}\n'
    first, second, end = lines(await client.post(RECORDS + "?answers=all", content=body, headers=NDJSON))
    assert (first["offset"], second["offset"], end["acked"]) == (0, 1, 2)


async def test_a_stream_with_a_summary(client):
    """One line at the end."""
    (end,) = lines(await client.post(RECORDS + "?answers=summary", content=b"{}\n{}\n", headers=NDJSON))
    assert (end["acked"], end["failed"]) == (2, 2)


async def test_a_long_stream_in_odd_pieces_is_stored_in_order(client, gateway, log):
    """Neither the pieces of the body nor a small writer change the order."""
    gateway.writer._room = gateway.writer._capacity = 13
    whole = b"".join(b'{"value":%d,"partition":0}\n' % n for n in range(3000))

    async def pieces():
        for at in range(0, len(whole), 777):
            yield whole[at : at + 777]

    answers = lines(await client.post(RECORDS, content=pieces(), headers=NDJSON))
    assert answers[-1]["acked"] == 3000
    assert [r.value for r in stored(log)] == [b"%d" % n for n in range(3000)]


async def test_a_line_that_is_too_long_ends_the_stream(client, log):
    """What came before it is stored and told."""
    body = b'{"value":1}\n' + b"x" * (1 << 20) + b"x"

    async def pieces():
        for at in range(0, len(body), 100_000):
            yield body[at : at + 100_000]

    answers = lines(await client.post(RECORDS, content=pieces(), headers=NDJSON))
    assert answers[0]["error"]["code"] == "too_large"
    assert (answers[0]["acked"], len(stored(log))) == (1, 1)
