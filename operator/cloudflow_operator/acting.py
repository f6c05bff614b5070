"""Carries out what a plan says, action by action, and keeps what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Final

from cloudflow_operator import names
from cloudflow_operator.errors import ClusterError, ClusterUnavailableError, TakenError
from cloudflow_operator.interfaces import CONFIG_MAP, DEPLOYMENT
from cloudflow_operator.observed import Observed, key_of
from cloudflow_operator.ownership import controller, is_going
from cloudflow_operator.plan import Apply, Delete, HandOver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflow_operator.interfaces import Cluster, Key, Manifest
    from cloudflow_operator.plan import Action

_AT_ONCE: Final = 8
"""Streamlets of an application."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What became of a plan.

    Attributes:
        done: the actions that were carried out.
        errors: one for each that it did not; what came after those was not tried.
        observed: what is there now, as far as the answers tell.
    """

    done: Sequence[Action]
    errors: Sequence[ClusterError]
    observed: Observed


@dataclass(kw_only=True)
class Acting:
    """One run through a plan's actions.

    Streamlets are worked on side by side, each in the order of the plan; what is of the whole
    application comes before or after them, as the plan says. A failure stops the later actions of
    the same streamlet, for they build on it, and no others; an API server that is away stops all.
    """

    cluster: Cluster
    namespace: str
    observed: Observed
    _objects: dict[Key, Manifest] = field(init=False)
    _errors: list[ClusterError] = field(default_factory=list)
    _failed: set[str | None] = field(default_factory=set)
    _unconfigured: set[str | None] = field(default_factory=set)
    _is_away: bool = False

    def __post_init__(self) -> None:
        """Begin from what was observed."""
        self._objects = dict(self.observed.objects)

    async def run(self, actions: Sequence[Action]) -> Acted:
        """Carry out `actions`; a `ClusterError` becomes part of the result."""
        done: list[Action] = []
        slots = asyncio.Semaphore(_AT_ONCE)

        async def work(row: Sequence[Action]) -> list[Action]:
            async with slots:
                return [action for action in row if await self._tried(action)]

        for _, stage in groupby(actions, lambda action: action.streamlet is None):
            rows = defaultdict(list)
            for action in stage:
                rows[action.streamlet].append(action)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work(row)) for row in rows.values()]
            done += [action for task in tasks for action in task.result()]
        observed = Observed(self.observed.owner, self._objects)
        return Acted(done=done, errors=self._errors, observed=observed)

    async def _tried(self, action: Action) -> bool:
        """Whether it was done."""
        if self._is_away or action.streamlet in self._failed or self._lacks_configuration(action):
            return False
        try:
            return await self._carry_out(action)
        except ClusterError as error:
            _log.warning("Could not %s", error)
            self._errors.append(error)
            self._failed.add(action.streamlet)
            if isinstance(error, ClusterUnavailableError):
                self._is_away = True
            return False

    def _lacks_configuration(self, action: Action) -> bool:
        """Whether it would give pods the configuration of somebody else's ConfigMap."""
        if isinstance(action, Delete) or action.streamlet not in self._unconfigured:
            return False
        return isinstance(action, HandOver) or key_of(action.manifest).kind == DEPLOYMENT

    async def _carry_out(self, action: Action) -> bool:
        """Whether it was done; it is not where somebody else's object stands."""
        if isinstance(action, Delete):
            await self.cluster.delete(action.key, self.namespace, uid=action.uid)
            self._objects.pop(action.key, None)
            return True
        if isinstance(action, HandOver):
            made = await self.cluster.apply(_count(action), manager=names.HANDOVER_MANAGER)
        elif action.before is None:
            made = await self._made(action)
        else:
            made = await self.cluster.apply(action.manifest, manager=names.FIELD_MANAGER)
        self._objects[key_of(made)] = made
        return controller(made) == self.observed.owner

    async def _made(self, action: Apply) -> Manifest:
        """The new object, or what stands in its place."""
        try:
            return await self.cluster.make(action.manifest, manager=names.FIELD_MANAGER)
        except TakenError as error:
            found = error.found
            if is_going(found):
                raise
        if controller(found) == self.observed.owner:
            # It has lost its label, or the watch has not told of it yet.
            ours = {**action.manifest["metadata"], "uid": found["metadata"]["uid"]}
            manifest = {**action.manifest, "metadata": ours}
            return await self.cluster.apply(manifest, manager=names.FIELD_MANAGER)
        if key_of(found).kind == CONFIG_MAP:
            self._unconfigured.add(action.streamlet)
        return found


def _count(action: HandOver) -> Manifest:
    live = action.deployment
    metadata = {key: live["metadata"][key] for key in ("name", "namespace", "uid")}
    return {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": metadata,
        "spec": {"replicas": action.replicas},
    }
