"""Owners from a database, a service, and what is kept of their answers."""

import asyncio
import contextlib
import http.server
import json
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy

from tailrace.core.errors import ConfigurationError, Overloaded, Unavailable
from tailrace.owners import CachedOwners, HttpOwners, asking, cache, looked_up
from tailrace.owners.sql import SqlOwners
from tailrace.settings import Ownership

QUERY = "SELECT owner FROM tasks WHERE id = :id"
ROWS = [("job", "ann"), ("shared", "ann"), ("shared", "bob"), ("x' OR '1'='1", "eve"), ("nobody", None)]


def fill(url):
    """A table of tasks, made by somebody who may write."""
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE tasks (id TEXT, owner TEXT)"))
        for row in ROWS:
            connection.execute(
                sqlalchemy.text("INSERT INTO tasks VALUES (:id, :owner)"), {"id": row[0], "owner": row[1]}
            )
    engine.dispose()


@pytest.fixture(scope="module")
def sqlite_url(tmp_path_factory):
    path = tmp_path_factory.mktemp("sqlite") / "platform.db"
    fill(f"sqlite:///{path}")
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def postgresql_url(tmp_path_factory):
    """A server of its own on a socket, ended with the module."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("postgresql")
    as_user = ["runuser", "-u", "postgres", "--"] if Path.home() == Path("/root") else []
    if as_user:
        for part in (folder, *folder.parents[:3]):
            part.chmod(0o755)
        shutil.chown(folder, "postgres")
    binaries, data = found[-1].parent, folder / "data"
    subprocess.run(
        [*as_user, binaries / "initdb", "-D", data, "-A", "trust", "--no-sync"],
        check=True,
        capture_output=True,
    )
    control = [*as_user, binaries / "pg_ctl", "-D", data, "-w", "-t", "30", "-l", folder / "log"]
    options = f"-c listen_addresses= -c unix_socket_directories={folder}"
    subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL)
    url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
    try:
        fill(url)
        yield url
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def database():
    """Make look-ups; their connections end with the test."""
    made = []

    def make(*words):
        made.append(SqlOwners(*words))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    return request.getfixturevalue(f"{request.param}_url")


async def test_a_database_knows_owners(url, database):
    """One, several, nobody; an id is never a part of the query."""
    owners = database(url, QUERY, 3)
    assert await owners.of("job") == ("ann",)
    assert sorted(await owners.of("shared")) == ["ann", "bob"]
    for nobody in ("nobody", "none", "' OR '1'='1", "job'--"):
        assert await owners.of(nobody) == ()


async def test_a_query_that_writes_is_refused(url, database):
    """By the database itself, whatever the settings say."""
    deleting = database(url, "DELETE FROM tasks WHERE id = :id RETURNING owner", 3)
    with pytest.raises(Unavailable):
        await deleting.of("job")
    assert await database(url, QUERY, 3).of("job") == ("ann",)


async def test_a_slow_database_is_not_waited_for(postgresql_url, database):
    """It gives up by itself."""
    slow = database(postgresql_url, "SELECT pg_sleep(30)::text WHERE :id <> ''", 1)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(slow.of("job"), 5)


async def test_a_locked_or_missing_database(tmp_path, database):
    """Is not to be had at present; what the driver says stays here."""
    with pytest.raises(Unavailable) as raised:
        await database(f"sqlite:///{tmp_path}/none/at.db", QUERY, 1).of("job")
    assert str(tmp_path) not in str(raised.value)
    path = tmp_path / "at.db"
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE other (id TEXT)")
    with pytest.raises(Unavailable):
        await database(f"sqlite:///{path}", QUERY, 1).of("job")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"database_url": "nonsense", "query": QUERY}, "database_url"),
        ({"database_url": "nobase://u:secret@h/d", "query": QUERY}, "database_url"),
        ({"database_url": "sqlite://", "query": "SELECT 1"}, ":id"),
        ({"database_url": "sqlite://", "query": QUERY, "http_url": "http://h/{id}"}, "exclude"),
        ({"http_url": "http://h/tasks"}, "{id}"),
        ({"http_url": "ftp://h/{id}"}, "{id}"),
    ],
)
def test_wrong_settings_are_refused_at_the_start(given, said):
    """In words that repeat no password."""
    with pytest.raises(ConfigurationError) as raised:
        looked_up(Ownership(**given))
    assert said in str(raised.value)
    assert "secret" not in str(raised.value)


def test_nobody_is_asked_by_default():
    """Owners stand in the file then."""
    assert looked_up(Ownership()) is None


class Platform(http.server.BaseHTTPRequestHandler):
    """Knows one task; says what it was shown."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Authorization"]))
        known = {
            "/owner/job?x=1": (200, {"owner": "ann"}),
            "/owner/a%2Fb?x=1": (200, {"owners": ["ann", "bob"]}),
            "/owner/odd?x=1": (200, ["ann"]),
            "/owner/moved?x=1": (302, {}),
            "/owner/broken?x=1": (500, {}),
        }
        status, answer = known.get(self.path, (404, {}))
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *words):
        pass


@pytest.fixture
def platform():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_service_knows_owners(platform):
    """Asked with the token, an id always one part of the path; redirects lead nowhere."""
    url = f"http://127.0.0.1:{platform.server_port}/owner/{{id}}?x=1"
    owners = HttpOwners(url, "t0ken", 2)
    assert [await owners.of(task) for task in ("job", "a/b", "none")] == [("ann",), ("ann", "bob"), ()]
    assert platform.asked[0] == ("/owner/job?x=1", "Bearer t0ken")
    for wrong in ("odd", "moved", "broken"):
        with pytest.raises(Unavailable):
            await owners.of(wrong)


async def test_a_service_that_is_silent_is_not_waited_for(platform):
    """Nor one that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable):
            await asyncio.wait_for(HttpOwners(f"http://127.0.0.1:{port}/{{id}}", "", 0.3).of("job"), 3)
    with pytest.raises(Unavailable):
        await HttpOwners(f"http://127.0.0.1:{port}/{{id}}", "", 0.3).of("job")


def drip(server):
    """Answers one connection with a byte now and then, until it is hung up."""
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.1)


async def test_a_service_that_drips_is_not_heard_to_its_end(monkeypatch):
    """The deadline is one for the whole answer, and the thread is free again after it."""
    monkeypatch.setattr(asking, "THREADS", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        owners = HttpOwners(f"http://127.0.0.1:{server.getsockname()[1]}/{{id}}", "", 0.5)
        for _ in range(2):
            dripping = threading.Thread(target=drip, args=(server,))
            dripping.start()
            begun = time.monotonic()
            with pytest.raises(Unavailable, match="in time"):
                await owners.of("job")
            assert time.monotonic() - begun < 2
            dripping.join()


async def test_a_slow_query_of_sqlite_ends_in_time(sqlite_url, database):
    """It has no limit of its own, and would keep a thread."""
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n WHERE :id <> ''"
    )
    slow = database(sqlite_url, endless, 0.3)
    with pytest.raises(Unavailable) as raised:
        await slow.of("job")
    assert "interrupted" in str(raised.value.__cause__)
    assert await database(sqlite_url, QUERY, 3).of("job") == ("ann",)


async def test_a_database_that_is_being_written(tmp_path, database):
    """Is waited for as long as a question may take, not as long as the driver likes."""
    path = tmp_path / "at.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE tasks (id TEXT, owner TEXT)")
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable) as raised:
            await database(f"sqlite:///{path}", QUERY, 0.3).of("job")
    assert "locked" in str(raised.value.__cause__)


async def test_failures_are_told_once_in_a_while(tmp_path, database, caplog):
    """In one line without a stack, however many there are."""
    broken = database(f"sqlite:///{tmp_path}/none/at.db", QUERY, 1)
    for _ in range(5):
        with pytest.raises(Unavailable):
            await broken.of("job")
    (told,) = caplog.records
    assert told.exc_info is None
    assert "\n" not in told.getMessage()
    assert "OperationalError" in told.getMessage()


class Counting:
    """Answers when it may, and counts."""

    def __init__(self):
        self.asked, self.gate = [], asyncio.Event()
        self.gate.set()

    async def of(self, resource):
        self.asked.append(resource)
        await self.gate.wait()
        if resource == "broken":
            raise Unavailable("Away.")
        return () if resource.startswith("no") else ("ann",)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


async def test_answers_are_kept_for_a_while():
    """Those about nobody shorter; failures not at all."""
    source, clock = Counting(), Clock()
    owners = CachedOwners(source, 30, 10, clock)
    for _ in range(2):
        await owners.of("job", "ann")
        await owners.of("none", "ann")
        with pytest.raises(Unavailable):
            await owners.of("broken", "ann")
    assert source.asked == ["job", "none", "broken", "broken"]
    clock.now = 3
    await owners.of("job", "ann")
    await owners.of("none", "ann")
    clock.now = 31
    await owners.of("job", "ann")
    assert source.asked[4:] == ["none", "job"]


async def test_how_fast_an_answer_comes_tells_nobody_of_another_s_task():
    """Whoever is not its owner is answered as if there were none, also while its owner reads."""
    source, clock = Counting(), Clock()
    owners = CachedOwners(source, 30, 10, clock)
    for clock.now in (0, 1, 3):
        await owners.of("job", "ann")
        await owners.of("job", "eve")
        await owners.of("none", "eve")
    assert source.asked == ["job", "job", "none", "job", "none"]


async def test_what_is_kept_has_a_bound():
    """The one used least recently goes first."""
    source = Counting()
    owners = CachedOwners(source, 30, 2, Clock())
    for task in ("a", "b", "a", "c", "a", "b"):
        await owners.of(task)
    assert (source.asked, len(owners)) == (["a", "b", "c", "b"], 2)


async def test_who_asks_the_same_at_once_shares_the_answer(monkeypatch):
    """And too many questions at a time are refused."""
    source = Counting()
    source.gate.clear()
    monkeypatch.setattr(cache, "MOST_QUESTIONS", 1)
    owners = CachedOwners(source, 30, 10, Clock())
    asking = [asyncio.create_task(owners.of("job")) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await owners.of("other")
    asking[0].cancel()
    source.gate.set()
    assert [*await asyncio.gather(*asking[1:])] == [("ann",)] * 4
    assert source.asked == ["job"]


async def test_one_who_asks_much_leaves_room_for_others(monkeypatch):
    """Its share is taken until its questions are answered, also where it does not wait for them."""
    source = Counting()
    source.gate.clear()
    monkeypatch.setattr(cache, "MOST_QUESTIONS_OF_ONE", 2)
    owners = CachedOwners(source, 30, 10, Clock())
    asked = [asyncio.create_task(owners.of(task, "eve")) for task in "ab"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked[0].cancel()
    with pytest.raises(Overloaded):
        await owners.of("c", "eve")
    other = asyncio.create_task(owners.of("c", "ann"))
    await asyncio.sleep(0)
    source.gate.set()
    assert [await other, await asked[1], await owners.of("d", "eve")] == [("ann",)] * 3
