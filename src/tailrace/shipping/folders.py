"""Where lines wait unless a folder is named: the user's state folder, which outlives a restart."""

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

from tailrace.core.errors import ConfigurationError


def spool_folder(kind: str, task: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of a task's lines.

    Raises:
        ConfigurationError: this user has no home.
    """
    state = environ.get("XDG_STATE_HOME")
    try:
        base = Path(state) if state else Path.home() / ".local" / "state"
    except RuntimeError:
        raise ConfigurationError(
            "There is no home folder in which lines could wait.", hint="Name a folder with `spool`."
        ) from None
    return base / "tailrace" / kind / task


def file_folder(parent: Path, file: Path) -> Path:
    """Of a task's files this one's: of two with the same name in different folders each has its own."""
    return parent / f"{file.name[:80]}-{zlib.crc32(os.fsencode(file.absolute())):08x}"
