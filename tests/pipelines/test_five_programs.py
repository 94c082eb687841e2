"""The graph of five programs: a source, three workers on one step, a command, a branch in parallel."""

import pytest

pytestmark = pytest.mark.kafka

CALC = """
from tailrace import App, To

app = App("calc")

@app.task(to="elsewhere")
def one(count: int):
    for number in range(count):
        yield To("{numbers}", number, key=str(number % 16))

@app.on("elsewhere")
def two(number: int) -> dict:
    return {{"number": number, "square": number * number}}

@app.on("elsewhere")
def four(record: dict) -> None:
    print("four", record["number"])

@app.on("elsewhere")
def five(record: dict) -> None:
    print("five", record["number"])
"""
THREE = """
import json, sys
for line in sys.stdin:
    value = json.loads(line)
    topic = "{left}" if value["number"] % 2 else "{right}"
    print(json.dumps({{"topic": topic, "value": value}}), flush=True)
"""
PIPELINE = """
topics:
  {numbers}: {{partitions: 4}}
programs:
  one:   {{run: "calc:one",  to: {numbers}, args: [{count}]}}
  two:   {{run: "calc:two",  from: {numbers}, to: {sums}, workers: 3}}
  three: {{run: ["python", "three.py"], from: {sums}, to: [{left}, {right}]}}
  four:  {{run: "calc:four", from: {left}}}
  five:  {{run: "calc:five", from: {right}}}
"""


def test_five_programs_hand_records_on(place, topic):
    """Each record goes through three steps to its branch, once; then all stop in order."""
    names = {name: f"{topic}-{name}" for name in ("numbers", "sums", "left", "right")}
    pipeline = PIPELINE.format(count=200, **names)
    place.write(calc_py=CALC.format(**names), three_py=THREE.format(**names), pipeline_yml=pipeline)
    running = place.start("run", "pipeline.yml")
    running.ready()
    lines = [f"five | five {i}" if i % 2 == 0 else f"four | four {i}" for i in range(200)]
    for line in lines:
        running.printed(line)
    assert running.stop() == 0
    assert sorted(line for line in running.out if line in lines) == sorted(lines)
    assert {"number": 1, "square": 1} in place.values(names["left"])
    stopped = [note.removesuffix(": stopped.") for note in running.notes if note.endswith(": stopped.")]
    assert [name.partition(".")[0] for name in stopped[:4]] == ["two", "two", "two", "three"]
    assert set(stopped[4:]) == {"four", "five"}
    kept = (place.folder / "state/tailrace/pipeline/four.log").read_text()
    assert "four | four 1\n" in kept
