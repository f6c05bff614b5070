"""What is done when an application is due: read it, reconcile it, say when to come again.

The queue calls it. All decisions are `reconcile`'s.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND, PLURAL
from cloudflow_operator.errors import ClusterError
from cloudflow_operator.interfaces import Kind
from cloudflow_operator.reconcile import reconcile
from cloudflow_operator.work_queue import Result

if TYPE_CHECKING:
    from cloudflow_operator.kafka_clusters import KafkaClusterBook
    from cloudflow_operator.reconcile import World
    from cloudflow_operator.watching import Place

APPLICATIONS: Final = Kind(API_VERSION, KIND, PLURAL)

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

    async def look(self, application: Place) -> Result:
        """Bring one to what its resource says now; one that is gone is the garbage collector's."""
        namespace, name = application
        try:
            # Not from memory: what was written to its status last must be seen.
            document = await self.world.cluster.read(APPLICATIONS, namespace, name)
        except ClusterError as error:
            _log.warning("Could not %s", error)
            return Result(is_good=False, again_after=error.retry_after)
        if document is None:
            self.book.forget(namespace, name)
            return Result(is_over=True)
        outcome = await reconcile(document, self.book.clusters_of(document), self.world)
        return Result(is_good=not outcome.errors, again_after=outcome.requeue_after)
