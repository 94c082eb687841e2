"""kill -9 of gateway and broker under followers of task logs: no line is lost, none comes twice."""

import hashlib
import json
import threading
import time

import pytest
from confluent_kafka import Producer
from tests.faults.conftest import GatewayProcess, wait_for

from tailrace.client.exchange import Address
from tailrace.client.task_log import LogRequest, TaskLog
from tailrace.core.errors import TailraceError

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(280)]

TASKS = 10


class LogFollower(threading.Thread):
    """Follows a log as `tailrace logs -f` does."""

    def __init__(self, port, task):
        super().__init__(daemon=True)
        self.address = Address.parse(f"http://127.0.0.1:{port}", "tr_ann")
        self.task, self.lines, self.lost, self.asked, self.wanted = task, [], 0, 0, True

    def run(self):
        while self.wanted:
            try:
                # Only the first connection is not made again by itself.
                log = TaskLog(self.address, LogRequest(self.task, follow=True), self._count)
                break
            except TailraceError:
                time.sleep(0.1)
        for event in log.events():
            if isinstance(event, list):
                self.lines += event
            elif event is not None:
                self.lost += type(event).__name__ == "LostLines"
            if not self.wanted:
                return

    def _count(self, text):
        self.asked += 1


@pytest.fixture
def gateway(kafka, tmp_path):
    tasks = [f"task-{n}-{tmp_path.name[-8:]}" for n in range(TASKS)]
    digest = hashlib.sha256(b"tr_ann").hexdigest()
    settings = [
        f'[[principals]]\nname = "ann"\ntoken_sha256 = "{digest}"',
        f'[tasklogs]\nfolder = "{tmp_path}"',
    ]
    (tmp_path / "tailrace.toml").write_text(
        "\n".join([*settings, "[owners]", *(f'"{t}" = "ann"' for t in tasks)])
    )
    started = Owned(kafka.bootstrap_servers, tmp_path / "gateway.txt")
    started.folder, started.tasks = tmp_path, tasks
    started.start()
    yield started
    started.stop()


class Owned(GatewayProcess):
    """A gateway with the settings file of the test."""

    def words(self):
        return ["serve", "--config", str(self.folder / "tailrace.toml")]

    folder = None


def write(gateway, kafka, count, seconds):
    """Lines into each task's file, which is rotated once, and into its topic."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "enable.idempotence": True})
    for n in range(count):
        for task in gateway.tasks:
            file = gateway.folder / task / "worker.log"
            if n == count // 2:
                file.rename(file.with_name("worker.log.1"))
            with file.open("ab") as worker:
                worker.write(b"f%d\n" % n)
            producer.produce(task, json.dumps({"log": f"t{n}\n"}).encode())
        producer.poll(seconds / count)
    assert producer.flush(60) == 0


def test_followers_of_logs_outlive_gateways_and_brokers(long, gateway, kafka, make_topic, say):
    """100 followers over 5 kills of the gateway and 2 of the broker; fewer within the whole suite."""
    gateway_kills, broker_kills, count, followers = (5, 2, 2_000, 100) if long else (2, 1, 300, 20)
    for task in gateway.tasks:
        make_topic(task)
        (gateway.folder / task).mkdir()
        (gateway.folder / task / "worker.log").touch()
    following = [LogFollower(gateway.port, gateway.tasks[n % TASKS]) for n in range(followers)]
    for follower in following:
        follower.start()
    kills = gateway_kills + broker_kills
    feeding = threading.Thread(target=write, args=(gateway, kafka, count, kills * 3))
    feeding.start()
    for n in range(kills):
        had = [len(f.lines) for f in following]
        wait_for(
            lambda had=had: (
                not feeding.is_alive() or all(len(f.lines) > h for f, h in zip(following, had, strict=True))
            ),
            what="a line for everybody",
        )
        target = kafka if n % 3 == 2 else gateway
        target.kill()
        target.start()
    feeding.join()
    expected = 2 * count

    def fewest():
        return min(len(f.lines) for f in following)

    wait_for(lambda: fewest() >= expected, what=lambda: f"the last of {expected} lines ({fewest()} came)")
    for follower in following:
        follower.wanted = False
    for follower in following:
        follower.join(15)
        of_file = [line for line in follower.lines if line.startswith(b"f")]
        of_topic = [line for line in follower.lines if line.startswith(b"t")]
        assert of_file == [b"f%d" % n for n in range(count)]
        assert of_topic == [b"t%d" % n for n in range(count)]
        assert follower.lost == 0
        assert follower.asked >= gateway_kills
    say(
        f"{gateway_kills} kills of the gateway and {broker_kills} of the broker, {followers} "
        f"followers of {TASKS} logs: {expected:,} lines each, 0 lost, 0 repeated"
    )
