"""Prints what comes, as a first script with confluent-kafka does; Ctrl-C ends it."""

from confluent_kafka import Consumer

consumer = Consumer(
    {
        "bootstrap.servers": "localhost:9092",
        "group.id": "line-printers",
        "auto.offset.reset": "earliest",
    }
)
consumer.subscribe(["script-lines"])

try:
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            print(f"Error: {message.error()}", flush=True)
            continue
        print(f"{message.key().decode()}: {message.value().decode()}", flush=True)
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
