"""Python's logging into a task's topic; `docs/ship-logs.md` shows it.

>>> import logging
>>> from tailrace.logging import KafkaHandler
>>> logging.getLogger().addHandler(KafkaHandler("experiment-7", "localhost:9092"))
>>> logging.warning("loss is %.2f", 0.25)
"""

from tailrace.shipping.handler import KafkaHandler

__all__ = ["KafkaHandler"]
