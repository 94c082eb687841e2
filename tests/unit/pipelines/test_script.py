"""A script's producer and consumer, on the log in memory."""

import signal
import subprocess
import sys
from functools import partial

import pytest

from tailrace.core.errors import BadRecord, ConfigurationError, TooLarge
from tailrace.memory.log import MemoryLog
from tailrace.memory.services import MemorySender, MemoryServices
from tailrace.pipelines.messages import Consumer
from tailrace.pipelines.script import Producer, Script, program


@pytest.fixture
def log():
    log = MemoryLog()
    log.create("in")
    for value in (b'{"n": 1}', b"2", b"no json", None):
        log.append("in", value)
    return log


@pytest.fixture
def services(log):
    return MemoryServices(log)


@pytest.fixture
def script(services):
    """A new one of the same program."""

    def made():
        producer = Producer("TWO", ["left", "right"], services.sender("TWO"))
        join = partial(services.reader, ["in"], "g", "earliest", "TWO")
        return Script(producer, Consumer("TWO", ["in"], join, producer.flush))

    return made


def values(log, topic):
    return [record.value for record in log.topic(topic).partitions[0].records]


def committed(services):
    return {spot.topic: at for spot, at in services.committed("g").items()}


def test_messages_come_with_their_json(script):
    """Null is None; bytes that are no JSON are there too."""
    _, consumer = script()
    messages = [consumer.poll() for _ in range(4)]
    assert [m.value for m in (*messages[:2], messages[3])] == [{"n": 1}, 2, None]
    with pytest.raises(BadRecord, match="in, partition 0, offset 2 is no JSON"):
        _ = messages[2].value
    assert messages[2].raw == b"no json"
    assert consumer.poll(0) is None


def fail_at(script, offset):
    """A script that handles messages up to one."""
    with script:
        for message in script.consumer:
            if message.offset == offset:
                raise KeyError


def test_a_message_is_handled_when_the_next_is_asked_for(script, services):
    """What is in hand where a script ends amid it comes again."""
    with pytest.raises(KeyError):
        fail_at(script(), 2)
    assert committed(services) == {"in": 2}
    assert script().consumer.poll().offset == 2


def test_a_script_that_ends_well_has_handled_all(script, services):
    """The last message too."""
    with script() as ended:
        assert ended.consumer.poll().offset == 0
    assert committed(services) == {"in": 1}


def test_a_value_goes_to_all_topics_or_to_one(script, log):
    """As JSON; bytes as they are."""
    producer, _ = script()
    producer.send({"a": 1}, key="k")
    producer.send(b"raw", topic="left")
    producer.send(None, topic="right")
    assert values(log, "left") == [b'{"a":1}', b"raw"]
    assert values(log, "right") == [b'{"a":1}', None]


def test_headers_are_pairs_or_a_mapping(script, log):
    """As with app.send."""
    for headers in ([("a", b"1")], {"a": b"1"}):
        script().producer.send(1, topic="left", headers=headers)
    assert [list(one.headers) for one in log.topic("left").partitions[0].records] == [[("a", b"1")]] * 2


def test_a_topic_that_is_not_the_programs_is_refused(script):
    """The file says who writes what."""
    with pytest.raises(ConfigurationError, match="'TWO' does not write other"):
        script().producer.send(1, topic="other")


def test_a_program_that_reads_nothing_has_nothing_to_poll(services):
    """And is told which key is missing."""
    consumer = Consumer("ONE", [], partial(services.reader, [], "g", "earliest", "ONE"), lambda: None)
    with pytest.raises(ConfigurationError, match="reads no topic"):
        consumer.poll()


def test_a_program_is_looked_up_in_the_file(folder, monkeypatch):
    """With its topics; what others run is not looked at here."""
    file = folder / "config.yml"
    file.write_text('ONE: {PRODUCER: a, RUN: "nowhere x"}\nTWO: {CONSUMER: [a, b], PRODUCER: c}\n')
    with program("TWO", file) as found:
        assert (found.consumer.topics, found.producer.topics) == (("a", "b"), ("c",))
    with pytest.raises(ConfigurationError, match="no program 'THREE'"):
        program("THREE", file)
    with pytest.raises(ConfigurationError, match="not said which"):
        program()


def test_a_started_script_knows_its_name(folder, monkeypatch):
    """From what `tailrace run` tells it."""
    (folder / "config.yml").write_text("ONE: {PRODUCER: a}\n")
    monkeypatch.setenv("TAILRACE_PIPELINE", str(folder / "config.yml"))
    monkeypatch.setenv("TAILRACE_PROGRAM", "ONE")
    monkeypatch.setattr("tailrace.pipelines.script.signal.signal", lambda *_: None)
    assert program().producer.topics == ("a",)


class Refusing(MemorySender):
    """A broker that refuses what was sent, and says so once."""

    def settle(self, seconds):
        self.settle = super().settle
        raise TooLarge("It is too large.")


def send_on(script):
    """A script that hears of a refusal in its own code."""
    with script:
        for _ in range(2):
            script.producer.send(script.consumer.poll().raw)
        script.producer.flush()


def test_what_was_refused_once_keeps_its_messages_from_being_committed(log, services):
    """Also when the refusal has left the loop already."""
    producer = Producer("TWO", ["left"], Refusing(log))
    join = partial(services.reader, ["in"], "g", "earliest", "TWO")
    consumer = Consumer("TWO", ["in"], join, producer.flush)
    with pytest.raises(TooLarge):
        send_on(Script(producer, consumer))
    assert committed(services) == {}


def test_messages_in_hand_go_to_a_member_that_comes(script, log, services, monkeypatch):
    """A slow script is heard of between its messages, so that each is given once."""
    monkeypatch.setattr("tailrace.pipelines.messages.STAY_SECONDS", -1)
    log.create("in2", partitions=2)
    for partition in (0, 1) * 3:
        log.append("in2", b"1", partition=partition)
    join = partial(services.reader, ["in2"], "h", "earliest", "TWO")
    first, second = (Consumer("TWO", ["in2"], join, lambda: None) for _ in range(2))
    seen = [first.poll(0)]
    second.poll(0)
    seen += [consumer.poll(0) for consumer in (first, second) * 8]
    places = [(one.partition, one.offset) for one in seen if one]
    assert sorted(places) == [(partition, offset) for partition in (0, 1) for offset in range(3)]


ENDS = """
import sys
from functools import partial
from tailrace.core.errors import TooLarge
from tailrace.memory.log import MemoryLog
from tailrace.memory.services import MemoryServices, MemorySender
from tailrace.pipelines.messages import Consumer
from tailrace.pipelines.script import Producer, Script

class Late(MemorySender):
    def settle(self, seconds):
        print("settled", self.sent, sys.argv[1])
        if sys.argv[1] == "refused":
            raise TooLarge("It is too large.")
        return True

log = MemoryLog()
log.create("in")
producer = Producer("ONE", ["out"], Late(log))
join = partial(MemoryServices(log).reader, ["in"], "g", "earliest", "ONE")
producer, consumer = Script(producer, Consumer("ONE", ["in"], join, producer.flush))
producer.send(1)
"""


@pytest.mark.parametrize(("how", "code"), [("stored", 0), ("refused", 1)])
def test_a_script_without_with_has_all_stored_at_its_end(how, code):
    """What is not stored is said, and its exit code says it too."""
    command = [sys.executable, "-c", ENDS, how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.returncode) == (f"settled 1 {how}\n", code)
    assert ("Not all that was sent is stored" in done.stderr) is bool(code)


def test_ctrl_c_ends_a_script_quietly(tmp_path):
    """Shells show 130; what else is raised has its trace."""
    (tmp_path / "p.yml").write_text('programs: {a: {run: "x:x", from: t}}\ntopics: {t: }\n')
    code = (
        "import sys, time, tailrace\n"
        "with tailrace.program('a', 'p.yml'):\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(30)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (-signal.SIGINT, "")
