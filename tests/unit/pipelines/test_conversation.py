"""Commands that run: real processes, asked line by line."""

import sys
import time

import pytest

from tailrace.pipelines.conversation import CommandFailed, Conversation

SECONDS = 20
ECHO = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)"


@pytest.fixture
def python():
    """Starts a Python command; it has ended after the test."""
    started = []

    def start(source, **more):
        started.append(Conversation([sys.executable, "-c", source], **more))
        return started[-1]

    yield start
    for one in started:
        one.terminate()


def answers(talk, count):
    """So many lines."""
    found, end = [], time.monotonic() + SECONDS
    while len(found) < count:
        assert time.monotonic() < end, found
        talk.turn(0.1)
        while (line := talk.take()) is not None:
            found.append(line)
    return found


def test_lines_are_answered_in_order(python):
    """Each by one line."""
    talk = python(ECHO)
    for line in (b"abc\n", b"12\n", b"\n"):
        talk.ask(line)
    assert answers(talk, 3) == [b"cba", b"21", b""]
    assert talk.finish() == 0


def test_more_than_a_pipe_holds_is_no_deadlock(python):
    """Neither side waits for the other to read."""
    talk = python(ECHO)
    lines = [b"%d" % n + b"x" * 5_000 for n in range(400)]
    for line in lines:
        talk.ask(line + b"\n")
    assert answers(talk, 400) == [line[::-1] for line in lines]


def test_an_end_is_told_with_its_exit_code(python):
    """What it printed before is still given."""
    talk = python("print('last words'); raise SystemExit(3)")
    assert answers(talk, 1) == [b"last words"]
    with pytest.raises(CommandFailed, match="exit code 3"):
        answers(talk, 1)


def test_a_signal_is_told_by_its_name(python):
    """As the supervisor tells of workers."""
    with pytest.raises(CommandFailed, match="SIGKILL"):
        answers(python("import os; os.kill(os.getpid(), 9)"), 1)


def test_a_command_that_reads_nothing_has_an_empty_input(python):
    """It gives lines until it ends."""
    talk = python("import sys; print(repr(sys.stdin.read())); print(2)", asked=False)
    assert answers(talk, 2) == [b"''", b"2"]
    assert talk.finish() == 0
    assert talk.ended


def test_a_command_may_end_in_peace(python):
    """Its input ends, and it has time to print what nobody needs."""
    talk = python("import sys; sys.stdin.read(); print('x' * 1_000_000); raise SystemExit(4)")
    assert talk.finish() == 4


def test_output_that_is_no_line_is_bounded(python, monkeypatch):
    """A command that prints for ever without an end of line is refused."""
    monkeypatch.setattr("tailrace.pipelines.conversation.MAX_ANSWER_BYTES", 1_000_000)
    with pytest.raises(CommandFailed, match="1,000,000 bytes"):
        answers(python("import sys\nwhile True: sys.stdout.write('x' * 10_000)"), 1)


@pytest.mark.parametrize("asked", [True, False])
def test_a_line_that_was_begun_is_no_answer(python, asked):
    """Who is killed amid 123456 has not said 123."""
    talk = python("import os; os.write(1, b'1\\n123'); os.kill(os.getpid(), 9)", asked=asked)
    assert answers(talk, 1) == [b"1"]
    with pytest.raises(CommandFailed, match="SIGKILL"):
        answers(talk, 1)
    assert (talk.finish(), talk.take()) == (-9, None)


def test_the_last_line_of_one_that_ended_well_is_whole(python):
    """Many do not end it."""
    talk = python("print('last words', end='')", asked=False)
    while not talk.ended:
        talk.turn(0.1)
    assert (talk.finish(), talk.take()) == (0, b"last words")


def test_an_end_is_noticed_though_a_child_holds_the_output(python):
    """As a shell's job in the background does."""
    child = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'])"
    began = time.monotonic()
    with pytest.raises(CommandFailed, match="exit code 3"):
        answers(python(f"{child}; raise SystemExit(3)"), 1)
    assert time.monotonic() - began < 5


def test_a_command_that_closes_its_input_has_failed(python):
    """It would be asked for ever."""
    talk = python("import os, time; os.close(0); print('closed', flush=True); time.sleep(60)")
    assert answers(talk, 1) == [b"closed"]
    talk.ask(b"1\n")
    with pytest.raises(CommandFailed, match="has closed its input, but has not ended"):
        answers(talk, 1)


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_printed_while_it_ends_is_bounded(python, monkeypatch, asked):
    """One that prints for ever is told to end, and does not fill the memory until then."""
    monkeypatch.setattr("tailrace.pipelines.conversation.END_SECONDS", 0.5)
    monkeypatch.setattr("tailrace.pipelines.conversation.MAX_LAST_BYTES", 1_000_000)
    talk = python("while True: print('x' * 100_000)", asked=asked)
    assert talk.finish() == -15
    assert sum(map(len, talk._lines)) < 2_000_000
