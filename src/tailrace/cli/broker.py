"""`tailrace broker`: the embedded Kafka alone."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from tailrace.cli.dev import default_data_dir
from tailrace.cli.group import DONE
from tailrace.cli.interrupt import Interrupt
from tailrace.cli.new_topics import parse_topics
from tailrace.cli.options import Command, Whole, data_dir_option, fresh_option, new_topics_option
from tailrace.core.errors import TopicExists
from tailrace.core.ports import NewTopic

LOOK_SECONDS = 0.5
_READY = """\
Kafka is ready at {servers}; Ctrl-C ends it.
For commands in other terminals:  export TAILRACE_BROKER={servers}
"""


@click.command(cls=Command, example="tailrace broker --port 9092 --topic orders:12", name="broker")
@click.option("--port", type=Whole(0, 65535), default=9092, help="9092 by default; 0 takes a free one.")
@click.option("--host", default="127.0.0.1", help="Address to listen on; 127.0.0.1 by default.")
@click.option("--advertise", metavar="HOST", default="", help="The name under which clients reach it.")
@data_dir_option
@fresh_option
@new_topics_option
def command(
    port: int,
    host: str,
    advertise: str,
    data_dir: Path | None,
    fresh: bool,  # noqa: FBT001  # click calls by name
    topics: tuple[str, ...],
) -> int:
    """Run Apache Kafka on this machine, without Java or Docker, until Ctrl-C.

    It is Kafka itself, for any client. TAILRACE_TOPICS names further topics, comma-separated.
    """
    wanted = parse_topics(topics, os.environ.get("TAILRACE_TOPICS", ""))
    from tailrace.broker import EmbeddedKafka, install  # noqa: PLC0415  # heavy: not for --help
    from tailrace.cli.installing import InstallProgress  # noqa: PLC0415  # likewise

    progress = InstallProgress()
    installation = install(progress)
    progress.finish()
    kafka = EmbeddedKafka(
        installation,
        data_dir or default_data_dir(),
        port=port,
        host=host,
        advertise=advertise,
        fresh=fresh,
        port_option="--port",
    )
    # Not before Kafka is up: until then Ctrl-C breaks the start off.
    with kafka, Interrupt() as interrupt:
        _make_topics(kafka.bootstrap_servers, wanted)
        sys.stdout.write(_READY.format(servers=kafka.bootstrap_servers))
        sys.stdout.flush()
        while not interrupt.seen:
            if not kafka.running:
                raise kafka.ended()
            time.sleep(LOOK_SECONDS)
    return DONE


def _make_topics(broker: str, wanted: Sequence[NewTopic]) -> None:
    from tailrace.kafka.admin import KafkaAdmin  # noqa: PLC0415  # heavy: not for --help
    from tailrace.kafka.settings import translate  # noqa: PLC0415  # likewise

    admin = KafkaAdmin(translate({"bootstrap_servers": broker}))
    for topic in wanted:
        with suppress(TopicExists):
            admin.create([topic])
