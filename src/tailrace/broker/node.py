"""One node of the embedded cluster: Java under its supervisor, its log, its readiness."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from tailrace.broker import supervisor
from tailrace.broker.errors import EmbeddedKafkaError, no_space
from tailrace.broker.installation import Installation
from tailrace.broker.settings import NodeSettings, properties_text

READY: Final = b"Kafka Server started"
"""What Kafka logs once it is registered, unfenced and listening."""
LOOK_EVERY: Final = 0.01
"""Seconds between two looks at the log of a starting node."""
TAIL_LINES: Final = 5
FULL: Final = (b"No space left on device", b"Disk quota exceeded")
FULL_BYTES: Final = 64 << 10
"""Bytes free below which a disk is full; the log stands on it and may have had no room for the reason."""
END_BYTES: Final = 256 << 10
"""The end of a log, in which the reason of its end is looked for."""
KILL_GRACE: Final = 5.0
"""Seconds for a killed process to be gone; it takes milliseconds unless the machine hangs."""
FOREIGN_OPTIONS: Final = {"JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH"}
"""Variables meant for other Java programs on the machine."""


class Node:
    """One Kafka process, broker and controller in one; started, stopped and started again."""

    def __init__(
        self, installation: Installation, folder: Path, settings: NodeSettings, java_options: tuple[str, ...]
    ) -> None:
        self._installation = installation
        self._folder = folder
        self._settings = settings
        self._java_options = java_options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """The file of Kafka's own log."""
        return self._folder / "kafka.log"

    @property
    def console(self) -> Path:
        """The file of what Java itself says."""
        return self._folder / "console.log"

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def launch(self, lock: int) -> None:
        """Start the process, which holds the lock's file descriptor as long as it lives."""
        text = properties_text(self._settings.properties())
        properties = self._folder / "server.properties"
        with open(properties, "w", opener=_private) as file:  # Path.open takes no opener
            file.write(text)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.before"))
        command = [
            sys.executable,
            "-I",
            "-S",
            supervisor.__file__,
            str(os.getpid()),
            str(self.console),
            str(lock),
        ]
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            [*command, *self._java(properties)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal is ours to act on, in order
            pass_fds=(lock,),
            env={name: value for name, value in os.environ.items() if name not in FOREIGN_OPTIONS},
        )

    def wait_ready(self, deadline: float) -> None:
        """Return once the node serves; `deadline` is on the monotonic clock."""
        seen = b""
        position = 0
        while READY not in seen:
            if not self.running:
                raise self._failed("ended while it was starting")
            if time.monotonic() > deadline:
                raise self._failed("was not ready in time")
            time.sleep(LOOK_EVERY)
            new = self._read_log(position)
            position += len(new)
            seen = seen[-len(READY) :] + new

    def stop(self, grace: float) -> None:
        """Ask it to end, and end it by force after `grace` seconds."""
        self.order_stop(grace)
        self.wait_ended(grace)

    def order_stop(self, grace: float) -> None:
        """Ask it to end, without waiting."""
        self._order(f"stop {grace:.3f}\n".encode())

    def wait_ended(self, grace: float) -> None:
        """Wait until it has ended; its supervisor ends it by force after `grace` seconds."""
        if self._process is not None:
            self._process.wait(grace + KILL_GRACE)
            self._process = None

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._order(b"kill\n")
        self.wait_ended(0)

    def lacked_space(self) -> bool:
        """Whether its disk was full, as the end of what it or Java said has it, or as it still is."""
        said = _end(self.log) + _end(self.console)
        return any(word in said for word in FULL) or shutil.disk_usage(self._folder).free < FULL_BYTES

    def _order(self, order: bytes) -> None:
        if self._process is not None and self._process.stdin and not self._process.stdin.closed:
            with suppress(BrokenPipeError):  # it ended by itself
                self._process.stdin.write(order)
                self._process.stdin.close()

    def _java(self, properties: Path) -> list[str]:
        installation = self._installation
        # Java 25 warns at each start of some stubs that it makes anew; they cost nothing.
        quiet = ["-Xlog:disable", "-Xlog:all=error:stderr"]
        cache = [f"-XX:AOTCache={installation.start_cache}", *quiet] if installation.start_cache else []
        return [
            str(installation.java),
            *cache,
            *self._java_options,
            "-XX:+ExitOnOutOfMemoryError",
            f"-Dtailrace.log={self.log}",
            f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.xml')}",
            "-cp",
            os.pathsep.join(map(str, installation.class_path)),
            "kafka.Kafka",
            str(properties),
        ]

    def _read_log(self, position: int) -> bytes:
        try:
            with self.log.open("rb") as file:
                file.seek(position)
                return file.read()
        except FileNotFoundError:
            return b""

    def _failed(self, what: str) -> EmbeddedKafkaError:
        if self.lacked_space():
            return no_space(self._folder)
        lines = _last_lines(self.log) or _last_lines(self.console)
        return EmbeddedKafkaError(
            f"Kafka {what}.",
            cause=" | ".join(lines) or "It logged nothing.",
            hint=f"Its whole log is {self.log}, what Java said is {self.console}.",
        )


def _private(path: str, flags: int) -> int:
    """Open a file that only we may read: it holds passwords."""
    return os.open(path, flags, 0o600)


def _end(path: Path) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - END_BYTES))
        return file.read()


def _last_lines(path: Path) -> list[str]:
    """What a log says of its end: from the first error on, else the last lines; no stack traces."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("\tat ")]
    errors = (number for number, line in enumerate(lines) if " ERROR " in line)
    first = next(errors, max(0, len(lines) - TAIL_LINES))
    return lines[first : first + TAIL_LINES]
