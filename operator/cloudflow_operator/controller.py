"""What is done when an application is due: read it, reconcile it, say when to come again.

The queue calls it. All decisions are `reconcile`'s.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND, PLURAL
from cloudflow_operator.errors import ClusterError
from cloudflow_operator.events import undeployed
from cloudflow_operator.interfaces import Kind
from cloudflow_operator.reconcile import reconcile
from cloudflow_operator.watching import Place, place_of
from cloudflow_operator.work_queue import Result

if TYPE_CHECKING:
    from cloudflow_operator.interfaces import Manifest
    from cloudflow_operator.kafka_clusters import KafkaClusterBook
    from cloudflow_operator.reconcile import World

APPLICATIONS: Final = Kind(API_VERSION, KIND, PLURAL)

RESYNC: Final = timedelta(minutes=30)
"""About how often each is looked at although nothing is heard of it: of Kafka nobody tells."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Controller:
    """Looks after applications.

    Attributes:
        world: all that reconciling needs.
        book: the Kafka clusters, as they are now.
    """

    world: World
    book: KafkaClusterBook
    _ended: dict[Place, Manifest] = field(default_factory=dict)

    def end(self, application: Manifest) -> None:
        """Tell people at the next look that it is gone; as it was before."""
        self._ended[place_of(application)] = application

    async def look(self, place: Place) -> Result:
        """Bring one to what its resource says now; one that is gone is the garbage collector's."""
        if (ended := self._ended.pop(place, None)) is not None:
            await self._tell_end(ended)
        try:
            # Not from memory: what was written to its status last must be seen.
            document = await self.world.cluster.read(APPLICATIONS, *place)
        except ClusterError as error:
            _log.warning("Could not %s", error)
            return Result(is_good=False, again_after=error.retry_after)
        if document is None:
            self.book.forget(*place)
            return Result(is_over=True)
        outcome = await reconcile(document, self.book.clusters_of(document), self.world)
        again_after = outcome.requeue_after or RESYNC * random.uniform(0.8, 1.2)
        return Result(is_good=not outcome.errors, again_after=again_after)

    async def _tell_end(self, application: Manifest) -> None:
        event = undeployed(application)
        try:
            await self.world.cluster.event(
                application, reason=event.reason, message=event.message, is_warning=event.is_warning
            )
        except ClusterError as error:
            # In a namespace that goes too nothing new may be made.
            _log.info("Could not %s", error)
