"""GET /v1/topics/{topic}/records."""

import asyncio

import pytest

from tailrace.core.ports import NewRecord

RECORDS = "/v1/topics/orders/records"


async def page(client, **parameters):
    answer = await client.get(RECORDS, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def values(found):
    return [record["value"] for record in found["records"]]


async def test_a_page_from_the_beginning(client, log):
    """Records, no gaps, the cursor behind them, and that there is no more."""
    log.append("orders", b"1", b'"x"')
    found = await page(client)
    assert values(found) == [1, "x"]
    assert (found["gaps"], found["end"]) == ([], True)
    assert found["cursor"] == f"orders~{log.topic('orders').tag}:0@2,1@0"


async def test_pages_by_cursor_give_every_record_once(client, log):
    """Over partitions, holes and small pages."""
    for n in range(40):
        log.append("orders", b"%d" % n, partition=n % 2)
        if n % 7 == 0:
            log.hole("orders", n % 2, 3)
    seen, cursor, end = [], "beginning", False
    while not end:
        found = await page(client, **{"from": cursor, "limit": 3})
        assert len(found["records"]) <= 3
        seen += values(found)
        cursor, end = found["cursor"], found["end"]
    assert sorted(seen) == list(range(40))
    assert [n for n in seen if n % 2] == list(range(1, 40, 2))


async def test_a_page_ends_at_its_size(client, log):
    """5 MiB at most, and one record at least."""
    log.append("orders", *[b'"%b"' % (b"x" * 900_000)] * 12)
    found = await page(client)
    assert len(found["records"]) == 5
    assert not found["end"]


async def test_only_one_partition(client, log):
    """The others stay where they are."""
    log.append("orders", b"1", partition=0)
    log.append("orders", b"2", partition=1)
    found = await page(client, partition=1)
    assert values(found) == [2]
    assert found["cursor"].endswith(":0@0,1@1")


async def test_records_that_retention_took_are_a_gap(client, log):
    """Announced, with the records that are still there."""
    log.append("orders", b"1", b"2", b"3")
    log.trim("orders", 2)
    found = await page(client, **{"from": "orders:0@0,1@0"})
    (gap,) = found["gaps"]
    assert (gap["partition"], gap["from"], gap["to"], gap["cause"]) == (0, 0, 2, "retention")
    assert values(found) == [3]


async def test_a_topic_made_again_is_a_gap(client, log):
    """A cursor of the old one is noticed by its tag."""
    log.append("orders", b"1")
    cursor = (await page(client))["cursor"]
    log.recreate("orders")
    log.append("orders", b"2", b"3")
    found = await page(client, **{"from": cursor})
    assert {gap["cause"] for gap in found["gaps"]} == {"recreated"}
    assert values(found) == [2, 3]


async def test_each_gap_of_a_page_has_a_cursor_that_tells_of_the_next(client, log):
    """The page's own cursor stands behind them all."""
    for partition in (0, 1):
        log.append("orders", *[b"1"] * 5, partition=partition)
        log.trim("orders", 3, partition)
    first, second = (await page(client, **{"from": "orders:0@1,1@2"}))["gaps"]
    found = await page(client, **{"from": first["cursor"]})
    assert [gap["partition"] for gap in found["gaps"]] == [second["partition"]]
    assert (await page(client, **{"from": found["cursor"]}))["gaps"] == []


async def test_a_page_of_one_partition_keeps_the_gaps_of_the_others_to_come(client, log):
    """They are told to whoever goes on with its cursor over all."""
    log.append("orders", *[b"1"] * 5)
    log.trim("orders", 3)
    found = await page(client, **{"from": "orders:0@1,1@0", "partition": 1})
    assert found["gaps"] == []
    (gap,) = (await page(client, **{"from": found["cursor"]}))["gaps"]
    assert (gap["partition"], gap["from"]) == (0, 1)


async def test_a_wait_ends_with_the_first_record(client, log):
    """Long before its time is over."""
    waiting = asyncio.create_task(page(client, **{"from": "end", "wait": 20}))
    for _ in range(20):
        await asyncio.sleep(0)
    log.store("orders", 1, NewRecord(b"7"))
    assert values(await asyncio.wait_for(waiting, 5)) == [7]


async def test_a_wait_without_records_answers_an_empty_page(client):
    """With the cursor to go on from."""
    found = await page(client, **{"from": "end", "wait": "50ms"})
    assert (found["records"], found["end"]) == ([], True)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=nowhere", "bad_cursor"),
        ("limit=0", "bad_request"),
        ("limit=10001", "bad_request"),
        ("wait=31", "bad_request"),
        ("partition=9", "bad_request"),
        ("limit=1&limit=2", "bad_request"),
        ("form=x", "unknown_parameter"),
        ("from=%ff", "bad_request"),
    ],
)
async def test_wrong_parameters_are_refused(client, query, code):
    """400, never ignored."""
    answer = await client.get(f"{RECORDS}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_missing_topic_is_404(client):
    """With a problem."""
    answer = await client.get("/v1/topics/none/records")
    assert (answer.status_code, answer.json()["code"]) == (404, "topic_not_found")


async def test_any_bytes_come_out_as_they_went_in(client, log):
    """null, empty, binary, invalid UTF-8 and large numbers, produced and consumed and produced again."""
    given = [None, b"", b"\xff\0", b"12345678901234567890", b"NaN", b'{"a":1e400}', "é".encode()]
    for value in given:
        log.store("orders", 0, NewRecord(value, key=value))
    # JSON of Python changes large numbers, so the page's own bytes are sent back.
    text = (await client.get(RECORDS, params={"limit": len(given)})).text
    body = text[len('{"records":') : text.index(',"gaps"')]
    log.recreate("orders")
    await client.post(RECORDS, content=body, headers={"content-type": "application/json"})
    again = log.topic("orders").partitions[0].records
    assert [(r.key, r.value) for r in again] == [(value, value) for value in given]


async def test_pages_count_among_what_is_delivered(client, log, gateway):
    """By the metrics that streams have."""
    log.append("orders", *[b"1"] * 5)
    log.trim("orders", 2)
    size = len((await client.get(RECORDS, params={"from": "orders:0@0,1@0"})).content)
    told = gateway.metrics.exposition().decode().splitlines()
    assert 'tailrace_records_delivered_total{transport="page"} 3' in told
    assert f'tailrace_delivered_bytes_total{{transport="page"}} {size}' in told
    assert 'tailrace_gaps_total{cause="retention"} 1' in told


async def test_who_waits_for_a_page_is_a_reader(client, gateway):
    """For as long as it waits."""
    waiting = asyncio.create_task(page(client, **{"from": "end", "wait": 0.05}))
    while not gateway.tallies["page"].open:  # noqa: ASYNC110 - it has no event; the wait's own end bounds this
        await asyncio.sleep(0)
    assert 'tailrace_readers{transport="page"} 1' in gateway.metrics.exposition().decode()
    await waiting
    assert 'tailrace_readers{transport="page"} 0' in gateway.metrics.exposition().decode()
