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
    from collections.abc import Callable, Iterator, Sequence

    from aiokafka.structs import TopicPartition

    from streamlet_sdk.runtime.kafka.client import Client
    from streamlet_sdk.runtime.kafka.properties import ProducerSettings
    from streamlet_sdk.runtime.transport import Claim

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
_DOUBT_SECONDS: Final = 0.05
_NO_TRANSACTIONS_MS: Final = 2**31 - 1


class Accumulator(MessageAccumulator):
    """What waits to be sent, by partition.

    Attributes:
        too_late: called with a batch that was taken out, for its records are somebody else's.
    """

    too_late: Callable[[Any], None]

    def builder(self, *, packed: bool) -> Any:
        """What a batch is made with; not `packed` it is not compressed."""
        if packed:
            return self.create_builder()
        transactions = self._txn_manager
        is_transactional = transactions is not None and transactions.transactional_id is not None
        return BatchBuilder(self._batch_size, _CODECS[None], is_transactional=is_transactional)

    def admit(self, builder: Any, place: TopicPartition, claims: Sequence[Claim]) -> Any:
        """Put a batch behind those of its partition, at once; aiokafka's own batch."""
        batch: Any = self._append_batch(builder, place)
        batch.claims = claims
        return batch

    @override
    def drain_by_nodes(self, ignore_nodes: Any, muted_partitions: Any = frozenset()) -> Any:
        """What may be sent now, by broker; a batch whose claims are in doubt waits."""
        for place in list(self._batches):
            self._drop_late(place)
        doubtful = {place for place, waiting in self._batches.items() if in_doubt(waiting[0])}
        drained = super().drain_by_nodes(ignore_nodes, muted_partitions | doubtful)
        if doubtful:
            self._loop.call_later(_DOUBT_SECONDS, self._wakeup, self._waiter_future)
        return drained

    def _drop_late(self, place: TopicPartition) -> None:
        batches = self._batches.get(place)
        if batches and not all(claim.alive for claim in batches[0].claims):
            late = batches.popleft()
            if not batches:
                del self._batches[place]
            self.too_late(late)

    def withdraw(self) -> Iterator[Any]:
        """Take out the batches that are not on their way now."""
        for place in list(self._batches):
            yield from self._batches.pop(place)


def in_doubt(batch: Any) -> bool:
    """Whether what `batch` holds may be somebody else's by now."""
    return not all(claim.is_owned for claim in batch.claims)


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
        if any(batch.claims for batch in batches.values()):
            # Connecting may take long, and this process may be frozen meanwhile.
            await self.client.ready(node_id)
            self._take_back(batches)
        if batches:
            await super()._send_produce_req(node_id, batches)
        else:
            self._in_flight.remove(node_id)

    def _take_back(self, batches: Any) -> None:
        """Let those wait again that are in doubt."""
        for place in [place for place, batch in batches.items() if in_doubt(batch)]:
            self._message_accumulator.reenqueue(batches.pop(place))
            self._muted_partitions.remove(place)

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
