"""A real Kafka for tests: Apache Kafka from Maven Central's jars, on Java 17 or later.

`cluster` serves whatever needs brokers of its own, which it may kill, pause and start again;
`running` serves a test session, `python -m testbed.kafka up|down` people. The jars are kept outside
of the clone, by version; each broker has free ports and a folder of its own. With
`CLOUDFLOW_TEST_KAFKA=host:port` `running` starts nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support.require import missing
from testbed.jars import KafkaUnavailableError, jars
from testbed.keeping import cache
from testbed.ports import free_ports
from testbed.process import DidNotStartError, Process, end_recorded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

EXISTING = "CLOUDFLOW_TEST_KAFKA"
TOOL_SECONDS = 180.0
STARTING = (KafkaUnavailableError, DidNotStartError)
"""Why there may be no Kafka."""
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
INTERNAL = "PLAINTEXT"
CONTROLLER = "CONTROLLER"

# Topics of the broker's own are small and rebalances begin at once. All else is as Kafka comes:
# what a topic's name in a metadata request does (it makes the topic) is for tests to see.
PROPERTIES = {
    "process.roles": "broker,controller",
    "controller.listener.names": CONTROLLER,
    "inter.broker.listener.name": INTERNAL,
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    # Tests write records of years ago; nothing may remove them while they are read.
    "log.retention.ms": "-1",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
REPLICATION = (
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)
IN_SYNC = (
    "min.insync.replicas",
    "transaction.state.log.min.isr",
    "share.coordinator.state.topic.min.isr",
)
JAVA = (
    "java",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Djava.net.preferIPv4Stack=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a cluster is made of.

    Attributes:
        host: the address of this machine that all listen on.
        listeners: security protocol by name, of listeners beside the plain one.
        properties: of every broker, in Kafka's names; they win over what the test bed sets.
        users: password by name; each can prove itself by SCRAM-SHA-256 and by SCRAM-SHA-512.
    """

    brokers: int = 1
    host: str = "127.0.0.1"
    listeners: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)

    @property
    def protocols(self) -> dict[str, str]:
        """Security protocol of every listener, by its name."""
        return {INTERNAL: "PLAINTEXT", CONTROLLER: "PLAINTEXT", **self.listeners}

    def common(self) -> dict[str, str]:
        """What all brokers have the same; with three, two replicas have to have a record."""
        replicas = min(self.brokers, 3)
        protocols = (f"{name}:{protocol}" for name, protocol in self.protocols.items())
        return {
            **PROPERTIES,
            **dict.fromkeys(REPLICATION, str(replicas)),
            **dict.fromkeys(IN_SYNC, str(max(1, replicas - 1))),
            "listener.security.protocol.map": ",".join(protocols),
            **self.properties,
        }


class Broker(Process):
    """One broker in a folder of its own, controller too; its ports stay for its whole life.

    `bootstrap` is the `host:port` of its plain listener.
    """

    def __init__(self, folder: Path, layout: Layout, number: int) -> None:
        """Start nothing yet; a cluster calls `configure` when it knows all brokers."""
        command = _java("kafka.Kafka", str(folder / "server.properties"))
        super().__init__(folder, command, lambda: self._known() > 0)
        self.number = number
        self._layout = layout
        self._ports = dict(zip(layout.protocols, free_ports(len(layout.protocols)), strict=True))

    @property
    def bootstrap(self) -> str:
        """Where its plain listener is."""
        return self.address(INTERNAL)

    def address(self, listener: str) -> str:
        """The `host:port` of a listener."""
        return f"{self._layout.host}:{self._ports[listener]}"

    def configure(self, brokers: Sequence[Broker]) -> None:
        """Write what the process is to read; `brokers` are all of the cluster."""
        voters = (f"{each.number}@{each.address(CONTROLLER)}" for each in brokers)
        listeners = {name: f"{name}://{self.address(name)}" for name in self._ports}
        advertised = (at for name, at in listeners.items() if name != CONTROLLER)
        rows = {
            "node.id": str(self.number),
            "controller.quorum.voters": ",".join(voters),
            "listeners": ",".join(listeners.values()),
            "advertised.listeners": ",".join(advertised),
            "log.dirs": str(self.folder / "data"),
            **self._layout.common(),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{name}={_escaped(value)}\n" for name, value in rows.items())
        self.folder.joinpath("server.properties").write_text(text)

    def format(self) -> subprocess.Popen[bytes]:
        """Begin to prepare the folder for a new cluster, users included."""
        users = [
            word
            for name, password in self._layout.users.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for word in ("--add-scram", f"{mechanism}=[name={name},password={password}]")
        ]
        words = ("format", "--cluster-id", CLUSTER_ID, *users, "--config", "server.properties")
        return self._tool("kafka.tools.StorageTool", *words)

    def alter_user(self, bootstrap: str, user: str, changed: str) -> subprocess.Popen[bytes]:
        """Run Kafka's tool that changes a user's credentials."""
        words = ("--bootstrap-server", bootstrap, "--alter", "--add-config", changed)
        who = ("--entity-type", "users", "--entity-name", user)
        return self._tool("kafka.admin.ConfigCommand", *words, *who)

    def await_brokers(self, count: int) -> None:
        """Wait until it knows of `count` brokers that serve.

        Raises:
            DidNotStartError: when it ends, or does not get there in time.
        """
        self.await_serving(lambda: self._known() >= count)

    def _known(self) -> int:
        return _brokers_known(self._layout.host, self._ports[INTERNAL])

    def _tool(self, main: str, *words: str) -> subprocess.Popen[bytes]:
        with self.folder.joinpath("log").open("ab") as log:
            return subprocess.Popen(_java(main, *words), cwd=self.folder, stdout=log, stderr=log)


class KafkaCluster:
    """Brokers that know each other; `bootstrap` names the plain listeners of all."""

    def __init__(self, folder: Path, layout: Layout | None = None) -> None:
        """Start nothing yet."""
        made = layout or Layout()
        folders = [folder / f"broker-{number}" for number in range(1, made.brokers + 1)]
        self.brokers = [Broker(each, made, number) for number, each in enumerate(folders, start=1)]
        for broker in self.brokers:
            broker.configure(self.brokers)

    @property
    def bootstrap(self) -> str:
        """Where the plain listeners are, separated by commas."""
        return self.addresses(INTERNAL)

    def addresses(self, listener: str) -> str:
        """Where every broker has `listener`, separated by commas."""
        return ",".join(broker.address(listener) for broker in self.brokers)

    def format(self) -> None:
        """Prepare the folders.

        Raises:
            KafkaUnavailableError: when Kafka's own tool fails.
        """
        tools = [broker.format() for broker in self.brokers]
        for broker, tool in zip(self.brokers, tools, strict=True):
            if tool.wait(TOOL_SECONDS):
                raise KafkaUnavailableError(f"Kafka's storage tool failed: {broker.log()[-1000:]}")

    def set_password(self, user: str, mechanism: str, password: str) -> None:
        """Give a user of a SCRAM mechanism another password; connections that are there stay.

        Raises:
            KafkaUnavailableError: when Kafka's own tool fails.
        """
        changed = f"{mechanism}=[password={password}]"
        if self.brokers[0].alter_user(self.bootstrap, user, changed).wait(TOOL_SECONDS):
            raise KafkaUnavailableError(f"Kafka's tool failed: {self.brokers[0].log()[-1000:]}")

    def start(self) -> None:
        """Start all and wait until each knows the others.

        Raises:
            DidNotStartError: when one ends, or does not serve in time.
        """
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.await_brokers(len(self.brokers))

    def stop(self) -> None:
        """End all at once; what they have in memory is of no use any more."""
        for broker in self.brokers:
            broker.kill()


@contextlib.contextmanager
def cluster(
    brokers: int = 1,
    *,
    host: str = "127.0.0.1",
    listeners: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
    users: Mapping[str, str] | None = None,
) -> Iterator[KafkaCluster]:
    """A cluster that serves; skips, or fails where Kafka is required, when there can be none.

    See `Layout` for what the arguments mean. `listeners={"SSL": "SSL"}` is served at
    `addresses("SSL")`. Properties hold for all brokers, a listener's own are called
    `listener.name.<name in lower case>.…`.
    """
    layout = Layout(
        brokers=brokers,
        host=host,
        listeners=listeners or {},
        properties=properties or {},
        users=users or {},
    )
    with (
        tempfile.TemporaryDirectory(prefix="cloudflow-kafka-") as folder,
        contextlib.ExitStack() as ending,
    ):
        try:
            made = KafkaCluster(Path(folder), layout)
            ending.callback(made.stop)
            made.format()
            made.start()
        except STARTING as error:
            missing("kafka", str(error))
        yield made


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A broker's `host:port`; skips, or fails where Kafka is required, when there can be none."""
    existing = os.environ.get(EXISTING)
    if existing:
        yield existing
        return
    with cluster() as made:
        yield made.bootstrap


def _java(main: str, *words: str) -> Sequence[str]:
    return [*JAVA, "-cp", f"{jars()}/*", main, *words]


def _brokers_known(host: str, port: int) -> int:
    """How many brokers that serve the one at `host:port` knows; 0 while it does not answer."""
    # A metadata request, version 0, for no topic in particular, from a client without a name.
    body = struct.pack(">hhihi", 3, 0, 0, -1, 0)
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            # Length, correlation, and the number of brokers that follow.
            answer = connection.recv(12, socket.MSG_WAITALL)
    except OSError:
        return 0
    return int(struct.unpack(">iii", answer)[2]) if len(answer) == 12 else 0


def _escaped(value: str) -> str:
    """A value as a file of properties writes it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _up(folder: Path) -> None:
    _down(folder)
    made = KafkaCluster(folder)
    made.format()
    made.start()
    sys.stdout.write(f"export {EXISTING}={made.bootstrap}\n")


def _down(folder: Path) -> None:
    end_recorded(folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    {"up": _up, "down": _down}[sys.argv[1]](cache() / "broker")
