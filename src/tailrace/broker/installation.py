"""What nodes are started from."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Installation:
    """Java, Kafka's jars, and Java's start cache if there is one."""

    java: Path
    class_path: tuple[Path, ...]
    start_cache: Path | None = None
