"""The ports of the core on Apache Kafka; the only place that imports confluent_kafka."""
