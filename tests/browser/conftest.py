"""Debian's Chromium, gateways for its pages, and Node.js."""

import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tailrace.memory import MemoryLog

CHROMIUM = Path("/usr/bin/chromium")
PAGE_SOURCE = Path(__file__).parents[2] / "examples/browser"
# Without them Chromium looks for hosts of its maker at every start.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def log():
    log = MemoryLog()
    log.create("demo", 1)
    return log


@pytest.fixture
def chromium():
    if not CHROMIUM.exists():
        pytest.skip("Chromium is missing: apt-get install chromium")
    return CHROMIUM


@pytest.fixture
async def page(chromium):
    """A page in a new browser; whatever it reports as an error fails the test."""
    errors = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = await browser.new_page(viewport={"width": 1200, "height": 900})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(10_000)
        yield page
        await browser.close()
    assert errors == []


@pytest.fixture
def node():
    """Node.js with the page's packages."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is missing: install version 20 or later")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        pytest.skip(f"Node.js {version.strip()} is too old: install version 20 or later")
    if not (PAGE_SOURCE / "node_modules/socket.io-client").exists():
        pytest.skip("The page's packages are missing: make page")
    return found
