"""Apache Kafka as child processes of ours: one node, or a cluster of up to three."""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tailrace.broker import ports, storage
from tailrace.broker.errors import EmbeddedKafkaError, disk_errors, no_space
from tailrace.broker.installation import Installation
from tailrace.broker.lock import FolderLock
from tailrace.broker.node import Node
from tailrace.broker.settings import Listener, NodeSettings
from tailrace.core.errors import Unavailable

MOST_NODES: Final = 3
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
NEEDED_SPACE: Final = 64 << 20
"""Bytes free before a start; Kafka stops a node whose disk is full, with nothing but a stack trace."""
JAVA_OPTIONS: Final = ("-XX:+UseSerialGC",)
"""Measured beside G1: the same start, 320 MB resident, and no threads that take a core from the gateway."""


class EmbeddedKafka:
    """A Kafka cluster that lives as long as this process, and whose data stay in a folder.

    Args:
        installation: what `install()` gave.
        data_dir: folder of the data; made if it is missing, used again if it is there.
        port: the port of the default PLAINTEXT listener, 0 takes a free one; unused if `listeners` are given.
        host: the address that listener binds.
        advertise: the name under which clients reach it.
        listeners: ways in for clients, instead of the one PLAINTEXT listener.
        nodes: 1 to 3, each broker and controller.
        fresh: throw away the data of earlier starts.
        heap: Java's largest heap, in its notation.
        users: name and password of SASL users; those of SCRAM are fixed when the data are made.
        auto_create_topics: whether a producer or consumer that asks for a topic makes it.
        settings: further Kafka settings, which win.
        java_options: further options for Java.
        port_option: how messages name the option that chooses the port.
    """

    def __init__(
        self,
        installation: Installation,
        data_dir: Path,
        *,
        port: int = 9092,
        host: str = "127.0.0.1",
        advertise: str = "",
        listeners: Sequence[Listener] = (),
        nodes: int = 1,
        fresh: bool = False,
        heap: str = "512m",
        users: Mapping[str, str] | None = None,
        auto_create_topics: bool = True,
        settings: Mapping[str, str] | None = None,
        java_options: Sequence[str] = (),
        port_option: str = "--broker-port",
    ) -> None:
        if not 1 <= nodes <= MOST_NODES:
            raise ValueError(f"1 to {MOST_NODES} nodes, not {nodes}")
        self._data_dir = data_dir.absolute()
        self._listeners = tuple(listeners) or (Listener("PLAINTEXT", port, host, advertise),)
        self._node_ids = range(1, nodes + 1)
        self._java_options = (f"-Xmx{heap}", *JAVA_OPTIONS, *java_options)
        self._fresh = fresh
        self._users = dict(users or {})
        self._auto_create_topics = auto_create_topics
        self._overrides = dict(settings or {})
        self._installation = installation
        self._port_option = port_option
        self._lock = FolderLock(self._data_dir)
        self._nodes: dict[int, Node] = {}
        self._controllers: dict[int, int] = {}
        self._ports: dict[int, dict[Listener, int]] = {}
        # Chosen for this cluster: nobody listens on them yet, so they still look free.
        self._promised: set[int] = set()

    @property
    def data_dir(self) -> Path:
        """The folder of the data."""
        return self._data_dir

    @property
    def bootstrap_servers(self) -> str:
        """Where clients of the first listener begin."""
        return self.servers(self._listeners[0].protocol)

    def servers(self, protocol: str) -> str:
        """Where clients of one protocol begin."""
        listener = next(each for each in self._listeners if each.protocol == protocol)
        return ",".join(f"{listener.reached_at}:{bound[listener]}" for bound in self._ports.values())

    @property
    def running(self) -> bool:
        """Whether all its nodes live."""
        return bool(self._nodes) and all(node.running for node in self._nodes.values())

    def ended(self) -> Unavailable:
        """The error of nodes that ended by themselves, with the reason where it is a full disk."""
        detail, log = "Kafka ended by itself.", f"Its log is {self.log()}."
        if any(node.lacked_space() for node in self._nodes.values()):
            full = no_space(self._data_dir).detail
            return Unavailable(
                detail, cause=full, hint=f"Free some space and start again; the data stay. {log}"
            )
        return Unavailable(detail, hint=log)

    def log(self, node: int = 1) -> Path:
        """The file of a node's log."""
        return self._nodes[node].log

    def start(self, deadline: float = START_SECONDS) -> None:
        """Start and return when every node serves, at most `deadline` seconds after Java was launched."""
        if self.running:
            return
        self.kill()  # what is left of nodes that ended by themselves
        with disk_errors(self._data_dir):
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._lock.take()
            try:
                self._prepare()
                self._launch(self._node_ids, deadline)
            except BaseException:
                self.kill()
                raise

    def stop(self, deadline: float = STOP_SECONDS) -> None:
        """End every node cleanly, by force after `deadline` seconds; the data stay."""
        for node in self._nodes.values():
            node.order_stop(deadline)
        for node in self._nodes.values():
            node.wait_ended(deadline)
        self._lock.release()

    def kill(self) -> None:
        """End every node as kill -9 does."""
        for node in self._nodes.values():
            node.kill()
        self._lock.release()

    def stop_node(self, node: int, deadline: float = STOP_SECONDS) -> None:
        """End one node cleanly; the others go on."""
        self._nodes[node].stop(deadline)

    def kill_node(self, node: int) -> None:
        """End one node as kill -9 does; the others go on."""
        self._nodes[node].kill()

    def start_node(self, node: int, deadline: float = START_SECONDS) -> None:
        """Start one node again, on the ports that it had."""
        self._launch([node], deadline)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        if self._fresh:
            for folder in self._data_dir.glob("node-*"):
                shutil.rmtree(folder)
            self._fresh = False
        self._check_folder()
        if not self._ports:
            self._choose_ports()
        for bound in self._ports.values():
            for listener, port in bound.items():
                ports.require(listener.host, port, self._port_option)
        self._format()
        self._nodes = {node: self._node(node) for node in self._node_ids}

    def _check_folder(self) -> None:
        if "," in str(self._data_dir):
            raise EmbeddedKafkaError(
                f"The data cannot live in {self._data_dir}.",
                cause="Kafka takes a comma in a path for the end of it.",
                hint="Choose another folder with --data-dir.",
            )
        if shutil.disk_usage(self._data_dir).free < NEEDED_SPACE:
            raise no_space(self._data_dir)
        made = [node for node in range(1, MOST_NODES + 1) if self._cluster_id(node)]
        if made and made != list(self._node_ids):
            raise EmbeddedKafkaError(
                f"The data in {self._data_dir} belong to {len(made)} nodes, not {len(self._node_ids)}.",
                cause="A cluster keeps the number of nodes that it was made with.",
                hint="Start with that number, or choose another folder with --data-dir.",
            )

    def _choose_ports(self) -> None:
        count = len(self._node_ids)
        named = [listener.port for listener in self._listeners if listener.port]
        self._promised.update(port + index for port in named for index in range(count))
        self._controllers = {node: self._free_port() for node in self._node_ids}
        for index, node in enumerate(self._node_ids):
            self._ports[node] = {
                listener: listener.port + index if listener.port else self._free_port(listener.host)
                for listener in self._listeners
            }

    def _free_port(self, host: str = "127.0.0.1") -> int:
        port = ports.free_port(host, besides=self._promised)
        self._promised.add(port)
        return port

    def _folder(self, node: int) -> Path:
        return self._data_dir / f"node-{node}"

    def _log_folder(self, node: int) -> Path:
        return self._folder(node) / "data"

    def _cluster_id(self, node: int) -> str | None:
        return storage.cluster_id(self._log_folder(node))

    def _format(self) -> None:
        cluster_id = self._cluster_id(1) or storage.new_id()
        for node in self._node_ids:
            storage.format_folder(
                self._log_folder(node),
                cluster_id=cluster_id,
                node_id=node,
                users=self._users,
                now_ms=time.time_ns() // 1_000_000,
            )

    def _node(self, node: int) -> Node:
        settings = NodeSettings(
            node_id=node,
            controllers=self._controllers,
            internal_port=self._free_port(),
            listeners=self._ports[node],
            log_folder=self._log_folder(node),
            users=self._users,
            auto_create_topics=self._auto_create_topics,
            overrides=self._overrides,
        )
        return Node(self._installation, self._folder(node), settings, self._java_options)

    def _launch(self, nodes: Sequence[int], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for node in nodes:
            self._nodes[node].launch(self._lock.descriptor)
        for node in nodes:
            self._nodes[node].wait_ready(deadline)
