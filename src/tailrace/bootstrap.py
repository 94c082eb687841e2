"""The composition root: settings to objects to services. The only module that knows all of them."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from tailrace.auth import (
    Authorizer,
    DeclaredOwners,
    Identities,
    Sessions,
    check_local,
    check_safe,
    declared,
)
from tailrace.broker import EmbeddedKafka, Progress, install
from tailrace.broker.embedded import STOP_SECONDS
from tailrace.core.errors import TopicExists
from tailrace.core.hub import Hub, Limits
from tailrace.core.ports import LogReader, NewTopic, TopicAdmin
from tailrace.demo import TOPICS as DEMO_TOPICS
from tailrace.demo import feed
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.reader import KafkaReader
from tailrace.kafka.settings import ClientSettings, client_config, reading_config, translate
from tailrace.kafka.tail import KafkaTail
from tailrace.kafka.topic_tags import TopicTags
from tailrace.kafka.writer import KafkaWriter
from tailrace.owners import looked_up
from tailrace.settings import People, Settings
from tailrace.settings.reloading import follow_people
from tailrace.telemetry.logs import configure_logs
from tailrace.telemetry.metrics import Metrics
from tailrace.transports.access import HeaderAccess
from tailrace.transports.app import make_app
from tailrace.transports.gateway import Gateway, Handler
from tailrace.transports.pages import PAGE_HANDLERS, page_files
from tailrace.transports.rest import HANDLERS
from tailrace.transports.server import Server, listen
from tailrace.transports.socketio import socketio_mount
from tailrace.transports.stop import StopDeadline, end_process_at
from tailrace.transports.streams import Streams
from tailrace.transports.tasklogs import Refusals, TaskLogs

# For threads of a closed writer to end, which an unreachable broker holds up.
CLOSE_THREADS_SECONDS = 0.5
LOOK_SECONDS = 0.5
# For a stop after Kafka has ended: nothing more can be stored.
WITHOUT_KAFKA_SECONDS = 5.0

_log = logging.getLogger("tailrace.server")

Spawn = Callable[[Coroutine[object, object, None]], asyncio.Task[None]]


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What only `tailrace dev` has: topics and data to look at, and a Kafka of its own that may end."""

    furnish: Callable[[Gateway, Spawn], Awaitable[None]]
    kafka_runs: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class DevOptions:
    """What `tailrace dev` was asked for, beside the gateway's settings."""

    data_dir: Path
    broker_port: int
    token: str
    topics: Sequence[NewTopic] = ()
    demo: bool = True
    fresh: bool = False


def serve(settings: Settings, ready: Callable[[int], None]) -> None:
    """Run the gateway in front of a cluster until a signal stops it.

    Args:
        settings: all that is in force.
        ready: told the port once connections are taken.

    Raises:
        ConfigurationError: it would be unsafe, a setting is wrong, or the address can't be had.
    """
    configure_logs(settings.log.format, settings.log.level)
    check_safe(settings)
    client = _client_settings(settings)
    sessions = Sessions()
    identities = Identities.from_settings(settings, sessions)
    listener = listen(settings)
    deadline = StopDeadline(settings.deadlines.stop)
    uvloop.run(_run(settings, client, listener, identities, sessions, deadline, ready))


def dev(
    settings: Settings,
    options: DevOptions,
    progress: Callable[[Progress], None],
    ready: Callable[[int, int], None],
) -> None:
    """Run Kafka, the gateway and the demo in one process until a signal stops it.

    Args:
        settings: all that is in force but for the brokers, which are the embedded one.
        options: what makes it a first look.
        progress: told how far the first download is.
        ready: told the gateway's port and Kafka's once connections are taken.

    Raises:
        TailraceError: it would be unsafe, a setting is wrong, a port is in use, the data is another's, or
            Kafka can't be had or has ended by itself.
    """
    configure_logs(settings.log.format, settings.log.level)
    check_local(settings)
    client = _client_settings(settings)
    listener = listen(settings)
    deadline = StopDeadline(settings.deadlines.stop)
    kafka = EmbeddedKafka(install(progress), options.data_dir, port=options.broker_port, fresh=options.fresh)
    with _running(kafka, deadline):
        client = client.at(kafka.bootstrap_servers)
        sessions = Sessions()
        identities = Identities.for_dev(settings, sessions, options.token)
        first_look = FirstLook(partial(_furnish, settings, options), lambda: kafka.running)

        def told(taken: int) -> None:
            ready(taken, int(kafka.bootstrap_servers.rpartition(":")[2]))

        uvloop.run(_run(settings, client, listener, identities, sessions, deadline, told, first_look))
        if not kafka.running:
            raise kafka.ended()


def _client_settings(settings: Settings) -> ClientSettings:
    return translate({"bootstrap_servers": list(settings.kafka.brokers), **settings.kafka.client})


@contextmanager
def _running(kafka: EmbeddedKafka, deadline: StopDeadline) -> Iterator[None]:
    """Kafka, until the time for a stop is over at the latest."""
    kafka.start()
    try:
        yield
    finally:
        kafka.stop(min(STOP_SECONDS, deadline.share()))


async def _furnish(settings: Settings, options: DevOptions, gateway: Gateway, spawn: Spawn) -> None:
    """Make the topics of a first look; with the demo, keep them moving."""
    wanted = [NewTopic(settings.socketio.topic, 1), *options.topics]
    if options.demo:
        wanted += DEMO_TOPICS
    await asyncio.to_thread(_make_topics, gateway.admin, wanted)
    if options.demo:
        spawn(feed(gateway.writer))


def _make_topics(admin: TopicAdmin, wanted: Sequence[NewTopic]) -> None:
    for topic in wanted:
        with suppress(TopicExists):
            admin.create([topic])


async def _run(
    settings: Settings,
    client: ClientSettings,
    listener: socket.socket,
    identities: Identities,
    sessions: Sessions,
    deadline: StopDeadline,
    ready: Callable[[int], None],
    first_look: FirstLook | None = None,
) -> None:
    port = listener.getsockname()[1]
    owners = DeclaredOwners(settings.owners, looked_up(settings.ownership))
    access = HeaderAccess(identities, Authorizer(), sessions, owners)
    refusals = {"task_logs": Refusals(settings.tasklogs)}
    async with _gateway(settings, client, access, deadline) as (gateway, spawn, logs):
        if settings.file is not None:
            spawn(
                follow_people(settings.file, partial(_take_people, settings, identities, owners, first_look))
            )
        if first_look is not None:
            await first_look.furnish(gateway, spawn)
        handlers: dict[str, Handler] = {
            **HANDLERS,
            **PAGE_HANDLERS,
            "stream": Streams(gateway.hub, spawn),
            "task_logs": logs,
        }
        # Only a first look has something beside it, and only there any local page may connect.
        kafka_namespace = socketio_mount(gateway, spawn, local_pages=first_look is not None)
        app = make_app(gateway, handlers, more=[*page_files(), kafka_namespace], refusals=refusals)
        server = Server(app, settings, gateway.stop, deadline)
        _measure(gateway, server)
        server.take_signals()
        if first_look is not None:
            spawn(_stop_without_kafka(first_look.kafka_runs, server, deadline))
        await server.run_until_stopped(listener, partial(ready, port))


def _take_people(
    settings: Settings,
    identities: Identities,
    owners: DeclaredOwners,
    first_look: FirstLook | None,
    people: People,
) -> None:
    """Go by what the file says now."""
    identities.replace(declared(people.principals, open_=settings.server.open and first_look is None))
    owners.replace(people.owners)


async def _stop_without_kafka(kafka_runs: Callable[[], bool], server: Server, deadline: StopDeadline) -> None:
    while kafka_runs():  # noqa: ASYNC110 - a process that ends tells nobody
        await asyncio.sleep(LOOK_SECONDS)
    _log.error("Kafka ended by itself.")
    deadline.begin(WITHOUT_KAFKA_SECONDS)
    end_process_at(deadline)
    server.ask_to_stop()


@asynccontextmanager
async def _gateway(
    settings: Settings, client: ClientSettings, access: HeaderAccess, deadline: StopDeadline
) -> AsyncIterator[tuple[Gateway, Spawn, TaskLogs]]:
    """The services of one process; they end in the reverse order of their start."""
    async with AsyncExitStack() as stack:
        spawn = await stack.enter_async_context(_tasks())
        reader, hub = _reading(settings, client, stack, spawn, deadline)
        metrics = Metrics()
        writer = KafkaWriter(client, metrics=metrics)
        stack.push_async_callback(_close, writer, deadline)
        gateway = Gateway(settings, reader, writer, KafkaAdmin(client), access, hub, metrics)
        gateway.on_stop.append(hub.stop)
        log_reader, log_hub = reader, hub
        if settings.tasklogs.brokers:
            elsewhere = client.at(",".join(settings.tasklogs.brokers))
            log_reader, log_hub = _reading(settings, elsewhere, stack, spawn, deadline)
            gateway.on_stop.append(log_hub.stop)
        logs = TaskLogs(gateway, log_hub, log_reader, spawn)
        stack.callback(logs.close)
        yield gateway, spawn, logs


def _reading(
    settings: Settings, client: ClientSettings, stack: AsyncExitStack, spawn: Spawn, deadline: StopDeadline
) -> tuple[LogReader, Hub]:
    """What reads one cluster."""
    loop = asyncio.get_running_loop()
    reading = reading_config(client)
    tags = TopicTags()
    reader = KafkaReader(reading, asking=client_config(client), tags=tags)
    stack.callback(lambda: reader.close(deadline.share()))
    hub = Hub(
        reader,
        partial(KafkaTail, reading, tags=tags, close_seconds=deadline.share),
        _limits(settings),
        call_soon=loop.call_soon,
        clock=loop.time,
        spawn=spawn,
    )
    stack.callback(hub.close)
    spawn(hub.run())
    return reader, hub


async def _close(writer: KafkaWriter, deadline: StopDeadline) -> None:
    seconds = deadline.share()
    # Beyond the seconds that it may take it waits for threads that ask a broker.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds + CLOSE_THREADS_SECONDS):
            await writer.close(seconds)


@asynccontextmanager
async def _tasks() -> AsyncIterator[Spawn]:
    """Tasks of this process that nobody awaits; they end with it."""
    running: set[asyncio.Task[None]] = set()

    def spawn(work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        running.add(task)
        task.add_done_callback(running.discard)
        return task

    try:
        yield spawn
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _limits(settings: Settings) -> Limits:
    return Limits(
        # Two clusters share what there is.
        memory_bytes=settings.limits.memory // (2 if settings.tasklogs.brokers else 1),
        window_bytes=settings.limits.window,
        heartbeat_seconds=settings.server.heartbeat,
    )


def _measure(gateway: Gateway, server: Server) -> None:
    """Let the metrics find their numbers where they are kept."""
    metrics, hub = gateway.metrics, gateway.hub
    metrics.connections.source = lambda: server.connections
    metrics.slow_peers.source = lambda: server.slow_peers
    metrics.records_read.source = lambda: hub.records_read
    metrics.records_caught_up.source = lambda: hub.records_caught_up
    metrics.memory_used.source = lambda: hub.memory_used
    metrics.topics_watched.source = lambda: hub.topics_watched
