"""`tailrace dev`: Kafka, the gateway and demo data in one process."""

import os
import shutil
import sys
from pathlib import Path

import click

from tailrace.cli.group import DONE
from tailrace.cli.new_topics import parse_topics
from tailrace.cli.options import Command, Whole, data_dir_option, fresh_option, new_topics_option


def default_data_dir() -> Path:
    """Where `dev` and `broker` keep records unless told otherwise."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "tailrace"


@click.command(cls=Command, example="tailrace dev --topic orders:12", name="dev")
@click.option("--port", type=Whole(0, 65535), help="The gateway's port; 8484 by default.")
@click.option("--broker-port", type=Whole(0, 65535), default=9092, help="Kafka's port; 9092 by default.")
@data_dir_option
@fresh_option
@click.option("--no-demo", is_flag=True, help="Without demo topics and their data.")
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="TAILRACE_TOKEN",
    help="The token that may do everything; a fresh one if left out.",
)
@new_topics_option
@click.option("--kafka-topic", metavar="TOPIC", help="The topic of the /kafka namespace; demo by default.")
@click.option("--allow-null-origin", is_flag=True, help="Let pages opened as a file connect to /kafka.")
@click.option("--config", metavar="FILE", help="The settings file.")
def command(
    port: int | None,
    broker_port: int,
    data_dir: Path | None,
    fresh: bool,  # noqa: FBT001  # click calls by name
    no_demo: bool,  # noqa: FBT001  # likewise
    token: str | None,
    topics: tuple[str, ...],
    kafka_topic: str | None,
    allow_null_origin: bool,  # noqa: FBT001  # likewise
    config: str | None,
) -> int:
    """Start everything for a first look, or for work on this machine, until Ctrl-C.

    TAILRACE_TOPICS names further topics, comma-separated, in the form of --topic.
    """
    wanted = parse_topics(topics, os.environ.get("TAILRACE_TOPICS", ""))
    from tailrace import bootstrap, settings  # noqa: PLC0415  # heavy: not for --help
    from tailrace.auth import new_token  # noqa: PLC0415  # likewise
    from tailrace.cli.installing import InstallProgress  # noqa: PLC0415  # likewise

    given = {
        "server.port": port,
        "socketio.topic": kafka_topic,
        "socketio.allow_null_origin": allow_null_origin or None,
    }
    in_force = settings.load(given, config=config)
    options = bootstrap.DevOptions(
        data_dir or default_data_dir(),
        broker_port,
        token or new_token(),
        wanted,
        demo=not no_demo,
        fresh=fresh,
    )
    progress = InstallProgress()

    def ready(taken: int, kafka_port: int) -> None:
        progress.finish()
        written = in_force.socketio.topic
        read = "weather" if options.demo else wanted[0].name if wanted else written
        host = in_force.server.host
        sys.stdout.write(welcome(host, taken, kafka_port, options.token, read, written, typed()))
        sys.stdout.flush()

    bootstrap.dev(in_force, options, progress, ready)
    return DONE


def typed() -> str:
    """How this command is called in another terminal, whether or not its folder is on the path."""
    found = shutil.which("tailrace")
    program = Path(sys.argv[0]).absolute()
    if found is not None and Path(found).absolute() == program:
        return "tailrace"
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else str(program)


def welcome(
    host: str, port: int, kafka_port: int, token: str, read: str, written: str, command: str = "tailrace"
) -> str:
    """The address, the token and three commands to try, which read one topic and write to another."""
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return f"""\
Tailrace is ready.

  Open    {address}/#token={token}
  Token   {token}
  Kafka   localhost:{kafka_port}

Try, in another terminal:

  {command} tail {read} -n 5 -f --broker localhost:{kafka_port}
  curl -N -H 'Authorization: Bearer {token}' '{address}/v1/stream?topic={read}'
  echo hello | {command} produce {written} --url {address} --token {token}

Ctrl-C stops it; the data stay.
"""
