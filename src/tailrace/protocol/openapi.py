"""The route table as an OpenAPI 3.1 document, and as a page that needs no script and no other host."""

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec

from tailrace.protocol import routes_bodies as bodies
from tailrace.protocol.parameters import Parameter
from tailrace.protocol.produce import RecordIn
from tailrace.protocol.routes import JSON, PROBLEM, Body, Route

_TYPES = (
    bodies.Acked,
    bodies.Answer,
    bodies.Health,
    bodies.LogLine,
    bodies.Login,
    bodies.Page,
    bodies.Problem,
    RecordIn,
    bodies.RecordOut,
    bodies.Session,
    bodies.Topic,
    bodies.TopicChange,
    bodies.TopicIn,
    bodies.TopicList,
)
_REFERENCE = "#/components/schemas/"
_KINDS = {"whole": "integer", "switch": "boolean"}
_ERRORS = {"400": "Bad request", "401": "Who are you?", "403": "Not allowed", "503": "Unavailable"}


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The OpenAPI document of the routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tailrace", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
        "security": [{"token": []}, {"basic": []}],
    }


def page(routes: Sequence[Route]) -> str:
    """The routes as HTML."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Tailrace: HTTP interface</title>'
        '<meta name="viewport" content="width=device-width">'
        "<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;"
        "vertical-align:top}h2{margin-top:2rem}</style>"
        '<h1>Tailrace: HTTP interface</h1><p>For programs: <a href="openapi.json">openapi.json</a>.</p>'
        + "".join(_section(route) for route in routes)
        + "</html>"
    )


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.handler}{'_health' if route.path == '/healthz' else ''}",
        "summary": route.summary,
        "description": _description(route),
        "parameters": [*_path_parameters(route), *map(_parameter, route.parameters)],
        "responses": {str(route.status): _response(route), **_errors(route)},
        "x-tailrace-action": route.action,
        "x-tailrace-resource": route.resource,
    }
    if route.request:
        operation["requestBody"] = {"required": True, "content": _content(route.request)}
    if route.resource == "open":
        operation["security"] = []
    return operation


def _description(route: Route) -> str:
    needs = f"Needs `{route.action}` on the topic." if route.action else ""
    return " ".join(filter(None, (route.description, needs)))


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    if "{topic}" not in route.path:
        return []
    return [{"name": "topic", "in": "path", "required": True, "schema": {"type": "string"}}]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _KINDS.get(parameter.kind, "string")}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.kind == "whole":
        schema["minimum"] = parameter.least
        if parameter.most < 2**63:
            schema["maximum"] = parameter.most
    if parameter.default is not None and parameter.kind != "seconds":
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.meaning,
        "schema": {"type": "array", "items": schema} if parameter.repeats else schema,
    }


def _response(route: Route) -> dict[str, Any]:
    described: dict[str, Any] = {"description": route.summary}
    if route.response:
        described["content"] = _content(route.response)
    return described


def _errors(route: Route) -> dict[str, Any]:
    errors = {} if route.resource == "open" else dict(_ERRORS)
    if "{topic}" in route.path:
        errors["404"] = "No such topic"
    if route.request:
        errors |= {"413": "Too large", "415": "Unsupported media type"}
    problem = {PROBLEM: {"schema": {"$ref": f"{_REFERENCE}Problem"}}}
    return {status: {"description": text, "content": problem} for status, text in errors.items()}


def _content(described: Sequence[Body]) -> dict[str, Any]:
    return {body.media: {"schema": {"$ref": _REFERENCE + body.schema}} for body in described}


def _schemas() -> dict[str, Any]:
    _, components = msgspec.json.schema_components(_TYPES, ref_template=_REFERENCE + "{name}")
    record_in = {"$ref": f"{_REFERENCE}RecordIn"}
    answer = {"$ref": f"{_REFERENCE}Answer"}
    return {
        **components,
        "Bytes": {"type": "string", "format": "binary"},
        "RecordsIn": {"oneOf": [record_in, {"type": "array", "items": record_in, "maxItems": 10_000}]},
        "Answers": {"oneOf": [answer, {"type": "array", "items": answer}]},
        "StreamAnswer": {"oneOf": [answer, {"$ref": f"{_REFERENCE}Acked"}]},
    }


def _section(route: Route) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p.name)}</code><td>{escape(p.meaning)}"
        f"<td>{'' if p.default is None else escape(str(p.default))}"
        for p in route.parameters
    )
    table = f"<table><tr><th>Parameter<th>Meaning<th>Default{rows}</table>" if rows else ""
    takes = ", ".join(body.media for body in route.request)
    gives = ", ".join(body.media for body in route.response) or JSON
    lines = [f"Takes {takes}." if takes else "", f"Gives {gives}." if route.status == 200 else ""]
    text = escape(" ".join(filter(None, (route.summary + ".", _description(route), *lines))))
    return f"<h2><code>{route.method} {escape(route.path)}</code></h2><p>{text}</p>{table}"
