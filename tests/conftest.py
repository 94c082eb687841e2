"""Real Kafka for every test that asks for it, and how long property tests look for a counterexample."""

from hypothesis import settings

pytest_plugins = ["tailrace.testing"]

settings.register_profile("default", max_examples=150, deadline=None)
# `make faults` looks on for minutes.
settings.register_profile("thorough", max_examples=5_000, deadline=None)
