"""What the gateway tells about itself: metrics and logs."""

from tailrace.telemetry.logs import configure_logs
from tailrace.telemetry.metrics import TRANSPORTS, Metrics
from tailrace.telemetry.redaction import redact
from tailrace.telemetry.registry import CONTENT_TYPE, Counter, Family, Gauge, Histogram, Metric

__all__ = [
    "CONTENT_TYPE",
    "TRANSPORTS",
    "Counter",
    "Family",
    "Gauge",
    "Histogram",
    "Metric",
    "Metrics",
    "configure_logs",
    "redact",
]
