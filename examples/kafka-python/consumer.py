"""Prints what comes, as a first script with kafka-python does; Ctrl-C ends it."""

import json

from kafka import KafkaConsumer

consumer = KafkaConsumer(
    "script-numbers",
    bootstrap_servers=["localhost:9092"],
    auto_offset_reset="earliest",
    enable_auto_commit=True,
    group_id="number-printers",
    session_timeout_ms=6000,
    heartbeat_interval_ms=2000,
    value_deserializer=lambda value: json.loads(value.decode("utf-8")),
)

try:
    for message in consumer:
        print(f"{message.topic}:{message.partition}:{message.offset} {message.value}", flush=True)
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
