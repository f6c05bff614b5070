"""Elects one leader among the operator's replicas, by a Lease of Kubernetes.

`main` runs it beside the work, which waits for `Election.leading`. The promise: never two leaders
past the renew deadline. What a leader had already sent when it lost may still arrive.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import os
from dataclasses import dataclass
from datetime import UTC, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cloudflow_operator.errors import ClusterError, ConflictError
from cloudflow_operator.interfaces import Kind
from cloudflow_operator.names import LEASE
from cloudflow_operator.requests import Patience, Request, path
from streamlet_sdk.errors import CloudflowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudflow_operator.interfaces import Clock, Manifest
    from cloudflow_operator.requests import Requests

LEASES: Final = Kind("coordination.k8s.io/v1", "Lease", "leases")
PATIENCE: Final = Patience(timedelta(seconds=3), timedelta(seconds=3), attempts=1)
"""For the requests of an election: it asks again itself, after it has looked what is there."""
LOST: Final = 3
"""The exit status of a leader that is none any more."""

_log = logging.getLogger(__name__)


class Terms(NamedTuple):
    """How long a leader is one; the same for all replicas.

    Attributes:
        duration: for which others leave a leader alone that does not renew.
        deadline: after which a leader that could not renew ends itself; well below `duration`.
        period: between two attempts.
    """

    duration: timedelta = timedelta(seconds=15)
    deadline: timedelta = timedelta(seconds=10)
    period: timedelta = timedelta(seconds=2)


USUAL: Final = Terms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Who stands for election, and where.

    Attributes:
        identity: the pod's name. A container that starts again in its pod goes on at once, so no
            two processes that live may have the same.
        namespace: of the Lease: the operator's.
    """

    identity: str
    namespace: str


class Election:
    """One replica's part in it.

    Attributes:
        leading: set while this process is the leader. Once it was, it leads until `release` or the
            end of the process; it is never a standby again.
    """

    def __init__(
        self,
        requests: Requests,
        candidate: Candidate,
        clock: Clock,
        *,
        terms: Terms = USUAL,
        end: Callable[[], None] | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            requests: with `PATIENCE`, and connections of its own: waiting for one costs the Lease.
            candidate: this process.
            clock: for the times in the Lease, which are for people; nobody decides by them.
            terms: the same for all replicas.
            end: ends the process at once; by default without tidying up, which may take too long.

        Raises:
            CloudflowError: when `terms` do not rise from period to deadline to duration.
        """
        if not terms.period < terms.deadline < terms.duration:
            raise CloudflowError(
                f"period {terms.period}, deadline {terms.deadline} and duration {terms.duration}"
                " of the Lease do not rise",
                hint="A leader needs several attempts, and has to end before another one leads.",
            )
        self.leading = asyncio.Event()
        self._server = _Leases(requests, candidate)
        self._candidate = candidate
        self._clock = clock
        self._terms = terms
        self._end = end or functools.partial(os._exit, LOST)
        self._lease: Manifest | None = None
        # What the Lease said, and when that was first seen: by the clock here, so that those of
        # other machines may be wrong.
        self._record: dict[str, Any] = {}
        self._since = 0.0
        self._limit: asyncio.TimerHandle | None = None
        self._trouble = ""

    async def run(self) -> None:
        """Stand for election, then stay the leader; for ever.

        Cancel it when all work has ended, and `release` then: a leader that stops renewing is
        ended at its deadline, whatever it does meanwhile.
        """
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._attempt()
            except ClusterError as error:
                # Somebody was faster, or the answer to the last attempt was lost: look first.
                self._lease = None
                self._tell(error)
            else:
                self._trouble = ""
            await asyncio.sleep(max(0.0, self._next(began) - loop.time()))

    async def release(self) -> None:
        """Let another one lead at once; for a leader that has stopped its work.

        After it this process must write nothing. A server that is away is told in the log.
        """
        if not self.leading.is_set():
            return
        self.leading.clear()
        self._stop_limit()
        try:
            lease = await self._server.read()
            if lease is not None and self._is_own(_record(lease)):
                spec = {**_record(lease), "holderIdentity": "", "leaseDurationSeconds": 1}
                await self._server.write({**lease, "spec": spec})
        except ClusterError as error:
            _log.warning("Leader election: could not give the Lease back: %s", error)

    async def _attempt(self) -> None:
        """Take or renew the Lease if nobody else has it."""
        # Counted from before the request: whoever waits for the end of the Lease sees the change
        # later than it was sent, so that end is always after the limit here.
        began = asyncio.get_running_loop().time()
        if self._lease is None:
            self._lease = await self._server.read()
            self._observe()
        if self._is_taken(began):
            if self.leading.is_set():
                self._lose(f"{self._record['holderIdentity']} is the leader now")
            self._lease = None
            return
        self._lease = await self._server.write(self._claimed())
        self._observe()
        self._lead(began)

    def _observe(self) -> None:
        # A Lease that somebody deletes says nothing new: its holder still leads.
        if self._lease is None or _record(self._lease) == self._record:
            return
        self._record = dict(_record(self._lease))
        self._since = asyncio.get_running_loop().time()

    def _is_taken(self, now: float) -> bool:
        if self._is_own(self._record) or not self._record.get("holderIdentity"):
            return False
        return self.leading.is_set() or now < self._since + self._duration()

    def _next(self, began: float) -> float:
        """When to look again: a Lease that ends before the next period is taken when it does."""
        usual = began + self._terms.period.total_seconds()
        return min(usual, self._since + self._duration()) if self._is_taken(began) else usual

    def _is_own(self, record: dict[str, Any]) -> bool:
        return record.get("holderIdentity") == self._candidate.identity

    def _duration(self) -> float:
        """In seconds, as the holder has it; it may be of another version."""
        theirs = self._record.get("leaseDurationSeconds")
        return float(theirs) if theirs else self._terms.duration.total_seconds()

    def _claimed(self) -> Manifest:
        """The Lease as it is when it is this candidate's."""
        lease = self._lease or self._server.empty()
        before = _record(lease)
        now = self._clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            **before,
            "holderIdentity": self._candidate.identity,
            "leaseDurationSeconds": math.ceil(self._terms.duration.total_seconds()),
            "renewTime": now,
        }
        if not self._is_own(before):
            spec["acquireTime"] = now
            spec["leaseTransitions"] = before.get("leaseTransitions", -1) + 1
        return {**lease, "spec": spec}

    def _lead(self, began: float) -> None:
        loop = asyncio.get_running_loop()
        limit = began + self._terms.deadline.total_seconds()
        if loop.time() >= limit:
            return  # frozen meanwhile: too late to begin, and whoever leads has a limit already
        self._stop_limit()
        # A timer is enough: what keeps the loop from it keeps the loop from writing, too.
        self._limit = loop.call_at(limit, self._lose, "the Lease was not renewed in time")
        if not self.leading.is_set():
            _log.info("Leader election: %s leads now", self._candidate.identity)
            self.leading.set()

    def _lose(self, reason: str) -> None:
        _log.critical("Leader election: %s; this process ends, and writes nothing more", reason)
        self._end()

    def _tell(self, error: ClusterError) -> None:
        if isinstance(error, ConflictError) or str(error) == self._trouble:
            return  # the next attempt is told all that matters; the same again is no news
        self._trouble = str(error)
        _log.warning("Leader election: could not %s. %s", error, error.hint or "Trying again.")

    def _stop_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()


class _Leases:
    """The Lease on the API server."""

    def __init__(self, requests: Requests, candidate: Candidate) -> None:
        self._requests = requests
        self._namespace = candidate.namespace
        self._all = path(LEASES.api_version, LEASES.plural, candidate.namespace)

    def empty(self) -> Manifest:
        """One that is not there yet."""
        metadata = {"name": LEASE, "namespace": self._namespace}
        return {"apiVersion": LEASES.api_version, "kind": LEASES.name, "metadata": metadata}

    async def read(self) -> Manifest | None:
        doing = f"get Lease {self._namespace}/{LEASE}"
        answer = await self._requests.answer(Request(doing, "GET", f"{self._all}/{LEASE}"))
        return None if answer.status == HTTPStatus.NOT_FOUND else answer.checked()

    async def write(self, lease: Manifest) -> Manifest:
        """Make it, or change it if nobody else has since it was read."""
        is_new = "resourceVersion" not in lease["metadata"]
        doing = f"{'create' if is_new else 'update'} Lease {self._namespace}/{LEASE}"
        where = self._all if is_new else f"{self._all}/{LEASE}"
        request = Request(doing, "POST" if is_new else "PUT", where, body=lease)
        return await self._requests.ask(request)


def _record(lease: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = lease.get("spec") or {}
    return found
