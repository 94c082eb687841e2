"""Tailrace: Kafka for everything that is not a Kafka client.

What programs import:

    tailrace.topics       list, create, describe, configure, grow and delete topics
    tailrace.testing      real Kafka for tests, as fixtures of pytest
    tailrace.core.errors  what these raise; `str(error)` says what failed, why, and what to do

All else is how the gateway and the command `tailrace` are built, and may change.
"""
