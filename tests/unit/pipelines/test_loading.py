"""What a file that is right says."""

import os

import pytest

from tailrace.core.errors import ConfigurationError
from tailrace.pipelines.loading import load
from tailrace.pipelines.model import Answers, Command, Speaks, Target


def test_the_manuals_pipeline_is_read(read, five):
    """Programs with what they run, read, write, and how many workers share that."""
    pipeline, remarks = read(five)
    assert not remarks
    two, three = pipeline.programs["two"], pipeline.programs["three"]
    assert (two.run, two.read_topics, two.written_topics, two.workers) == (
        Target("calc", "two"), ("numbers",), ("sums",), 3,
    )  # fmt: skip
    assert three.run == Command(("python", "three.py"), Speaks.LINES, Answers.ONE)
    assert three.written_topics == ("left", "right")
    assert pipeline.topic_names == ["numbers", "sums", "left", "right"]


def test_each_program_has_a_group_of_its_own(read, five):
    """Programs that read one topic each get all of it."""
    pipeline, _ = read(five)
    assert {p.group for p in pipeline.programs.values()} == {f"pipeline.{name}" for name in pipeline.programs}


def test_a_group_and_a_start_can_be_said(read):
    """As in a decorator."""
    text = (
        'topics: {numbers: }\nprograms: {two: {run: "calc:four", from: numbers, group: mine, start: latest}}'
    )
    program = read(text).pipeline.programs["two"]
    assert (program.group, program.start) == ("mine", "latest")


def test_decorators_say_what_the_file_leaves_out(read):
    """Read from the module's text, which is not run."""
    pipeline, _ = read('topics: {sums: }\nprograms: {one: {run: "calc:one"}, two: {run: "calc:two"}}')
    assert pipeline.programs["one"].written_topics == ("numbers",)
    assert pipeline.programs["two"].read_topics == ("numbers",)
    assert pipeline.programs["two"].written_topics == ("sums",)


def test_the_file_wins_over_the_decorator(read):
    """`from` and `to` of the file are taken alone."""
    text = 'topics: {a: , b: }\nprograms: {two: {run: "calc:two", from: a, to: b}}'
    program = read(text).pipeline.programs["two"]
    assert (program.read_topics, program.written_topics) == (("a",), ("b",))


def test_an_app_is_all_of_its_programs(read):
    """What hangs on it is read and written."""
    program = read('topics: {sums: }\nprograms: {all: {run: "calc:app"}}').pipeline.programs["all"]
    assert (program.read_topics, program.written_topics) == (("numbers",), ("numbers", "sums"))


def test_a_topic_has_as_many_partitions_as_its_readers_have_workers(read, five):
    """Unless the file says a number; one worker leaves it to the broker."""
    pipeline, _ = read(five.replace("{partitions: 4}", ""))
    assert pipeline.partitions(pipeline.stream("numbers", "localhost:9092")) == 3
    assert pipeline.partitions(pipeline.stream("sums", "localhost:9092")) is None


def test_the_flat_form_is_read(read):
    """Lists, a broker for each, a command in one text."""
    text = """\
PYTHON_1: {BROKER: "one:9092", PRODUCER: numbers}
PYTHON_2:
  BROKER: ["two:9092", "three:9093"]
  CONSUMER: [numbers]
  PRODUCER: [left, right]
  RUN: "python three.py 0"
"""
    pipeline, remarks = read(text)
    one, two = pipeline.programs.values()
    assert (one.broker, two.broker) == ("one:9092", "two:9092,three:9093")
    assert one.run is None
    assert two.run == Command(("python", "three.py", "0"), Speaks.KAFKA)
    assert [remark.what for remark in remarks] == [
        "No program reads 'numbers' at one:9092.",
        "No program writes 'numbers' at two:9092,three:9093.",
        "No program reads 'left'.",
        "No program reads 'right'.",
    ]


APART = """\
programs:
  one: {run: "calc:one", to: numbers, broker: "a:9092"}
  two: {run: "calc:four", from: numbers, broker: "b:9092"}
"""


def test_a_declared_topic_may_be_on_several_clusters(read):
    """Something else may carry its records over; it is told, as it is seldom meant."""
    pipeline, remarks = read(f"topics: {{numbers: }}\n{APART}")
    assert len(pipeline.streams) == 2
    assert [f"{remark.what} {remark.fix}" for remark in remarks] == [
        "No program reads 'numbers' at a:9092. The program 'two' reads it at b:9092.",
        "No program writes 'numbers' at b:9092. The program 'one' writes it at a:9092.",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("localhost:9092", "127.0.0.1"), ("a:1,b:2", "b:2,c:3"), ("[::1]", "localhost"), ("a", "a:9092")],
)
def test_brokers_that_share_an_address_are_one_cluster(read, one, other):
    """However it is written."""
    pipeline, remarks = read(APART.replace("a:9092", one).replace("b:9092", other))
    assert (len(pipeline.streams), remarks) == (1, [])


def test_a_broker_of_the_command_line_joins_all(folder, read):
    """It stands for that of every program."""
    (folder / "p.yml").write_text(APART)
    assert len(load(folder / "p.yml", broker="c:9092").pipeline.streams) == 1


def test_the_command_line_says_what_to_run(read):
    """--run NAME=… wins, in both forms."""
    flat = read("ONE: {PRODUCER: a}\nTWO: {CONSUMER: a}", TWO="calc:two", ONE="python 'three.py' 1").pipeline
    assert flat.programs["TWO"].run == Target("calc", "two")
    assert flat.programs["ONE"].run == Command(("python", "three.py", "1"), Speaks.KAFKA)
    yaml = read("topics: {a: }\nprograms: {one: {to: a}}", one="python three.py").pipeline
    assert yaml.programs["one"].run == Command(("python", "three.py"), Speaks.LINES)


def test_a_run_for_no_program_is_refused(read, five):
    """With the nearest right name."""
    with pytest.raises(ConfigurationError, match="no program 'fife'") as caught:
        read(five, fife="calc:five")
    assert "'five'" in caught.value.hint


def test_words_that_yaml_would_change_stay_words(read):
    """Topics may be called no, on or yes, and arguments keep their digits."""
    pipeline, _ = read(
        'topics: {no: , on: }\nprograms: {one: {run: [sh], from: [no, on], args: [5, "2", sum]}}'
    )
    assert pipeline.programs["one"].read_topics == ("no", "on")
    assert pipeline.programs["one"].args == ("5", "2", "sum")


def test_a_file_that_is_not_there_says_so(folder):
    """With what the system says."""
    with pytest.raises(ConfigurationError, match="No such file"):
        load(folder / "other.yml")


@pytest.mark.timeout(10)
def test_what_is_no_file_says_so_at_once(folder):
    """A pipe that nobody writes would be waited for."""
    (folder / "folder.yml").mkdir()
    os.mkfifo(folder / "pipe.yml")
    for name, why in (("folder.yml", "a folder"), ("pipe.yml", "no regular file")):
        with pytest.raises(ConfigurationError, match=rf"{name}: it is {why}\."):
            load(folder / name)
