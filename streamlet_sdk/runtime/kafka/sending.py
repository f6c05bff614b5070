"""aiokafka's sender and its parts, put together so that they can be ended at any moment.

Used by the producer and the lane. aiokafka's own producer waits without limit when it is stopped.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from aiokafka import errors as kafka
from aiokafka.client import CoordinationType
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator
from aiokafka.producer.sender import Sender, TxnOffsetCommitHandler
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.record.default_records import DefaultRecordBatch
from typing_extensions import override

from streamlet_sdk.runtime.kafka import wire
from streamlet_sdk.runtime.kafka.properties import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiokafka.structs import TopicPartition

    from streamlet_sdk.runtime.kafka.client import Client
    from streamlet_sdk.runtime.kafka.properties import ProducerSettings

_CODECS: Final = {
    None: 0,
    "gzip": DefaultRecordBatch.CODEC_GZIP,
    "snappy": DefaultRecordBatch.CODEC_SNAPPY,
    "lz4": DefaultRecordBatch.CODEC_LZ4,
    "zstd": DefaultRecordBatch.CODEC_ZSTD,
}
_NOT_A_MEMBER: Final = (
    kafka.IllegalGenerationError,
    kafka.UnknownMemberIdError,
    wire.FencedInstanceIdError,
)
_ALL_REPLICAS: Final = -1
_RETRY_MS: Final = 100
_NO_TRANSACTIONS_MS: Final = 2**31 - 1


class Accumulator(MessageAccumulator):
    """What waits to be sent, by partition."""

    def builder(self, *, packed: bool) -> Any:
        """What a batch is made with; not `packed` it is not compressed."""
        if packed:
            return self.create_builder()
        transactions = self._txn_manager
        is_transactional = transactions is not None and transactions.transactional_id is not None
        return BatchBuilder(self._batch_size, _CODECS[None], is_transactional=is_transactional)

    def admit(self, builder: Any, place: TopicPartition) -> Any:
        """Put a batch behind those of its partition, at once; aiokafka's own batch."""
        return self._append_batch(builder, place)

    def withdraw(self) -> Iterator[Any]:
        """Take out the batches that are not on their way now."""
        for place in list(self._batches):
            yield from self._batches.pop(place)


class _OffsetsHandler(TxnOffsetCommitHandler):
    """Commits offsets in the name of the member that owns the partitions."""

    @override
    def create_request(self) -> Any:
        transaction = self._sender._txn_manager
        who = (
            transaction.transactional_id,
            transaction.producer_id,
            transaction.producer_epoch,
        )
        return wire.CommitInTransaction(who, self._group_id, self._sender.member, self._offsets)

    @override
    def handle_response(self, resp: Any) -> Any:
        rows = [(topic, [row[:2] for row in rows]) for topic, rows, _ in resp.topics]
        for _, partitions in rows:
            for _, code in partitions:
                if kafka.for_code(code) in _NOT_A_MEMBER:
                    raise kafka.ProducerFenced("the group has gone on without this member")
        return super().handle_response(SimpleNamespace(errors=rows))


class EndableSender(Sender):
    """A sender that can be ended while it waits for brokers.

    Attributes:
        member: in whose name offsets are committed; set it before they are.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        """As aiokafka's."""
        super().__init__(*given, **named)
        self.member: wire.Member | None = None
        self._requests: set[asyncio.Task[Any]] = set()

    @override
    async def _sender_routine(self) -> None:
        try:
            await super()._sender_routine()
        except kafka.KafkaError as error:
            # aiokafka hides what it did not expect, such as an expired id, in a general error.
            raise error.__cause__ or error from None

    async def end(self) -> None:
        """Stop now; requests that are under way are given up."""
        tasks = [task for task in (self._sender_task, *self._requests) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @override
    async def _send_produce_req(self, node_id: Any, batches: Any) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._noted(task)
        await super()._send_produce_req(node_id, batches)

    @override
    async def _do_txn_offset_commit(self, offsets: Any, group_id: Any) -> None:
        try:
            node = await self._find_coordinator(CoordinationType.GROUP, group_id)
        except kafka.GroupAuthorizationFailedError as error:
            self._txn_manager.error_transaction(error)
            return
        await _OffsetsHandler(self, offsets, group_id).do(node)

    @override
    def _maybe_do_transactional_request(self) -> Any:
        task = super()._maybe_do_transactional_request()
        if task is not None:
            self._noted(task)
        return task

    def _noted(self, task: asyncio.Task[Any]) -> None:
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)


def seen(future: asyncio.Future[Any] | None) -> None:
    """Keep Python from reporting an error that is known from elsewhere as one nobody saw."""
    if future is not None and future.done() and not future.cancelled():
        future.exception()


class Line:
    """Everything between a batch and a broker.

    Attributes:
        transactions: aiokafka's state of idempotence and, with a name, of the transaction.
    """

    def __init__(self, client: Client, settings: ProducerSettings, name: str | None) -> None:
        """Connect nothing yet; `name` is the transactional id of a lane."""
        self.client = client
        timeout_ms = milliseconds(settings.transaction) if name else _NO_TRANSACTIONS_MS
        self.transactions: Any = TransactionManager(name, timeout_ms)
        self.accumulator = Accumulator(
            client.cluster,
            settings.batch_bytes,
            _CODECS[settings.compression],
            settings.delivery.total_seconds(),
            txn_manager=self.transactions,
        )
        self.sender = EndableSender(
            client,
            acks=_ALL_REPLICAS,
            txn_manager=self.transactions,
            message_accumulator=self.accumulator,
            retry_backoff_ms=_RETRY_MS,
            request_timeout_ms=milliseconds(settings.request),
        )

    async def start(self) -> None:
        """Connect and get a producer id; fences earlier producers of the same name."""
        await self.client.connect()
        await self.sender.start()

    async def end(self) -> None:
        """Stop now."""
        await self.sender.end()
        seen(self.transactions._transaction_waiter)
        await self.client.close()
