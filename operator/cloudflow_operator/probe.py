"""Finds out whether the watch of applications still brings what changes.

A watch can be open and dead. So now and then all applications are listed, by their metadata alone,
and compared with what events have told. What was missed is handed on, so that it is done all the
same; and a process that misses things while the server answers is one that a restart helps.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudflow_operator.api.v1alpha1 import API_VERSION, PLURAL
from cloudflow_operator.errors import ClusterError
from cloudflow_operator.requests import Request, path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from cloudflow_operator.interfaces import Manifest
    from cloudflow_operator.requests import Requests

EVERY: Final = timedelta(minutes=1)
METADATA: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_CHUNK: Final = 500

_log = logging.getLogger(__name__)


class Application(NamedTuple):
    """Which one."""

    namespace: str
    name: str


class Probe:
    """Compares what events told with what is there."""

    def __init__(
        self,
        requests: Requests,
        missed: Callable[[str, str], None],
        *,
        watches: Sequence[str] = (),
        every: timedelta = EVERY,
    ) -> None:
        """Ask nothing yet.

        Args:
            requests: to list by.
            missed: called with namespace and name of an application whose change, or end, no
                event told of.
            watches: the namespaces that are watched; none means all.
            every: the pause between two looks; a change is missed after two.
        """
        self._requests = requests
        self._missed = missed
        self._paths = [path(API_VERSION, PLURAL, one) for one in watches or (None,)]
        self._every = every
        # The resourceVersion that events told last.
        self._told: dict[Application, str] = {}
        # What the last look found missing, with what had been told until then.
        self._suspects: dict[Application, str | None] = {}
        self._stale: tuple[Application, ...] = ()

    @property
    def is_stale(self) -> bool:
        """Whether the last look, and the one before it, saw what no event has told of.

        False when the server did not answer the last one: a restart would not help.
        """
        return bool(self._stale)

    def why_unhealthy(self) -> Iterable[str]:
        """A line for `/healthz` while the watch is stale."""
        if self._stale:
            one = self._stale[0]
            yield (
                f"the watch is stale: no event told of {len(self._stale)} changed applications,"
                f" such as {one.namespace}/{one.name}, which a list shows"
            )

    def saw(self, namespace: str, name: str, resource_version: str) -> None:
        """Take note of an event: an application is there, as of that version."""
        self._told[Application(namespace, name)] = resource_version

    def gone(self, namespace: str, name: str) -> None:
        """Take note of an event: an application is not there any more."""
        self._told.pop(Application(namespace, name), None)

    async def run(self) -> None:
        """Look again and again, for ever; the first time after a pause."""
        while True:
            await asyncio.sleep(self._every.total_seconds())
            await self.look()

    async def look(self) -> None:
        """Compare once; a server that does not answer is told in the log."""
        try:
            listed = {
                Application(one["namespace"], one["name"]): str(one["resourceVersion"])
                async for one in self._listed()
            }
        except ClusterError as error:
            _log.warning("Could not look whether the watch is alive: %s", error)
            self._stale = ()
            return
        self._compare(listed)

    def _compare(self, listed: dict[Application, str]) -> None:
        differing = [
            one for one in {**listed, **self._told} if listed.get(one) != self._told.get(one)
        ]
        # One that changes all the time differs at each look, but events tell of it in between.
        missed = tuple(
            one
            for one in differing
            if one in self._suspects and self._suspects[one] == self._told.get(one)
        )
        # A watch that begins anew tells all that is there, and nothing of what went meanwhile.
        self._stale = tuple(one for one in missed if one in listed)
        self._suspects = {one: self._told.get(one) for one in differing}
        if self._stale:
            _log.warning("%s", *self.why_unhealthy())
        for one in missed:
            self._missed(one.namespace, one.name)
            if one not in listed:
                self.gone(*one)

    async def _listed(self) -> AsyncIterator[Manifest]:
        for where in self._paths:
            query = {"limit": str(_CHUNK)}
            while True:
                answer = await self._requests.answer(
                    Request(
                        "list the metadata of applications", "GET", where, query, accept=METADATA
                    )
                )
                if answer.status == HTTPStatus.GONE and "continue" in query:
                    # The list's moment has left the server's memory: all of it, at once.
                    query = {}
                    continue
                page = answer.checked()
                for one in page.get("items") or ():
                    yield one["metadata"]
                token = page["metadata"].get("continue")
                if not token:
                    break
                query = {"limit": str(_CHUNK), "continue": token}
