"""Real Kafka for every test that asks for it."""

pytest_plugins = ["tailrace.testing"]
