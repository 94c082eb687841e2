"""Tailrace: Kafka for everything that is not a Kafka client.

What programs import:

    tailrace.App, Record, To  services: functions that read and write topics
    tailrace.program      a script's producer and consumer, by a pipeline's file
    tailrace.topics       list, create, describe, configure, grow and delete topics
    tailrace.testing      real Kafka for tests, as fixtures of pytest
    tailrace.core.errors  what these raise; `str(error)` says what failed, why, and what to do

All else is how the gateway and the command `tailrace` are built, and may change.
"""

from importlib import import_module

# As type checkers know it; to import `typing` for it costs more than all else here.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from tailrace.core.records import Record as Record
    from tailrace.pipelines.script import program as program
    from tailrace.runtime.app import App as App
    from tailrace.runtime.results import To as To

# Imported when used: the command line starts in a tenth of the time that these take.
_PUBLIC = {
    "App": "tailrace.runtime.app",
    "Record": "tailrace.core.records",
    "To": "tailrace.runtime.results",
    "program": "tailrace.pipelines.script",
}

__all__ = ["App", "Record", "To", "program"]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
