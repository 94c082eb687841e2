"""Numbers, one every half a second, and a reader that takes two seconds for each."""

import time
from collections.abc import Iterator

from tailrace import App

app = App("counter")


@app.task(to="topic_test")
def count(seconds: float = 0.5) -> Iterator[dict[str, int]]:
    """Send 0 to 9998."""
    for number in range(9999):
        print(f"Iteration {number}")
        yield {"counter": number}
        time.sleep(seconds)


@app.on("topic_test", group="my-group-id", start="earliest")
def read(value: dict[str, int]) -> None:
    """Print each number; what is done is committed by itself, every 5 s and at the end."""
    print(f"Received {value}")
    time.sleep(2)
