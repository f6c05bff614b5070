"""A namespace of a test on a node: what is deployed there, and what its pods say."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from cloudflow_cli.exits import Exit
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND
from cloudflow_operator.names import STREAMLET
from support.installed_application import Installed
from support.kube import a_namespace, document
from support.node_pods import RESTRICTED

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.command import Ended
    from support.installation import Platform
    from support.kube import Document, Kube
    from testbed.registry import Account


@dataclass(frozen=True)
class Space:
    """One that takes no pod which may do more than it has to, and who works there."""

    platform: Platform
    kube: Kube
    namespace: str

    async def run(self, words: str, *, stdin: str = "") -> Ended:
        """What `kubectl cloudflow` says here, well or not."""
        return await self.platform.cloudflow(f"{words} --namespace {self.namespace}", stdin=stdin)

    async def done(self, words: str, *, stdin: str = "") -> Ended:
        """The same of a command that has to succeed."""
        ended = await self.run(words, stdin=stdin)
        assert ended.status == Exit.DONE, f"{ended.out}\n{ended.err}"
        return ended

    @contextlib.asynccontextmanager
    async def started(self, words: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A command of `kubectl cloudflow` that goes on; it ends with the block at the latest."""
        command = f"kubectl cloudflow {words} --namespace {self.namespace}"
        process = await self.platform.shell.start(command)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def kubectl(self, words: str, *, stdin: str = "") -> str:
        """What `kubectl` says here; it must not fail."""
        return await self.platform.kubectl(f"--namespace={self.namespace} {words}", stdin=stdin)

    async def login(self, application: str, account: Account | None = None) -> None:
        """Let an application pull its images, as a user would: from the cluster's registry."""
        given = account or self.platform.cluster.registry
        words = f"{application} {given.address} --username {given.user} --password-stdin"
        await self.done(f"update-docker-credentials {words}", stdin=given.password)

    async def deploy(self, resource: Path, words: str = "") -> Installed:
        """Deploy an application that may pull its images, and wait until all of it is ready."""
        name = name_in(resource)
        await self.login(name)
        await self.done(f"deploy {resource} --wait {words}")
        return await self.installed(name)

    async def installed(self, name: str) -> Installed:
        """An application that is here."""
        named = document(API_VERSION, KIND, name, self.namespace)
        return Installed(self.kube, await self.kube.read(named))

    async def pods(self, streamlet: str = "") -> list[Document]:
        """Pods that nobody has asked to end; of one streamlet or of all."""
        return [
            one
            for one in await self.kube.listed("v1", "Pod", self.namespace)
            if "deletionTimestamp" not in one["metadata"]
            and streamlet in {"", one["metadata"]["labels"].get(STREAMLET)}
        ]

    async def pod(self, streamlet: str) -> str:
        """The name of the only pod of a streamlet."""
        [found] = await self.pods(streamlet)
        return str(found["metadata"]["name"])

    async def in_pod(self, streamlet: str, *command: str) -> str:
        """What a command says in the only pod of a streamlet."""
        return await self.kubectl(f"exec {await self.pod(streamlet)} -- {shlex.join(command)}")

    async def logs(self, streamlet: str) -> str:
        """What the only pod of a streamlet has written."""
        return await self.kubectl(f"logs {await self.pod(streamlet)}")


def name_in(resource: Path) -> str:
    """The name of the application in a file."""
    name: str = yaml.safe_load(resource.read_text())["metadata"]["name"]
    return name


@contextlib.asynccontextmanager
async def a_space(platform: Platform, kube: Kube) -> AsyncIterator[Space]:
    """A new one; what is in it goes with it."""
    async with a_namespace(kube) as namespace:
        labels = {"metadata": {"labels": RESTRICTED}}
        await kube.merge(document("v1", "Namespace", namespace), labels)
        yield Space(platform, kube, namespace)
