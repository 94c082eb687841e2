"""The web application made from the route table: one way in for every request.

identify -> authorise -> read parameters -> handler -> answer, and one place where errors become problems.
Starlette matches the paths; all that depends on the table is worked out once, when the app is made.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from time import perf_counter

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.routing import Route as Path
from starlette.types import ASGIApp

from tailrace.core.cursors import valid_topic_name
from tailrace.core.errors import BadRequest, Internal, MethodNotAllowed, NotFound, Stopping, TailraceError
from tailrace.protocol.parameters import ParameterReader, Value
from tailrace.protocol.routes import ROUTES, Route
from tailrace.telemetry.metrics import Metrics
from tailrace.telemetry.registry import Counter
from tailrace.transports.body import ClientGone
from tailrace.transports.errors import (
    allowed_origin,
    preflight,
    problem_answer,
    response_headers,
    send_answer,
)
from tailrace.transports.gateway import (
    Answer,
    Call,
    Gateway,
    Handler,
    Principal,
    Receive,
    Scope,
    Send,
    Sender,
)

_log = logging.getLogger("tailrace.http")

# Routes whose answer has no end, so that a HEAD of them would not end either; of a stop they tell themselves.
_ENDLESS = frozenset({"stream", "task_logs"})

# What an error looks like to a request with such headers.
Refusal = Callable[[TailraceError, Mapping[bytes, bytes]], Answer]


def make_app(
    gateway: Gateway,
    handlers: Mapping[str, Handler],
    more: Sequence[BaseRoute] = (),
    routes: Sequence[Route] = ROUTES,
    refusals: Mapping[str, Refusal] | None = None,
) -> ASGIApp:
    """The application: every route of the table with its handler, and what else is mounted.

    Args:
        gateway: the services that handlers get.
        handlers: by the name in the table; a route without one is left out (a page that is not installed).
        more: mounts that are no routes of the table, such as Socket.IO.
        routes: the table.
        refusals: what an error looks like on routes whose clients know no problem documents, by handler.
    """
    served = [route for route in routes if route.handler in handlers]
    by_path = groupby(sorted(served, key=attrgetter("path")), attrgetter("path"))
    order = {route.path: number for number, route in reversed(list(enumerate(served)))}
    doors = {path: _Door(gateway, list(group), handlers, refusals or {}) for path, group in by_path}
    paths = [Path(path, doors[path]) for path in sorted(doors, key=order.__getitem__)]
    app = Starlette(routes=[*paths, *more])
    app.router.redirect_slashes = False
    app.router.default = _NotFound(gateway, app.router.default)
    return _Dispatch(paths, doors, app)


class _Dispatch:
    """Finds the door of a path of the table at once; what else there is goes through Starlette's layers."""

    def __init__(self, paths: Sequence[Path], doors: Mapping[str, "_Door"], others: ASGIApp) -> None:
        self._doors = [(path.path_regex.match, doors[path.path]) for path in paths]
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["type"] == "http":
                for match, door in self._doors:
                    found = match(scope["path"])
                    if found:
                        scope["path_params"] = found.groupdict()
                        await door(scope, receive, send)
                        return
            await self._others(scope, receive, send)
        except asyncio.CancelledError:
            # By a stop whose time is over. An answer would say what nobody knows: whether it was done.
            cut = scope.get("tailrace.cut")
            if cut is None:
                raise
            cut()


class _Action:
    """A route with what is worked out once."""

    __slots__ = ("_by_status", "_requests", "_seconds", "handler", "level", "parameters", "route")

    def __init__(self, route: Route, handler: Handler, metrics: Metrics) -> None:
        self.route = route
        self.handler = handler
        # Each call is told where few come and people ask about one; a stream tells of itself.
        self.level = logging.INFO if route.resource == "task" else logging.DEBUG
        self.parameters = ParameterReader(route.parameters)
        self._requests = metrics.requests
        self._seconds = metrics.request_seconds.at(route.path)
        self._by_status: dict[int, Counter] = {}

    def count(self, answer: Answer | None, seconds: float) -> None:
        """Count a request; without an answer it was a stream, whose length says nothing."""
        status = answer.status if answer else 200
        counter = self._by_status.get(status)
        if counter is None:
            counter = self._requests.at(self.route.path, self.route.method, str(status))
            self._by_status[status] = counter
        counter.value += 1
        if answer:
            self._seconds.observe(seconds)

    def log(self, answer: Answer, method: str, seconds: float) -> None:
        """Tell how long a call took."""
        fields = {"route": self.route.path, "method": method, "status": answer.status}
        _log.log(
            self.level, "A call was answered.", extra={"fields": {**fields, "seconds": round(seconds, 4)}}
        )


class _Door:
    """All methods of one path, as an ASGI application."""

    def __init__(
        self,
        gateway: Gateway,
        routes: Sequence[Route],
        handlers: Mapping[str, Handler],
        refusals: Mapping[str, Refusal],
    ) -> None:
        self._gateway = gateway
        self._refuse = next((refusals[r.handler] for r in routes if r.handler in refusals), _document)
        self._actions: dict[str, _Action] = {
            route.method: _Action(route, handlers[route.handler], gateway.metrics) for route in routes
        }
        get = self._actions.get("GET")
        if get and get.route.handler not in _ENDLESS:
            self._actions["HEAD"] = get
        self._methods = ", ".join([*self._actions, "OPTIONS"]).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        sender = Sender(send, scope.get("tailrace.answer"))
        begun = perf_counter()
        action = self._actions.get(scope["method"])
        common = response_headers(headers.get(b"origin"), self._gateway.settings.server.origins)
        try:
            answer = await self._answer(action, scope, receive, sender, headers, common)
        except ClientGone:
            return
        except Exception as error:
            if sender.started:
                raise
            answer = _problem(error, self._methods, lambda error: self._refuse(error, headers))
        if action is not None:
            seconds = perf_counter() - begun
            action.count(answer, seconds)
            if answer is not None and _log.isEnabledFor(action.level):
                action.log(answer, scope["method"], seconds)
        if answer is not None:
            await send_answer(sender, answer, common, with_body=scope["method"] != "HEAD")

    async def _answer(
        self,
        action: _Action | None,
        scope: Scope,
        receive: Receive,
        sender: Sender,
        headers: Mapping[bytes, bytes],
        common: list[tuple[bytes, bytes]],
    ) -> Answer | None:
        if action is None:
            return self._without_action(scope["method"], headers)
        gateway = self._gateway
        route = action.route
        topic = scope["path_params"].get("topic", "")
        principal = None
        if route.resource != "open":
            if gateway.stopping and route.handler not in _ENDLESS:
                raise Stopping("This gateway is going away.", hint="Ask again; another one will answer.")
            principal = gateway.access.identify(headers, scope["method"])
            if route.resource == "path" and route.action:
                gateway.access.authorize(principal, route.action, topic)
        if topic and not valid_topic_name(topic):
            raise BadRequest(f"{topic[:80]!r} is no topic name.")
        parameters = action.parameters.read(scope["query_string"])
        if principal and route.resource == "query" and route.action:
            self._authorize_topics(principal, route.action, parameters)
        call = Call(route, scope, receive, sender, headers, principal, parameters, topic, common)
        return await action.handler(gateway, call)

    def _authorize_topics(self, principal: Principal, action: str, parameters: Mapping[str, Value]) -> None:
        topics = parameters["topic"]
        if not isinstance(topics, tuple):
            # Nothing would be authorised then, and all of it given.
            raise TypeError("A route whose topics stand in its query takes `topic` repeatedly.")
        for topic in topics:
            self._gateway.access.authorize(principal, action, topic)

    def _without_action(self, method: str, headers: Mapping[bytes, bytes]) -> Answer:
        if method != "OPTIONS":
            raise MethodNotAllowed(f"{method[:20]} is no method of this path.")
        allow = [(b"allow", self._methods)]
        origin = headers.get(b"origin")
        if origin and allowed_origin(origin, self._gateway.settings.server.origins):
            allow += preflight(self._methods, headers.get(b"access-control-request-headers"))
        return Answer(status=204, headers=allow)


class _NotFound:
    """Answers for paths that are none."""

    def __init__(self, gateway: Gateway, for_websockets: ASGIApp) -> None:
        self._gateway = gateway
        self._for_websockets = for_websockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._for_websockets(scope, receive, send)
            return
        origin = dict(scope["headers"]).get(b"origin")
        error = NotFound("There is nothing at this address.", hint="/docs shows what there is.")
        common = response_headers(origin, self._gateway.settings.server.origins)
        await send_answer(Sender(send), problem_answer(error), common, with_body=scope["method"] != "HEAD")


def _document(error: TailraceError, headers: Mapping[bytes, bytes]) -> Answer:
    del headers
    return problem_answer(error)


def _problem(error: Exception, methods: bytes, refuse: Callable[[TailraceError], Answer]) -> Answer:
    if isinstance(error, MethodNotAllowed):
        return _with(refuse(error), (b"allow", methods))
    if isinstance(error, TailraceError):
        # A body that was refused unread must not be taken for the next request.
        unread = error.status in {408, 413}
        return _with(refuse(error), (b"connection", b"close")) if unread else refuse(error)
    _log.error("A request failed.", exc_info=error)
    return refuse(Internal("Something went wrong here; the log has the details."))


def _with(answer: Answer, header: tuple[bytes, bytes]) -> Answer:
    return replace(answer, headers=[*answer.headers, header])
