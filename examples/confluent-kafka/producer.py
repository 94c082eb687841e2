"""Sends five lines with a delivery report each, as a first script with confluent-kafka does."""

from confluent_kafka import Producer

producer = Producer({"bootstrap.servers": "localhost:9092"})


def delivered(error, message):
    if error is not None:
        print(f"Not delivered: {error}")
    else:
        print(f"Delivered to {message.topic()} [{message.partition()}] at {message.offset()}")


for text in ["one", "two", "three", "four", "five"]:
    producer.poll(0)
    producer.produce("script-lines", key=text, value=f"line {text}".encode(), callback=delivered)

producer.flush()
