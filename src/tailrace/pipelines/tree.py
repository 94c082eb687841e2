"""YAML as a tree that knows the place of everything in it.

Nothing of a file is ever executed or multiplied: tags are refused, aliases too (a file of a few lines could
stand for gigabytes), and size and depth have bounds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tailrace.core.errors import ConfigurationError
from tailrace.pipelines.mistakes import Mistakes, Place

try:
    import yaml  # type: ignore[import-untyped]  # the library has no types
except ImportError:
    raise ConfigurationError(
        "Pipelines need the package pyyaml.", hint='Install it: pip install "tailrace[run]".'
    ) from None

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
"""Far more than a pipeline needs; a deeper file is an attack on the parser's stack."""
_TEXT_TAG = "tag:yaml.org,2002:str"
_NO_TEXT = re.compile("[\\x00\\ud800-\\udfff]")
_WHOLE = re.compile(r"[-+]?\d{1,18}")
_DECIMAL = re.compile(r"[-+]?\d{0,18}\.\d{1,18}")
# Not YAML's "yes", "no", "on": a topic may have such a name.
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands; `keys` are the places of a mapping's keys."""

    value: "Scalar | Sequence[Node] | Mapping[str, Node]"
    place: Place
    keys: Mapping[str, Place] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What it is, as a person would say it."""
        match self.value:
            case None:
                return "nothing"
            case bool():
                return f"{str(self.value).lower()}"
            case int() | float():
                return f"the number {self.value}"
            case str():
                return f"the text {self.value[:60]!r}"
            case Mapping():
                return "a mapping"
        return "a list"


class _Refused(Exception):
    """The file cannot be read any further."""

    def __init__(self, mark: object, what: str, fix: str) -> None:
        super().__init__(what)
        self.place, self.what, self.fix = _place(mark), what, fix


class _Loader(yaml.BaseLoader):  # type: ignore[misc]  # the library has no types
    """Composes nodes; its base makes no objects and knows no types."""

    depth = 0

    def compose_node(self, parent: object, index: object) -> object:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise _Refused(mark, "An alias (*name) is not read here.", "Write out what it stands for.")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark
            raise _Refused(mark, f"This is nested more than {MAX_DEPTH} deep.", "A pipeline is flat.")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_tree(content: bytes, mistakes: Mistakes) -> Node | None:
    """The file's one document; None where it cannot be read, with the mistake that says why."""
    if len(content) > MAX_BYTES:
        what = f"The file has {len(content):,} bytes; {MAX_BYTES:,} is the most."
        mistakes.add(Place(1, 1), what, "Split the pipeline.")
        return None
    loader = None
    try:
        loader = _Loader(content)
        composed = loader.get_single_node()
    except _Refused as refused:
        mistakes.add(refused.place, refused.what, refused.fix)
    except yaml.MarkedYAMLError as error:
        what = f"This is not YAML: {error.problem or error.context}."
        mistakes.add(_place(error.problem_mark or error.context_mark), what, _syntax_fix(str(error.problem)))
    except (OverflowError, ValueError) as error:
        # An escape such as "\\UFFFFFFFF".
        place = _place(loader.get_mark()) if loader else Place(1, 1)
        mistakes.add(place, f"This text names no character: {error}.", "Mend the escape.")
    except yaml.YAMLError as error:
        mistakes.add(_byte_place(content, error), "The file is not text in UTF-8.", "Save it as UTF-8.")
    else:
        return Node(None, Place(1, 1)) if composed is None else _node(composed, mistakes)
    finally:
        if loader:
            loader.dispose()
    return None


def _node(composed: yaml.Node, mistakes: Mistakes) -> Node:
    place = _place(composed.start_mark)
    if isinstance(composed, yaml.MappingNode):
        return _mapping(composed, mistakes)
    if isinstance(composed, yaml.SequenceNode):
        return Node([_node(item, mistakes) for item in composed.value], place)
    if composed.tag != _TEXT_TAG:
        mistakes.add(place, f"The tag {composed.tag[:60]} is not taken here.", "Leave it out.")
    if _NO_TEXT.search(composed.value):
        mistakes.add(place, f"{composed.value[:60]!r} holds half a character, or a NUL.", "Take it out.")
    return Node(_scalar(composed.value, plain=not composed.style), place)


def _mapping(composed: yaml.MappingNode, mistakes: Mistakes) -> Node:
    values: dict[str, Node] = {}
    keys: dict[str, Place] = {}
    for key, value in composed.value:
        place = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            mistakes.add(place, "A name is a text, not a list or a mapping.", "Write NAME: VALUE.")
            continue
        name = key.value
        if name in keys:
            first = keys[name].line
            mistakes.add(place, f"{name!r} stands here twice, first in line {first}.", "Rename or join them.")
        else:
            keys[name] = place
            values[name] = _node(value, mistakes)
    return Node(values, _place(composed.start_mark), keys)


def _scalar(text: str, *, plain: bool) -> Scalar:
    if not plain:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _place(mark: object) -> Place:
    return Place(mark.line + 1, mark.column + 1) if isinstance(mark, yaml.Mark) else Place(1, 1)


def _byte_place(content: bytes, error: yaml.YAMLError) -> Place:
    position = getattr(error, "position", 0) or 0
    before = content[:position]
    return Place(before.count(b"\n") + 1, position - (before.rfind(b"\n") + 1) + 1)


def _syntax_fix(problem: str) -> str:
    if "\\t" in problem or "tab" in problem:
        return "Indent with spaces, not with tabs."
    if "mapping values" in problem:
        return "Put a value that holds ': ' in quotes, and look at the indentation."
    if "expected ',' or" in problem:
        return "A bracket or brace is open, or a comma is missing."
    return "Look at the indentation, the quotes and the brackets of this line and of the one before."
