"""Java's start cache: trained once by a run of its own, then every start takes half the time.

Java writes the cache when the training run ends cleanly, in a second process that takes some seconds.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from tailrace.broker.embedded import EmbeddedKafka
from tailrace.broker.errors import EmbeddedKafkaError
from tailrace.broker.installation import Installation

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0


def train(installation: Installation, path: Path) -> str:
    """Write the start cache; gives why not if it fails, for then starts are only slower."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="tailrace-training-") as folder:
        write = (f"-XX:AOTCacheOutput={draft}",)
        kafka = EmbeddedKafka(
            replace(installation, start_cache=None), Path(folder), port=0, java_options=write
        )
        try:
            kafka.start(START_SECONDS)
        except EmbeddedKafkaError as error:
            return str(error)
        kafka.stop(STOP_SECONDS)
    if not draft.exists():
        return "Java wrote no cache."
    draft.replace(path)
    return ""
