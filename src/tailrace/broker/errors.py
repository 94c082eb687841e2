"""What can go wrong before the embedded broker serves."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tailrace.core.errors import TailraceError

REFUSED: Final = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


class EmbeddedKafkaError(TailraceError):
    """The embedded broker could not be installed or started."""

    code, title = "embedded_broker", "The embedded broker did not start"


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Say a full or read-only disk in one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise no_space(folder) from error
        if error.errno in REFUSED:
            raise EmbeddedKafkaError(
                f"Cannot write into {folder}.",
                cause=str(error),
                hint="Choose another folder, or make this one writable.",
            ) from error
        raise


def no_space(folder: Path) -> EmbeddedKafkaError:
    """The error of a full disk."""
    return EmbeddedKafkaError(
        f"No disk space is left for {folder}.",
        cause="The file system is full.",
        hint="Free some space, or choose a folder on another disk.",
    )
