"""One namespace with a real operator, a real Kafka, the command line, and pods that tests play."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cloudflow_cli.app import PROGRAM, program
from cloudflow_cli.exits import Exit
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND
from cloudflow_operator.names import STREAMLET
from streamlet_sdk.errors import RejectedError
from streamlet_sdk.runtime.kafka import KafkaTransport
from streamlet_sdk.runtime.transport import TopicSpec
from support.applications import NAME
from support.command import Ended
from support.deploying import a_file, a_resource
from support.installed_application import Installed
from support.kube import document, eventually
from support.pod_states import played

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from streamlet_sdk.runtime.transport import Admin, TopicInfo
    from support.command import Shell
    from support.kube import Document, Kube
    from support.operator_process import OperatorProcess
    from support.pod_states import PlayedPods


@dataclass(frozen=True)
class Bed:
    """What all cases of a session share.

    Attributes:
        operator: it looks after all namespaces.
        namespace: the operator's own.
        kafka: its `default` cluster, as `host:port`.
        waiting: an application whose pods wait for a Secret since the session began.
    """

    operator: OperatorProcess
    namespace: str
    kafka: str
    waiting: Document


@dataclass(frozen=True)
class Case:
    """A namespace, and who works there.

    Attributes:
        pods: what its pods are said to be; by default they run.
        folder: for files.
        kubeconfig: of who gives commands.
        shell: for commands in processes of their own, of an administrator.
    """

    bed: Bed
    kube: Kube
    shell: Shell
    namespace: str
    pods: PlayedPods
    folder: Path
    kubeconfig: Path

    async def run(self, words: str) -> Ended:
        """What a command says here; it runs in this process, which has it imported already."""
        given = [*shlex.split(words), "-n", self.namespace]
        given += ["--kubeconfig", str(self.kubeconfig)]
        return await asyncio.to_thread(_called, given)

    async def done(self, words: str) -> Ended:
        """The same of a command that has to succeed."""
        ended = await self.run(words)
        assert ended.status == Exit.DONE, ended.err
        return ended

    async def deploy(self, words: str = "", **spec: Any) -> Installed:
        """Deploy the application of turbines; `spec` replaces parts of it."""
        await self.done(f"deploy {self.file(**spec)} {words}")
        return await self.installed()

    async def apply(self, name: str = NAME, **spec: Any) -> Installed:
        """Apply it as `kubectl apply --server-side` does."""
        made = a_resource(**spec)
        made["metadata"] = {"name": name, "namespace": self.namespace}
        return Installed(self.kube, await self.kube.apply(made, "git"))

    async def installed(self, name: str = NAME) -> Installed:
        """An application that is there."""
        named = document(API_VERSION, KIND, name, self.namespace)
        return Installed(self.kube, await self.kube.read(named))

    def file(self, **spec: Any) -> str:
        """The path of a file with the application."""
        return a_file(self.folder, a_resource(**spec))

    async def pods_of_streamlets(self) -> dict[str, set[str]]:
        """The uids of the pods that stay, by streamlet."""
        found: dict[str, set[str]] = {}
        for one in await self.kube.listed("v1", "Pod", self.namespace):
            metadata = one["metadata"]
            if "deletionTimestamp" not in metadata:
                found.setdefault(metadata["labels"][STREAMLET], set()).add(metadata["uid"])
        return found

    async def replica_sets(self) -> list[Document]:
        """Those of all Deployments."""
        return await self.kube.listed("apps/v1", "ReplicaSet", self.namespace)

    def asking_as(self, kubeconfig: Path) -> Case:
        """The same where commands are those of somebody else."""
        return replace(self, kubeconfig=kubeconfig)

    @contextlib.asynccontextmanager
    async def elsewhere(self, namespace: str) -> AsyncIterator[Case]:
        """The same in another namespace, which is there."""
        async with played(self.kube, namespace) as pods:
            yield replace(self, namespace=namespace, pods=pods)

    async def topics(self, one: Installed, *names: str) -> dict[str, TopicInfo | None]:
        """What Kafka says of topics of an application, by the name that it has for them."""
        by_name = {f"{one.namespace}.{one.name}.{name}": name for name in names}
        async with self._admin() as admin:
            found = await admin.topics(list(by_name))
        return {name: found[full] for full, name in by_name.items()}

    async def make_topic(self, one: Installed, name: str, *, partitions: int) -> None:
        """Make a topic of an application by hand; one that is there goes before, with its records.

        Kafka forgets a topic piece by piece, so it may refuse the name for a moment.
        """
        full = f"{one.namespace}.{one.name}.{name}"
        spec = TopicSpec(name=full, partitions=partitions)

        async def is_made() -> bool:
            try:
                await admin.create(spec)
            except RejectedError:
                return False
            return True

        async with self._admin() as admin:
            if (await admin.topics([full]))[full] is not None:
                await admin.delete(full)
            await eventually(is_made, f"{full} to be made by hand")

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[Admin]:
        transport = KafkaTransport(self.bed.kafka)
        try:
            yield transport.admin()
        finally:
            await transport.close()


async def until_running(one: Installed) -> Document:
    """Wait until all of it runs, and nothing is going on any more; the resource then."""

    def is_so(found: Document) -> bool:
        status = found.get("status", {})
        is_current = status.get("observedGeneration") == found["metadata"]["generation"]
        return is_current and status["phase"] == "Running" and not _is_progressing(status)

    return await one.until(is_so, f"{one.name} in {one.namespace} to run")


async def until_gone(kube: Kube, named: Document) -> None:
    """Wait until an object is not there any more."""

    async def is_gone() -> bool:
        return await kube.find(named) is None

    await eventually(is_gone, f"{named['metadata']['name']} to be gone")


async def until_there(kube: Kube, named: Document) -> Document:
    """Wait until an object is there; as it is."""
    found = await eventually(
        functools.partial(kube.find, named), f"{named['metadata']['name']} to be there"
    )
    assert found is not None
    return found


def condition(found: Document, type: str) -> Document:
    """A condition of a resource; empty when it is not there."""
    told = found.get("status", {}).get("conditions", ())
    return next((one for one in told if one["type"] == type), {})


def message_of(found: Document) -> str:
    """What the status of a resource says first."""
    return str(found.get("status", {}).get("message", ""))


def _called(words: list[str]) -> Ended:
    status: int | str | None = 0
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        try:
            program().main(words, prog_name=PROGRAM)
        except SystemExit as end:
            status = end.code
    return Ended(int(status or 0), out.getvalue(), err.getvalue())


def _is_progressing(status: Document) -> bool:
    return condition({"status": status}, "Progressing").get("status") != "False"
