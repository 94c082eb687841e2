"""Every program of the five killed twice, by kill -9, while records flow."""

import json
import os
import signal

import pytest
from tests.pipelines.conftest import children, wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(280)]

KEYS = 16
STEPS = """
import time
from tailrace import App, To

app = App("steps")

@app.task()
def one(count: int):
    for number in range(count):
        yield To("{numbers}", number, key=str(number % {keys}))
        if number % (count // 100) == 0:
            time.sleep(0.1)  # so that there is time to kill it

@app.on("x")
def two(number: int) -> int:
    return number

@app.on("x")
def four(number: int) -> int:
    return number

@app.on("x")
def five(number: int) -> int:
    return number
"""
THREE = """
import json, sys
for line in sys.stdin:
    number = json.loads(line)
    print(json.dumps({{"topic": "{left}" if number % 2 else "{right}", "value": number}}), flush=True)
"""
PIPELINE = """
topics:
  {numbers}: {{partitions: 4}}
  {sums}: {{partitions: 2}}
  {end}: {{partitions: 1}}
programs:
  one:   {{run: "steps:one", to: {numbers}, args: [{count}]}}
  two:   {{run: "steps:two", from: {numbers}, to: {sums}, workers: 3}}
  three: {{run: ["python", "three.py"], from: {sums}, to: [{left}, {right}]}}
  four:  {{run: "steps:four", from: {left}, to: {end}}}
  five:  {{run: "steps:five", from: {right}, to: {end}}}
"""


@pytest.fixture
def count(request):
    """In full where the faults were asked for by name (make faults)."""
    return 50_000 if "faults" in request.config.option.markexpr else 4_000


def kill_one(supervisor, program, *, command=False):
    """kill -9 one worker of a program, or the command that it runs, and wait until another has its place."""
    before = children(supervisor, program)
    victim = wait_for(lambda: children(before[0]), f"{program} has no command")[0] if command else before[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: set(children(supervisor, program)) - set(before), f"{program} was not started again")


def first_times(values):
    """Each value where it came for the first time."""
    return list(dict.fromkeys(values))


def test_nothing_is_lost_where_every_program_is_killed_twice(place, topic, count, record_property):
    """All records reach the end, those of a key in their order; what comes again is counted."""
    names = {name: f"{topic}-{name}" for name in ("numbers", "sums", "left", "right", "end")}
    pipeline = PIPELINE.format(count=count, **names)
    place.write(
        steps_py=STEPS.format(keys=KEYS, **names), three_py=THREE.format(**names), pipeline_yml=pipeline
    )
    running = place.start("run", "pipeline.yml")
    wait_for(lambda: len(children(running.process.pid)) == 7, running.said)
    wait_for(lambda: place.records(names["numbers"], 4), running.said)
    for command in (False, True):
        for program in ("one", "two", "four", "five"):
            kill_one(running.process.pid, program)
        kill_one(running.process.pid, "three", command=command)
    running.noted("one: done")
    wait_for(lambda: len({m.value() for m in place.records(names["end"])}) >= count, running.said, 200)
    assert running.stop() == 0
    numbers = [json.loads(m.value()) for m in place.records(names["end"])]
    assert sorted(set(numbers)) == list(range(count))
    for key in range(KEYS):
        of_key = first_times(number for number in numbers if number % KEYS == key)
        assert of_key == sorted(of_key)
    record_property("came again", len(numbers) - count)
