"""A cursor kept in a file, so that the next run goes on where this one ended."""

import os
from collections.abc import Sequence
from pathlib import Path

from tailrace.core.cursors import Cursor
from tailrace.core.errors import BadCursor, ConfigurationError


class CursorFile:
    """One cursor, replaced as a whole; `-` shows it on standard error instead."""

    def __init__(self, name: str) -> None:
        self._path = None if name == "-" else Path(name)
        self._kept = ""

    def load(self, topics: Sequence[str]) -> str | None:
        """What was saved; None if nothing was.

        Raises:
            BadCursor: the file holds something else, or a place in other topics, which saving would lose.
            ConfigurationError: nothing can be kept there.
        """
        if self._path is None:
            return None
        _check_folder(self._path)
        if not self._path.exists():
            return None
        text = self._path.read_text(encoding="utf-8").strip()
        if not text:
            return None
        try:
            held = Cursor.parse(text).topics
        except BadCursor as error:
            raise BadCursor(
                f"The file {self._path} holds no cursor.", cause=error.detail, hint="Name another file."
            ) from None
        if others := sorted(held.keys() - set(topics)):
            raise BadCursor(
                f"The file {self._path} holds a place in {', '.join(others)}, which is not read here.",
                hint="Name another file.",
            )
        return text

    def save(self, cursor: Cursor) -> None:
        """Keep it; a crash leaves either the old or the new one."""
        text = str(cursor)
        if self._path is None or text == self._kept:
            return
        beside = _beside(self._path)
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(self._path)
        self._kept = text

    def finish(self, cursor: Cursor) -> str | None:
        """Keep the last one; answers it if it is to be shown."""
        self.save(cursor)
        return str(cursor) if self._path is None else None


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _check_folder(path: Path) -> None:
    """That a place can't be kept is said before the first record, not behind the last."""
    beside = _beside(path)
    try:
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"Nothing can be kept in {path}.",
            cause=error.strerror or str(error),
            hint="Name a file in a folder that is there and that you may write to.",
        ) from None
