"""The port between the engine and whatever carries records: a real Kafka or the embedded broker.

The engine knows these Protocols and nothing else; both transports pass one contract suite
(`tests/contract/transport`). State belongs to a *claim*, one ownership period of one
partition, so that a transport with cooperative rebalances fits later.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from asyncio import Future

Headers = Sequence[tuple[str, bytes]]
Start = Literal["earliest", "latest"]


class RawRecord(Protocol):
    """A record as it lies in a partition; `timestamp` is in milliseconds since the epoch."""

    @property
    def offset(self) -> int:
        """Its place in the partition; offsets grow, with gaps."""
        ...

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch."""
        ...

    @property
    def key(self) -> bytes | None:
        """The key, None without one."""
        ...

    @property
    def value(self) -> bytes | None:
        """The value, None for a tombstone."""
        ...

    @property
    def headers(self) -> Headers:
        """Name and bytes, in order; names may repeat."""
        ...


@dataclass(slots=True)
class Lease:
    """Until when the claims of a consumer surely are its own (the loop's clock).

    A member that its group has not heard of for a session may have been replaced without knowing
    it. Whoever hears of no group has a lease without end.
    """

    until: float = math.inf

    @property
    def holds(self) -> bool:
        """Whether nobody else can have the partitions yet."""
        return asyncio.get_running_loop().time() < self.until


@dataclass(eq=False, slots=True)
class Claim:
    """One ownership period of one partition; compared by identity.

    `alive` turns false when the partition is revoked or lost and never true again. `lease` may
    end and hold again meanwhile; all claims of a consumer share it.
    """

    topic: str
    partition: int
    epoch: int
    alive: bool = True
    lease: Lease = field(default_factory=Lease)

    @property
    def is_owned(self) -> bool:
        """Whether it surely is this member's now."""
        return self.alive and self.lease.holds


class Chunk(NamedTuple):
    """Records of one claim, in order of offset.

    `next_offset` is where reading goes on: past the last record and past any gap behind it
    (transaction markers, compacted records). A chunk may be empty when only a gap was read.
    `size` is the sum of the records' bytes.
    """

    claim: Claim
    records: Sequence[RawRecord]
    next_offset: int
    size: int


class Listener(Protocol):
    """The engine's side of a consumer; every method is called on the event loop."""

    def assigned(self, claims: Sequence[Claim]) -> None:
        """New claims; nothing is fetched for them until `Consumer.open`.

        It is called after each join, also when there is nothing for this one.
        """
        ...

    async def revoked(self, claims: Sequence[Claim], deadline: float) -> None:
        """Finish, flush and commit, before `deadline` (the loop's clock); commits still count.

        The transport marks the claims dead as soon as this returns or the deadline passes.
        """
        ...

    def lost(self, claims: Sequence[Claim]) -> None:
        """The claims belong to someone else already: neither flush nor commit for them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSpec:
    """What a consumer reads.

    With `group=None` every partition of `topic` is claimed at once, nothing is shared and
    commits are refused. `member` is the stable identity of this instance in its group.
    `properties` are client properties in Kafka's own names.
    """

    topic: str
    group: str | None
    member: str = ""
    read_committed: bool = True
    properties: Mapping[str, str] = field(default_factory=dict)


class Consumer(Protocol):
    """Reads one topic; all methods are called from one event loop."""

    async def start(self, listener: Listener) -> None:
        """Join; `listener.assigned` may be called before or after this returns.

        Raises:
            RejectedError: when there is no such topic, or on a second start.
        """
        ...

    async def open(self, claim: Claim, start: Start) -> int:
        """Begin to fetch `claim` from its committed offset and return that position.

        Without a committed offset, or with one that is out of range, `start` decides, except
        that a partition that was added while the group ran begins at its first record.

        Raises:
            FencedError: when the claim is dead.
        """
        ...

    async def poll(self, credit: Mapping[Claim, int], timeout: float) -> list[Chunk]:
        """Records of open claims, at most `credit[claim]` of each; empty after `timeout` seconds.

        Claims without credit are not fetched. Dead claims in `credit` are ignored, and so are
        those whose lease does not hold: what they bring would be read by others too. Position
        advances past what is returned, and every record of a claim is returned once.
        """
        ...

    async def commit(self, offsets: Mapping[Claim, int], deadline: float) -> set[Claim]:
        """Commit next offsets; the claims whose commit is confirmed. Dead claims are left out."""
        ...

    def position(self, claim: Claim) -> int:
        """The next offset that `poll` will look at.

        Raises:
            FencedError: when the claim was never opened here.
        """
        ...

    async def ends(self, claims: Sequence[Claim]) -> Mapping[Claim, int]:
        """Where each partition ends for this reader (its last stable offset if read-committed)."""
        ...

    async def close(self, *, leave: bool, deadline: float) -> None:
        """Stop; calls `listener.revoked` for live claims first. `leave` tells the group now."""
        ...


class Batch(Protocol):
    """Records for one partition that are written together.

    Attributes:
        claims: those that it may not outlive: it is sent only while all of them are owned, and
            not any more (`NotAttemptedError`) once one is dead.
    """

    claims: Sequence[Claim]

    @property
    def count(self) -> int:
        """Records in it."""
        ...

    @property
    def size(self) -> int:
        """Their bytes, as the transport counts them."""
        ...

    def append(
        self,
        key: bytes | None,
        value: bytes | None,
        timestamp_ms: int,
        headers: Headers,
    ) -> bool:
        """Add a record; false, and nothing added, when the batch is full.

        Raises:
            RejectedError: when the record alone is larger than the transport may carry.
        """
        ...


class Producer(Protocol):
    """Writes batches; those of one partition in the order they were submitted."""

    async def partitions(self, topic: str) -> int:
        """How many partitions `topic` has.

        Raises:
            RejectedError: when there is no such topic.
        """
        ...

    def batch(self, topic: str, partition: int, *, packed: bool = True) -> Batch:
        """An empty batch; with `packed` false it holds too little to be worth compressing."""
        ...

    async def submit(self, batch: Batch) -> Future[int]:
        """Hand over a batch; returns once admitted. The future gives its first offset.

        The future raises `RejectedError` (refused, surely not written), `OutcomeUnknownError`
        (may be written) or `FencedError`; after any of them take a new producer. What was
        submitted behind a batch that failed may fail with `NotAttemptedError`.
        """
        ...

    async def close(self, *, flush: bool, deadline: float) -> None:
        """Stop; with `flush` wait for answers until `deadline`, without it give them up."""
        ...


class Lane(Producer, Protocol):
    """A transactional producer; the newest one of a name fences the earlier ones."""

    async def begin(self) -> None:
        """Open a transaction.

        Raises:
            FencedError: when a newer lane of this name exists.
        """
        ...

    async def commit(
        self, offsets: Mapping[Claim, int], consumer: Consumer | None, deadline: float
    ) -> None:
        """Commit what was submitted and the next offsets of `offsets` for `consumer`'s group.

        Raises:
            RejectedError: when any submitted batch failed; abort and take a new lane.
            FencedError: when a newer lane of this name exists.
            OutcomeUnknownError: when the answer did not come; take a new lane, open the claims.
        """
        ...

    async def abort(self, deadline: float) -> None:
        """Let nothing of the open transaction count; without one nothing is to be done.

        Raises:
            FencedError: when a newer lane of this name exists, which aborted it already.
            OutcomeUnknownError: when the broker did not answer before `deadline`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """A topic to be made; `config` holds Kafka's topic properties by their own names."""

    name: str
    partitions: int = 1
    replication_factor: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicInfo:
    """A topic as it is."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


class Admin(Protocol):
    """Topics and groups; changing a topic that is not there raises `RejectedError`."""

    async def topics(self, names: Sequence[str]) -> Mapping[str, TopicInfo | None]:
        """What is known of each name; never creates one."""
        ...

    async def create(self, spec: TopicSpec) -> None:
        """Create a topic.

        Raises:
            RejectedError: when it exists already or the broker refuses it.
        """
        ...

    async def grow(self, topic: str, partitions: int) -> None:
        """Raise the number of partitions to `partitions`."""
        ...

    async def alter(self, topic: str, changed: Mapping[str, str | None]) -> None:
        """Change the named properties (`None` removes one) and leave the others alone."""
        ...

    async def delete(self, topic: str) -> None:
        """Delete a topic and its records."""
        ...

    async def offsets(self, group: str) -> Mapping[tuple[str, int], int]:
        """Committed next offsets of a group, by topic and partition."""
        ...

    async def groups(self, prefix: str) -> Sequence[str]:
        """The groups whose names begin with `prefix`, sorted: with members or committed offsets.

        Those that this principal may not know of are left out.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Transport(Protocol):
    """Makes consumers, producers and admins of one Kafka cluster."""

    def consumer(self, spec: ConsumerSpec) -> Consumer:
        """A consumer that has not joined yet."""
        ...

    async def producer(self, properties: Mapping[str, str] | None = None) -> Producer:
        """A producer; `properties` are client properties in Kafka's own names."""
        ...

    async def lane(self, name: str, properties: Mapping[str, str] | None = None) -> Lane:
        """A transactional producer; fences earlier lanes of `name` before it returns.

        A claim's lane is made before `Consumer.open`, so that the offset read there is final.
        """
        ...

    def admin(self) -> Admin:
        """An admin."""
        ...

    async def close(self) -> None:
        """Close what was made here and is still open."""
        ...
