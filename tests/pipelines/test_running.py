"""`tailrace run FILE` as people use it: parts, arguments, commands, restarts, remarks, ends."""

import json
import os
import pty
import re
import signal
import subprocess
import threading
import time

import pytest
from tests.pipelines.conftest import MAIN, SECONDS, children, wait_for

pytestmark = pytest.mark.kafka

APP = """
from tailrace import App

app = App("app")

@app.task(to="elsewhere")
def send(*words: str):
    yield from words

@app.on("elsewhere")
def upper(value: str) -> str:
    print("saw", value)
    return value.upper()
"""


def test_words_after_two_hyphens_are_for_the_task(place, topic):
    """A part that runs once ends by itself."""
    place.write(
        app_py=APP, p_yml=f'programs: {{send: {{run: "app:send", to: {topic}}}}}\ntopics: {{{topic}: }}'
    )
    code, _, notes = place.run("run", "p.yml", "send", "--", "5", "2", "sum")
    assert (code, place.values(topic)) == (0, ["5", "2", "sum"])
    assert "send: done." in notes


def test_parts_on_several_machines_share_by_the_group_alone(place, make_topic):
    """Two commands with the same file; each worker has some of the partitions."""
    topic = make_topic(partitions=4)
    place.write(
        app_py=APP, p_yml=f'programs: {{up: {{run: "app:upper", from: {topic}}}}}\ntopics: {{{topic}: }}'
    )
    parts = [place.start("run", "p.yml", "up", "--workers", "2") for _ in range(2)]
    for part in parts:
        part.ready()
    values = [f"v{n}" for n in range(8)]

    def all_seen():
        place.send(topic, values, key=lambda value: value.encode())
        seen = [sum(" | saw " in line for line in part.out) for part in parts]
        return all(seen)

    wait_for(all_seen, lambda: "\n".join(part.said() for part in parts))
    assert [part.stop() for part in parts] == [0, 0]
    assert {line.partition(" ")[0] for part in parts for line in part.out if "saw" in line} <= {
        "up.0",
        "up.1",
    }


WHOLE = """
from tailrace import App

app = App("{t}-whole")

@app.on("{t}", to="{t}-up", group="{t}-u", start="earliest")
def upper(value: str) -> str:
    return value.upper()

@app.on("{t}", to="{t}-twice", start="earliest")
def twice(value: str) -> str:
    return value * 2

@app.every("30s", to="{t}-ticks")
def tick() -> str:
    return "tick"
"""


def test_a_whole_app_is_a_program(place, topic):
    """Its handlers and timers, each with its own topics and groups."""
    program = '{run: "whole:app"}'
    topics = f"{{{topic}: , {topic}-up: , {topic}-twice: , {topic}-ticks: }}"
    place.write(whole_py=WHOLE.format(t=topic), p_yml=f"programs: {{all: {program}}}\ntopics: {topics}\n")
    place.send(topic, ["a"])
    running = place.start("run", "p.yml")
    running.ready()
    wanted = {"up": ["A"], "twice": ["aa"], "ticks": ["tick"]}
    wait_for(lambda: {end: place.values(f"{topic}-{end}") for end in wanted} == wanted, running.said)
    assert running.stop() == 0


SLOW = """
import time
from tailrace import App

app = App("slow")

@app.on("elsewhere")
def slow(value: str):
    print("begun", flush=True)
    time.sleep(2)
    print("ended", flush=True)
"""


def test_a_signal_that_comes_twice_at_once_kills_no_worker(place, topic):
    """As GNU timeout sends it."""
    place.write(
        app_py=SLOW, p_yml=f'programs: {{slow: {{run: "app:slow", from: {topic}}}}}\ntopics: {{{topic}: }}'
    )
    running = place.start("run", "p.yml")
    running.ready()
    place.send(topic, ["a"])
    running.printed("slow | begun")
    for _ in range(20):
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    assert running.wait() == 0
    assert running.out[-1] == "slow | ended"


def test_a_worker_that_dies_is_started_again_and_goes_on(place, topic):
    """Where it was: nothing that is committed comes again, nothing else is lost."""
    place.write(app_py=APP, p_yml=f'programs: {{up: {{run: "app:upper", from: {topic}, to: {topic}-up}}}}\n'
                f"topics: {{{topic}: , {topic}-up: }}")  # fmt: skip
    running = place.start("run", "p.yml")
    running.ready()
    place.send(topic, ["a"])
    running.printed("up | saw a")
    (worker,) = children(running.process.pid, "up")
    os.kill(worker, signal.SIGKILL)
    running.noted("up: killed by SIGKILL; restart 1, at most 5 in a row.")
    place.send(topic, ["b"])
    running.printed("up | saw b")
    assert running.stop() == 0
    assert {"A", "B"} == set(place.values(f"{topic}-up"))


def test_a_program_that_dies_too_often_stops_the_pipeline(place, topic):
    """Exit code 1, with who and why; the others are stopped in order."""
    place.write(
        app_py=APP,
        p_yml=f"""
topics: {{{topic}: }}
programs:
  bad: {{run: [bash, -c, "echo no disk >&2; exit 7"], from: {topic}, restarts: 2}}
  up: {{run: "app:upper", from: {topic}}}
""",
    )
    code, out, notes = place.run("run", "p.yml")
    assert code == 1
    assert out.count("bad | no disk") == 3
    assert "Error: The pipeline was stopped: bad died 3 times in a row." in notes
    assert any(note.startswith("Why:") and "bash ended with exit code 7" in note for note in notes)
    assert "up: stopped." in notes


def test_wrong_usage_is_told_at_once(place, topic):
    """It was not tried again, so it did not die several times."""
    place.write(p_yml=f"topics: {{{topic}: }}\nprograms: {{bad: {{run: [./bad], from: {topic}}}}}")
    (place.folder / "bad").write_text("no program")
    (place.folder / "bad").chmod(0o755)
    code, _, notes = place.run("run", "p.yml")
    assert code == 1
    assert "Error: The pipeline was stopped: bad could not run." in notes


@pytest.mark.parametrize(
    ("programs", "words", "usage"),
    [
        ("one: {run: 'args:one'}", [], "p.yml -- LEFT [RIGHT]"),
        ("one: {run: 'args:one'}", ["--", "1", "2", "3"], "p.yml -- LEFT [RIGHT]"),
        ("one: {run: 'args:one', args: [x]}, two: {run: 'args:two'}", [], "p.yml one -- LEFT [RIGHT]"),
    ],
)
def test_wrong_arguments_are_told_with_the_right_command(place, programs, words, usage):
    """As a person writes it; what is run needs no mending."""
    args = (
        "from tailrace import App\napp = App('args')\n"
        "@app.task\ndef one(left: int, right: int = 0): ...\n"
        "@app.task\ndef two(): ...\n"
    )
    place.write(args_py=args, p_yml=f"programs: {{{programs}}}")
    code, _, notes = place.run("run", "p.yml", *words)
    assert code == 1
    assert notes[-1] == f"Try:   Give them after --: tailrace run {usage}"
    assert usage not in notes[-2]


def test_mistakes_are_told_before_anything_is_started(place):
    """Exit code 2, each with its line."""
    place.write(p_yml="programs:\n  one: {run: [bash], form: x}\n")
    code, _, notes = place.run("run", "p.yml")
    assert code == 2
    assert notes[0] == "p.yml:2:22: The program 'one' has an unknown key 'form'. Did you mean 'from'?"


def test_a_broker_that_is_away_is_told(place, topic):
    """Exit code 4, before a program is started."""
    place.broker = "127.0.0.1:1"
    place.write(
        app_py=APP, p_yml=f'programs: {{up: {{run: "app:upper", from: {topic}}}}}\ntopics: {{{topic}: }}'
    )
    code, out, _ = place.run("run", "p.yml")
    assert (code, out) == (4, [])


def test_topics_that_are_there_otherwise_are_told(place, make_topic):
    """They stay as they are, and what is idle for it is said."""
    topic = make_topic(partitions=2)
    program = f'up: {{run: "app:upper", from: {topic}, workers: 3}}'
    place.write(app_py=APP, p_yml=f"topics: {{{topic}: {{partitions: 3}}}}\nprograms: {{{program}}}")
    running = place.start("run", "p.yml")
    running.ready()
    assert running.stop(signal.SIGTERM) == 0
    assert f"the file says 3. `tailrace topics grow {topic} --partitions 3` adds them." in running.said()
    assert "up has 3 workers for 2 partitions: 1 will have nothing to do." in running.notes


COMMANDS = """
topics: {{{t}: , {t}-l: , {t}-r: , {t}-text: , {t}-source: }}
programs:
  list:   {{run: [python, list.py], from: {t}, to: [{t}-l, {t}-r]}}
  many:   {{run: [python, many.py], from: {t}, to: {t}-many, answers: many}}
  text:   {{run: [grep, --line-buffered, ""], from: {t}-many, to: {t}-text, format: text}}
  source: {{run: [python, -c, "print(1); print([2, 3])"], to: {t}-source}}
"""
LIST = """
import json, sys
for line in sys.stdin:
    n = json.loads(line)
    answers = {{0: "", 1: [n, {{"topic": "{t}-l", "value": "only left", "key": "k"}}], 2: n}}
    print(json.dumps(answers[n % 3]) if n % 3 else "", flush=True)
"""
MANY = """
import json, sys
for line in sys.stdin:
    for part in range(json.loads(line)):
        print(part)
    print(flush=True)
"""


def test_commands_answer_with_no_one_or_several_results(place, topic):
    """To all topics or to one, in order, under the record's key or their own."""
    place.write(list_py=LIST.format(t=topic), many_py=MANY, p_yml=COMMANDS.format(t=topic))
    place.send(topic, range(4), key=lambda n: b"key-%d" % n)
    running = place.start("run", "p.yml")
    running.ready()

    def texts():
        return [message.value() for message in place.records(f"{topic}-text")]

    wait_for(lambda: texts() == [b"0", b"0", b"1", b"0", b"1", b"2"], running.said)
    assert running.stop() == 0
    pairs = {t: [(m.key(), json.loads(m.value())) for m in place.records(f"{topic}-{t}")] for t in ("l", "r")}
    assert pairs == {
        "l": [(b"key-1", 1), (b"k", "only left"), (b"key-2", 2)],
        "r": [(b"key-1", 1), (b"key-2", 2)],
    }
    assert place.values(f"{topic}-source") == [1, 2, 3]


def test_a_command_that_prints_too_much_is_told_what_to_do(place, topic):
    """A second line for one record would be taken for the answer to the next."""
    chatty = "import sys\\nfor line in sys.stdin: print(1, flush=True); print(2, flush=True)"
    place.write(
        p_yml=f"""
topics: {{{topic}: , {topic}-to: }}
programs: {{chatty: {{run: [python, -c, "{chatty}"], from: {topic}, to: {topic}-to, restarts: 0}}}}
"""
    )
    place.send(topic, [1])
    code, _, notes = place.run("run", "p.yml")
    assert code == 1
    assert "answers nothing" in "\n".join(notes)


FLAT = """
ONE: {{PRODUCER: {t}, RUN: "python one.py"}}
TWO: {{CONSUMER: {t}, PRODUCER: [{t}-a, {t}-b], RUN: "python two.py 0"}}
"""
ONE = """
import tailrace
with tailrace.program("ONE", "config.yml") as program:
    for number in range(20):
        program.producer.send(number, key=str(number))
"""
TWO = """
import sys, tailrace
producer, consumer = tailrace.program()
print("started", sys.argv[1:])
for message in consumer:
    producer.send({"square": message.value ** 2}, key=message.key)
    producer.flush()
"""


def test_the_flat_form_runs_scripts_with_their_own_clients(place, topic):
    """Each has the topics that the file gives it; one that is done stays so."""
    place.write(one_py=ONE, two_py=TWO, config_yml=FLAT.format(t=topic))
    running = place.start("run", "config.yml")
    running.printed("TWO | started ['0']")
    wait_for(lambda: len(place.values(f"{topic}-b")) == 20, running.said)
    assert running.stop() == 0
    assert "ONE: done." in running.notes
    assert place.values(f"{topic}-a") == [{"square": n * n} for n in range(20)]


def test_the_flat_form_without_commands_makes_topics_and_draws(place, topic):
    """Scripts are then started by hand."""
    place.write(
        config_yml=FLAT.format(t=topic)
        .replace(', RUN: "python one.py"', "")
        .replace(', RUN: "python two.py 0"', "")
    )
    code, out, notes = place.run("run", "config.yml")
    assert (code, place.values(f"{topic}-b")) == (0, [])
    assert f"  └─ {topic} ─▶ TWO" in out
    assert any("--run" in note for note in notes)


def test_a_terminal_shows_one_table(place, topic):
    """Below what programs print: state, rate, lag, restarts."""
    place.write(
        app_py=APP, p_yml=f'programs: {{up: {{run: "app:upper", from: {topic}}}}}\ntopics: {{{topic}: }}'
    )
    place.send(topic, ["a"])
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TAILRACE_BROKER": place.broker, "COLUMNS": "100", "TERM": "xterm"}
    environ["XDG_STATE_HOME"] = str(place.folder)
    process = subprocess.Popen(
        [*MAIN, "run", "p.yml"], cwd=place.folder, env=environ, stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    shown = []

    def read():
        try:
            while data := os.read(ours, 4096):
                shown.append(data)
        except OSError:
            return

    thread = threading.Thread(target=read)
    thread.start()
    row = re.compile(r"up +running +\d+/s +0 +0")

    def screen():
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", b"".join(shown).decode())

    try:
        wait_for(lambda: row.search(screen()) and "up | saw a" in screen(), screen)
        assert "last error" in screen()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
        thread.join(SECONDS)
        os.close(ours)
