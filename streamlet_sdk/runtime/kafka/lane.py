"""The `Lane` of a real Kafka: a transactional producer that can be left at any moment."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from aiokafka import errors as kafka
from aiokafka.protocol.transaction import EndTxnRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from typing_extensions import override

from streamlet_sdk.errors import (
    FencedError,
    OutcomeUnknownError,
    RejectedError,
    TransportError,
    UnavailableError,
)
from streamlet_sdk.runtime.kafka.consumer import KafkaConsumer
from streamlet_sdk.runtime.kafka.faults import translated, translating
from streamlet_sdk.runtime.kafka.offsets import committed
from streamlet_sdk.runtime.kafka.producer import KafkaProducer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.runtime.kafka.client import Client
    from streamlet_sdk.runtime.kafka.properties import ProducerSettings
    from streamlet_sdk.runtime.kafka.wire import Member
    from streamlet_sdk.runtime.transport import Batch, Claim, Consumer

_TRANSACTION: Final = 1
_TRIES: Final = 50
_PAUSE_SECONDS: Final = 0.1


class KafkaLane(KafkaProducer):
    """A `Lane` of a real Kafka; make it with `KafkaTransport.lane`."""

    def __init__(self, client: Client, settings: ProducerSettings, name: str) -> None:
        """Connect nothing yet; `name` is the transactional id."""
        super().__init__(client, settings, name)
        self._name = name
        self._batches: list[asyncio.Future[int]] = []
        self._is_settled = False

    async def begin(self) -> None:
        """Open a transaction; the broker learns of it with the first batch.

        Raises:
            FencedError: when a newer lane of this name is known to exist.
        """
        if self._failure is not None:
            raise self._refused()
        if self._line.transactions.is_in_transaction():
            raise RejectedError(f"a transaction of {self._name} is open already")
        self._require_sender()
        self._batches.clear()
        self._line.transactions.begin_transaction()

    @override
    async def submit(self, batch: Batch) -> asyncio.Future[int]:
        if not self._line.transactions.is_in_transaction():
            self._require_sender()
            raise RejectedError(f"no transaction of {self._name} is open")
        answer = await super().submit(batch)
        self._batches.append(answer)
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
        transactions = self._line.transactions
        if not transactions.is_in_transaction():
            self._require_sender()
            raise RejectedError(f"no transaction of {self._name} is open")
        with self._ending("committing"):
            if offsets:
                rows, group, self._line.sender.member = _rows(offsets, consumer)
                await self._by(deadline, transactions.add_offsets_to_txn(rows, group))
            transactions.committing_transaction()
            await self._by(deadline, transactions.wait_for_transaction_end())
        if offsets and not self._is_settled:
            await self._settle(tuple(offsets), consumer)

    async def _settle(self, claims: Sequence[Claim], consumer: Consumer | None) -> None:
        """Wait until the first offsets are there: until then lists of a group leave them out."""
        self._is_settled = True
        wanted = [(claim.topic, [claim.partition]) for claim in claims]
        if isinstance(consumer, KafkaConsumer) and consumer.group is not None:
            with suppress(TransportError):
                await committed(self._client, consumer.group, wanted)

    async def abort(self, deadline: float) -> None:
        """Make nothing of the open transaction count; without one nothing is to be done.

        Raises:
            FencedError: when a newer lane of this name exists, which aborted it already.
            OutcomeUnknownError: when the broker could not be told before `deadline`.
        """
        transactions = self._line.transactions
        self._require_sender()
        for waiting in self._line.accumulator.withdraw():
            waiting.failure(kafka.ProducerClosed())
        if not transactions.is_in_transaction() or transactions.is_empty_transaction():
            await self._require_newest(deadline)
        if transactions.is_in_transaction():
            with self._ending("aborting"):
                transactions.aborting_transaction()
                await self._by(deadline, transactions.wait_for_transaction_end())

    async def _require_written(self, deadline: float) -> None:
        """Wait for every batch of the transaction."""
        if self._batches:
            left = deadline - asyncio.get_running_loop().time()
            _, late = await asyncio.wait(self._batches, timeout=max(0.0, left))
            if late:
                raise OutcomeUnknownError(f"answers to lane {self._name} did not come in time")
        for answer in self._batches:
            error = None if answer.cancelled() else answer.exception()
            if isinstance(error, FencedError):
                raise error
            if error is not None:
                self._require_sender()
                raise RejectedError("a batch of the transaction failed: abort it") from error

    def _require_sender(self) -> None:
        """Go on only while aiokafka's sender lives; its end says why it ended."""
        sender = self._line.sender.sender_task
        if sender is None or sender.cancelled():
            raise FencedError(f"the lane {self._name} is closed")
        if sender.done():
            error = sender.exception()
            raise translated(error or kafka.ProducerClosed(), f"the lane {self._name}")

    def _refused(self) -> TransportError:
        return (
            self._failure
            if isinstance(self._failure, FencedError)
            else RejectedError(f"a batch of lane {self._name} failed: take a new lane")
        )

    def _ending(self, what: str) -> Any:
        return translating(f"{what} a transaction of {self._name}")

    async def _by(self, deadline: float, end: asyncio.Future[Any]) -> None:
        """Wait for `end`, which others may wait for too."""
        left = deadline - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait({end}, timeout=max(0.0, left))
        if not done:
            raise OutcomeUnknownError(f"no answer came for the transaction of {self._name}")
        end.result()

    async def _require_newest(self, deadline: float) -> None:
        """Ask the broker whether a newer lane exists, by ending what is not open."""
        try:
            async with asyncio.timeout_at(deadline):
                code = await self._end_nothing()
        except (TimeoutError, UnavailableError) as error:
            raise OutcomeUnknownError(f"no broker was there for lane {self._name}") from error
        error_type = kafka.for_code(code)
        if error_type not in {kafka.NoError, kafka.InvalidTxnState}:
            raise translated(error_type(), f"the lane {self._name}")

    async def _end_nothing(self) -> int:
        """The broker's answer to an abort without a transaction: it tells fenced lanes apart."""
        transactions = self._line.transactions
        request = EndTxnRequest(
            transactional_id=self._name,
            producer_id=transactions.producer_id,
            producer_epoch=transactions.producer_epoch,
            transaction_result=False,
        )
        code = 0
        for _ in range(_TRIES):
            with translating(f"the lane {self._name}"):
                node = await self._client.coordinator_lookup(_TRANSACTION, self._name)
            response = await self._client.ask(request, f"the lane {self._name}", node)
            code = response.error_code
            if not kafka.for_code(code)().retriable:
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        return code


def _rows(
    offsets: Mapping[Claim, int], consumer: Consumer | None
) -> tuple[dict[TopicPartition, OffsetAndMetadata], str, Member]:
    """What is to be committed, for which group, and in whose name."""
    if not isinstance(consumer, KafkaConsumer) or consumer.group is None:
        raise RejectedError("offsets can only be committed for a consumer of this group's broker")
    member = consumer.member
    if member is None or not consumer.owns(tuple(offsets)):
        raise FencedError("a partition was taken away before its offset was committed")
    rows = {
        TopicPartition(claim.topic, claim.partition): OffsetAndMetadata(offset, consumer.note)
        for claim, offset in offsets.items()
    }
    return rows, consumer.group, member
