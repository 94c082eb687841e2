"""The time of day, every five seconds."""

import time

from tailrace import App

app = App("clock")


@app.every("5s", to="timestamp")
def now() -> str:
    """Send the time as a JSON string."""
    text = time.strftime("%H:%M:%S")
    print(f"Sending: {text}")
    return text
