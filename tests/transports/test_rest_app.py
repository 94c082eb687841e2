"""What holds for every request: methods, unknown paths, headers, origins; health and documents."""

import re

import httpx
import pytest

from tailrace.protocol.routes import ROUTES
from tailrace.transports.app import make_app
from tailrace.transports.rest import HANDLERS


async def test_an_unknown_path_is_a_problem(client):
    """404 as problem JSON, also with a slash too many."""
    for path in ("/nothing", "/v1/topics/", "/v1/topics/a/b/c"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_another_method_is_405_and_names_the_right_ones(client):
    """With Allow."""
    answer = await client.put("/v1/topics/orders")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, PATCH, DELETE, HEAD, OPTIONS"


async def test_head_is_get_without_the_body(client):
    """The same length and headers."""
    get, head = await client.get("/v1/topics"), await client.head("/v1/topics")
    assert (head.content, head.headers) == (b"", get.headers)


async def test_options_names_the_methods(client):
    """Without a page's origin it is a plain question."""
    answer = await client.options("/livez")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert "access-control-allow-methods" not in answer.headers


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://app.example", True), ("https://evil.example", False)]
)
async def test_pages_of_listed_origins_may_call(client, origin, allowed):
    """Preflight and answer, never with credentials."""
    headers = {"origin": origin, "access-control-request-headers": "authorization"}
    asked = await client.options("/v1/topics", headers=headers)
    answer = await client.get("/v1/topics", headers=headers)
    assert (asked.headers.get("access-control-allow-headers") == "authorization") is allowed
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", ["/livez", "/nothing", "/v1/topics", "/docs"])
async def test_every_answer_is_guarded(client, path):
    """No sniffing, no caching, a policy."""
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert len(headers.get_list("content-security-policy")) == 1


async def test_a_fault_of_ours_is_a_problem_without_details(client, gateway, caplog):
    """500; the log has the trace."""
    gateway.admin = None
    answer = await client.get("/v1/topics")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "NoneType" not in answer.text
    assert "NoneType" in caplog.text


async def test_ready_with_the_broker_away_unless_strict(client, log):
    """It still serves; who asks strictly learns more."""
    log.away = True
    assert (await client.get("/readyz")).json() == {"status": "ok"}
    assert (await client.get("/readyz?strict=1")).status_code == 503


async def test_stopping_is_not_ready_and_takes_no_requests(client, gateway):
    """But it is alive."""
    gateway.stop()
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/v1/topics")).json()["code"] == "stopping"
    assert (await client.get("/livez")).status_code == 200


async def test_the_document_has_every_route(client):
    """With its parameters, and every reference leads somewhere."""
    answer = await client.get("/openapi.json")
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        names = {p["name"] for p in operation["parameters"]} - {"topic"}
        assert names == {p.name for p in route.parameters} - {"topic"}
    found = set(re.findall(r'"#/components/schemas/(\w+)"', answer.text))
    assert found <= set(document["components"]["schemas"])


async def test_the_page_needs_no_other_host(client):
    """Every route is on it; no script, no link elsewhere."""
    text = (await client.get("/docs")).text
    assert all(route.path in text for route in ROUTES)
    assert "http" not in re.sub(r"HTTP", "", text)
    assert "<script" not in text


async def test_home_leads_to_the_page(client):
    """Relative, so that it is right behind a proxy."""
    answer = await client.get("/", headers={"authorization": ""})
    assert (answer.status_code, answer.headers["location"]) == (307, "demo")


async def test_a_topic_name_that_kafka_would_not_take_is_refused(client):
    """A caret would make it a pattern to the client library."""
    for name in ("%5Ea", "..", "a%20b", "a" * 250):
        answer = await client.get(f"/v1/topics/{name}/records")
        assert answer.status_code in {400, 404}


async def test_requests_are_counted_by_route(client):
    """By the table's path, so that names of topics make no new metrics."""
    for name in ("orders", "orders", "none"):
        await client.get(f"/v1/topics/{name}")
    text = (await client.get("/metrics")).text
    sample = 'tailrace_http_requests_total{route="/v1/topics/{topic}",method="GET",status="%d"} %d'
    assert sample % (200, 2) in text
    assert sample % (404, 1) in text


async def test_metrics_are_open_and_name_neither_topics_nor_callers(gateway, client, log):
    """Prometheus comes without a token, as it does elsewhere: what it reads has to be fit for anybody."""
    log.append("orders", b"secret-value")
    await client.get("/v1/topics/orders/records")
    transport = httpx.ASGITransport(app=make_app(gateway, HANDLERS))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as anybody:
        answer = await anybody.get("/metrics")
    assert answer.status_code == 200
    assert 'tailrace_records_delivered_total{transport="page"} 1' in answer.text
    assert not [word for word in ("orders", "root", "reader", "secret-value") if f'"{word}"' in answer.text]
