"""`tailrace run` against real Kafka."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from confluent_kafka import Consumer, TopicPartition

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

TAILRACE = [sys.executable, "-c", "from tailrace.cli import main; main()"]
CALC = """
import asyncio
import time
from tailrace import App
app = App("calc-{topic}")

@app.task(to="{topic}")
def one(left: str, right: str, operation: str):
    return {{"left": left, "right": right, "operation": operation}}

@app.task
async def broken():
    raise OSError("the disk is full")

@app.task
def train():
    print("begun", flush=True)
    time.sleep(60)

@app.task
async def fetch():
    print("begun", flush=True)
    await asyncio.sleep(60)

@app.on("{topic}", start="earliest", on_error="skip", coerce=True)
def two(value: dict[str, int | str]):
    if value["operation"] != "sum":
        raise ValueError("no such operation")
    print("Result:", int(value["left"]) + int(value["right"]))

@app.on("{topic}", start="earliest", group="slow-{topic}")
def slow(value: dict):
    print("begun", flush=True)
    time.sleep(2)
    print("ended", flush=True)
"""


def test_what_looks_like_a_file_or_a_program(tmp_path):
    """A module's file, and arguments without --, are told how it is written."""
    (tmp_path / "calc.py").write_text(CALC.format(topic="t"))
    for words, said in (
        (["calc.py"], "calc.py is a module: run what is in it, such as calc:app."),
        (["calc:one", "5", "2"], "stand after --: tailrace run calc:one -- 5 2"),
    ):
        done = subprocess.run(
            [*TAILRACE, "run", *words], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 2
        assert said in " ".join(done.stderr.split())


@pytest.fixture
def run(kafka, topic, tmp_path):
    """Start `tailrace run` in a folder of its own, with the calculator in it."""
    (tmp_path / "calc.py").write_text(CALC.format(topic=topic))
    started = []

    def start(*arguments):
        environment = {**os.environ, "TAILRACE_BROKER": kafka.bootstrap_servers}
        started.append(
            subprocess.Popen(
                [*TAILRACE, "run", *arguments],
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    out, err = process.communicate(timeout=40)
    return process.returncode, out, err


def committed(kafka, group, topic):
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": group})
    offset = consumer.committed([TopicPartition(topic, 0)], timeout=20)[0].offset
    consumer.close()
    return offset


def test_a_task_and_a_worker(run, kafka, topic):
    """Arguments come after --; numbered workers print results, and what is wrong is said and skipped."""
    worker = run("calc:two", "--client-id", "0")
    for words in (["5", "2", "mul"], ["5", "2", "sum"]):
        task = run("calc:one", "--", *words)
        _, said = task.communicate(timeout=40)
        assert task.returncode == 0, said
    assert worker.stdout.readline() == "Result: 7\n"
    code, _, said = stop(worker)
    assert code == 0
    assert "client-0: two reads" in said
    assert f"two failed on the record at topic {topic}, partition 0, offset 0: ValueError" in said
    assert committed(kafka, f"calc-{topic}", topic) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_record_in_hand(run, kafka, topic, number):
    """It is committed, and the next is not begun; that it takes a while is said."""
    for _ in range(2):
        assert run("calc:one", "--", "1", "2", "sum").wait(40) == 0
    worker = run("calc:slow")
    assert worker.stdout.readline() == "begun\n"
    code, out, said = stop(worker, number)
    assert (code, out) == (0, "ended\n")
    assert "stops once the records in hand are done" in said
    assert committed(kafka, f"slow-{topic}", topic) == 1


def test_wrong_targets(run):
    """Two lines each, and exit code 2."""
    for target, said in (("calc:tow", "Did you mean 'two'?"), ("clac:two", "There is no module 'clac'.")):
        process = run(target)
        _, err = process.communicate(timeout=40)
        assert process.returncode == 2
        assert said in err
        assert len(err.splitlines()) <= 3


def test_wrong_arguments(run):
    """A task says what it takes."""
    process = run("calc:one", "--", "5")
    _, err = process.communicate(timeout=40)
    assert process.returncode == 2
    assert "The task one takes LEFT RIGHT OPERATION." in err
    assert "Try:   Give them after --: tailrace run calc:one -- LEFT RIGHT OPERATION" in err


def test_a_task_that_raises(run):
    """Its trace is shown, and the exit code is 1."""
    process = run("calc:broken")
    _, err = process.communicate(timeout=40)
    assert process.returncode == 1
    assert 'raise OSError("the disk is full")' in err
    assert "Error: calc:broken failed.\nWhy:   OSError: the disk is full\n" in err


@pytest.mark.parametrize("program", ["slow", "fetch", "train"])
def test_a_signal_that_comes_twice_at_once_is_one(run, program):
    """GNU timeout sends each to the process and to its group; a second one later ends it."""
    if program == "slow":
        assert run("calc:one", "--", "1", "2", "sum").wait(40) == 0
    process = run(f"calc:{program}")
    assert process.stdout.readline() == "begun\n"
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    out, err = process.communicate(timeout=40)
    assert (process.returncode, out) == ((0, "ended\n") if program == "slow" else (130, ""))
    assert "Traceback" not in err


def test_a_second_signal_does_not_wait_for_the_record_in_hand(run):
    """Half a second after the first."""
    assert run("calc:one", "--", "1", "2", "sum").wait(40) == 0
    process = run("calc:slow")
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGTERM)
    time.sleep(0.7)
    assert stop(process)[:2] == (-signal.SIGTERM, "")


@pytest.mark.parametrize(("task", "number"), [("train", signal.SIGTERM), ("fetch", signal.SIGINT)])
def test_a_task_that_a_signal_cuts_is_not_done(run, task, number):
    """Half a training must not be taken for a whole one."""
    process = run(f"calc:{task}")
    assert process.stdout.readline() == "begun\n"
    code, _, _ = stop(process, number)
    assert code == 128 + number


def test_a_worker_by_its_seam(kafka, topic, tmp_path):
    """A spec on one descriptor, states on another, SIGTERM ends it well."""
    (tmp_path / "calc.py").write_text(CALC.format(topic=topic))
    spec = {"run": "calc:two", "broker": kafka.bootstrap_servers, "reads": [topic], "group": f"seam-{topic}"}
    spec_in, spec_out = os.pipe()
    status_in, status_out = os.pipe()
    os.write(spec_out, json.dumps(spec).encode())
    os.close(spec_out)
    command = [sys.executable, "-m", "tailrace.runtime.worker"]
    command += ["--spec-fd", str(spec_in), "--status-fd", str(status_out)]
    process = subprocess.Popen(command, cwd=tmp_path, pass_fds=(spec_in, status_out))
    os.close(spec_in)
    os.close(status_out)
    with os.fdopen(status_in) as lines:
        assert json.loads(lines.readline()) == {
            "state": "ready",
            "records": 0,
            "sent": 0,
            "error": None,
            "hint": "",
        }
        assert json.loads(lines.readline())["state"] == "running"
        process.terminate()
        states = [json.loads(line)["state"] for line in lines]
    assert process.wait(40) == 0
    assert states[-2:] == ["stopping", "done"]


def test_a_slow_handler_stays_a_member(run, kafka, topic):
    """Two seconds a record, and a session that would not bear it without a poll: nothing comes twice."""
    for _ in range(3):
        assert run("calc:one", "--", "1", "2", "sum").wait(40) == 0
    worker = run("calc:slow", "-X", "max.poll.interval.ms=6000", "-X", "session.timeout.ms=6000")
    lines = [worker.stdout.readline() for _ in range(6)]
    code, out, said = stop(worker)
    assert lines == ["begun\n", "ended\n"] * 3
    assert (code, out) == (0, "")
    assert "lost" not in said
    assert committed(kafka, f"slow-{topic}", topic) == 3
