"""The ports of the core in memory: for tests, with the same contract as Kafka."""
