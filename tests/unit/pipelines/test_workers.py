"""Workers: real processes, started, listened to, restarted, stopped."""

import asyncio
import os
import sys
import time
from pathlib import Path

from tailrace.pipelines.launch import Launch
from tailrace.pipelines.mistakes import Place
from tailrace.pipelines.model import Program, Ref
from tailrace.pipelines.workers import State, Worker

SECONDS = 20
STATUS = """
import os, sys
status = int(sys.argv[sys.argv.index("--status-fd") + 1])
spec = os.fdopen(int(sys.argv[sys.argv.index("--spec-fd") + 1])).read()
"""


class Watched:
    """A worker that runs a Python text, and what was heard of it."""

    def __init__(self, source, folder, spec=None, **program):
        self.lines, self.states = [], []
        launch = Launch((sys.executable, "-u", "-c", source), str(folder), os.environ, spec)
        self.worker = Worker(
            Program("one", **program), 0, launch, lambda _, line: self.lines.append(line), self._changed
        )

    def _changed(self, worker):
        self.states.append(worker.state)

    async def until(self, condition):
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, (self.states, self.lines)
            await asyncio.sleep(0.01)


async def test_what_it_prints_is_heard_and_its_end_is_known(tmp_path):
    """Standard output and standard error, line by line, in the folder of the file."""
    watched = Watched("import os, sys; print(os.getcwd()); print('b', file=sys.stderr)", tmp_path)
    await watched.worker.run()
    assert sorted(watched.lines) == sorted([str(tmp_path).encode(), b"b"])
    assert watched.states == [State.RUNNING, State.DONE]


async def test_a_death_is_followed_by_a_start(tmp_path):
    """The reason is known, and the limit ends it."""
    watched = Watched("raise SystemExit(7)", tmp_path, restarts=1)
    await watched.worker.run()
    assert watched.states[-3:] == [State.STARTING, State.RUNNING, State.FAILED]
    assert (watched.worker.restarts.total, watched.worker.error) == (1, "ended with exit code 7")


async def test_a_signal_that_ended_it_is_named(tmp_path):
    """As kill -9 does."""
    watched = Watched("import os; os.kill(os.getpid(), 9)", tmp_path, restarts=0)
    await watched.worker.run()
    assert watched.worker.error == "killed by SIGKILL"


async def test_wrong_usage_is_not_tried_again(tmp_path):
    """It would end in the same way."""
    watched = Watched("raise SystemExit(2)", tmp_path)
    await watched.worker.run()
    assert (watched.worker.state, watched.worker.restarts.total) == (State.FAILED, 0)


async def test_a_task_that_was_cut_is_not_done(tmp_path):
    """Somebody's SIGTERM, to which a worker answers with exit code 0, is no end of the work."""
    cut = STATUS + 'os.write(status, b\'{"state": "stopping"}\\n\')'
    watched = Watched(cut, tmp_path, spec=b"{}", restarts=0)
    await watched.worker.run()
    assert watched.worker.state is State.FAILED


async def test_a_reader_that_ends_by_itself_is_started_again(tmp_path):
    """Somebody's SIGTERM leaves its partitions to nobody."""
    watched = Watched("pass", tmp_path, restarts=1, reads=(Ref("a", Place(1, 1)),))
    await watched.worker.run()
    assert (watched.worker.state, watched.worker.restarts.total) == (State.FAILED, 1)


async def test_it_is_told_its_spec_and_tells_its_state(tmp_path):
    """On descriptors of their own, so that it may print what it likes."""
    source = STATUS + 'os.write(status, b\'{"state": "ready", "records": 5, "sent": 3}\\n\'); print(spec)'
    watched = Watched(source, tmp_path, spec=b"x" * 200_000)
    await watched.worker.run()
    assert watched.states == [State.READY, State.DONE]
    assert (watched.worker.records, watched.worker.sent) == (5, 3)
    assert b"".join(watched.lines) == b"x" * 200_000


async def test_counts_go_on_over_restarts(tmp_path):
    """A program's rate is that of all its processes."""
    source = STATUS + 'os.write(status, b\'{"state": "running", "records": 5}\\n\'); raise SystemExit(1)'
    watched = Watched(source, tmp_path, spec=b"{}", restarts=2)
    await watched.worker.run()
    assert watched.worker.records == 15


async def test_it_is_stopped_by_a_signal(tmp_path):
    """And not started again."""
    watched = Watched("import time; print('up'); time.sleep(60)", tmp_path)
    running = asyncio.create_task(watched.worker.run())
    await watched.until(lambda: watched.lines)
    watched.worker.stop()
    await asyncio.wait_for(running, SECONDS)
    assert watched.states[-2:] == [State.STOPPING, State.STOPPED]


async def test_one_that_is_stopped_before_its_start_is_not_started(tmp_path):
    """A source waits for its readers, and the stop comes first."""
    watched = Watched("print(1)", tmp_path)
    watched.worker.stop()
    await watched.worker.run()
    assert (watched.states, watched.lines) == ([State.STOPPED], [])


async def test_a_pause_before_a_restart_is_no_hindrance_to_a_stop(tmp_path):
    """The next start is left out."""
    watched = Watched("raise SystemExit(1)", tmp_path, restarts=100)
    running = asyncio.create_task(watched.worker.run())
    await watched.until(lambda: watched.worker.restarts.total > 2)
    watched.worker.stop()
    await asyncio.wait_for(running, 1)
    assert watched.worker.state is State.STOPPED


async def test_children_of_a_dead_worker_end_too(tmp_path):
    """They would go on beside the next one's; and nobody waits for what they hold open."""
    source = (
        "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid); raise SystemExit(1)"
    )
    watched = Watched(source, tmp_path, restarts=0)
    begun = time.monotonic()
    await watched.worker.run()
    assert time.monotonic() - begun < 10
    await watched.until(lambda: not alive(int(watched.lines[0])))


def alive(pid):
    """Whether a process runs; one that waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_command_that_is_not_there_fails_at_once(tmp_path):
    """With its name."""
    watched = Watched("", tmp_path)
    watched.worker.launch = Launch(("no-such-command",), str(tmp_path), os.environ, None)
    await watched.worker.run()
    assert watched.worker.state is State.FAILED
    assert "no-such-command" in watched.worker.error
