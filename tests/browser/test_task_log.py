"""A task's log in Chromium: an EventSource that resumes by itself, and the default form by fetch."""

import json

import pytest
from tests.live_gateway import TOKEN, live_gateway, memory_ports

from tailrace.settings import Settings, TaskLogs

pytestmark = pytest.mark.browser

FOLLOW = """([token]) => new Promise(async (resolve, reject) => {
  const headers = {"Content-Type": "application/json"};
  await fetch("/v1/session", {method: "POST", headers, body: JSON.stringify({token})});
  window.lines = [];
  window.source = new EventSource("/api/v1/logs?method=kafka&id=job&idle=1");
  source.onmessage = (event) => { lines.push(JSON.parse(event.data).line); };
  source.addEventListener("end", () => window.ends = (window.ends || 0) + 1);
  source.onopen = resolve;
})"""
FETCH = """async ([token]) => {
  const headers = {Authorization: "Basic " + token};
  const answer = await fetch("/api/v1/logs?method=kafka&id=job&idle=1", {headers});
  return [answer.headers.get("content-type"), await answer.text()];
}"""


@pytest.fixture
async def live(log, tmp_path):
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "worker.log").write_bytes(b"one\n\xc3\xa4\rb\n")
    log.create("job", 1)
    async with live_gateway(memory_ports(log), Settings(tasklogs=TaskLogs(folder=str(tmp_path)))) as live:
        yield live


def record(text):
    return json.dumps({"log": text}).encode()


async def test_an_event_source_resumes_by_itself(page, live, log):
    """Each time that the log ends it comes again with its cursor: nothing is lost, nothing comes twice."""
    await page.goto(f"{live.url}/demo")
    await page.evaluate(FOLLOW, [TOKEN])
    log.append("job", record("two\n"))
    await page.wait_for_function("() => window.ends >= 2")
    log.append("job", record("three\n"))
    await page.wait_for_function("() => window.lines.includes('three')")
    assert await page.evaluate("() => window.lines") == ["one", "ä\rb", "two", "three"]


async def test_the_default_form_by_fetch(page, live, log):
    """Bare lines, as any client reads them."""
    log.append("job", record("two\n"))
    await page.goto(f"{live.url}/demo")
    media, body = await page.evaluate(FETCH, [TOKEN])
    assert media == "multipart/x-mixed-replace"
    assert body == "one\r\nä\rb\r\ntwo\r\n"
