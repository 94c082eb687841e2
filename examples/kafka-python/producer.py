"""Sends ten numbers, as a first script with kafka-python does."""

import json
import time

from kafka import KafkaProducer

producer = KafkaProducer(
    bootstrap_servers=["localhost:9092"],
    value_serializer=lambda value: json.dumps(value).encode("utf-8"),
)

for number in range(10):
    producer.send("script-numbers", value={"number": number})
    print(f"Sent {number}")
    time.sleep(0.2)

producer.flush()
producer.close()
