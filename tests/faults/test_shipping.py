"""Workers and the broker are killed while lines flow to Kafka: none that reached the disk is lost."""

import subprocess
import sys
import threading

import pytest

from .conftest import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(280)]

WRITER = """
import logging, sys
from tailrace.logging import KafkaHandler
task, broker, spool, life = sys.argv[1:]
handler = KafkaHandler(task, broker, spool=spool, close_seconds=60)
logger = logging.Logger("worker")
logger.addHandler(handler)
for number in range(1_000_000 if life != "last" else 0):
    logger.info("%s %d", life, number)
    if number % 20 == 19:
        handler.flush()
        print(number, flush=True)
handler.close()
"""


@pytest.fixture
def lines(stored):
    """The texts in the task's topic."""
    return lambda: [record["log"] for record in stored()]


class Life:
    """A process until it is killed, and what it says."""

    def __init__(self, *command):
        self.process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
        self.said = []
        self.listener = threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True)
        self.listener.start()

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        """Wait for the end; what it ended with."""
        code = self.process.wait(60)
        self.listener.join()
        self.process.stdout.close()
        return code


@pytest.fixture
def live():
    """Start processes that end with the test."""
    started = []

    def start(*command):
        started.append(Life(*command))
        return started[-1]

    yield start
    for life in started:
        if life.process.poll() is None:
            life.kill()


def test_a_worker_that_logs_is_killed_and_so_is_the_broker(kafka, task, lines, tmp_path, live, long, say):
    """Each line that `flush` spoke of is there, in order, and none twice."""
    kills, outages = (10, 3) if long else (3, 1)
    on_disk = {}
    for number in range(kills):
        life = live("-c", WRITER, task, kafka.bootstrap_servers, str(tmp_path), f"life{number}")
        away = number >= kills - outages
        wait_for(lambda life=life: len(life.said) > 10 or life.process.poll() is not None)
        if away:
            kafka.kill()
            before = len(life.said)
            wait_for(lambda life=life, before=before: len(life.said) > before + 50)
        life.kill()
        on_disk[f"life{number}"] = int(life.said[-1])
        if away:
            kafka.start()
    last = live("-c", WRITER, task, kafka.bootstrap_servers, str(tmp_path), "last")
    assert last.end() == 0
    stored = lines()
    lost = repeated = 0
    for life, most in on_disk.items():
        numbers = [int(text.split()[1]) for text in stored if text.startswith(f"{life} ")]
        lost += len(set(range(most + 1)) - set(numbers))
        repeated += len(numbers) - len(set(numbers))
        assert numbers == sorted(numbers)
    say(
        f"{kills} kills of a worker, {outages} of the broker: "
        f"{len(stored):,} lines, {lost} lost, {repeated} repeated"
    )
    assert (lost, repeated) == (0, 0)


def test_a_file_that_is_rotated_is_shipped_through_kills(kafka, task, lines, tmp_path, live, long, say):
    """Of the command and of the broker."""
    kills, outages = (10, 3) if long else (3, 1)
    log = tmp_path / "worker.log"
    written, stop = [], threading.Event()

    def write():
        while not stop.wait(0.001):
            with log.open("a") as file:
                texts = [f"{n}\n" for n in range(len(written), len(written) + 20)]
                file.write("".join(texts))
            written.extend(texts)
            if len(written) % 10_000 == 0:
                log.rename(log.with_name(f"worker.log.{len(written)}"))

    main = "from tailrace.cli import main; main()"
    words = ["logs", "ship", str(log), "--task", task, "--broker", kafka.bootstrap_servers]
    command = ["-c", main, *words, "--spool", str(tmp_path / "spool")]
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(kills):
            life, before, seen = live(*command, "--follow"), len(written), len(lines())
            wait_for(lambda seen=seen: len(lines()) > seen)
            if number >= kills - outages:
                kafka.kill()
                wait_for(lambda before=before: len(written) > before + 5_000)
                life.kill()
                kafka.start()
            else:
                life.kill()
    finally:
        stop.set()
        writer.join()
    subprocess.run([sys.executable, *command], check=True, timeout=100)
    stored = lines()
    lost, repeated = len(set(written) - set(stored)), len(stored) - len(set(stored))
    say(
        f"{kills} kills of logs ship, {outages} of the broker: "
        f"{len(stored):,} lines, {lost} lost, {repeated} repeated"
    )
    assert stored == written
