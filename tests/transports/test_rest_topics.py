"""Topics over HTTP."""

import pytest


async def test_make_describe_grow_configure_delete(client, log):
    """A topic's whole life."""
    made = await client.post("/v1/topics", json={"name": "new", "partitions": 2, "config": {"a": "1"}})
    assert (made.status_code, made.headers["location"]) == (201, "/v1/topics/new")
    changed = await client.patch("/v1/topics/new", json={"partitions": 3, "config": {"a": None, "b": "2"}})
    assert (len(changed.json()["partitions"]), changed.json()["config"]) == (3, {"b": "2"})
    assert (await client.get("/v1/topics/new")).json() == changed.json()
    deleted = await client.delete("/v1/topics/new")
    assert (deleted.status_code, "content-length" in deleted.headers) == (204, False)
    assert (await client.get("/v1/topics/new")).status_code == 404


async def test_a_topic_that_is_there_is_a_conflict(client):
    """409 with its own code."""
    answer = await client.post("/v1/topics", json={"name": "orders"})
    assert (answer.status_code, answer.json()["code"]) == (409, "topic_exists")


@pytest.mark.parametrize(
    "body", ["{", "[]", '{"name":"a/b"}', '{"name":"a","partitions":0}', '{"name":"a","colour":1}', "{}"]
)
async def test_a_wrong_body_is_refused(client, body):
    """400 with a problem."""
    answer = await client.post("/v1/topics", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_too_many_partitions_are_refused(client):
    """For a topic that is made and for one that grows."""
    made = await client.post("/v1/topics", json={"name": "many", "partitions": 10_001})
    grown = await client.patch("/v1/topics/orders", json={"partitions": 10_001})
    assert [answer.status_code for answer in (made, grown)] == [400, 400]
    assert [answer.json()["cause"] for answer in (made, grown)] == [
        "Expected `int` <= 10000 - at `$.partitions`"
    ] * 2


async def test_an_empty_change_is_refused(client):
    """It would look as if something had been done."""
    assert (await client.patch("/v1/topics/orders", json={})).status_code == 400


async def test_a_list_counts_records(client, log):
    """By name, with partitions and records."""
    log.append("orders", b"1", b"2")
    (row,) = (await client.get("/v1/topics")).json()["topics"]
    assert (row["name"], row["partitions"], row["records"]) == ("orders", 2, 2)


async def test_a_broker_that_is_away_is_503(client, log):
    """For every one of them."""
    log.away = True
    assert (await client.get("/v1/topics")).status_code == 503
    assert (await client.get("/v1/topics/orders")).status_code == 503
