"""Options that several commands take, and how a command shows an example."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tailrace.cli.target import Target

Decorated = Callable[..., Any]


class Whole(click.IntRange):
    """A whole number within bounds; click would call it an integer range."""

    name = "whole number"


class Command(click.Command):
    """A command whose help ends with one example that works as it stands."""

    def __init__(self, *args: Any, example: str = "", **options: Any) -> None:  # noqa: ANN401  # click's own
        super().__init__(*args, **options)
        self.example = example

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments as values; click leaves out whose option lacks its value."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example."""
        super().format_epilog(ctx, formatter)
        if self.example:
            with formatter.section("Example"):
                for line in self.example.splitlines():
                    formatter.write(f"  {line}\n")


# Of commands that start Kafka themselves.
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Where records are kept; a folder of the user's by default.",
)
fresh_option = click.option(
    "--fresh", is_flag=True, help="Start from nothing: throw away the data of earlier starts."
)
new_topics_option = click.option(
    "--topic",
    "topics",
    metavar="NAME[:PARTITIONS[:REPLICAS[:CLEANUP]]]",
    multiple=True,
    help="Make a topic; may repeat.",
)


def target_options(command: Decorated) -> Decorated:
    """Let a command take --url, --broker and what belongs to them; it gets a `target`."""

    def with_target(
        url: str | None,
        broker: str | None,
        token: str | None,
        config: str | None,
        client: tuple[str, ...],
        **options: object,
    ) -> object:
        target = Target.choose(url, broker, token, config, client)
        # One of the environment is for whatever gateway is meant at other times.
        typed = click.get_current_context().get_parameter_source("token") is ParameterSource.COMMANDLINE
        if typed and not target.url:
            raise click.UsageError("--token is for a gateway, and none is named: give --url URL too.")
        return command(target=target, **options)

    with_target.__name__, with_target.__doc__ = command.__name__, command.__doc__
    with_target.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    decorated: Decorated = with_target
    for option in reversed(_TARGET_OPTIONS):
        decorated = option(decorated)
    return decorated


_TARGET_OPTIONS = (
    click.option("--url", metavar="URL", help="The gateway to talk to; TAILRACE_URL stands for it."),
    click.option(
        "--broker",
        metavar="HOST:PORT",
        help="Brokers to talk to directly; TAILRACE_BROKER stands for it, else localhost:9092.",
    ),
    click.option(
        "--token", metavar="TOKEN", envvar="TAILRACE_TOKEN", help="Who you are to a gateway (TAILRACE_TOKEN)."
    ),
    click.option("--config", metavar="FILE", help="The settings file, for what is needed to reach brokers."),
    click.option(
        "-X", "client", metavar="NAME=VALUE", multiple=True, help="A setting of the Kafka client; may repeat."
    ),
)
