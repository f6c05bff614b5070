"""Waits until an application is as it shall be, or tells why it does not get there.

Called by `deploy --wait`. It looks at the status alone, which the operator writes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudflow_cli.deploying.looking import read_application
from cloudflow_cli.kube import applications
from cloudflow_operator.conditions import Aspect, Reason
from streamlet_sdk.errors import CloudflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from cloudflow_cli.application_resource import Manifest
    from cloudflow_cli.kube.session import Session
    from cloudflow_operator.api.v1alpha1 import Application, PodStatus

# A pod that is so does not become well by itself.
_LOST: Final = frozenset({"CrashLoopBackOff", "ErrImageNeverPull", "InvalidImageName"})
# The kubelet tries again after 10 seconds: a registry or a Secret may have been late.
_TRIED_AGAIN: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImagePull",
        "ImagePullBackOff",
        "RunContainerError",
    }
)
_FAILED: Final = _LOST | _TRIED_AGAIN
_PATIENCE: Final = 15.0
_PAUSE: Final = 1.0
_DONE: Final = {Reason.RUNNING, Reason.PAUSED}


class NotReadyError(CloudflowError):
    """An application did not become what it shall be."""


@dataclass
class Progress:
    """Tells what has changed since it was told last.

    Attributes:
        tell: is given a line for people.
    """

    tell: Callable[[str], None]
    _told: dict[str, str] = field(default_factory=dict)

    def show(self, application: Application) -> None:
        """Tell each streamlet and topic that is otherwise than before."""
        for name, line in self._lines(application):
            if self._told.get(name) != line:
                self._told[name] = line
                self.tell(f"{name}: {line}")

    def _lines(self, application: Application) -> Iterator[tuple[str, str]]:
        for topic in application.status.topics:
            if topic.state != "Ready":
                yield f"topic {topic.name}", topic.message or topic.state
        for one in application.status.streamlets:
            more = f", {one.message}" if one.message else ""
            yield one.name, f"{one.phase}, {one.ready_replicas}/{one.replicas} ready{more}"


async def settled(
    session: Session,
    written: Manifest,
    limit: timedelta,
    tell: Callable[[str], None],
) -> Manifest:
    """The application once all of it runs, or is paused; those that were ill before may stay.

    Args:
        session: where.
        written: the application as the write left it.
        limit: how long to wait.
        tell: is given lines about progress.

    Raises:
        NotReadyError: when it cannot get there without help, or not in time; with the reason.
        NotFoundError: when somebody removed it.
    """
    before = [*_pods(read_application(written))]
    watch = _Watch(
        name=written["metadata"]["name"],
        generation=written["metadata"]["generation"],
        ill={pod.name for pod in before if pod.status in _FAILED},
        sets={_replica_set(pod) for pod in before},
        progress=Progress(tell),
    )
    try:
        async with asyncio.timeout(limit.total_seconds()):
            while True:
                manifest = await applications.read(session, watch.name)
                if watch.is_over(read_application(manifest)):
                    return manifest
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        said = f"{watch.name} is not ready after {limit.total_seconds():g} s: {watch.last}"
        raise NotReadyError(said, hint=_look(watch.name)) from None


@dataclass(kw_only=True)
class _Watch:
    """What is waited for, and what was seen of it last.

    Attributes:
        ill: pods that had failed before.
        sets: the ReplicaSets that had pods before.
    """

    name: str
    generation: int
    ill: set[str]
    sets: set[str]
    progress: Progress
    last: str = "the operator has not looked at it"
    _since: dict[str, float] = field(default_factory=dict)

    def is_over(self, application: Application) -> bool:
        """Whether all is well; it raises `NotReadyError` when it will not be."""
        if (application.status.observed_generation or 0) < self.generation:
            return False
        self.progress.show(application)
        self.last = application.status.message or str(application.status.phase)
        if _is_settled(application):
            return True
        excused = self.ill | self._tried_again(application) | self._replaced(application)
        if (why := _failure(application, excused)) is not None:
            raise NotReadyError(f"{self.name} does not get ready: {why}", hint=_look(self.name))
        return False

    def _tried_again(self, application: Application) -> set[str]:
        """The pods that have not failed for long."""
        now = asyncio.get_running_loop().time()
        failing = {pod.name for pod in _pods(application) if pod.status in _TRIED_AGAIN}
        return {name for name in failing if now - self._since.setdefault(name, now) < _PATIENCE}

    def _replaced(self, application: Application) -> set[str]:
        """The pods that stay only until newer ones beside them are ready."""
        return {
            pod.name
            for streamlet in application.status.streamlets
            if not self.sets.issuperset(map(_replica_set, streamlet.pods))
            for pod in streamlet.pods
            if _replica_set(pod) in self.sets
        }


def _failure(application: Application, excused: set[str]) -> str | None:
    """Why an application does not get ready without help; None while it may.

    Args:
        application: with the status of what was written.
        excused: pods whose failures say nothing yet, or no more.
    """
    conditions = {one.type: one for one in application.status.conditions}
    valid = conditions.get(Aspect.CONFIGURATION_VALID)
    if valid is not None and valid.status == "False":
        return valid.message
    progressing = conditions.get(Aspect.PROGRESSING)
    if progressing is not None and progressing.reason in {Reason.REFUSED, Reason.NAME_TAKEN}:
        return progressing.message
    for streamlet in application.status.streamlets:
        for pod in streamlet.pods:
            if pod.status in _FAILED and pod.name not in excused:
                more = f": {pod.message}" if pod.message else ""
                return f"{streamlet.name}: pod {pod.name} is {pod.status}{more}"
    return None


def _pods(application: Application) -> Iterator[PodStatus]:
    for streamlet in application.status.streamlets:
        yield from streamlet.pods


def _replica_set(pod: PodStatus) -> str:
    return pod.name.rpartition("-")[0]


def _is_settled(application: Application) -> bool:
    conditions = {one.type: one for one in application.status.conditions}
    progressing = conditions.get(Aspect.PROGRESSING)
    if progressing is None or progressing.reason != Reason.SETTLED:
        return False
    return application.status.phase in _DONE


def _look(name: str) -> str:
    return f"See more: kubectl cloudflow status {name}, kubectl cloudflow logs {name}"
