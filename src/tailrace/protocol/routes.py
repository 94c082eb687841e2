"""The HTTP interface as data: dispatch, authorisation, OpenAPI, the manual and the tests read this table.

`action` is what the caller must be granted; `resource` says on what:
`path` the topic in the path, `query` every topic named by `topic=`, `body` the topics that the body names,
`task` the task that the query names, which its owner may read too,
`listed` each topic on its own (those without the grant are left out), `cluster` no single topic.
An action None asks for an identity alone; `open` routes ask for nothing.
"""

from dataclasses import dataclass
from typing import Literal

from tailrace.protocol.parameters import Parameter

Method = Literal["GET", "POST", "PATCH", "DELETE"]
ActionName = Literal["read", "write", "create", "delete", "describe", "admin"]
Resource = Literal["path", "query", "body", "listed", "task", "cluster", "identity", "open"]

JSON = "application/json"
PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"
OCTETS = "application/octet-stream"
TEXT = "text/plain"
HTML = "text/html"
METRICS = "text/plain; version=0.0.4"
REPLACED = "multipart/x-mixed-replace"

MAX_PAGE_RECORDS = 10_000
MAX_WAIT_SECONDS = 30.0
MAX_TAIL_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Body:
    """A media type that is read or given, and the name of its schema."""

    media: str
    schema: str


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path; `status` is that of success, `handler` names who answers."""

    method: Method
    path: str
    handler: str
    summary: str
    resource: Resource
    action: ActionName | None = None
    parameters: tuple[Parameter, ...] = ()
    request: tuple[Body, ...] = ()
    response: tuple[Body, ...] = ()
    status: int = 200
    description: str = ""


_FROM = Parameter(
    "from", "start", "Where to start: beginning, end, -N (the last N), -15m, an ISO time, or a cursor."
)
_STREAM = (
    Parameter("topic", "text", "A topic to read; may stand several times.", required=True, repeats=True),
    Parameter("from", "start", _FROM.meaning, default="end"),
    Parameter("to", "start", "Where to end, in the forms of `from`; without it the stream never ends."),
    Parameter("limit", "whole", "End after this many records.", least=1),
    Parameter("idle", "seconds", "End after so long without a record.", least=0.001, most=86400),
    Parameter(
        "format", "choice", "The form of the stream; wins over Accept.", choices=("ndjson", "sse", "value")
    ),
    Parameter("key", "text", "Only records with this key."),
    Parameter(
        "filter",
        "text",
        'Only records of which this is true: key == "a", headers["b"] == "c", or value.d.e == 5.',
    ),
)
_RECORDS = (
    Parameter("from", "start", _FROM.meaning, default="beginning"),
    Parameter("limit", "whole", "At most so many records.", default=1000, least=1, most=MAX_PAGE_RECORDS),
    Parameter("wait", "seconds", "Wait so long for a first record.", default=0.0, most=MAX_WAIT_SECONDS),
    Parameter("partition", "whole", "Only this partition.", most=2**31 - 1),
)
_PRODUCE = (
    Parameter("key", "text", "The key of a bare value."),
    Parameter("partition", "whole", "The partition of a bare value.", most=2**31 - 1),
    Parameter(
        "answers",
        "choice",
        "What a stream answers: errors and an `acked` line every second (the default), a summary at the "
        "end, or all records (only for clients that read while they write).",
        choices=("errors", "summary", "all"),
    ),
)
_TASK_LOGS = (
    Parameter("method", "text", "How it was written: kafka, in any case.", required=True),
    Parameter("id", "text", "The task.", required=True),
    Parameter("follow", "switch", "Go on for ever.", default=False),
    Parameter(
        "idle", "seconds", "End after so long without a new record; 10 s by default.", least=1, most=86400
    ),
    Parameter("tail", "whole", "Only the last lines of file and topic together.", most=MAX_TAIL_LINES),
    Parameter("from", "text", "A cursor that this log gave; it goes on there."),
)
_STRICT = Parameter("strict", "switch", "Ask the broker too.", default=False)
_TOPIC = "/v1/topics/{topic}"

ROUTES: tuple[Route, ...] = (
    # The first ones are matched first: these two carry the load.
    Route(
        "POST",
        f"{_TOPIC}/records",
        "produce",
        "Store one record, an array of them, or a stream of any length",
        "path",
        "write",
        _PRODUCE,
        (Body(JSON, "RecordsIn"), Body(NDJSON, "RecordIn"), Body(OCTETS, "Bytes"), Body(TEXT, "Bytes")),
        (Body(JSON, "Answers"), Body(NDJSON, "StreamAnswer")),
        description="Answers each record's place or its error, in order. In a stream `line` counts records "
        "from 1, blank lines left out, and `acked` is the number of records decided, in order.",
    ),
    Route(
        "GET",
        f"{_TOPIC}/records",
        "records",
        "One page of records and the cursor of the next",
        "path",
        "read",
        _RECORDS,
        response=(Body(JSON, "Page"),),
        description="Safe to repeat, on any gateway process. An array of no records is no end: ask again.",
    ),
    Route(
        "GET",
        "/v1/stream",
        "stream",
        "A stream of records that goes on for as long as the client reads",
        "query",
        "read",
        _STREAM,
        response=(Body(NDJSON, "RecordOut"), Body(SSE, "Bytes")),
    ),
    Route(
        "GET",
        "/v1/topics",
        "list_topics",
        "The topics that you may describe",
        "listed",
        "describe",
        response=(Body(JSON, "TopicList"),),
    ),
    Route(
        "POST",
        "/v1/topics",
        "create_topic",
        "Make a topic",
        "body",
        "create",
        request=(Body(JSON, "TopicIn"),),
        response=(Body(JSON, "Topic"),),
        status=201,
    ),
    Route(
        "GET",
        _TOPIC,
        "describe_topic",
        "A topic's partitions, places and configuration",
        "path",
        "describe",
        response=(Body(JSON, "Topic"),),
    ),
    Route(
        "PATCH",
        _TOPIC,
        "change_topic",
        "Add partitions, set configuration values",
        "path",
        "admin",
        request=(Body(JSON, "TopicChange"),),
        response=(Body(JSON, "Topic"),),
        description="A configuration value of null goes back to the broker's default.",
    ),
    Route("DELETE", _TOPIC, "delete_topic", "Delete a topic and its records", "path", "delete", status=204),
    Route(
        "POST",
        "/v1/session",
        "log_in",
        "Exchange a token for a browser's cookie",
        "open",
        request=(Body(JSON, "Login"),),
        response=(Body(JSON, "Session"),),
    ),
    Route("GET", "/v1/session", "who_am_i", "Who you are", "identity", response=(Body(JSON, "Session"),)),
    Route("DELETE", "/v1/session", "log_out", "End the browser's session", "open", status=204),
    Route(
        "GET",
        "/api/v1/logs",
        "task_logs",
        "A task's log: its worker's file, then its topic, as one stream",
        "task",
        "read",
        _TASK_LOGS,
        response=(Body(REPLACED, "Bytes"), Body(TEXT, "Bytes"), Body(SSE, "Bytes"), Body(NDJSON, "LogLine")),
        description="The default form is bare lines that end in CR LF; `Accept` chooses another. Errors are "
        '`{"code", "message", "data"}`. Who owns a task may read its log, as may who may read its topic; '
        "to everybody else it is not there.",
    ),
    Route("GET", "/livez", "live", "Whether the process runs", "open", response=(Body(JSON, "Health"),)),
    Route("GET", "/healthz", "live", "Whether the process runs", "open", response=(Body(JSON, "Health"),)),
    Route(
        "GET",
        "/readyz",
        "ready",
        "Whether requests are served, also while the broker is away",
        "open",
        parameters=(_STRICT,),
        response=(Body(JSON, "Health"),),
    ),
    Route("GET", "/metrics", "metrics", "Figures for Prometheus", "open", response=(Body(METRICS, "Bytes"),)),
    Route("GET", "/openapi.json", "openapi", "This interface as OpenAPI 3.1", "open"),
    Route("GET", "/docs", "docs", "This interface as a page", "open", response=(Body(HTML, "Bytes"),)),
    Route(
        "GET", "/demo", "demo", "The page of the /kafka namespace", "open", response=(Body(HTML, "Bytes"),)
    ),
    Route("GET", "/", "home", "Leads to the page", "open", status=307),
)
