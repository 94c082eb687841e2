"""Prints the time that another process sends."""

from tailrace import App

app = App("printer")


@app.on("timestamp", start="earliest")
def show(value: str) -> None:
    """Print it."""
    print(f"Received: {value}")
