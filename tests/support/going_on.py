"""Whether an application goes on while things are done around it: its pods, and its records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflow_operator.names import STREAMLET
from support.kube import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.installed_application import Installed
    from support.kube import Document
    from support.space import Space
    from support.topic_reader import Reader

Pods = dict[str, dict[str, str]]
"""By streamlet, and then by the uid of each pod: which container it has."""
_MORE: Final = 3
PATIENCE_SECONDS: Final = 180.0
"""For what takes pods to be replaced, on a machine that others use too."""


async def pods(space: Space) -> Pods:
    """Those that nobody has asked to end. A container that starts again is another one."""
    found: Pods = {}
    for one in await space.pods():
        metadata = one["metadata"]
        [status] = one["status"].get("containerStatuses") or [{}]
        streamlet = found.setdefault(metadata["labels"][STREAMLET], {})
        streamlet[metadata["uid"]] = status.get("containerID", "")
    return found


async def ready(space: Space, application: Installed, **counts: int) -> Pods:
    """The pods, once the operator has done all that is asked and there are so many, all ready."""

    def are_so_many(now: Pods) -> bool:
        return all(len(now.get(name, ())) == count for name, count in counts.items())

    return await _settled(space, application, are_so_many)


async def replaced(space: Space, application: Installed, streamlet: str, before: Pods) -> Pods:
    """The pods, all ready, once none of a streamlet is one of `before`."""

    def are_others(now: Pods) -> bool:
        return now.get(streamlet, {}).keys().isdisjoint(before[streamlet])

    return await _settled(space, application, are_others)


async def records_flow(reader: Reader, topic: str) -> None:
    """Wait until some more records are in a topic than now."""
    await reader.until(topic, len(await reader.values(topic)) + _MORE)


async def _settled(space: Space, application: Installed, is_so: Callable[[Pods], bool]) -> Pods:
    async def found() -> Pods:
        is_settled = _is_done(await application.read()) and all(map(_is_ready, await space.pods()))
        now = await pods(space)
        return now if is_settled and is_so(now) else {}

    what = f"pods of {application.name} as they were asked for, and ready"
    return await eventually(found, what, PATIENCE_SECONDS)


def _is_done(found: Document) -> bool:
    status = found.get("status", {})
    states = {one["type"]: one["status"] for one in status.get("conditions", ())}
    is_seen = status.get("observedGeneration") == found["metadata"]["generation"]
    return is_seen and (states.get("Ready"), states.get("Progressing")) == ("True", "False")


def _is_ready(pod: Document) -> bool:
    states = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return states.get("Ready") == "True"
