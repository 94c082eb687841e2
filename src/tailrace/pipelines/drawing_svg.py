"""The graph as an SVG picture: columns in the order of the flow, programs as boxes, topics as ovals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import NamedTuple

from tailrace.pipelines.drawing_text import topic_title
from tailrace.pipelines.graph import levels
from tailrace.pipelines.mistakes import printable
from tailrace.pipelines.model import Pipeline, Program, Stream

_LETTER = 7.5
"""The width of a letter of the font, about."""
_PADDING, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 14, 40, 60, 24, 20
_SHOWN = 32
"""Letters of a label; a longer one ends with an ellipsis and shows whole in a tooltip."""
_SWEEPS = 4
"""How often columns are sorted by their neighbours; more changes little."""

_STYLE = """
  text { font: 13px system-ui, sans-serif; text-anchor: middle; fill: #1c2733 }
  .small { font-size: 11px; fill: #5a6b7b }
  .program { fill: #e6f0fa; stroke: #3b78b5 }
  .topic { fill: #fdf6e3; stroke: #b58a2a }
  .edge { fill: none; stroke: #5a6b7b; marker-end: url(#arrow) }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8eef4 } .small { fill: #a3b3c2 }
    .program { fill: #1d3a57 } .topic { fill: #4a3c17 } .edge { stroke: #a3b3c2 }
  }
"""
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="#5a6b7b"/></marker></defs>'
)


class _Key(NamedTuple):
    """A node: programs and topics may share a name, and so may topics on two clusters."""

    kind: str
    name: str
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    title: str
    below: str


def draw(pipeline: Pipeline) -> str:
    """The picture as one file that needs nothing else."""
    edges = _edges(pipeline)
    columns = _columns(edges)
    boxes = _boxes(columns, pipeline)
    width = max((box.x + box.width for box in boxes.values()), default=0) + _MARGIN
    height = max((box.y + _HEIGHT for box in boxes.values()), default=0) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{escape(pipeline.name)}</title><style>{_STYLE}</style>{_ARROW}",
        *(_line(boxes[a], boxes[b]) for a, following in edges.items() for b in following),
        *(_shape(key, box) for key, box in boxes.items()),
        "</svg>",
    ]
    return printable("\n".join(parts) + "\n")


def _edges(pipeline: Pipeline) -> Mapping[_Key, Sequence[_Key]]:
    """For each program its topics, for each topic its readers."""
    edges: dict[_Key, list[_Key]] = {}
    for program in pipeline.programs.values():
        edges[_Key("program", program.name)] = [
            _Key("topic", *stream) for stream in pipeline.written_by(program)
        ]
    for stream in pipeline.streams:
        edges[_Key("topic", *stream)] = [_Key("program", one.name) for one in pipeline.readers(stream)]
    return edges


def _columns(edges: Mapping[_Key, Sequence[_Key]]) -> list[list[_Key]]:
    """Nodes by how far they are from a source, each column in the order of its neighbours."""
    names = {":".join(key): key for key in edges}
    after = {name: [":".join(one) for one in edges[key]] for name, key in names.items()}
    columns = [[names[name] for name in level] for level in levels(after)]
    for _ in range(_SWEEPS):
        for left, right in pairwise(columns):
            middles = {key: _middle([i for i, one in enumerate(left) if key in edges[one]]) for key in right}
            right.sort(key=middles.__getitem__)
    return columns


def _middle(places: Sequence[int]) -> float:
    return sum(places) / len(places) if places else 0


def _boxes(columns: Sequence[Sequence[_Key]], pipeline: Pipeline) -> dict[_Key, _Box]:
    tallest = max(map(len, columns), default=0) * (_HEIGHT + _GAP_Y)
    boxes: dict[_Key, _Box] = {}
    x: float = _MARGIN
    for column in columns:
        labels = {key: _labels(key, pipeline) for key in column}
        width = max(len(line) for pair in labels.values() for line in pair) * _LETTER + 2 * _PADDING
        top = _MARGIN + (tallest - len(column) * (_HEIGHT + _GAP_Y)) / 2
        for row, key in enumerate(column):
            boxes[key] = _Box(x, top + row * (_HEIGHT + _GAP_Y), width, *labels[key])
        x += width + _GAP_X
    return boxes


def _labels(key: _Key, pipeline: Pipeline) -> tuple[str, str]:
    if key.kind == "topic":
        name, _, more = topic_title(Stream(key.name, key.cluster), pipeline).partition(" ")
        return _short(name), more.strip("()")
    program: Program = pipeline.programs[key.name]
    workers = f" x{program.workers}" if program.workers > 1 else ""
    return _short(program.name) + workers, _short(str(program.run or ""))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _shape(key: _Key, box: _Box) -> str:
    middle = box.x + box.width / 2
    corner = _HEIGHT / 2 if key.kind == "topic" else 6
    name = f'<text x="{middle:.1f}" y="{box.y + (17 if box.below else 25):.1f}">{escape(box.title)}</text>'
    below = f'<text class="small" x="{middle:.1f}" y="{box.y + 32:.1f}">{escape(box.below)}</text>'
    return (
        f'<g><title>{escape(key.name)}</title><rect class="{key.kind}" x="{box.x:.1f}" y="{box.y:.1f}" '
        f'width="{box.width:.1f}" height="{_HEIGHT}" rx="{corner:.0f}"/>{name}'
        f"{below if box.below else ''}</g>"
    )


def _line(a: _Box, b: _Box) -> str:
    """A curve from the right of one to the left of the other; a way back goes below both."""
    x1, y1, x2, y2 = a.x + a.width, a.y + _HEIGHT / 2, b.x, b.y + _HEIGHT / 2
    forward = x2 > x1
    bend = (x2 - x1) / 2 if forward else _GAP_X
    low = 0 if forward else max(y1, y2) + _HEIGHT
    points = (x1, y1), (x1 + bend, low or y1), (x2 - bend, low or y2), (x2, y2)
    start, *curve = (f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="edge" d="M{start}C{" ".join(curve)}"/>'
