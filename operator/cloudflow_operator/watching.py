"""Watches all objects of a kind: a list, and every change after it, for ever.

The operator's composition starts one for each kind and namespace that it has to know. It keeps no
objects; who listens does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, Protocol

from cloudflow_operator.errors import ClusterError, ClusterUnavailableError, RefusedError
from cloudflow_operator.requests import Request, path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from collections.abc import Set as AbstractSet

    from cloudflow_operator.interfaces import Kind, Manifest
    from cloudflow_operator.requests import Answer, Requests

_CHUNK: Final = 100
# The server says every minute that it is still there.
_SILENCE: Final = timedelta(seconds=90)
_SERVER_SECONDS: Final = 300
_FIRST_PAUSE: Final = 0.5  # seconds
_LONGEST_PAUSE: Final = 30.0  # seconds

_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Which object of a kind: its namespace and its name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Target(NamedTuple):
    """What is watched: a kind in one namespace or with None in all, with certain labels."""

    kind: Kind
    namespace: str | None = None
    selector: str = ""

    @property
    def words(self) -> str:
        """It in messages."""
        return f"{self.kind.name} in {self.namespace or 'all namespaces'}"


class Listener(Protocol):
    """Who is told. What is told may be older than what one knows: compare versions."""

    def put(self, kind: Kind, manifest: Manifest) -> None:
        """An object is there, and is like this."""
        ...

    def remove(self, kind: Kind, manifest: Manifest) -> None:
        """An object is gone, or has other labels now; its version is that of the change."""
        ...

    def keep(self, target: Target, there: AbstractSet[Place], version: str) -> None:
        """Of all objects of `target` these were there at that version, and no others."""
        ...


class Watch:
    """One list and watch; `run` is called once.

    Attributes:
        target: what is watched.
        synced: set when the first list has been told.
    """

    def __init__(
        self,
        requests: Requests,
        target: Target,
        listener: Listener,
        heard: Callable[[Kind], None] | None = None,
    ) -> None:
        """Ask nothing yet; `heard` is told whenever the server says anything."""
        self.target = target
        self.synced = asyncio.Event()
        self._on_hearing = heard
        self._requests = requests
        self._listener = listener
        self._version: str | None = None
        self._failures = 0

    async def run(self) -> NoReturn:
        """Tell the listener everything, until cancelled; what fails is tried again, later."""
        while True:
            try:
                if self._version is None:
                    await self._list()
                await self._follow()
                self._failures = 0
            except ClusterError as error:
                if not isinstance(error, ClusterUnavailableError):
                    self._version = None  # what was missed is not told any more
                self._failures += 1
                level = logging.WARNING if self._failures > 1 else logging.INFO
                _log.log(level, "Could not %s", error)
            await asyncio.sleep(_pause(self._failures))

    async def _list(self) -> None:
        there: set[Place] = set()
        version = ""
        async for page in self._pages():
            if "continue" not in page.request.query:
                there.clear()  # from the beginning
            document = page.checked()
            for item in document.get("items") or ():
                there.add(place_of(item))
                self._listener.put(self.target.kind, item)
            version = document["metadata"]["resourceVersion"]
            self._heard()
        self._listener.keep(self.target, there, version)
        self._version = version
        self.synced.set()

    async def _pages(self) -> AsyncIterator[Answer]:
        request = self._request("list", {"limit": str(_CHUNK)})
        while True:
            answer = await self._requests.answer(request)
            if answer.status == HTTPStatus.GONE and "continue" in request.query:
                # The list's moment has left the server's memory: all of it, at once.
                request = self._request("list", {})
                continue
            yield answer
            token = answer.checked().get("metadata", {}).get("continue")
            if not token:
                return
            request = self._request("list", {"limit": str(_CHUNK), "continue": token})

    async def _follow(self) -> None:
        """Tell changes until the server ends it, as it does every few minutes."""
        assert self._version is not None
        request = self._request(
            "watch",
            {
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": self._version,
                "timeoutSeconds": str(round(_SERVER_SECONDS * random.uniform(0.8, 1.2))),
            },
        )
        async with contextlib.aclosing(self._requests.stream(request, _SILENCE)) as events:
            async for event in events:
                self._tell(request, event)
                self._failures = 0
                self._heard()

    def _tell(self, request: Request, event: Manifest) -> None:
        changed = event.get("object") or {}
        version = changed.get("metadata", {}).get("resourceVersion")
        match event.get("type") if version else None:
            case "ADDED" | "MODIFIED":
                self._listener.put(self.target.kind, changed)
            case "DELETED":
                self._listener.remove(self.target.kind, changed)
            case "BOOKMARK":
                pass
            case _:
                message = changed.get("message", "the answer is no event")
                raise RefusedError(request.doing, str(message))
        self._version = version

    def _heard(self) -> None:
        if self._on_hearing is not None:
            self._on_hearing(self.target.kind)

    def _request(self, verb: str, query: dict[str, str]) -> Request:
        kind, namespace, selector = self.target
        where = path(kind.api_version, kind.plural, namespace)
        selected = {"labelSelector": selector} if selector else {}
        return Request(f"{verb} {self.target.words}", "GET", where, {**query, **selected})


def place_of(manifest: Manifest) -> Place:
    """Which object of its kind it is."""
    metadata = manifest["metadata"]
    return Place(metadata["namespace"], metadata["name"])


def _pause(failures: int) -> float:
    """Seconds until the next attempt; operators that lost the same server come back one by one."""
    longest = min(_FIRST_PAUSE * (1 << min(failures, 10)), _LONGEST_PAUSE)
    return longest * random.uniform(0.2, 1.0)
