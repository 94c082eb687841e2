"""Each order goes where its amount says."""

from collections.abc import Iterator
from dataclasses import dataclass

from tailrace import App, To

app = App("branch")


@dataclass
class Order:
    """An order of a shop."""

    number: int
    amount: float


@app.task(to="orders")
def send() -> Iterator[Order]:
    """Six orders."""
    for number, amount in enumerate([12.5, 480.0, 99.0, 1200.0, 100.0, 5.0]):
        yield Order(number, amount)


@app.on("orders", to=["small", "large"])
def sort(order: Order) -> To:
    """Large ones are looked at by somebody."""
    return To("large" if order.amount >= 100 else "small", order)


@app.on("small")
def ship(order: Order) -> None:
    """Ship it at once."""
    print(f"Shipped order {order.number}")


@app.on("large")
def review(order: Order) -> None:
    """Ask first."""
    print(f"Order {order.number} over {order.amount} waits for a review")
