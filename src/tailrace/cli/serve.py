"""`tailrace serve`: the gateway in front of a cluster."""

import click

from tailrace.cli.group import DONE
from tailrace.cli.options import Command, Whole
from tailrace.cli.output import note


@click.command(cls=Command, example="tailrace serve --broker localhost:9092 --port 8484 --open", name="serve")
@click.option("--broker", metavar="HOST:PORT", envvar="TAILRACE_BROKER", help="Brokers to ask first.")
@click.option("--host", help="Address to listen on; 127.0.0.1 by default.")
@click.option("--port", type=Whole(0, 65535), help="Port to listen on; 8484 by default, 0 takes a free one.")
@click.option("--config", metavar="FILE", help="The settings file.")
@click.option("--open", "open_", is_flag=True, help="Anonymous may do everything, from this machine only.")
@click.option("--kafka-topic", metavar="TOPIC", help="The topic of the /kafka namespace; demo by default.")
@click.option("--allow-null-origin", is_flag=True, help="Let pages opened as a file connect to /kafka.")
def command(
    broker: str | None,
    host: str | None,
    port: int | None,
    config: str | None,
    open_: bool,  # noqa: FBT001  # click calls by name
    kafka_topic: str | None,
    allow_null_origin: bool,  # noqa: FBT001  # likewise
) -> int:
    """Serve a Kafka cluster to browsers, HTTP clients and scripts, until Ctrl-C.

    Who may do what stands in the settings file; without any identity it starts only with --open.
    """
    from tailrace import bootstrap, settings  # noqa: PLC0415  # heavy: not for --help

    options = {
        "kafka.brokers": broker,
        "server.host": host,
        "server.port": port,
        "server.open": open_ or None,
        "socketio.topic": kafka_topic,
        "socketio.allow_null_origin": allow_null_origin or None,
    }
    in_force = settings.load(options, config=config)
    bootstrap.serve(in_force, lambda taken: note(f"Tailrace serves http://{in_force.server.host}:{taken}"))
    return DONE
