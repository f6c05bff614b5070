"""Removes an application, and with it its topics when that is wanted.

Called by `undeploy`. The operator deletes topics, and holds the application by its finalizer until
then. Its end is asked for only once it is held, so that no topic is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudflow_cli.kube import applications
from cloudflow_operator.api.v1alpha1 import TopicStatus
from cloudflow_operator.interfaces import POD
from cloudflow_operator.names import APPLICATION, FINALIZER
from cloudflow_operator.topic_states import is_deletable, named_by_others, place
from streamlet_sdk.errors import CloudflowError

if TYPE_CHECKING:
    from cloudflow_cli.kube.session import Session
    from cloudflow_operator.interfaces import Manifest

_PERIOD: Final = 0.5  # seconds between two looks
_DELETE: Final = {"spec": {"deletionPolicy": "Delete"}}
_DOCTOR: Final = "`kubectl cloudflow doctor` tells whether an operator is at work."


class NotDoneInTimeError(CloudflowError):
    """What was waited for did not happen in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """How an application is removed.

    Attributes:
        is_forced: whether nobody waits for the operator; topics stay then.
        patience: with the operator.
        tell: is called with what is waited for.
    """

    session: Session
    is_forced: bool
    patience: timedelta
    tell: Callable[[str], None]

    async def remove(self, application: Manifest, *, with_topics: bool) -> None:
        """Ask for its end; done when the server has agreed.

        Raises:
            NotDoneInTimeError: when no operator cares for the topics; the application stays then.
        """
        if with_topics and not self.is_forced:
            application = await self._held(application)
        await applications.delete(self.session, application)
        if self.is_forced:
            await self._released(application)

    async def finish(self, application: Manifest) -> None:
        """Wait until it and its pods are gone.

        Raises:
            NotDoneInTimeError: with what the operator says about it.
        """
        name, uid = application["metadata"]["name"], application["metadata"]["uid"]
        said = _message(application)

        async def gone() -> bool:
            nonlocal said
            found = await applications.find(self.session, name)
            if found is not None and found["metadata"]["uid"] == uid:
                if (now := _message(found)) not in {"", said}:
                    self.tell(now)
                    said = now
                return False
            selector = f"{APPLICATION}={name}"
            namespace = self.session.namespace
            return found is not None or not await self.session.server.listed(
                POD, namespace, selector
            )

        if not await _until(gone, self.patience):
            raise NotDoneInTimeError(
                f"{name} is not gone after {self.patience.total_seconds():g} s"
                f"{': ' + said if said else ''}.",
                hint=f"It goes on; `kubectl cloudflow status {name} --watch` shows how. {_DOCTOR} "
                "Without an operator, --force removes it and leaves its topics.",
            )

    async def _held(self, application: Manifest) -> Manifest:
        """The application once the operator holds it to delete its topics."""
        name, policy = application["metadata"]["name"], application["spec"].get("deletionPolicy")
        if policy != "Delete":
            application = await applications.patch(self.session, application, _DELETE)
        found = application

        async def held() -> bool:
            nonlocal found
            found = await applications.read(self.session, name)
            return FINALIZER in found["metadata"].get("finalizers", ())

        if not await _until(held, self.patience):
            if policy != "Delete":
                # Not removed is not changed either.
                before = {"spec": {"deletionPolicy": policy}}
                await applications.patch(self.session, application, before)
            raise NotDoneInTimeError(
                f"No operator took over the deletion of topics in "
                f"{self.patience.total_seconds():g} s; {name} was not removed.",
                hint=f"{_DOCTOR} --force removes the application and leaves its topics.",
            )
        return found

    async def _released(self, application: Manifest) -> None:
        """Take the operator's hold away."""
        name, uid = application["metadata"]["name"], application["metadata"]["uid"]
        found = await applications.find(self.session, name)
        if found is None or found["metadata"]["uid"] != uid:
            return
        finalizers = found["metadata"].get("finalizers", [])
        if FINALIZER in finalizers:
            others = [one for one in finalizers if one != FINALIZER]
            version = found["metadata"]["resourceVersion"]
            change = {"metadata": {"finalizers": others or None, "resourceVersion": version}}
            await applications.patch(self.session, found, change)


class Going(NamedTuple):
    """Topics that the operator made for an application, by what becomes of them with it.

    Attributes:
        alone: names in Kafka of those that nobody else names: they may go.
        shared: of those that other applications name: they stay.
        is_certain: whether the applications of all namespaces were asked.
    """

    alone: Sequence[str]
    shared: Sequence[str]
    is_certain: bool


async def going(session: Session, application: Manifest) -> Going:
    """What the operator will do with the topics that it made, when they are to go."""
    told = application.get("status", {}).get("topics", ())
    made = [one for one in map(TopicStatus.model_validate, told) if is_deletable(one)]
    if not made:
        return Going((), (), is_certain=True)
    others, is_certain = await applications.visible(session)
    named = named_by_others(application["metadata"]["uid"], others)
    shared = [one.kafka_name for one in made if place(one) in named]
    alone = [one.kafka_name for one in made if place(one) not in named]
    return Going(alone, shared, is_certain=is_certain)


def _message(application: Manifest) -> str:
    return str(application.get("status", {}).get("message", ""))


async def _until(holds: Callable[[], Awaitable[bool]], patience: timedelta) -> bool:
    """Whether it holds before patience ends; it is asked once at least."""
    try:
        # The first look is not bounded: it is the one that tells when there is no time at all.
        if await holds():
            return True
        async with asyncio.timeout(patience.total_seconds()):
            while True:
                await asyncio.sleep(_PERIOD)
                if await holds():
                    return True
    except TimeoutError:
        return False
