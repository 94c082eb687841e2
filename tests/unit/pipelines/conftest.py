"""Pipelines from texts, beside a module and a script that their programs name."""

import pytest

from tailrace.pipelines.loading import load
from tailrace.pipelines.mistakes import WrongPipeline

MODULE = """
from tailrace import App

app = App("calc")

@app.task(to="numbers")
def one(*words): ...

@app.on("numbers", to=["sums"])
def two(value): ...

@app.on(INPUT)
def four(value): ...

@app.on(INPUT)
def five(value): ...

@app.task
def once(): ...

@app.every("5s")
def tick(): ...

def plain(value): ...

def later(value): ...

app.on("numbers")(later)
"""
# Whole Apps.
PARTS = """
from tailrace import App

ticking, both, apart, alone = App("ticking"), App("both"), App("apart"), App("alone")

@ticking.every("5s")
def tick(): ...

@both.on("x")
def f(value): ...

@both.on("y")
async def g(value): ...

@apart.on("x")
def first(value): ...

@apart.on("x", group="second")
def second(value): ...

@alone.on("x", group=None)
@alone.on("y", group=NAMED)
def third(value): ...

@alone.on("z", group=None)
def fourth(value): ...
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with calc.py, parts.py and three.py."""
    (tmp_path / "calc.py").write_text(MODULE)
    (tmp_path / "parts.py").write_text(PARTS)
    (tmp_path / "three.py").write_text("import sys\n")
    return tmp_path


@pytest.fixture
def read(folder):
    """Loads a text as pipeline.yml."""

    def loaded(text, **runs):
        file = folder / "pipeline.yml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(file, runs)

    return loaded


@pytest.fixture
def mistakes(read):
    """What is said of a text, as (line, sentence) pairs."""

    def said(text):
        with pytest.raises(WrongPipeline) as caught:
            read(text)
        return [(mistake.place.line, f"{mistake.what} {mistake.fix}") for mistake in caught.value.mistakes]

    return said


FIVE = """\
broker: localhost:9092
topics:
  numbers: {partitions: 4}
programs:
  one:   {run: "calc:one",  to: numbers}
  two:   {run: "calc:two",  from: numbers, to: sums, workers: 3}
  three: {run: ["python", "three.py"], from: sums, to: [left, right]}
  four:  {run: "calc:four", from: left}
  five:  {run: "calc:five", from: right}
"""


@pytest.fixture
def five():
    """The pipeline of the manual."""
    return FIVE
