"""The metrics' text is made once a second."""

from tailrace.telemetry.metrics import Metrics
from tailrace.transports.exposition import Exposition


def test_the_text_is_kept_for_a_second():
    """However often it is asked for, and no longer."""
    now = 5.0
    metrics = Metrics()
    exposition = Exposition(metrics, lambda: now)
    first = exposition.text()
    metrics.readers.at("sse").value += 1
    now = 5.9
    assert exposition.text() is first
    now = 6.0
    assert exposition.text() != first
    assert b'tailrace_readers{transport="sse"} 1' in exposition.text()
