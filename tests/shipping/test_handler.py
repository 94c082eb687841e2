"""Python's logging into Kafka."""

import logging
import logging.config
import os
import subprocess
import sys
import time

import pytest
from tests.shipping.conftest import wait_for

from tailrace.core.errors import ConfigurationError
from tailrace.logging import KafkaHandler

pytestmark = pytest.mark.kafka
NO_ROOM = "the spool had no room for them"


@pytest.fixture
def make(kafka, task, tmp_path, logger):
    """A handler on the session's Kafka, added to the logger."""

    def made(**options):
        where = {} if {"url", "broker"} & options.keys() else {"broker": kafka.bootstrap_servers}
        handler = KafkaHandler(task, **{**where, "spool": tmp_path, **options})
        logger.addHandler(handler)
        return handler

    return made


def logs(stored):
    return [record["log"] for record in stored()]


def test_a_line_has_its_text_and_what_is_known_of_it(make, logger, stored):
    """In the form that the log route reads; the topic is made."""
    make()
    logger.info("epoch %d", 7)
    (record,) = wait_for(stored)
    assert record["log"] == "epoch 7\n"
    assert (record["level"], record["logger"]) == ("INFO", "train")
    assert record["time"].endswith("Z")


def test_an_exception_comes_with_its_trace(make, logger, stored):
    """As lines of one record."""
    make()
    try:
        raise ValueError("no such loss")
    except ValueError:
        logger.exception("failed")
    (record,) = wait_for(stored)
    lines = record["log"].splitlines()
    assert lines[0] == "failed"
    assert lines[1].startswith("Traceback")
    assert lines[-1] == "ValueError: no such loss"


def test_lines_keep_their_order_and_closing_stores_them_all(make, logger, stored):
    """Ten thousand, as fast as they can be logged."""
    handler = make()
    for number in range(10_000):
        logger.debug("%d", number)
    handler.close()
    assert logs(stored) == [f"{n}\n" for n in range(10_000)]
    assert handler.missing == 0


@pytest.mark.parametrize("text", ["a\x00b\x1b[31m\r", "é €\u2028", "\ud800 alone", "x" * 1_000_000])
def test_any_text_is_stored(make, logger, stored, text):
    """Control characters, what is no Unicode, and more than a record may hold."""
    handler = make()
    logger.info(text)
    handler.close()
    whole = "".join(logs(stored))
    assert whole == text.encode(errors="backslashreplace").decode() + "\n"


def killed(task, folder, work, **options):
    """A process whose broker is away logs, and is gone as by a kill once the lines are on the disk."""
    code = f"""
import logging, os
from tailrace.logging import KafkaHandler
handler = KafkaHandler({task!r}, "127.0.0.1:1", spool={str(folder)!r}, **{options!r})
logging.getLogger().addHandler(handler)
{work}
handler.flush()
print(handler.missing)
os._exit(9)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 9, done.stderr
    return int(done.stdout), done.stderr


def test_what_a_killed_process_left_is_sent_by_the_next(make, logger, stored, tmp_path, task):
    """The broker was away for the whole life of the first one."""
    killed(task, tmp_path, "logging.warning('first')")
    handler = make()
    logger.info("second")
    handler.close()
    assert logs(stored) == ["first\n", "second\n"]


def test_processes_of_a_task_have_a_spool_each(make, logger, stored, tmp_path, task):
    """And what one leaves is sent by whoever starts next."""
    beside = make()
    killed(task, tmp_path, "logging.warning('first')")
    assert sorted(p.name for p in (tmp_path / task).iterdir()) == ["0", "1"]
    logger.removeHandler(beside)
    beside.close()
    make().close()
    assert logs(stored) == ["first\n"]


def test_what_the_spool_has_no_room_for_is_counted_and_told(make, logger, stored, tmp_path, task):
    """On standard error, and in the log itself where the lines are missing."""
    work = "for _ in range(100): logging.warning('x' * 60_000); handler.flush()"
    missing, told = killed(task, tmp_path, work, spool_bytes=4 << 20)
    assert 0 < missing < 100
    assert "dropped while the spool" in told
    handler = make(spool_bytes=8 << 20)
    logger.info("after")
    handler.close()
    assert len(logs(stored)) == 100 - missing + 2
    assert logs(stored)[-2:] == [f"[tailrace: {missing} lines missing here: {NO_ROOM}]\n", "after\n"]


def test_logging_does_not_wait_while_the_broker_is_away(make, logger, capsys):
    """Lines wait on disk, which is said when they are left there."""
    handler = make(broker="127.0.0.1:1", close_seconds=0.5)
    took = []
    for number in range(2_000):
        began = time.perf_counter()
        logger.info("line %d", number)
        took.append(time.perf_counter() - began)
    handler.flush()
    assert handler.waiting == 2_000
    assert sorted(took)[1_900] < 0.005
    logger.removeHandler(handler)
    began = time.monotonic()
    handler.close()
    assert time.monotonic() - began < 4
    assert "2,000 lines left in" in capsys.readouterr().err


def test_its_own_trouble_is_not_sent(make, logger):
    """Else a broker that is away would fill the spool by itself."""
    handler = make(broker="127.0.0.1:1", close_seconds=0.1)
    handler.handle(logging.makeLogRecord({"name": "tailrace.kafka", "msg": "away"}))
    handler.flush()
    assert handler.waiting == 0


def test_it_is_made_by_plain_arguments(kafka, task, tmp_path, stored):
    """As dictConfig has them; ends with logging itself."""
    code = f"""
import logging, logging.config
logging.config.dictConfig({{
    "version": 1,
    "handlers": {{"kafka": {{
        "class": "tailrace.logging.KafkaHandler", "task": {task!r}, "broker": {kafka.bootstrap_servers!r},
        "spool": {str(tmp_path)!r}, "settings": {{"request_timeout_ms": 20000}}, "level": "INFO",
    }}}},
    "root": {{"handlers": ["kafka"], "level": "DEBUG"}},
}})
logging.info("configured")
logging.debug("not this")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert logs(stored) == ["configured\n"]


FORKS = {
    "os.fork": """
child = os.fork()
if not child:
    logging.warning("child")
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
""",
    "multiprocessing": """
import multiprocessing
child = multiprocessing.get_context("fork").Process(target=logging.warning, args=("child",))
child.start()
child.join()
assert child.exitcode == 0
""",
}


@pytest.mark.parametrize("fork", FORKS)
def test_a_forked_child_logs_with_a_spool_of_its_own(kafka, task, tmp_path, stored, fork):
    """And ends, its lines stored; the parent goes on."""
    code = f"""
import logging, os, sys
from tailrace.logging import KafkaHandler
logging.getLogger().addHandler(KafkaHandler({task!r}, {kafka.bootstrap_servers!r}, spool={str(tmp_path)!r}))
logging.warning("before")
{FORKS[fork]}
logging.warning("parent")
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(logs(stored)) == ["before\n", "child\n", "parent\n"]


def test_a_handler_that_is_made_in_a_child_of_multiprocessing_stores_its_last_lines(
    kafka, task, tmp_path, stored
):
    """Such a child ends without Python's own way of closing handlers."""
    code = f"""
import logging, multiprocessing
from tailrace.logging import KafkaHandler
def work():
    handler = KafkaHandler({task!r}, {kafka.bootstrap_servers!r}, spool={str(tmp_path)!r}, close_seconds=30)
    logging.getLogger().addHandler(handler)
    for number in range(3000):
        logging.warning("%d", number)
child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
assert child.exitcode == 0
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert logs(stored) == [f"{n}\n" for n in range(3000)]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"task": "a/b"}, "cannot name a task"),
        ({"spool": "/proc/nowhere"}, "cannot be kept"),
        ({"spool_bytes": 10}, "10 bytes"),
        ({"settings": {"acks": 1}}, "Tailrace's own"),
        ({"url": "http://127.0.0.1:1", "broker": "b:1"}, "exclude each other"),
    ],
)
def test_what_cannot_work_is_said_at_the_start(tmp_path, options, why):
    """Not when the first line is lost."""
    with pytest.raises(ConfigurationError, match=why):
        KafkaHandler(**{"task": "t", "spool": tmp_path, **options})


def test_a_line_after_the_end_is_counted(make, logger, capsys, monkeypatch):
    """Nothing raises into the code that logs."""
    handler = make()
    handler.close()
    logger.info("late")
    assert handler.missing == 1
    assert "closed" in capsys.readouterr().err


def test_the_default_spool_is_in_the_user_s_state_folder(kafka, task, tmp_path, monkeypatch, stored):
    """Which outlives a restart of the machine."""
    monkeypatch.setenv("XDG_STATE_HOME", os.fspath(tmp_path))
    monkeypatch.setenv("TAILRACE_BROKER", kafka.bootstrap_servers)
    handler = KafkaHandler(task)
    handler.handle(logging.makeLogRecord({"name": "train", "msg": "here"}))
    handler.close()
    assert (tmp_path / "tailrace" / "lines" / task / "0" / "sent").exists()
    assert logs(stored) == ["here\n"]
