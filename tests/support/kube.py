"""An API server as its users see it: plain documents in and out, by who a kubeconfig says they are.

A document names itself by `apiVersion`, `kind` and `metadata`; what is read, applied or deleted is
named by any document with those. Tests use it beside the program that they test.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from kubernetes.aio.client import ApiException
from kubernetes.aio.config import new_client_from_config

from testbed import kubeconfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

Document = dict[str, Any]
Found = TypeVar("Found")

# Seconds within which controllers do all that they do, on a slow machine.
PATIENCE = 60.0
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
HERE = "tests"
"""The name of tests among those who manage fields."""


@dataclass(frozen=True)
class Kube:
    """The API server for one who asks; a refusal is an `ApiException` of `kubernetes.aio`."""

    kubeconfig: Path
    _client: Any

    async def create(self, document: Document) -> Document:
        """Make it; as the server keeps it."""
        kind = path(document["apiVersion"], document["kind"], document["metadata"].get("namespace"))
        made: Document = await self.ask("POST", kind, document)
        return made

    async def apply(self, document: Document, manager: str = HERE) -> Document:
        """Server-side apply, by force; as the server keeps it."""
        query = {"fieldManager": manager, "force": "true"}
        made: Document = await self.ask("PATCH", address(document), document, APPLY, query)
        return made

    async def merge(self, document: Document, patch: Document, part: str = "") -> Document:
        """Merge `patch` into it, or into its `part`, such as `status`; as the server keeps it."""
        where = f"{address(document)}/{part}".removesuffix("/")
        made: Document = await self.ask("PATCH", where, patch, MERGE, {"fieldManager": HERE})
        return made

    async def read(self, document: Document) -> Document:
        """It, as the server keeps it."""
        found: Document = await self.ask("GET", address(document))
        return found

    async def find(self, document: Document) -> Document | None:
        """It, as the server keeps it, if it is there."""
        try:
            return await self.read(document)
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def listed(self, version: str, kind: str, namespace: str | None) -> list[Document]:
        """All of a kind in a namespace; of all namespaces with None."""
        found: Document = await self.ask("GET", path(version, kind, namespace))
        # In a list none says what it is, and so none would be a name for `read` or `delete`.
        return [{"apiVersion": version, "kind": kind, **each} for each in found["items"]]

    async def delete(self, document: Document) -> None:
        """Ask for its end, and that of what it owns; nobody waits for it."""
        await self.ask("DELETE", address(document), {"propagationPolicy": "Background"})

    async def account(self, namespace: str, name: str, folder: Path) -> Path:
        """A new ServiceAccount's kubeconfig, in `folder`; its token is good for an hour.

        It may nothing until a role is bound to it. Deleting it makes its token worthless.
        """
        made = await self.create(document("v1", "ServiceAccount", name, namespace))
        request = {"spec": {"expirationSeconds": 3600}}
        token = await self.ask("POST", f"{address(made)}/token", request)
        found = json.loads(self.kubeconfig.read_text())
        theirs = kubeconfig.for_token(found, token["status"]["token"], namespace)
        return kubeconfig.write(folder / f"{namespace}-{name}.kubeconfig", theirs)

    async def ask(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        media: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer to any request, for what has no method here.

        Raises:
            ApiException: when it is not what was asked for; `status` and `body` say why.
        """
        words = await self._client.param_serialize(
            method,
            path,
            query_params=[*(query or {}).items()],
            header_params={"Accept": "application/json", "Content-Type": media},
            body=body,
            auth_settings=["BearerToken"],
        )
        response = await self._client.call_api(*words)
        data = await response.read()
        if response.status >= HTTPStatus.BAD_REQUEST:
            said = data.decode(errors="replace")
            raise ApiException(response.status, response.reason, body=said)
        return json.loads(data)


@contextlib.asynccontextmanager
async def a_kube(kubeconfig: Path) -> AsyncIterator[Kube]:
    """The API server as who `kubeconfig` says one is."""
    connect: Any = new_client_from_config  # has no annotations
    client = await connect(str(kubeconfig), persist_config=False)
    try:
        yield Kube(kubeconfig, client)
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def a_namespace(kube: Kube) -> AsyncIterator[str]:
    """A new one; asked to go at the end if it is there then, which nobody waits for."""
    made = await kube.create(document("v1", "Namespace", f"test-{secrets.token_hex(4)}"))
    try:
        yield made["metadata"]["name"]
    finally:
        if await kube.find(made) is not None:
            await kube.delete(made)


def document(
    version: str, kind: str, name: str, namespace: str | None = None, **more: Any
) -> Document:
    """A document with its name; `more` are other fields of its root."""
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def deployment(name: str, namespace: str, *, replicas: int = 1) -> Document:
    """The smallest that the server takes; its image is nowhere."""
    labels = {"app": name}
    container = {"name": "main", "image": "nowhere.invalid/image"}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    return document("apps/v1", "Deployment", name, namespace, spec=spec)


def path(version: str, kind: str, namespace: str | None) -> str:
    """Where all of a kind are; kinds with an irregular plural are not known here."""
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{kind.lower()}s"


def address(document: Document) -> str:
    """Where the object is that `document` names."""
    metadata = document["metadata"]
    kind = path(document["apiVersion"], document["kind"], metadata.get("namespace"))
    return f"{kind}/{metadata['name']}"


async def eventually(
    look: Callable[[], Awaitable[Found]], what: str, patience: float = PATIENCE
) -> Found:
    """What `look` finds, asked until that is true; `what` says in the failure what it was.

    `patience` is in seconds.
    """
    try:
        async with asyncio.timeout(patience):
            while not (found := await look()):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"waited {patience} s in vain: {what}") from None
    return found
