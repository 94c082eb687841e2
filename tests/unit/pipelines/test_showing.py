"""What is shown: rows of figures, and a console that never waits."""

import threading

import msgspec
import pytest

from tailrace.pipelines import console
from tailrace.pipelines.console import Console, Plain, Terminal
from tailrace.pipelines.figures import Figures
from tailrace.pipelines.launch import Launch, launch
from tailrace.pipelines.mistakes import Place
from tailrace.pipelines.model import Program, Ref
from tailrace.pipelines.workers import State, Worker
from tailrace.runtime.spec import Status, WorkerSpec


class Face:
    """Remembers what is shown; waits where it is told to."""

    def __init__(self):
        self.shown, self.gate = [], threading.Event()
        self.gate.set()

    def line(self, name, text):
        self.gate.wait()
        self.shown.append(f"{name}: {text}")

    def note(self, text):
        self.shown.append(text)

    def table(self, rows):
        self.shown.append(rows)

    def close(self):
        self.shown.append("closed")


def test_all_is_shown_in_order():
    """Lines, remarks and tables, from any thread."""
    face = Face()
    shown = Console(face)
    shown.line("one", "a")
    shown.note("b")
    shown.table([["c"]])
    shown.close()
    assert face.shown == ["one: a", "b", [["c"]], "closed"]


def test_a_terminal_that_nobody_reads_holds_nothing_up(monkeypatch):
    """What is too much is left out, and counted."""
    monkeypatch.setattr(console, "WAITING_LINES", 10)
    face = Face()
    face.gate.clear()
    shown = Console(face)
    for number in range(100):
        shown.line("one", str(number))
    face.gate.set()
    shown.close()
    (told,) = [text for text in face.shown if "not shown" in text]
    assert len([text for text in face.shown if text.startswith("one: ")]) + int(told.split()[0]) == 100


@pytest.mark.parametrize("columns", [60, 80])
def test_a_narrow_table_cuts_the_last_error_alone(monkeypatch, capsys, columns):
    """Without name and state nobody knows which program failed."""
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal = Terminal()
    terminal.table(
        [("square", "starting", "1,234/s", "50", "2", "python ended with exit code 1, at " + 90 * "x")]
    )
    terminal.close()
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("square", "starting", "1,234/s", "restarts", "python", "…"))


def test_without_a_terminal_news_are_lines(capfd):
    """Now and then, of programs of which there is something new."""
    now = [0.0]
    plain = Plain(lambda: now[0])
    one, two = ("one", "done", "", "", "0", ""), ("two x3", "running", "12/s", "1,000", "2", "no disk")
    for now[0] in (1.0, 10.0, 15.0, 20.0):
        plain.table([one, two])
    plain.line("two", "text")
    said = capfd.readouterr()
    assert said.err.splitlines() == ["one: done", "two x3: running, 12/s, lag 1,000, restarts 2"]
    assert said.out == "two | text\n"


@pytest.fixture
def worker():
    def made(index, state, records=0, error="", **program):
        nothing = Launch((), "", {}, None)
        one = Worker(
            Program("two", **program), index, nothing, lambda *_: None, lambda *_: None, state, error
        )
        one._status = Status("running", records, 2 * records)
        return one

    return made


READS = {"reads": (Ref("a", Place(1, 1)),), "group": "g"}


def test_a_row_says_how_a_program_is(worker):
    """Its workers together: the worst state, the rate since the last look, the lag of its group."""
    now = [0.0]
    workers = [
        worker(0, State.RUNNING, workers=2, **READS),
        worker(1, State.PAUSED, 0, "no disk", workers=2, **READS),
    ]
    figures = Figures(workers, lambda: now[0])
    figures.hear({"g": 1234})
    workers[0]._status, now[0] = Status("running", 5_000), 2.0
    assert figures.rows() == [("two x2", "1 of 2 restarting", "2,500/s", "1,234", "0", "no disk")]


def test_a_source_has_the_rate_of_what_it_sends(worker):
    """And no lag; when it is done it has no rate either."""
    now = [0.0]
    source = worker(0, State.RUNNING)
    figures = Figures([source], lambda: now[0])
    source._status, now[0] = Status("running", 0, 100), 1.0
    assert figures.rows() == [("two", "running", "100/s", "", "0", "")]
    source.state, now[0] = State.DONE, 2.0
    assert figures.rows() == [("two", "done", "", "", "0", "")]


def test_a_worker_is_told_what_the_file_says(read, five):
    """Topics, group, client id, arguments; settings with which a killed member is soon missed."""
    pipeline = read(five).pipeline
    started = launch(pipeline.programs["two"], 1, pipeline)
    spec = msgspec.json.decode(started.spec, type=WorkerSpec)
    assert (spec.run, spec.reads, spec.writes) == ("calc:two", ["numbers"], ["sums"])
    assert (spec.group, spec.client_id, spec.start) == ("pipeline.two", "two-1", "earliest")
    assert spec.kafka["session.timeout.ms"] == 6_000
    assert started.cwd == str(pipeline.folder)
    assert started.env["TAILRACE_PROGRAM"] == "two"


WORDS = """
from tailrace import App

app = App("words", format="text")

@app.on("numbers", group="mine", start="latest")
def two(value): ...

@app.on("numbers", group=None)
def three(value): ...

@app.every("1s", to="numbers")
def tick(): ...
"""


@pytest.mark.parametrize(
    ("program", "group", "start"),
    [
        ('run: "words:two"', msgspec.UNSET, None),
        ('run: "words:three"', msgspec.UNSET, "earliest"),
        ('run: "words:app"', msgspec.UNSET, None),
        ('run: "words:two", group: theirs, start: earliest', "theirs", "earliest"),
    ],
)
def test_what_nobody_wrote_into_the_file_is_as_the_decorators_say(read, folder, program, group, start):
    """The file's defaults are for what decorators do not say either."""
    (folder / "words.py").write_text(WORDS)
    pipeline = read(f"topics: {{numbers: }}\nprograms: {{x: {{{program}}}}}").pipeline
    spec = msgspec.json.decode(launch(pipeline.programs["x"], 0, pipeline).spec, type=WorkerSpec)
    assert (spec.group, spec.start, spec.format) == (group, start, None)
    assert (spec.reads, spec.writes) == ([], [])


def test_settings_of_the_file_win(read, five):
    """By any of their names."""
    pipeline = read(five.replace("workers: 3", "workers: 3, kafka: {session_timeout_ms: 9000}")).pipeline
    spec = msgspec.json.decode(launch(pipeline.programs["two"], 0, pipeline).spec, type=WorkerSpec)
    assert spec.kafka["session_timeout_ms"] == 9000
    assert "session.timeout.ms" not in spec.kafka


def test_a_command_runs_in_a_worker_of_its_own(read, five):
    """Which knows how it answers."""
    pipeline = read(five).pipeline
    started = launch(pipeline.programs["three"], 0, pipeline)
    assert started.argv[-2:] == ("--answers", "one")
    assert msgspec.json.decode(started.spec, type=WorkerSpec).run == ["python", "three.py"]


def test_a_script_is_started_as_it_is(read):
    """With its place in the pipeline in its environment."""
    pipeline = read('ONE: {PRODUCER: a, RUN: "python three.py 0", BROKER: "b:1"}').pipeline
    started = launch(pipeline.programs["ONE"], 0, pipeline)
    assert (started.argv[-3:], started.spec) == (("python", "three.py", "0"), None)
    assert (started.env["TAILRACE_PROGRAM"], started.env["TAILRACE_BROKER"]) == ("ONE", "b:1")
