"""The same typed handler in other frameworks, each in an environment of its own; prints one JSON object.

Nothing of ours is imported: `benchmarks/services.py` runs this file with the framework beside it.
"""

import argparse
import asyncio
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

FIRST: list[float] = []
LAST: list[float] = []
GOT = [0]


@dataclass
class Order:
    """100 bytes of JSON."""

    id: int
    customer: str
    amount: float
    note: str


def handled(count: int) -> bool:
    """Count a record; whether it was the last one."""
    if not FIRST:
        FIRST.append(time.perf_counter())
    GOT[0] += 1
    if GOT[0] == count:
        LAST.append(time.perf_counter())
    return GOT[0] >= count


def quix(broker: str, topic: str, count: int) -> None:
    from quixstreams import Application  # noqa: PLC0415  # each is there in its own environment only

    app = Application(
        broker_address=broker,
        consumer_group=f"benchmark-{secrets.token_hex(4)}",
        auto_offset_reset="earliest",
        loglevel="ERROR",
    )
    frame = app.dataframe(app.topic(topic, value_deserializer="json"))
    frame.update(lambda _value: handled(count) and None)
    app.run(count=count, timeout=60)


def faststream(broker: str, topic: str, count: int) -> None:
    from faststream import FastStream  # noqa: PLC0415  # likewise
    from faststream.confluent import KafkaBroker  # noqa: PLC0415  # likewise

    kafka = KafkaBroker(broker)
    app = FastStream(kafka)

    @kafka.subscriber(topic, group_id=f"benchmark-{secrets.token_hex(4)}", auto_offset_reset="earliest")
    async def handle(order: Order) -> None:  # noqa: ARG001  # typed, as it is decoded
        if handled(count):
            app.exit()

    asyncio.run(app.run())


PEERS: dict[str, Callable[[str, str, int], None]] = {"quix": quix, "faststream": faststream}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    PEERS[options.peer](options.broker, options.topic, options.count)
    print(json.dumps({"records_per_s": options.count / (LAST[0] - FIRST[0])}))


if __name__ == "__main__":
    main()
