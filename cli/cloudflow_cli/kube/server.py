"""An API server for the commands: objects of any kind, read and written as who calls.

Made by `session`, and the only module of the command line that imports the client. It knows nothing
of applications. A twin in the tests passes the same contract.
"""

from __future__ import annotations

import math
from contextlib import aclosing
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.kube.errors import DeniedError, UnknownKindError
from cloudflow_cli.kube.session import Row, Target
from cloudflow_operator.interfaces import POD
from cloudflow_operator.names import CONTAINER
from cloudflow_operator.requests import APPLY, JSON, MERGE_PATCH, Request, path

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from cloudflow_cli.kube.session import LogQuery
    from cloudflow_operator.interfaces import Kind, Manifest
    from cloudflow_operator.requests import Answer, Requests

_CHUNK: Final = 500
# A log in which nothing was written for so long is asked for again: its connection may be dead.
_SILENCE: Final = timedelta(minutes=5)
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"


class ApiServer:
    """A `session.Server` on real requests."""

    def __init__(self, requests: Requests) -> None:
        """Send nothing yet."""
        self._requests = requests

    async def read(self, target: Target) -> Manifest | None:
        """One object; None when it is not there."""
        answer = await self._answer(Request(f"get {target}", "GET", _path(target)))
        if answer.status == HTTPStatus.NOT_FOUND:
            _check_known(target.kind, answer)
            return None
        return answer.checked()

    async def listed(self, kind: Kind, namespace: str | None, selector: str = "") -> list[Manifest]:
        """All objects of a kind with these labels; without a namespace, of all namespaces."""
        named = {"apiVersion": kind.api_version, "kind": kind.name}
        pages = self._pages(kind, namespace, selector, JSON)
        return [{**named, **item} async for page in pages for item in page.get("items") or ()]

    async def rows(self, kind: Kind, namespace: str | None) -> list[Row]:
        """All objects of a kind as `kubectl get -o wide` shows them: a fraction of their size."""
        return [
            Row(
                row["object"]["metadata"],
                {
                    column["name"]: cell
                    for column, cell in zip(page["columnDefinitions"], row["cells"], strict=True)
                },
            )
            async for page in self._pages(kind, namespace, "", _TABLE)
            for row in page.get("rows") or ()
        ]

    async def apply(
        self, kind: Kind, manifest: Manifest, manager: str, *, dry_run: bool = False
    ) -> Manifest:
        """Apply on the server's side, by force; what the object is, or would be, afterwards."""
        metadata = manifest["metadata"]
        target = Target(kind, metadata["namespace"], metadata["name"])
        query = {"fieldManager": manager, "force": "true", **_dry(dry_run)}
        request = Request(f"apply {target}", "PATCH", _path(target), query, manifest, APPLY)
        return (await self._answer(request)).checked()

    async def merge(self, target: Target, patch: Manifest, *, dry_run: bool = False) -> Manifest:
        """Merge a patch into an object; what it is, or would be, afterwards."""
        request = Request(
            f"change {target}", "PATCH", _path(target), _dry(dry_run), patch, MERGE_PATCH
        )
        return (await self._answer(request)).checked()

    async def delete(self, target: Target, *, uid: str) -> None:
        """Ask for the end of the object of that uid, and of what it owns; gone is fine."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        request = Request(f"delete {target}", "DELETE", _path(target), body=options)
        answer = await self._answer(request)
        if answer.status != HTTPStatus.NOT_FOUND:
            answer.checked()

    async def reviewed(self, kind: Kind, spec: Manifest) -> Manifest:
        """What the server answers to a question in the form of an object; nothing is kept."""
        question = {"apiVersion": kind.api_version, "kind": kind.name, "spec": spec}
        where = path(kind.api_version, kind.plural, None)
        answer = await self._answer(Request(f"ask a {kind.name}", "POST", where, body=question))
        return dict(answer.checked().get("status", {}))

    async def log(self, namespace: str, pod: str, query: LogQuery) -> AsyncGenerator[str, None]:
        """The lines of a pod's log, each with its time before it."""
        where = path(POD.api_version, POD.plural, namespace, pod, "log")
        doing = f"read the log of Pod {namespace}/{pod}"
        request = Request(doing, "GET", where, _log_query(query), accept="*/*")
        async with aclosing(self._requests.lines(request, _SILENCE)) as lines:
            async for line in lines:
                yield line.decode(errors="replace").removesuffix("\n")

    async def _pages(
        self, kind: Kind, namespace: str | None, selector: str, accept: str
    ) -> AsyncIterator[Manifest]:
        place = "all namespaces" if namespace is None else namespace
        where = path(kind.api_version, kind.plural, namespace)
        query = {"limit": str(_CHUNK)} | ({"labelSelector": selector} if selector else {})
        request = Request(f"list {kind.name} in {place}", "GET", where, query, accept=accept)
        token: Any = ""
        while token is not None:
            answer = await self._answer(request)
            if answer.status == HTTPStatus.NOT_FOUND:
                _check_known(kind, answer)
            yield (page := answer.checked())
            token = page.get("metadata", {}).get("continue") or None
            request = request._replace(query={**query, "continue": token})

    async def _answer(self, request: Request) -> Answer:
        answer = await self._requests.answer(request)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise DeniedError(
                f"{request.doing}: the cluster does not know who asks.",
                hint="Log in to the cluster again: the token is wrong or no longer good.",
            )
        return answer


def _path(target: Target) -> str:
    kind = target.kind
    return path(kind.api_version, kind.plural, target.namespace, target.name)


def _log_query(query: LogQuery) -> dict[str, str]:
    made = {
        "follow": "true" if query.is_followed else None,
        "previous": "true" if query.is_previous else None,
        "sinceSeconds": query.since and max(1, math.ceil(query.since.total_seconds())),
        "sinceTime": query.since_time,
        "tailLines": query.tail,
    }
    given = {key: str(value) for key, value in made.items() if value is not None}
    return {"container": CONTAINER, "timestamps": "true", **given}


def _dry(wanted: bool) -> dict[str, str]:
    return {"dryRun": "All"} if wanted else {}


def _check_known(kind: Kind, answer: Answer) -> None:
    """Of an object that is not there the server tells the kind; of a kind it tells nothing."""
    details = answer.document.get("details") or {}
    if "kind" not in details:
        raise UnknownKindError(kind)
