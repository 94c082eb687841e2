"""Fields of a mapping in a pipeline's file: each read with its type, each mistake noted with its place."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tailrace.core.cursors import valid_topic_name
from tailrace.core.ports import internal_topic
from tailrace.pipelines.mistakes import Mistakes, Place
from tailrace.pipelines.model import Ref
from tailrace.pipelines.tree import Node

MAX_ENTRIES = 1_000
"""Programs, topics or list items; each program is a process at least."""
MAX_WORKERS = 256
"""Processes of one program on one machine."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_BROKER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:(\d{1,5}))?")
_MAX_PORT = 65_535


class Fields:
    """One mapping; `what` names it in sentences, such as "The program 'two'"."""

    def __init__(
        self, node: Node, what: str, known: Collection[str], mistakes: Mistakes, place: Place | None = None
    ) -> None:
        self.what = what
        self.place = place or node.place
        self._mistakes = mistakes
        self._values: Mapping[str, Node] = {}
        self._keys = node.keys
        if isinstance(node.value, Mapping):
            self._values = node.value
        else:
            self._wrong(node, "a mapping", f"Write NAME: VALUE below it, of {', '.join(known)}.")
        for name in self._values:
            if name not in known:
                fix = mistakes.near(name, known) or f"Known are {', '.join(known)}."
                mistakes.add(self._keys[name], f"{what} has an unknown key {name!r}.", fix)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __getitem__(self, name: str) -> Node:
        return self._values[name]

    def where(self, name: str) -> Place:
        """The place of a field's value, or of the whole where it is not given."""
        return self._values[name].place if name in self._values else self.place

    def below(self, name: str, key: str) -> Place:
        """The place of a key in the mapping that a field holds, or of the field where it has no such key."""
        return self._values[name].keys.get(key, self.where(name))

    def text(self, name: str, default: str = "", *, of: Collection[str] = ()) -> str:
        """A text, one of a few where they are named."""
        node = self._values.get(name)
        if node is None:
            return default
        if not isinstance(node.value, str) or not node.value.strip():
            self._wrong(node, f"a text for {name!r}", "Put it in quotes.")
            return default
        if of and node.value not in of:
            fix = self._mistakes.near(node.value, of) or f"Write one of {', '.join(of)}."
            self.mistake(node.place, f"{self.what} has {name}: {node.value[:60]}.", fix)
            return default
        return node.value

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        node = self._values.get(name)
        if node is None:
            return default
        if not isinstance(node.value, int) or isinstance(node.value, bool):
            self._wrong(node, f"a whole number for {name!r}", f"Write {name}: {least} or more.")
            return default
        if not least <= node.value <= most:
            what = f"{self.what} cannot have {name}: {node.value}."
            self.mistake(node.place, what, f"Write {least} to {most}.")
            return default
        return node.value

    def flag(self, name: str) -> bool:
        """True or false; false if left out."""
        node = self._values.get(name)
        if node is not None and not isinstance(node.value, bool):
            self._wrong(node, f"true or false for {name!r}", f"Write {name}: true, or leave it out.")
        return node is not None and node.value is True

    def texts(self, name: str, *, fix: str) -> Sequence[Node]:
        """One text or a list of them, as nodes that hold texts; numbers in a list are taken as written."""
        node = self._values.get(name)
        if node is None:
            return ()
        items = [node] if isinstance(node.value, str) else node.value
        if not isinstance(items, Sequence) or isinstance(items, str) or len(items) > MAX_ENTRIES:
            self._wrong(node, f"a text or a list for {name!r}", fix)
            return ()
        return [item for item in items if self._is_text(item, name, fix)]

    def _is_text(self, item: Node, name: str, fix: str) -> bool:
        good = isinstance(item.value, str)
        if not good:
            self._wrong(item, f"a text in {name!r}", fix)
        return good

    def words(self, name: str) -> tuple[str, ...]:
        """A list of texts and numbers, such as a command's arguments."""
        items = self._values[name].value if name in self else ()
        if not isinstance(items, Sequence) or isinstance(items, str) or len(items) > MAX_ENTRIES:
            self._wrong(self._values[name], f"a list for {name!r}", "Write [one, two].")
            return ()
        return tuple(str(item.value) for item in items if self._is_word(item, name))

    def _is_word(self, item: Node, name: str) -> bool:
        good = isinstance(item.value, str | int | float) and not isinstance(item.value, bool)
        if not good:
            self._wrong(item, f"words in {name!r}", "Put each in quotes.")
        return good

    def topics(self, name: str) -> tuple[Ref, ...]:
        """Names of topics, each once."""
        refs: dict[str, Ref] = {}
        if name in self and self[name].value == []:
            self.mistake(self.where(name), f"{self.what} names no topic in {name!r}.", "Leave it out.")
        for item in self.texts(name, fix="Write a topic's name, or [one, other]."):
            topic = str(item.value)
            if topic in refs:
                self.mistake(item.place, f"{self.what} names {topic!r} twice in {name!r}.", "Take one away.")
            elif self.topic_name(topic, item.place):
                refs[topic] = Ref(topic, item.place)
        return tuple(refs.values())

    def topic_name(self, topic: str, place: Place) -> bool:
        """Whether Kafka takes a topic's name; a mistake if not."""
        if not valid_topic_name(topic):
            fix = "Take 1 to 249 letters, digits, dots, underscores and hyphens."
            self.mistake(place, f"{topic[:60]!r} is no topic name.", fix)
        elif internal_topic(topic):
            self.mistake(place, f"The topic {topic!r} belongs to Kafka or Tailrace.", "Take another name.")
        else:
            return True
        return False

    def broker(self, name: str, default: str) -> str:
        """An address, or several with commas or as a list."""
        addresses = []
        for item in self.texts(name, fix="Write HOST:PORT."):
            for address in str(item.value).split(","):
                found = _BROKER.fullmatch(address.strip())
                if found and 0 < int(found[4] or 1) <= _MAX_PORT:
                    addresses.append(address.strip())
                else:
                    what = f"{address.strip()[:60]!r} is no broker's address."
                    self.mistake(item.place, what, "Write HOST:PORT, such as localhost:9092.")
        return ",".join(addresses) or default

    def settings(self, name: str) -> Mapping[str, object]:
        """A mapping of plain values."""
        node = self._values.get(name)
        if node is None:
            return {}
        if not isinstance(node.value, Mapping):
            self._wrong(node, f"a mapping for {name!r}", "Write NAME: VALUE below it.")
            return {}
        plain = {}
        for key, value in node.value.items():
            if isinstance(value.value, str | int | float):
                plain[key] = value.value
            else:
                self._wrong(value, f"a plain value for {key!r}", "Write a text, a number, true or false.")
        return plain

    def entries(self, name: str) -> Sequence[tuple[str, Place, Node]]:
        """The members of a mapping, each with the place of its name."""
        node = self._values.get(name)
        if node is None or not isinstance(node.value, Mapping):
            if node is not None:
                self._wrong(node, f"a mapping for {name!r}", "Write NAME: {…}, one a line.")
            return ()
        return members(node, self._mistakes)

    def mistake(self, place: Place, what: str, fix: str) -> None:
        """Note one."""
        self._mistakes.add(place, what, fix)

    def _wrong(self, node: Node, wanted: str, fix: str) -> None:
        self._mistakes.add(node.place, f"{self.what} needs {wanted}, not {node.kind}.", fix)


def members(node: Node, mistakes: Mistakes) -> Sequence[tuple[str, Place, Node]]:
    """The members of a node that is a mapping, as many as there may be."""
    found = node.value if isinstance(node.value, Mapping) else {}
    if len(found) > MAX_ENTRIES:
        mistakes.add(node.place, f"{len(found):,} are too many; {MAX_ENTRIES:,} is the most.", "Split it.")
    return [(name, node.keys[name], value) for name, value in list(found.items())[:MAX_ENTRIES]]


def name_taken(name: str, place: Place, mistakes: Mistakes, *, whose: str = "program") -> None:
    """A program's name is part of client ids, groups and file names, a pipeline's of groups and folders."""
    if not _NAME.fullmatch(name):
        fix = "Take letters, digits, _ and -, 64 at most, a letter or digit first."
        mistakes.add(place, f"{name[:60]!r} is no {whose}'s name.", fix)


def name_of(file: Path) -> str:
    """A pipeline's name where its file says none: part of groups and paths, so without odd characters."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", file.stem)[:64]
