"""A gateway in a process of its own that can be killed, and clients that come back by themselves."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest
from confluent_kafka import Producer

SECONDS = 60.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=SECONDS, what="it"):
    """Poll until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, (
            f"{what() if callable(what) else what} did not happen within {seconds:g} s"
        )
        time.sleep(0.02)


class GatewayProcess:
    """`tailrace serve` on a port that stays the same."""

    def __init__(self, broker, log_file):
        self.broker, self.port, self.log_file = broker, free_port(), log_file
        self.process = None

    def start(self):
        command = [sys.executable, "-c", "from tailrace.cli import main; main()", *self.words()]
        command += ["--broker", self.broker, "--port", str(self.port)]
        environment = {**os.environ, "TAILRACE_SERVER_HEARTBEAT": "1"}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=environment)
        wait_for(self.answers, what="a gateway's start")

    def words(self):
        """What it is started as."""
        return ["serve", "--open"]

    def answers(self):
        try:
            return self.ask("GET", "/livez")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, seconds=SECONDS):
        """A request: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def kill(self):
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill()


class Follower(threading.Thread):
    """Reads a stream, resumes by its last cursor, drops repeats by position; remembers all it took."""

    def __init__(self, port, query, form, start="beginning"):
        super().__init__(daemon=True)
        self.port, self.query, self.form, self.cursor = port, query, form, start
        self.taken, self.next, self.told = [], {}, []
        self.repeated = self.disordered = self.connects = self.heard = 0
        self.order = []
        self.wanted = True

    def run(self):
        while self.wanted:
            try:
                self._follow()
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)

    def _follow(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        path = f"/v1/stream?format={self.form}&from={urllib.parse.quote(self.cursor)}&{self.query}"
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            if response.status != 200:
                self.told.append(("status", response.status))
                time.sleep(0.2)
                return
            self.connects += 1
            lines = iter(response.readline, b"")
            self._sse(lines) if self.form == "sse" else self._ndjson(lines)
        finally:
            connection.close()

    def _ndjson(self, lines):
        for line in lines:
            if not self.wanted or not line.endswith(b"\n"):
                return
            if line.strip():
                self._hear(json.loads(line))

    def _hear(self, said):
        if "topic" in said:
            self._take(said)
        elif "cursor" in said:
            self.cursor = said["cursor"]
        else:
            ((kind, body),) = said.items()
            self._tell(kind, body)
            self.cursor = body.get("cursor") or self.cursor

    def _sse(self, lines):
        fields = {}
        for line in lines:
            if not self.wanted or not line.endswith(b"\n"):
                return
            if line != b"\n":
                name, _, value = line.decode().rstrip("\n").partition(": ")
                fields[name] = value
                continue
            self._dispatch(fields)
            fields = {}

    def _dispatch(self, fields):
        self.cursor = fields.get("id", self.cursor)
        if "data" not in fields:
            return
        said = json.loads(fields["data"])
        if "event" in fields:
            self._tell(fields["event"], said)
        else:
            self._take(said)

    def _tell(self, kind, body):
        self.told.append((kind, body))
        self.order.append(kind)

    def _take(self, record):
        self.heard += 1
        self.order.append("record")
        place = (record["topic"], record["partition"])
        if record["offset"] < self.next.get(place, 0):
            self.repeated += 1
            return
        if record["offset"] > self.next.get(place, 0):
            self.disordered += 1
        self.next[place] = record["offset"] + 1
        self.taken.append((record["partition"], record["offset"], record["value"]))

    def __repr__(self):
        told = [kind for kind, _ in self.told]
        return (
            f"{self.form}: {len(self.taken)} taken, {self.connects} connects, {told[-5:]}, at {self.cursor}"
        )

    def taken_places(self):
        return [(p, o) for p, o, _ in self.taken]

    def gaps(self):
        return [body for kind, body in self.told if kind == "gap"]


@pytest.fixture
def long(request):
    """Whether the faults were asked for by name (make faults): then in full length."""
    return "faults" in request.config.option.markexpr


@pytest.fixture
def say(capsys):
    """Print a figure beside pytest's dots."""

    def run(text):
        with capsys.disabled():
            print(f"\n{text}")  # noqa: T201

    return run


@pytest.fixture
def gateway(kafka, tmp_path):
    """A gateway before the session's Kafka."""
    started = GatewayProcess(kafka.bootstrap_servers, tmp_path / "gateway.log")
    started.start()
    yield started
    started.stop()


@pytest.fixture
def follow(gateway):
    """Start a follower; all end with the test."""
    started = []

    def start(query, form, **more):
        started.append(Follower(gateway.port, query, form, **more))
        started[-1].start()
        return started[-1]

    yield start
    for follower in started:
        follower.wanted = False
    for follower in started:
        follower.join(15)


@pytest.fixture
def store(kafka):
    """Store numbered records over a topic's partitions."""

    def run(topic, count, partitions=1, first=0, pause=0.0):
        producer = Producer(
            {"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 5, "enable.idempotence": True}
        )
        for n in range(first, first + count):
            producer.produce(topic, b'{"n":%d}' % n, partition=n % partitions)
            if n % 500 == 499:
                producer.poll(0)
                time.sleep(pause)
        assert producer.flush(30) == 0

    return run
