"""The answer to requests on connections above their bound."""

from tailrace.core.errors import Overloaded
from tailrace.transports.errors import problem_answer, response_headers, send_answer
from tailrace.transports.gateway import Receive, Scope, Send, Sender


async def overloaded(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a request, whatever it asks for, and close its connection."""
    del receive
    error = Overloaded(
        "This gateway has all the connections that it takes.",
        hint="Ask again later; limits.connections is the bound.",
    )
    answer = problem_answer(error, [(b"connection", b"close")])
    sender = Sender(send, scope.get("tailrace.answer"))
    await send_answer(sender, answer, response_headers(None, ()), with_body=scope["method"] != "HEAD")
