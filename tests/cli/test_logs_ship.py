"""`tailrace logs ship`: a file into a task's topic, each line once."""

import json
import logging
import re
import signal
import time

import pytest

from tailrace.cli.group import exit_code
from tailrace.logging import KafkaHandler
from tailrace.shipping.entries import Entry
from tailrace.shipping.spool import Spool

pytestmark = pytest.mark.kafka


@pytest.fixture
def ship(task, tmp_path):
    """The command's words for the file of a test."""
    return ["logs", "ship", str(tmp_path / "worker.log"), "--task", task, "--spool", str(tmp_path / "spool")]


@pytest.fixture
def stored(runner, kafka, task):
    """The records of the task's topic; none while there is no topic."""

    def read():
        code, out, _ = runner("--broker", kafka.bootstrap_servers)("consume", task, "--format", "value")
        return [json.loads(line) for line in out.splitlines()] if code == 0 else []

    return read


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_file_is_stored_once_however_often_the_command_runs(run, ship, stored, tmp_path):
    """The topic is made; any bytes are kept, and the last line may have no end."""
    (tmp_path / "worker.log").write_bytes(b"one\r\n\ncaf\xe9\nend")
    for _ in range(2):
        assert run(*ship) == (0, b"", "")
    with (tmp_path / "worker.log").open("ab") as file:
        file.write(b"ed\n")
    assert run(*ship) == (0, b"", "")
    assert stored() == [
        {"log": "one\r\n"},
        {"log": "\n"},
        {"log": "caf\ufffd\n", "bytes": "Y2Fm6Qo="},
        {"log": "end"},
        {"log": "ed\n"},
    ]


def test_a_file_is_followed_through_its_rotation_until_ctrl_c(run, ship, stored, tmp_path):
    """It may come later; a line that has no end yet is left for the next start."""
    log = tmp_path / "worker.log"
    process = run.start(*ship, "--follow")
    log.write_bytes(b"one\n")
    wait_for(lambda: len(stored()) == 1)
    log.rename(tmp_path / "worker.log.1")
    log.write_bytes(b"two\nth")
    wait_for(lambda: len(stored()) == 2)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, b"2 lines taken\n")
    with log.open("ab") as file:
        file.write(b"ree\n")
    assert run(*ship)[0] == 0
    assert [record["log"] for record in stored()] == ["one\n", "two\n", "three\n"]


def test_lines_of_a_killed_command_are_neither_lost_nor_repeated(run, ship, stored, tmp_path):
    """Killed five times, wherever it is."""
    log = tmp_path / "worker.log"
    expected = [f"{n} {'x' * 100}\n" for n in range(30_000)]
    log.write_text("".join(expected))
    for _ in range(5):
        process = run.start(*ship)
        seen = len(stored())
        wait_for(lambda seen=seen, process=process: len(stored()) > seen or process.poll() is not None)
        process.kill()
        process.communicate()
    assert run(*ship)[0] == 0
    assert [record["log"] for record in stored()] == expected


def test_with_no_broker_it_says_what_waits_and_the_next_start_sends_it(runner, kafka, ship, stored, tmp_path):
    """Exit code 4; nothing is lost, also if the file is gone meanwhile."""
    log = tmp_path / "worker.log"
    log.write_bytes(b"one\ntwo\n")
    code, _, told = runner("--broker", "127.0.0.1:1")(*ship, "--wait", "1")
    assert code == 4
    assert "Not stored: 2 lines." in told
    log.write_bytes(b"three\n")
    assert runner("--broker", kafka.bootstrap_servers)(*ship)[0] == 0
    assert [record["log"] for record in stored()] == ["one\n", "two\n", "three\n"]


def test_one_file_is_shipped_by_one_command_at_a_time(run, ship, tmp_path):
    """Two would both keep the place."""
    (tmp_path / "worker.log").write_bytes(b"")
    first = run.start(*ship, "-f")
    wait_for(lambda: list((tmp_path / "spool").rglob("id")))
    code, _, told = run(*ship)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    assert (code, "is being shipped" in told) == (2, True)


def test_a_topic_that_is_missing_is_not_made_against_ones_will(run, ship, stored, tmp_path):
    """The lines wait."""
    (tmp_path / "worker.log").write_bytes(b"one\n")
    code, _, told = run(*ship, "--no-create")
    assert code == 1
    assert "There is no topic" in told
    assert run(*ship)[0] == 0
    assert len(stored()) == 1


def test_logging_goes_through_a_gateway_too(gateway, task, stored, tmp_path):
    """By its address in place of brokers."""
    handler = KafkaHandler(task, url=gateway, spool=tmp_path)
    for number in range(3_000):
        handler.handle(logging.makeLogRecord({"name": "train", "msg": f"{number}"}))
    handler.close()
    assert [record["log"] for record in stored()] == [f"{n}\n" for n in range(3_000)]


@pytest.mark.parametrize("size", [3_000_000, 20_000_000])
def test_a_line_that_is_too_large_for_a_gateway_does_not_hold_up_the_others(
    gateway, task, stored, tmp_path, size
):
    """Be it refused alone, or with the whole request."""
    spool = Spool(tmp_path / task / "0")
    spool.append([Entry(1, b'{"log":"one"}'), Entry(2, b"x" * size), Entry(3, b'{"log":"two"}')])
    spool.close()
    handler = KafkaHandler(task, url=gateway, spool=tmp_path)
    handler.handle(logging.makeLogRecord({"name": "train", "msg": "three"}))
    handler.close()
    told = "[tailrace: 1 line missing here: the brokers refused it]\n"
    logs = [record["log"] for record in stored()]
    assert [text for text in logs if text != told] == ["one", "two", "three\n"]
    assert logs.count(told) == 1
    assert handler.missing == 1


def test_a_task_may_be_called_ship(capsys, monkeypatch):
    """Its log is read behind two hyphens."""
    monkeypatch.setenv("TAILRACE_URL", "http://127.0.0.1:1")
    assert exit_code(["logs", "--", "ship"]) == 4
    assert "Cannot connect" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["missing.log", "--task", "a"], 1, "missing.log: No such file"),
        (["missing.log", "--task", "a/b"], 1, "missing.log: No such file"),
        (["/", "--task", "a", "--spool", "{tmp}"], 2, "no file with lines"),
        ([__file__, "--task", "../a"], 2, "cannot name a task"),
        ([__file__], 2, "--task"),
    ],
)
def test_what_cannot_work_is_said(words, code, why, tmp_path, capsys):
    """Before anything is kept."""
    words = [word.replace("{tmp}", str(tmp_path)) for word in words]
    assert exit_code(["logs", "ship", *words, "--broker", "127.0.0.1:1"]) == code
    assert re.search(why, capsys.readouterr().err)
