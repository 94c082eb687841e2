"""The page at /demo in Chromium, and pages of others against the same gateway."""

import json
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse
from starlette.routing import Route
from tests.live_gateway import TOKEN, live_gateway, memory_ports

from tailrace.core.ports import NewRecord
from tailrace.settings import Settings, SocketIO
from tailrace.transports import pages

pytestmark = pytest.mark.browser

CONNECTED = "#state[data-state=connected]"
BUILT = Path(pages.__file__).with_name("page")
EXAMPLE = Path(__file__).parents[2] / "examples/browser/plain.html"
HOSTILE = '<img src=x onerror="window.ran = 1"><script>window.ran = 1</script>'

TUTORIAL = """<!doctype html>
<ul id="messages"></ul><ul id="logs"></ul>
<script src="/socket.io.js"></script>
<script>
  function show(id, text) {
    const item = document.createElement("li");
    item.textContent = text;
    document.getElementById(id).appendChild(item);
  }
  const socket = io.connect("http://" + document.domain + ":" + location.port + "/kafka");
  socket.on("connect", () => socket.emit("kafkaproducer", "from a tutorial"));
  socket.on("logs", (message) => show("logs", message.data));
  socket.on("kafkaconsumer1", (message) => { document.getElementById("messages").innerHTML = message.data; });
  socket.on("kafkaconsumer", (message) => show("messages", message.data));
</script>"""


@pytest.fixture
async def live(log):
    async with live_gateway(memory_ports(log)) as live:
        yield live


async def texts(page, selector):
    return await page.locator(f"{selector} li").all_text_contents()


async def send(page, text):
    await page.fill("#text", text)
    await page.click("button[type=submit]")
    await page.locator("#logs li", has_text=f"Added {text} to topic").first.wait_for()


async def test_what_is_sent_comes_back_from_the_topic(page, live, tmp_path):
    """The form stores a text; the log says so and the list shows it."""
    await page.goto(live.url)
    await page.wait_for_selector(CONNECTED)
    await send(page, "hello")
    await send(page, "again")
    await page.locator("#messages li", has_text="again").wait_for()
    assert await texts(page, "#messages") == ["hello", "again"]
    assert (await texts(page, "#logs"))[0] == "Connection established"
    assert page.url == f"{live.url}/demo"
    await page.screenshot(path=tmp_path / "demo.png")
    assert (tmp_path / "demo.png").stat().st_size > 10_000


async def test_records_are_text_and_never_run(page, live, log):
    """Markup in a record is shown as it is."""
    log.append("demo", HOSTILE.encode(), None)
    await page.goto(f"{live.url}/demo")
    await page.locator("#messages li.null").wait_for()
    await page.locator("#records li.null").wait_for()
    assert await texts(page, "#messages") == [HOSTILE, "null"]
    assert await page.evaluate("window.ran") is None


async def test_the_token_in_the_address_logs_in_and_leaves_it(page, live, log):
    """A cookie that scripts cannot read takes its place, and all topics can be followed."""
    log.create("weather")
    log.store("weather", 0, NewRecord(json.dumps({"rain": True}).encode(), key=b"Oslo"))
    await page.goto(f"{live.url}/#token={TOKEN}")
    await page.wait_for_selector(CONNECTED)
    await page.select_option("#topic", "weather")
    await page.locator("#records li", has_text='Oslo{"rain":true}').wait_for()
    assert page.url == f"{live.url}/demo"
    assert await page.evaluate("document.cookie") == ""
    await send(page, "by cookie")


async def test_the_page_asks_no_other_host_and_breaks_no_policy(page, live):
    """Nothing is loaded from elsewhere, and nothing inline is needed."""
    hosts, complaints = set(), []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("console", lambda message: complaints.append(message.text))
    await page.goto(f"{live.url}/demo")
    await page.wait_for_selector(CONNECTED)
    await page.locator("#live").wait_for()
    assert hosts - {""} == {f"127.0.0.1:{live.port}"}
    assert complaints == []


async def test_a_long_list_shows_its_end_and_counts_the_rest(page, live, log):
    """Thousands of records do not end up in the page."""
    log.append("demo", *[b"%d" % number for number in range(5000)])
    await page.goto(f"{live.url}/demo")
    await page.locator("#messages li", has_text="4999").wait_for()
    assert (await texts(page, "#messages"))[:2] == ["4,000 earlier ones are not shown", "4000"]
    assert await page.text_content("#count") == "5,000"


async def test_a_tutorials_page_works_unchanged(page, log):
    """Socket.IO's client by a script tag and the namespace by its name are all that it needs."""
    tutorial = Route("/tutorial", lambda request: HTMLResponse(TUTORIAL))
    async with live_gateway(memory_ports(log), more=[tutorial]) as live:
        await page.goto(f"{live.url}/tutorial")
        await page.locator("#messages li").wait_for()
        assert await texts(page, "#messages") == ["from a tutorial"]
        assert await texts(page, "#logs") == ["Connection established", "Added from a tutorial to topic"]


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("form", ["built", "example"])
async def test_a_page_opened_as_a_file_needs_the_flag(page, log, tmp_path, allowed, form):
    """With --allow-null-origin it works; without it is refused and says so."""
    settings = Settings(socketio=SocketIO(allow_null_origin=allowed))
    async with live_gateway(memory_ports(log), settings) as live:
        if form == "built":
            await page.goto(f"{(BUILT / 'demo.html').as_uri()}?gateway={live.url}/")
        else:
            copy = tmp_path / "plain.html"
            copy.write_text(EXAMPLE.read_text().replace("http://127.0.0.1:8484", live.url))
            await page.goto(copy.as_uri())
        if allowed:
            await page.fill("#text", "from a file")
            await page.click("button[type=submit]")
            await page.locator("#messages li", has_text="from a file").wait_for()
        else:
            await page.locator("#logs li", has_text="Error: cannot connect").first.wait_for()
            assert await texts(page, "#messages") == []


async def test_a_wrong_token_in_the_address_is_said(page, live):
    """On a page that is open already too; what anybody may do works."""
    for address in (f"{live.url}/", f"{live.url}/demo"):
        await page.goto(f"{address}#token=tr_wrong")
        await page.wait_for_url(f"{live.url}/demo")
        await page.wait_for_selector(CONNECTED)
        await page.locator("#logs li.error", has_text="The token is not known here").wait_for()
        assert "You are not logged in" in await page.text_content("#who")


async def test_a_gateway_that_is_away_is_said_once(page, log):
    """What is sent meanwhile waits in the page, and the figures say that nothing comes."""
    log.create("weather")
    async with live_gateway(memory_ports(log)) as live:
        await page.goto(f"{live.url}/#token={TOKEN}")
        await page.wait_for_selector(CONNECTED)
        await page.locator("#rate", has_text="0 records/s").wait_for()
        assert await page.input_value("#topic") == "weather"
    for _ in range(2):
        await page.wait_for_event("requestfailed", lambda request: "socket.io" in request.url)
    await page.wait_for_selector("#state[data-state=disconnected]")
    await page.fill("#text", "early")
    await page.click("button[type=submit]")
    await page.locator("#logs li", has_text="the text waits in this page").wait_for()
    await page.locator("#rate", has_text="connecting").wait_for()
    assert len([text for text in await texts(page, "#logs") if "cannot connect" in text]) == 1
