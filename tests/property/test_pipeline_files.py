"""Whatever a pipeline's file holds, it is read or its mistakes are told; nothing else happens."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.errors import BadRecord
from tailrace.pipelines import compose, drawing_mermaid, drawing_svg, drawing_text
from tailrace.pipelines.flat_form import KEYS as FLAT_KEYS
from tailrace.pipelines.lines import json_results
from tailrace.pipelines.loading import parse
from tailrace.pipelines.mistakes import Mistakes
from tailrace.pipelines.yaml_form import KEYS, PROGRAM_KEYS, TOPIC_KEYS

FILE = Path("/nowhere/pipeline.yml")
NAMES = st.sampled_from(["a", "b", "one", "two", "a b", "__x", "", "ü", "no", "1"])
WORDS = st.sampled_from(
    ["json:JSONDecoder", "bash", "localhost:9092", "earliest", "text", "many", "{", "a", "b", "- x"]
)
SCALARS = st.one_of(WORDS, NAMES, st.integers(-2, 300), st.booleans(), st.none(), st.floats(allow_nan=False))
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(NAMES, SCALARS, max_size=3))
PROGRAMS = st.dictionaries(NAMES, st.one_of(VALUES, st.dictionaries(st.sampled_from(PROGRAM_KEYS), VALUES)))
TOPICS = st.dictionaries(NAMES, st.one_of(VALUES, st.dictionaries(st.sampled_from(TOPIC_KEYS), VALUES)))
OTHERS = {**dict.fromkeys(set(KEYS) - {"programs"}, VALUES), "topics": TOPICS}
FILES = st.fixed_dictionaries({"programs": PROGRAMS}, optional=OTHERS)
FLAT = st.dictionaries(NAMES, st.dictionaries(st.sampled_from(FLAT_KEYS), VALUES), min_size=1)


def read(content):
    """The pipeline of a file, if it is right."""
    mistakes = Mistakes()
    pipeline = parse(content, FILE, {}, mistakes)
    for mistake in mistakes.all():
        assert mistake.place.line >= 1
        assert mistake.what.endswith(".")
        assert mistake.said("f")
    assert mistakes or pipeline is not None
    return None if mistakes else pipeline


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    """Bytes that are no text, no YAML, or no pipeline."""
    read(content)


@given(st.text("programs:{}[]&*!-? #\"'|>\n\t ab1", max_size=200))
def test_any_signs_of_yaml_are_read_or_refused(text):
    """What its syntax is made of, in any order."""
    read(text.encode())


@given(st.one_of(FILES, FLAT))
def test_any_form_is_read_or_refused(tree):
    """Right keys with any values; what is right can be drawn in every form."""
    pipeline = read(json.dumps(tree).encode())
    if pipeline is not None:
        assert all(one.draw(pipeline) for one in (drawing_text, drawing_mermaid, drawing_svg))
        if all(program.run for program in pipeline.programs.values()):
            assert compose.draw(pipeline)


@given(
    st.one_of(st.binary(max_size=100), st.recursive(SCALARS, st.lists).map(lambda v: json.dumps(v).encode()))
)
def test_any_line_of_a_command_is_taken_or_refused(line):
    """A command may print what it likes."""
    try:
        results = json_results(line.replace(b"\n", b""), ["a", "b"])
    except BadRecord:
        return
    assert all(result.topic in {None, "a", "b"} for result in results)
