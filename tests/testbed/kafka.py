"""A real Kafka broker for tests: Apache Kafka from Maven Central's jars, on Java 17 or later.

`running` serves a test session, `python -m testbed.kafka up|down` people. The jars are kept outside
of the clone, by version; each broker has free ports and a folder of its own. With
`CLOUDFLOW_TEST_KAFKA=host:port` nothing is started.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from support.require import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

EXISTING = "CLOUDFLOW_TEST_KAFKA"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
MAVEN_SECONDS = 600
POM = Path(__file__).with_name("kafka-pom.xml")
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"

# Topics of the broker's own are small and rebalances begin at once. All else is as Kafka comes:
# what a topic's name in a metadata request does (it makes the topic) is for tests to see.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
"""
JAVA = (
    "java",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Djava.net.preferIPv4Stack=true",
)


class KafkaUnavailableError(Exception):
    """No broker can be started here; the message says what is missing."""


def cache() -> Path:
    """Where jars are kept between runs."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "cloudflow-testbed"


def jars() -> Path:
    """The folder with the broker's jars; fetches them once for each version of the POM.

    Raises:
        KafkaUnavailableError: when Java or Maven is missing, or Maven cannot fetch them.
    """
    if shutil.which("java") is None:
        raise KafkaUnavailableError("there is no java (apt-get install openjdk-17-jre-headless)")
    folder = cache() / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    if shutil.which("mvn") is None:
        raise KafkaUnavailableError("there is no mvn to fetch Kafka with (apt-get install maven)")
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix="fetching-") as work:
        shutil.copy(POM, Path(work, "pom.xml"))
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
        fetched = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=MAVEN_SECONDS, check=False
        )
        if fetched.returncode:
            raise KafkaUnavailableError(f"Maven could not fetch Kafka: {fetched.stdout[-500:]}")
        # Whoever fetched it at the same time has the same files.
        with contextlib.suppress(OSError):
            Path(work, "lib").rename(folder)
    return folder


class Broker:
    """One broker in a folder of its own; `bootstrap` is its `host:port`."""

    def __init__(self, folder: Path) -> None:
        """Start nothing yet."""
        self.folder = folder
        port, controller = free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        text = PROPERTIES.format(port=port, controller=controller, folder=folder)
        folder.joinpath("server.properties").write_text(text)

    def format(self) -> None:
        """Prepare the folder for a new cluster."""
        self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c").wait(START_SECONDS)

    def start(self) -> None:
        """Start and wait until it listens; a stopped broker has its records again.

        Raises:
            KafkaUnavailableError: when it ends, or does not listen in time.
        """
        self._process = self._java("kafka.Kafka")
        self.folder.joinpath("pid").write_text(str(self._process.pid))
        deadline = time.monotonic() + START_SECONDS
        while not _listens(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                log = self.folder.joinpath("log").read_text(errors="replace")
                raise KafkaUnavailableError(f"Kafka did not start: {log[-1000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Shut it down, by force when it takes long."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _java(self, main: str, *words: str) -> subprocess.Popen[bytes]:
        command = [*JAVA, "-cp", f"{jars()}/*", main, *words, "server.properties"]
        with self.folder.joinpath("log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A broker's `host:port`; skips, or fails where Kafka is required, when there can be none."""
    existing = os.environ.get(EXISTING)
    if existing:
        yield existing
        return
    with tempfile.TemporaryDirectory(prefix="cloudflow-kafka-") as folder:
        broker = Broker(Path(folder))
        try:
            broker.format()
            broker.start()
        except KafkaUnavailableError as error:
            missing("kafka", str(error))
        try:
            yield broker.bootstrap
        finally:
            broker.stop()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody uses now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _up(folder: Path) -> None:
    _down(folder)
    folder.mkdir(parents=True)
    broker = Broker(folder)
    broker.format()
    broker.start()
    sys.stdout.write(f"export {EXISTING}={broker.bootstrap}\n")


def _down(folder: Path) -> None:
    """Stop the broker of `folder`; a process of another kind that has its number now lives on."""
    pid = folder / "pid"
    if pid.exists():
        process = Path("/proc", pid.read_text(), "cmdline")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if b"kafka.Kafka" in process.read_bytes():
                os.kill(int(pid.read_text()), signal.SIGTERM)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    {"up": _up, "down": _down}[sys.argv[1]](cache() / "broker")
