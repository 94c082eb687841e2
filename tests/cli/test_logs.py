"""Task logs and logins from the command line, against a gateway on real Kafka."""

import hashlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest
from confluent_kafka import Producer

pytestmark = pytest.mark.kafka

SECONDS = 60


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class Serving:
    """`tailrace serve` with principals, owners and a folder of logs; it can be killed and started again."""

    def __init__(self, runner, servers, folder, more=""):
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        digest = hashlib.sha256(b"tr_ann").hexdigest()
        (folder / "tailrace.toml").write_text(
            f'[[principals]]\nname = "ann"\ntoken_sha256 = "{digest}"\n[tasklogs]\nfolder = "{folder}/logs"\n'
            f"idle = 1\n{more}[server]\nheartbeat = 0.5\n"
        )
        (folder / "logs").mkdir()
        self._runner = runner("--broker", servers, "--config", str(folder / "tailrace.toml"))
        self.start()

    def start(self):
        log = self.folder / "serve.log"
        with log.open("wb") as sink:
            self.process = self._runner.start(
                "serve", "--port", str(self.port), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
        deadline = time.monotonic() + SECONDS
        while not re.search(r"http://[\d.]+:\d+", log.read_text()):
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)

    def own(self, task):
        """Make a task one of ann's, and its folder."""
        file = self.folder / "tailrace.toml"
        file.write_text(file.read_text() + f'[owners]\n"{task}" = "ann"\n')
        (self.folder / "logs" / task).mkdir()
        return self.folder / "logs" / task / "worker.log"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def serving(runner, kafka, tmp_path):
    started = Serving(runner, kafka.bootstrap_servers, tmp_path)
    yield started
    started.kill()


@pytest.fixture
def run(runner, serving, tmp_path, monkeypatch):
    """Commands with a config folder of their own and no address given."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return runner()


def login(run, serving):
    code, out, err = run("login", serving.url, given=b"tr_ann\n")
    assert (code, out, err) == (0, b"Login successful as ann\n", "")


def wait_for(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def store(kafka, topic, *lines):
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for line in lines:
        producer.produce(topic, json.dumps({"log": f"{line}\n"}).encode())
    assert producer.flush(20) == 0


def test_a_login_is_saved_used_and_forgotten(run, serving, tmp_path):
    """For the owner alone; later commands need no address and no token."""
    login(run, serving)
    file = tmp_path / "config" / "tailrace" / "logins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    code, out, _ = run("whoami")
    assert (code, json.loads(out)["name"]) == (0, "ann")
    assert run("logout")[:2] == (0, f"Logged out of {serving.url}\n".encode())
    assert run("whoami", serving.url)[0] == 3


def test_a_wrong_token_is_not_saved(run, serving, tmp_path):
    """Exit code 3, and nothing on disk."""
    code, _, err = run("login", serving.url, "--token", "tr_wrong")
    assert code == 3
    assert "tr_wrong" not in err
    assert not (tmp_path / "config" / "tailrace" / "logins.json").exists()


def test_a_log_of_file_and_topic(run, serving, kafka, make_topic):
    """Owners are read while the gateway runs."""
    login(run, serving)
    task = make_topic()
    serving.own(task).write_bytes(b"one\ntwo\n")
    store(kafka, task, "three", "four")
    wait_for(lambda: run("logs", task)[0] == 0)
    code, out, err = run("logs", task, "--verbose")
    assert (code, out) == (0, b"one\ntwo\nthree\nfour\n")
    assert "loading log…" in err
    assert "/api/v1/logs" in err
    assert "tr_ann" not in err
    assert run("logs", task, "--tail", "3")[1] == b"two\nthree\nfour\n"


def test_topics_of_another_cluster(runner, kafka, make_topic, tmp_path):
    """The gateway's own Kafka may be away."""
    task = make_topic()
    store(kafka, task, "one")
    more = f'brokers = ["{kafka.bootstrap_servers}"]\n'
    serving = Serving(runner, "127.0.0.1:1", tmp_path, more)
    try:
        serving.own(task)
        run = runner("--url", serving.url, "--token", "tr_ann")
        wait_for(lambda: run("logs", task)[1] == b"one\n")
    finally:
        serving.kill()


def test_no_logs_yet(run, serving):
    """A task without a log, one of somebody else, and an address where nobody is."""
    login(run, serving)
    serving.own("mine")
    wait_for(lambda: run("logs", "mine")[0] == 0)
    assert "No logs for mine yet." in run("logs", "mine")[2]
    code, out, err = run("logs", "theirs")
    assert (code, out) == (1, b"")
    assert "No logs for theirs yet." in err
    code, _, err = run("logs", "mine", "--url", f"http://127.0.0.1:{free_port()}")
    assert code == 4
    assert "Cannot connect to http://127.0.0.1:" in err


def test_a_followed_log_outlives_its_gateway(run, serving, kafka, make_topic):
    """kill -9 in the middle: every line once."""
    login(run, serving)
    task = make_topic()
    file = serving.own(task)
    file.write_bytes(b"f0\n")
    wait_for(lambda: run("logs", task)[0] == 0)
    with run.start("logs", task, "--tail") as process:
        os.set_blocking(process.stdout.fileno(), False)
        seen = b""

        def until(line):
            nonlocal seen
            end = time.monotonic() + SECONDS
            while line not in seen.split(b"\n"):
                assert time.monotonic() < end, seen
                seen += process.stdout.read() or b""
                time.sleep(0.02)

        until(b"f0")
        for n in range(3):
            store(kafka, task, f"t{n}a", f"t{n}b")
            with file.open("ab") as log:
                log.write(b"f%d\n" % (n + 1))
            until(b"t%da" % n)
            serving.kill()
            store(kafka, task, f"t{n}c")
            serving.start()
            until(b"t%dc" % n)
            until(b"f%d" % (n + 1))
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
        lines = (seen + (process.stdout.read() or b"")).split()
    assert sorted(lines) == sorted(
        [*(b"f%d" % n for n in range(4)), *(b"t%d%c" % (n, c) for n in range(3) for c in b"abc")]
    )
