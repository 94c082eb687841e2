"""The graph: order of the flow, rings, and its drawings."""

import xml.etree.ElementTree as ET

import pytest

from tailrace.pipelines import drawing_mermaid, drawing_svg, drawing_text
from tailrace.pipelines.graph import cycles, followers, levels

TEXT = """\
pipeline

one  [calc:one]
  └─ numbers (4 partitions) ─▶ two
two x3  [calc:two]
  └─ sums ─▶ three
three  [python three.py]
  ├─ left ─▶ four
  └─ right ─▶ five
four  [calc:four]
five  [calc:five]
"""


@pytest.fixture
def pipeline(read, five):
    return read(five).pipeline


def test_programs_stand_in_the_order_of_the_flow(pipeline):
    """Each after all that it reads from."""
    assert levels(followers(pipeline)) == [["one"], ["two"], ["three"], ["four", "five"]]


def test_the_longest_way_decides():
    """A short cut does not bring a program forward."""
    assert levels({"a": ["b", "c"], "b": ["c"], "c": []}) == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize(
    ("after", "rings"),
    [
        ({"a": ["b"], "b": []}, []),
        ({"a": ["a"]}, [["a"]]),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, [["b", "c"]]),
        ({"a": ["b", "c"], "b": ["a"], "c": ["a"]}, [["a", "b"], ["a", "c"]]),
    ],
)
def test_rings_are_found(after, rings):
    """As the names on them; a diamond is none."""
    assert cycles(after) == rings


def test_a_ring_still_has_an_order():
    """The way back counts for nothing, nobody is left out."""
    assert levels({"a": ["b"], "b": ["c"], "c": ["a"]}) == [["a"], ["b"], ["c"]]


def test_a_long_chain_is_no_trouble():
    """A thousand programs in a row are deeper than Python's stack."""
    chain = {str(i): [str(i + 1)] for i in range(2_000)} | {"2000": []}
    assert len(levels(chain)) == 2_001


def test_it_is_drawn_as_text(pipeline):
    """What each writes, and who reads that."""
    assert drawing_text.draw(pipeline) == TEXT


def test_topics_of_others_are_drawn(read):
    """What comes from outside, and what goes there."""
    drawn = drawing_text.draw(
        read('topics: {a: , b: }\nprograms: {x: {run: "calc:four", from: a, to: b}}').pipeline
    )
    assert "(outside)\n  └─ a ─▶ x\n" in drawn
    assert "  └─ b ─▶ (outside)\n" in drawn


def test_programs_on_different_clusters_are_not_joined(read):
    """Each topic stands there with its cluster, in every drawing."""
    text = 'ONE: {BROKER: "a:9092", PRODUCER: t}\nTWO: {BROKER: "b:9092", CONSUMER: t}\n'
    pipeline = read(text).pipeline
    assert followers(pipeline) == {"ONE": [], "TWO": []}
    drawn = drawing_text.draw(pipeline)
    assert "(outside)\n  └─ t (at b:9092) ─▶ TWO\nONE\n  └─ t (at a:9092) ─▶ (outside)\n" in drawn
    lines = drawing_mermaid.draw(pipeline).splitlines()
    assert {"  p0 --> t0", "  t1 --> p1"} == {line for line in lines if "-->" in line}
    picture = ET.fromstring(drawing_svg.draw(pipeline))
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}path"))) == 1 + 2


def test_it_is_drawn_for_mermaid(pipeline):
    """Nodes have ids of their own: a program may be called `end`."""
    lines = drawing_mermaid.draw(pipeline).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  p1["two x3  [calc:two]"]' in lines
    assert '  t0(["numbers (4 partitions)"])' in lines
    assert {"  p0 --> t0", "  t0 --> p1", "  p2 --> t2", "  p2 --> t3", "  t3 --> p4"} <= set(lines)


def test_mermaids_own_signs_are_escaped(read):
    """A quote in a command does not end a label."""
    text = 'topics: {a: }\nprograms: {x: {run: ["python", "-c", "print(\'<b>\\"#\')"], from: a}}'
    assert "#quot;#35;" in drawing_mermaid.draw(read(text).pipeline)


def test_it_is_drawn_as_a_picture(pipeline):
    """Well-formed, every program and topic in it, every edge a curve that goes forward."""
    picture = ET.fromstring(drawing_svg.draw(pipeline))
    names = {title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")}
    assert {*pipeline.programs, *pipeline.topic_names} <= names
    boxes = [r.attrib for r in picture.iter("{http://www.w3.org/2000/svg}rect")]
    width, height = float(picture.get("width")), float(picture.get("height"))
    assert all(float(b["x"]) + float(b["width"]) <= width and float(b["y"]) + 40 <= height for b in boxes)
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}path"))) == 1 + 8


def test_a_picture_takes_any_word(read):
    """Signs of XML in a command are escaped."""
    text = 'topics: {a: }\nprograms: {x: {run: ["python", "-c", "<&>"], from: a}}'
    assert ET.fromstring(drawing_svg.draw(read(text).pipeline)) is not None
