"""The calculator: by its programs, by the flat file, by the pipeline's file."""

import contextlib
import json
import time

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

SECONDS = 30


@pytest.fixture
def folder(examples):
    return examples / "calculator"


@pytest.fixture(scope="module", autouse=True)
def calculations(kafka):
    """The topic, with a partition for each of two workers."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic("calculations", 2, 1)])["calculations"].result(SECONDS)


@pytest.fixture
def send(kafka):
    """Stores calculations in a partition."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})

    def store(*values, partition=0):
        for value in values:
            producer.produce("calculations", json.dumps(value).encode(), partition=partition)
        assert producer.flush(SECONDS) == 0

    return store


@pytest.fixture
def until_shared(kafka):
    """Waits until each member of a group has a partition."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})

    def wait(group, members):
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(KafkaException):  # its coordinator is not chosen yet
                found = admin.describe_consumer_groups([group])[group].result(SECONDS).members
                if [len(one.assignment.topic_partitions) for one in found] == [1] * members:
                    return sorted(one.client_id for one in found)
            time.sleep(0.05)
        raise AssertionError(f"{group} did not come to {members} members")

    return wait


def calculation(one, two, operation):
    return {"operator_1": one, "operator_2": two, "operation": operation}


def result(operation, number):
    return f"Result of operation {operation} is ::: {number}"


@pytest.mark.kafka
def test_numbered_workers_share_the_work(tailrace, folder, send, until_shared):
    """Each of two workers has one of two partitions, and calculates with what `one` has sent as texts."""
    workers = [tailrace("run", "calc:two", "--client-id", number, folder=folder) for number in "01"]
    assert until_shared("calculators", 2) == ["client-0", "client-1"]
    one = tailrace("run", "calc:one", "--", "5", "2", "sum", folder=folder)
    assert one.ended() == 0, one.text
    send(calculation("10", "4", "sub"), calculation("1.5", "1", "sum"), partition=0)
    send(calculation("4", "10", "sub"), partition=1)
    for worker in workers:
        worker.until_printed(result("sub", 6))
    while (printed := sorted(line for worker in workers for line in worker.printed)) and len(printed) < 4:
        time.sleep(0.05)
    assert printed == sorted([result("sub", 6), result("sub", 6), result("sum", 2.5), result("sum", 7)])
    assert [worker.interrupt() for worker in workers] == [0, 0]


@pytest.mark.kafka
def test_what_is_no_calculation_is_named_and_left_out(tailrace, folder, send):
    """A wrong operation and a wrong number are errors with the record's place; the next record is done."""
    two = tailrace("run", "calc:two", "--workers", "2", folder=folder)
    send(calculation("1", "2", "div"), calculation("one", "2", "sum"), calculation("5", "3", "sum"))
    two.until_printed(result("sum", 8))
    errors = [line for line in two.lines if " error " in line]
    assert len(errors) == 2
    assert all("topic calculations, partition 0, offset" in line and "Skipped" in line for line in errors)
    assert two.interrupt() == 0, two.text


@pytest.mark.kafka
@pytest.mark.parametrize(("file", "two"), [("config.yml", "PYTHON_2"), ("pipeline.yml", "two")])
def test_both_files_run_it(tailrace, folder, file, two):
    """`one` gets the words after --, its result reaches a worker of `two`."""
    running = tailrace("run", file, "--", "20", "30", "sum", folder=folder)
    running.until(lambda lines: result("sum", 50) in running.printed_by(two))
    assert running.interrupt() == 0, running.text


@pytest.mark.kafka
def test_the_pipeline_runs_without_arguments(tailrace, folder):
    """`one` sends what its file says."""
    running = tailrace("run", "pipeline.yml", folder=folder)
    running.until(lambda lines: result("sum", 9) in running.printed_by("two"))
    assert running.interrupt() == 0, running.text


@pytest.mark.kafka
def test_scripts_get_their_topics_from_the_flat_file(tailrace, folder):
    """Started by hand or by `tailrace run`, they send and read what the file says."""
    runs = ["--run", "PYTHON_1=python python_1.py 40 2 sum", "--run", "PYTHON_2=python python_2.py 0"]
    running = tailrace("run", "scripts.yml", *runs, folder=folder)
    running.until(lambda _: "Worker 0: 42" in running.printed_by("PYTHON_2"))
    assert running.interrupt() == 0, running.text
