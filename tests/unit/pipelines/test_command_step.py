"""Records through a command: real processes on the log in memory."""

import logging
import sys
import threading

import pytest

from tailrace.core.records import Record
from tailrace.memory.group import MemoryPolled
from tailrace.memory.log import MemoryLog
from tailrace.memory.services import MemorySender
from tailrace.pipelines import command_step
from tailrace.pipelines.command_step import CommandStep
from tailrace.pipelines.conversation import Conversation
from tailrace.runtime.steps import StepFailed

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


class Turn:
    """Nobody interrupts until told so."""

    interrupted = False

    def wait(self, seconds):
        return True


class Asked:
    """A command, what it wrote, and how it is asked."""

    def __init__(self, source, *, many=False):
        self.log = MemoryLog()
        self.talk = Conversation([sys.executable, "-c", source])
        sender = MemorySender(self.log)
        self.step = CommandStep(self.talk, ["left", "right"], sender, text=False, many=many)
        self.turn = Turn()

    def run(self, values, row=0):
        records = [Record("in", 0, n, 0, b"k%d" % n, value) for n, value in enumerate(values)]
        return self.step.run(MemoryPolled(records), row, self.turn)

    def written(self, topic):
        if all(one.name != topic for one in self.log.topics()):
            return []
        return [(r.key, r.value) for p in self.log.topic(topic).partitions for r in p.records]


@pytest.fixture
def asked():
    started = []

    def start(source, **more):
        started.append(Asked(source, **more))
        return started[-1]

    yield start
    for one in started:
        one.talk.terminate()


def test_each_record_is_answered_under_its_key(asked):
    """In order, to all topics."""
    command = asked(ECHO)
    values = [b"%d" % n for n in range(2_000)]
    assert command.run(values) == 2_000
    assert sorted(command.written("left")) == sorted((b"k%d" % n, value) for n, value in enumerate(values))
    assert len(command.written("right")) == 2_000


def test_it_goes_on_where_it_was(asked):
    """Rows before the first one are left alone."""
    command = asked(ECHO)
    assert command.run([b"0", b"1", b"2"], 2) == 3
    assert command.written("left") == [(b"k2", b"2")]


def test_an_interruption_waits_for_what_is_asked(asked):
    """A line without its answer would shift all that follow."""
    command = asked(
        "import sys, time\nfor line in sys.stdin: time.sleep(0.05); print(line, flush=True, end='')"
    )
    threading.Timer(0.2, lambda: setattr(command.turn, "interrupted", True)).start()
    row = command.run([b"%d" % n for n in range(100)])
    assert 0 < row < 100
    assert len(command.written("left")) == row
    command.turn.interrupted = False
    assert command.run([b"7"]) == 1
    assert command.written("left")[-1][1] == b"7"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys\nprint(sys.stdin.readline(), end=''); sys.exit(3)", "exit code 3"),
        ("import sys\nfor line in sys.stdin: print('no json', flush=True)", "is no JSON"),
        (
            'import sys\nfor line in sys.stdin: print(\'{"topic": "up", "value": 1}\', flush=True)',
            "does not write",
        ),
    ],
)
def test_a_failure_names_the_record(asked, source, said):
    """The first that is not answered: it comes again."""
    with pytest.raises(StepFailed, match=said) as failed:
        asked(source).run([b"1", b"2", b"3"])
    assert f"partition 0, offset {failed.value.row}" in str(failed.value)


def test_a_record_that_is_no_json_is_named_when_those_before_it_are_answered(asked):
    """It is not their fault."""
    command = asked(ECHO)
    with pytest.raises(StepFailed, match="offset 2") as failed:
        command.run([b"0", b"1", b"{", b"3"])
    assert failed.value.row == 2
    assert len(command.written("left")) == 2


def test_many_lines_end_with_an_empty_one(asked):
    """Each is a result of the same record."""
    command = asked("import sys\nfor line in sys.stdin: print(f'1\\n2\\n', flush=True)", many=True)
    assert command.run([b"0", b"0"]) == 2
    assert [key for key, _ in sorted(command.written("left"))] == [b"k0", b"k0", b"k1", b"k1"]


def test_a_silent_command_is_named(asked, monkeypatch, caplog):
    """It may not flush, or not know that it should answer."""
    monkeypatch.setattr(command_step, "SILENT_SECONDS", 0.1)
    command = asked("import sys\nfor line in sys.stdin: pass")
    threading.Timer(0.5, command.talk._process.kill).start()
    with caplog.at_level(logging.WARNING), pytest.raises(StepFailed, match="SIGKILL"):
        command.run([b"1"])
    assert "offset 0" in caplog.text
