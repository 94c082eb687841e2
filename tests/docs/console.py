"""A page's console blocks: commands, typed at a terminal, and what the page says that they print."""

import os
import pty
import re
import subprocess

SECONDS = 60


def at_terminal(command, environ, folder):
    """The lines that a command prints to a terminal; it must end well."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as terminal:
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=folder, env=environ, stdout=terminal, stderr=subprocess.STDOUT
        )
    with os.fdopen(ours, "rb") as screen:
        printed = b"".join(iter(lambda: read_screen(screen), b""))
    assert process.wait(SECONDS) == 0, printed.decode()
    return printed.decode().replace("\r\n", "\n")


def read_screen(screen):
    """More of what was printed; a terminal that nobody writes to any more ends with an error on Linux."""
    try:
        return screen.read1()
    except OSError:
        return b""


def steps(text):
    """A console block's commands, each with the output that the page shows."""
    for step in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, output = step.partition("\n")
        yield command, output


def pattern(output):
    """What the page shows, where … stands for anything."""
    return re.escape(output).replace(re.escape("…\n"), r"(?:.*\n)+").replace("…", ".*")
