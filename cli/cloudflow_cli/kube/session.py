"""Connects a command with its cluster, as kubectl would, and runs what it does there.

Called by every command that asks a cluster. Light to import: the client comes with `run`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from cloudflow_cli.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from cloudflow_cli.options import Common
    from cloudflow_operator.interfaces import Kind, Manifest

T = TypeVar("T")

KUBECONFIG: Final = "KUBECONFIG"
_IN_A_POD: Final = "KUBERNETES_SERVICE_HOST"


class Target(NamedTuple):
    """Which object; `namespace` is None for kinds that are in none."""

    kind: Kind
    namespace: str | None
    name: str

    def __str__(self) -> str:
        where = self.name if self.namespace is None else f"{self.namespace}/{self.name}"
        return f"{self.kind.name} {where}"


class Row(NamedTuple):
    """An object in few words: its metadata, and its printed columns by name."""

    metadata: Mapping[str, Any]
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """How much of a pod's log.

    Attributes:
        is_followed: whether it goes on with what is written from now on.
        is_previous: whether that of the container before the last restart.
        since: only what is younger; None is everything.
        since_time: only what is not older, by the node's clock; may begin up to a second before.
        tail: the last lines only; None is all.
    """

    is_followed: bool = False
    is_previous: bool = False
    since: timedelta | None = None
    since_time: str | None = None
    tail: int | None = None


class Server(Protocol):
    """The API server. Every method raises `ClusterError`s and those of `kube.errors`."""

    async def read(self, target: Target) -> Manifest | None:
        """One object; None when it is not there."""
        ...

    async def listed(
        self, kind: Kind, namespace: str | None, selector: str = ""
    ) -> Sequence[Manifest]:
        """All objects of a kind with these labels; without a namespace, of all namespaces."""
        ...

    async def rows(self, kind: Kind, namespace: str | None) -> Sequence[Row]:
        """All objects of a kind in few words, with the columns that `kubectl get` prints."""
        ...

    async def apply(
        self, kind: Kind, manifest: Manifest, manager: str, *, dry_run: bool = False
    ) -> Manifest:
        """Apply on the server's side, by force; what the object is, or would be, afterwards.

        A manifest with `metadata.uid` changes only the object of that uid, and makes none.
        """
        ...

    async def merge(self, target: Target, patch: Manifest, *, dry_run: bool = False) -> Manifest:
        """Merge a patch into an object; what it is, or would be, afterwards."""
        ...

    async def delete(self, target: Target, *, uid: str) -> None:
        """Ask for the end of the object of that uid, and of what it owns; gone is fine."""
        ...

    async def reviewed(self, kind: Kind, spec: Manifest) -> Manifest:
        """The status of an access review; nothing is kept."""
        ...

    def log(self, namespace: str, pod: str, query: LogQuery) -> AsyncGenerator[str, None]:
        """The lines of a pod's log, each with its time before it."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """A command's time with a cluster.

    Attributes:
        server: to ask.
        namespace: the one that is meant where none is named.
    """

    server: Server
    namespace: str


def run(common: Common, work: Callable[[Session], Awaitable[T]]) -> T:
    """What `work` gives, done as who the options and the environment say, where they say.

    Raises:
        CloudflowError: what `work` raises; what the API server did not do is one of `kube.errors`.
    """
    return asyncio.run(_run(common, work))


async def _run(common: Common, work: Callable[[Session], Awaitable[T]]) -> T:
    from cloudflow_cli.kube.errors import explained
    from cloudflow_operator.errors import ClusterError

    try:
        async with opened(common) as session:
            return await work(session)
    except ClusterError as error:
        raise explained(error) from error


@asynccontextmanager
async def opened(common: Common, *, hasty: bool = False) -> AsyncIterator[Session]:
    """A session as who the options and the environment say; nothing is sent yet.

    Hasty ones wait a second for an answer and ask once: nobody waits longer for a completion.
    """
    from cloudflow_cli.kube.server import ApiServer
    from cloudflow_operator.requests import USUAL, Patience, connected

    second = timedelta(seconds=1)
    patience = Patience(attempt=second, total=second, attempts=1) if hasty else USUAL
    files = kubeconfigs(common)
    async with connected(files, patience, context=common.context) as requests:
        namespace = common.namespace or requests.namespace or "default"
        yield Session(ApiServer(requests), namespace)


def kubeconfigs(common: Common) -> Sequence[Path] | None:
    """The kubeconfigs that kubectl would read, in its order; None is the account of the own pod.

    Raises:
        NotFoundError: when there is none.
        UsageError: when the one that was named is not there.
    """
    if common.kubeconfig is not None:
        file = common.kubeconfig.expanduser()
        if not file.is_file():
            raise UsageError(f"There is no file {file}, which --kubeconfig names.")
        return [file]
    named = os.environ.get(KUBECONFIG, "")
    usual = [Path.home() / ".kube" / "config"]
    files = [Path(one).expanduser() for one in named.split(os.pathsep) if one] or usual
    if found := [file for file in files if file.is_file()]:
        return found
    if _IN_A_POD in os.environ:
        return None
    raise NotFoundError(
        f"There is no kubeconfig: {', '.join(map(str, files))} is not there.",
        hint=f"Name one with --kubeconfig or {KUBECONFIG}.",
    )
