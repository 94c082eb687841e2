"""The request-and-answer half of the HTTP interface; `HANDLERS` are by their names in the route table."""

from collections.abc import Mapping

from tailrace.transports.gateway import Handler
from tailrace.transports.rest.about import docs, home, live, metrics, openapi, ready
from tailrace.transports.rest.produce import produce
from tailrace.transports.rest.records import records
from tailrace.transports.rest.session import log_in, log_out, who_am_i
from tailrace.transports.rest.topics import (
    change_topic,
    create_topic,
    delete_topic,
    describe_topic,
    list_topics,
)

HANDLERS: Mapping[str, Handler] = {
    handler.__name__: handler
    for handler in (
        change_topic,
        create_topic,
        delete_topic,
        describe_topic,
        docs,
        home,
        list_topics,
        live,
        log_in,
        log_out,
        metrics,
        openapi,
        produce,
        ready,
        records,
        who_am_i,
    )
}
