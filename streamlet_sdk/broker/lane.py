"""The embedded broker's `Lane`: a producer whose batches and offsets count together or not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from streamlet_sdk.broker.consumer import EmbeddedConsumer
from streamlet_sdk.broker.producer import EmbeddedProducer
from streamlet_sdk.errors import (
    FencedError,
    NotAttemptedError,
    OutcomeUnknownError,
    RejectedError,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from streamlet_sdk.broker.cluster import Cluster
    from streamlet_sdk.broker.log import Transaction
    from streamlet_sdk.runtime.transport import Batch, Claim, Consumer

_TIMEOUT_MS: Final = 60_000  # Kafka's default of transaction.timeout.ms


class EmbeddedLane(EmbeddedProducer):
    """A `Lane` of the embedded broker; make it with `EmbeddedTransport.lane`."""

    def __init__(self, cluster: Cluster, name: str, properties: Mapping[str, str]) -> None:
        super().__init__(cluster, properties)
        timeout_ms = int(properties.get("transaction.timeout.ms", _TIMEOUT_MS))
        self._name = name
        self._tenure = cluster.tenure(name, timedelta(milliseconds=timeout_ms))
        self._answers: list[asyncio.Future[int]] = []

    async def begin(self) -> None:
        """Open a transaction.

        Raises:
            FencedError: when a newer lane of this name exists.
            RejectedError: when one is open already, or an earlier batch failed.
        """
        if self._failure is not None:
            self._tenure.require()
            raise RejectedError("an earlier batch failed: take a new lane") from self._failure
        self._tenure.begin()
        self._answers.clear()

    @override
    async def submit(self, batch: Batch) -> asyncio.Future[int]:
        answer = await super().submit(batch)
        self._answers.append(answer)
        return answer

    async def commit(
        self, offsets: Mapping[Claim, int], consumer: Consumer | None, deadline: float
    ) -> None:
        """Make what was submitted and `offsets` count, in one step.

        Raises:
            RejectedError: when a batch failed or no transaction is open.
            FencedError: when a newer lane exists, or a claim of `offsets` is dead.
            OutcomeUnknownError: when the answers did not come before `deadline`.
        """
        await self._require_written(deadline)
        fault = self._cluster.faults.before_transaction(self._name)
        self._require_open()
        if fault.rejected:
            raise RejectedError(f"the broker refused to commit the transaction of {self._name}")
        if fault.done:
            _store(offsets, consumer)
            self._tenure.end(aborted=False)
        if fault.unanswered:
            raise OutcomeUnknownError(f"no answer came for the transaction of {self._name}")

    async def abort(self, deadline: float) -> None:
        """Make nothing of the open transaction count; without one nothing is to be done.

        Raises:
            FencedError: when a newer lane of this name exists, which aborted it already.
            OutcomeUnknownError: when the broker could not be told before `deadline`.
        """
        await self._flushed(deadline)
        self._discard(NotAttemptedError("the transaction was aborted before it was sent"))
        if not await self._cluster.faults.reachable_by(deadline):
            raise OutcomeUnknownError(f"no broker was there to abort the transaction {self._name}")
        self._tenure.require()
        self._tenure.end(aborted=True)

    @override
    async def close(self, *, flush: bool, deadline: float) -> None:
        await super().close(flush=flush, deadline=deadline)
        self._tenure.end(aborted=True)

    async def _require_written(self, deadline: float) -> None:
        """Wait for every batch of the transaction and the way to the broker."""
        self._require_open()
        in_time = await self._flushed(deadline)
        if not (in_time and await self._cluster.faults.reachable_by(deadline)):
            raise OutcomeUnknownError(f"answers to lane {self._name} did not come in time")
        errors = [answer.exception() for answer in self._answers if not answer.cancelled()]
        for error in filter(None, errors):
            self._tenure.require()
            raise RejectedError("a batch of the transaction failed: abort it") from error

    def _require_open(self) -> None:
        """Go on only with an open transaction of one's own; its errors say why not."""
        self._transaction()

    @override
    def _transaction(self) -> Transaction:
        return self._tenure.transaction


def _store(offsets: Mapping[Claim, int], consumer: Consumer | None) -> None:
    """Commit `offsets`, all or none."""
    if not offsets:
        return
    if not isinstance(consumer, EmbeddedConsumer):
        raise RejectedError("offsets can only be committed for a consumer of this broker")
    if not consumer.owns(tuple(offsets)):
        raise FencedError("a partition was taken away before its offset was committed")
    if consumer.store(offsets) != offsets.keys():
        raise OutcomeUnknownError("the group did not confirm the offsets of the transaction")
