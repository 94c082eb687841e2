"""`tailrace run`: an app, one program of it, or a pipeline's file."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from tailrace.cli.options import Command, Whole
from tailrace.core.errors import ConfigurationError

_FILES = (".yml", ".yaml")
_BROKER_NAMES = frozenset({"bootstrap_servers", "bootstrap.servers", "metadata.broker.list"})


class RunCommand(Command):
    """What stands after -- is for the program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words after the first -- away before click reads the others."""
        if "--" in args:
            at = args.index("--")
            ctx.meta["arguments"] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)


@click.command(cls=RunCommand, name="run", example="tailrace run clock:app\ntailrace run calc:one -- 5 2 sum")
@click.argument("target")
@click.argument("programs", nargs=-1, metavar="[PROGRAM]...")
@click.option(
    "--workers", type=Whole(1), metavar="N", help="So many members of the group, instead of what is declared."
)
@click.option(
    "--client-id", default="", metavar="ID", help="The worker's name towards Kafka; a number N is client-N."
)
@click.option(
    "--run",
    "runs",
    metavar="NAME=COMMAND",
    multiple=True,
    help="What a program of a pipeline's file runs; may repeat.",
)
@click.option(
    "--broker",
    metavar="HOST:PORT",
    help="Brokers to use; TAILRACE_BROKER stands for it, else localhost:9092.",
)
@click.option("--config", metavar="FILE", help="The settings file, for what is needed to reach brokers.")
@click.option(
    "-X", "client", metavar="NAME=VALUE", multiple=True, help="A setting of the Kafka client; may repeat."
)
@click.pass_context
def command(
    ctx: click.Context,
    target: str,
    programs: tuple[str, ...],
    workers: int | None,
    client_id: str,
    runs: tuple[str, ...],
    broker: str | None,
    config: str | None,
    client: tuple[str, ...],
) -> int:
    """Run MODULE:APP, one program as MODULE:NAME, or a pipeline's FILE (all of it, or the named PROGRAMs).

    Modules are also looked for in the current folder. What stands after -- are the arguments of a task.
    Ctrl-C ends it: what is in hand is finished and committed.
    """
    arguments = list(ctx.meta.get("arguments", []))
    servers, kafka = _cluster(broker, config, client)
    if target.endswith(".py"):
        module = Path(target).stem
        raise click.UsageError(f"{target} is a module: run what is in it, such as {module}:app.")
    path = Path(target)
    # A folder may be a package, whose programs are named after a colon.
    if target.endswith(_FILES) or (path.exists() and not path.is_dir()):
        from tailrace.cli.run_pipeline import run_pipeline  # noqa: PLC0415  # imported when used

        return run_pipeline(
            path,
            programs,
            workers=workers,
            client_id=client_id,
            runs=runs,
            arguments=arguments,
            broker=servers,
            kafka=kafka,
        )
    if programs or runs:
        raise click.UsageError(
            f"{target} is no pipeline's file: it has no programs to choose from. Arguments of a task stand "
            f"after --: tailrace run {target} -- {' '.join(programs) or '…'}"
        )
    return _run_target(target, workers, client_id, arguments, servers, kafka)


def _run_target(
    target: str, workers: int | None, client_id: str, arguments: list[str], broker: str, kafka: dict[str, Any]
) -> int:
    from tailrace.runtime import worker  # noqa: PLC0415  # imported when used
    from tailrace.runtime.spec import WorkerSpec  # noqa: PLC0415  # likewise
    from tailrace.telemetry.logs import configure_logs  # noqa: PLC0415  # likewise

    configure_logs("text")
    # What a program prints is seen when it prints it, through a pipe too.
    sys.stdout.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]  # it is a text stream
    spec = WorkerSpec(
        target,
        broker=broker,
        kafka=kafka,
        client_id=client_id,
        args=arguments,
        usage=f"tailrace run {target}",
    )
    return worker.run(spec, None, workers=workers)


def _cluster(broker: str | None, config: str | None, client: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """The brokers, if they are named anywhere but in the program itself, and the client's settings."""
    from tailrace import settings  # noqa: PLC0415  # imported when used

    given: dict[str, Any] = {}
    for one in client:
        name, equals, value = one.partition("=")
        if not equals:
            raise click.UsageError(f"-X takes NAME=VALUE, not {one!r}.")
        given[name] = value
    for name in _BROKER_NAMES & given.keys():
        if broker:
            raise click.UsageError(f"--broker and -X {name} exclude each other.")
        broker = given.pop(name)
    loaded = settings.load(config=config)
    broker = broker or os.environ.get("TAILRACE_BROKER") or ""
    if not broker and "kafka.brokers" in loaded.sources:
        broker = ",".join(loaded.kafka.brokers)
    if client_id := given.pop("client.id", None) or given.pop("client_id", None):
        raise ConfigurationError(
            f"-X client.id={client_id} is given as an option.", hint=f"Write --client-id {client_id}."
        )
    return broker, {**loaded.kafka.client, **given}
