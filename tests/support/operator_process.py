"""The operator as a real process, `python -m cloudflow_operator`, against any API server.

    async with an_operator(kubeconfig, tmp_path, namespace=namespace) as operator:
        ...

It is ready when it has seen what there is; whether it leads is another matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import secrets
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflow_operator import names
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND
from support.applications import a_document
from support.kube import document, eventually
from testbed.ports import free_ports
from testbed.process import Process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from support.kube import Document

HOST = "127.0.0.1"
REQUESTS = "cloudflow_operator_api_requests_total{"


@dataclass(frozen=True)
class OperatorProcess:
    """One that was started.

    Attributes:
        process: may be stopped, killed, paused and started again.
        port: of health and metrics.
        identity: the name of its pod.
    """

    process: Process
    port: int
    identity: str

    def answer(self, path: str) -> tuple[int, str]:
        """Status and text of an answer on its port; status 0 when there is none."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        return 0, ""

    async def metric(self, name: str) -> float:
        """The sum of all series of a metric; 0 when there is none."""
        _, text = await asyncio.to_thread(self.answer, "/metrics")
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith((f"{name} ", f"{name}{{"))
        )

    async def requests(self, verb: str) -> float:
        """How often it sent requests of that verb to the API server, however they ended."""
        _, text = await asyncio.to_thread(self.answer, "/metrics")
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith(REQUESTS) and f'verb="{verb}"' in line
        )

    async def leads(self) -> bool:
        """Whether it is the leader."""
        return await self.metric("cloudflow_operator_leader") == 1

    async def start(self) -> None:
        """Start it again, and wait until it is ready."""
        await asyncio.to_thread(self.process.start)

    async def stop(self) -> None:
        """Ask it to end, and wait for that."""
        await asyncio.to_thread(self.process.stop)


@contextlib.asynccontextmanager
async def an_operator(
    kubeconfig: Path, folder: Path, *, namespace: str, **settings: str
) -> AsyncIterator[OperatorProcess]:
    """A process that is ready, ended with the block.

    Args:
        kubeconfig: whose rights it has.
        folder: where its log is, in a folder of its own.
        namespace: its own: of its Lease, and of Kafka clusters.
        settings: further ones, such as `watch_namespaces="a,b"`.
    """
    made = prepared(kubeconfig, folder, Process, namespace=namespace, **settings)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()
        sys.stdout.write(made.process.log())  # shown when the test fails


def prepared(
    kubeconfig: Path,
    folder: Path,
    make: Callable[[Path, Sequence[str], Callable[[], bool]], Process] = Process,
    *,
    namespace: str,
    **settings: str,
) -> OperatorProcess:
    """A process that is not started yet; takes what `an_operator` does, and what makes it."""
    [port] = free_ports(1)
    identity = settings.pop("pod_name", f"operator-{secrets.token_hex(3)}")
    known = {
        "namespace": namespace,
        "pod_name": identity,
        "kubeconfig": str(kubeconfig),
        "port": str(port),
        **settings,
    }
    variables = [f"CLOUDFLOW_OPERATOR_{name.upper()}={value}" for name, value in known.items()]
    command = ("env", *variables, sys.executable, "-m", "cloudflow_operator")
    process = make(folder / identity, command, lambda: made.answer("/readyz")[0] == 200)
    made = OperatorProcess(process, port, identity)
    return made


def kafka_cluster(
    namespace: str, bootstrap: str, name: str = "default", **properties: str
) -> Document:
    """The Secret of a Kafka cluster without credentials; underscores are dots in properties."""
    data = {"bootstrap.servers": bootstrap}
    data |= {key.replace("_", "."): value for key, value in properties.items()}
    made = document("v1", "Secret", f"kafka-{name}", namespace, stringData=data)
    made["metadata"]["labels"] = {names.KAFKA_CLUSTER: name}
    return made


def application(
    name: str, namespace: str, annotations: Mapping[str, str] | None = None, **spec: Any
) -> Document:
    """A resource for the API server: ingress → validation, or what words of its spec say."""
    made = document(API_VERSION, KIND, name, namespace, spec=a_document(**spec)["spec"])
    made["metadata"]["annotations"] = dict(annotations or {})
    return made


async def until_leading(operator: OperatorProcess) -> None:
    """Wait until it is the leader."""
    await eventually(operator.leads, f"{operator.identity} to lead")
