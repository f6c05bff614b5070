"""The embedded broker's `Consumer`: reads one topic, on claims that a membership gives it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamlet_sdk.broker.groups import Member
from streamlet_sdk.broker.solo import Solo
from streamlet_sdk.errors import FencedError, RejectedError, UnavailableError
from streamlet_sdk.runtime.transport import Chunk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.broker.cluster import Cluster
    from streamlet_sdk.broker.log import PartitionLog, View
    from streamlet_sdk.broker.membership import Membership
    from streamlet_sdk.runtime.transport import Claim, ConsumerSpec, Listener, Start

# As much as one fetch of the Kafka transport brings; a single larger record still comes.
_POLL_BYTES: Final = 8 * 1024 * 1024


@dataclass(slots=True)
class _Cursor:
    """Where reading of one open claim goes on."""

    view: View
    position: int


class EmbeddedConsumer:
    """A `Consumer` of the embedded broker; make it with `EmbeddedTransport.consumer`."""

    def __init__(self, cluster: Cluster, spec: ConsumerSpec, client: str) -> None:
        self._cluster = cluster
        self._spec = spec
        self._name = spec.member or f"{client}-{cluster.number()}"
        self._membership: Membership | None = None
        self._is_dead = False
        self._cursors: dict[Claim, _Cursor] = {}
        self._turn = 0
        self._more = asyncio.Event()
        self._has_opened = False

    async def start(self, listener: Listener) -> None:
        """Join; claims are announced on a later turn of the loop.

        Raises:
            RejectedError: when there is no such topic, or on a second start.
        """
        self._require_broker()
        self._cluster.topic(self._spec.topic)
        if self._membership is not None:
            raise RejectedError(f"the consumer {self._name} was started before")
        self._membership = self._joined(listener)
        self._membership.join()

    async def open(self, claim: Claim, start: Start) -> int:
        """Begin to fetch `claim` and return the position.

        Raises:
            FencedError: when the claim is dead.
        """
        self._require_broker()
        membership = self._membership
        if membership is None or claim not in membership.claims:
            raise FencedError(f"partition {claim.partition} of {claim.topic} was taken away")
        log = self._log(claim)
        view = self._view(log)
        position = membership.committed(claim)
        if position is None and membership.is_added(claim):
            position = log.start
        if position is None or not log.start <= position <= log.written.end:
            position = log.start if start == "earliest" else view.end
        log.on_change(self._more.set)
        self._cursors[claim] = _Cursor(view, position)
        self._has_opened = True
        self._more.set()
        return position

    async def poll(self, credit: Mapping[Claim, int], timeout: float) -> list[Chunk]:
        """Records of open claims; cancelling it loses none, for it takes them at the very end.

        Raises:
            UnavailableError: when this client was killed.
        """
        if self._is_covered(credit):
            timeout = max(timeout, self._cluster.patience.quiet_poll.total_seconds())
        deadline = asyncio.get_running_loop().time() + timeout
        self._has_opened = False
        await asyncio.sleep(0)
        while True:
            self._require_life()
            self._more.clear()
            chunks = self._take(credit) if self._cluster.faults.is_reachable else []
            if chunks or self._has_opened or not await self._hear_of_more(deadline):
                return chunks

    async def commit(self, offsets: Mapping[Claim, int], deadline: float) -> set[Claim]:
        """Commit next offsets; the claims whose commit is confirmed."""
        if not await self._cluster.faults.reachable_by(deadline):
            return set()
        await asyncio.sleep(0)
        return self.store(offsets)

    def store(self, offsets: Mapping[Claim, int]) -> set[Claim]:
        """Commit at once, as the last step of a transaction; the claims that were owned."""
        if self._membership is None or self._is_dead:
            return set()
        return self._membership.commit(offsets)

    def owns(self, claims: Sequence[Claim]) -> bool:
        """Whether this consumer lives and every one of `claims` is its own."""
        if self._membership is None or self._is_dead:
            return not claims
        return set(claims) <= set(self._membership.claims)

    def position(self, claim: Claim) -> int:
        """The next offset that `poll` will look at.

        Raises:
            FencedError: when the claim was never opened here.
        """
        if claim not in self._cursors:
            raise FencedError(f"partition {claim.partition} of {claim.topic} is not open here")
        return self._cursors[claim].position

    async def ends(self, claims: Sequence[Claim]) -> Mapping[Claim, int]:
        """Where each partition ends for this reader; live claims only."""
        self._require_broker()
        return {claim: self._view(self._log(claim)).end for claim in claims if claim.alive}

    async def close(self, *, leave: bool, deadline: float) -> None:
        """Give the claims back before `deadline` and stop; closing twice does nothing."""
        if self._membership is not None and not self._membership.is_gone:
            await self._membership.leave(announced=leave, deadline=deadline)
            self._forget()

    def kill(self) -> None:
        """End as `kill -9` would: no revocation, and the group learns of it by the session."""
        self._is_dead = True
        if self._membership is not None and not self._membership.is_gone:
            self._membership.die()
        self._forget()
        self._more.set()

    def expire(self) -> None:
        """Let the session end now, whether this client lives (it joins again) or was killed."""
        if self._membership is not None:
            self._membership.expire()

    def _joined(self, listener: Listener) -> Membership:
        topic = self._spec.topic
        if self._spec.group is not None:
            group = self._cluster.group(self._spec.group)
            return Member(group, self._name, topic, listener)
        solo = Solo(topic, self._cluster.partitions, listener)
        self._cluster.readers.add(solo)
        return solo

    def _take(self, credit: Mapping[Claim, int]) -> list[Chunk]:
        """What is there, starting with another claim each time so that none starves."""
        claims = [claim for claim in credit if claim.alive and claim in self._cursors]
        self._turn += 1
        first = self._turn % len(claims) if claims else 0
        chunks: list[Chunk] = []
        room = _POLL_BYTES
        for claim in (*claims[first:], *claims[:first]):
            if room <= 0 or credit[claim] <= 0:
                continue
            cursor = self._cursors[claim]
            at_least = 0 if chunks else 1
            read = cursor.view.read(cursor.position, credit[claim], room, at_least=at_least)
            if read.next_offset > cursor.position:
                cursor.position = read.next_offset
                room -= read.size
                chunks.append(Chunk(claim, *read))
        return chunks

    def _is_covered(self, credit: Mapping[Claim, int]) -> bool:
        """Whether no open claim waits for credit."""
        return all(claim in credit for claim in self._cursors if claim.alive)

    async def _hear_of_more(self, deadline: float) -> bool:
        """Wait for records, or for the broker to be back; false at `deadline`."""
        faults = self._cluster.faults
        if not faults.is_reachable:
            return await faults.reachable_by(deadline)
        try:
            async with asyncio.timeout_at(deadline):
                await self._more.wait()
        except TimeoutError:
            return False
        return True

    def _log(self, claim: Claim) -> PartitionLog:
        return self._cluster.topic(claim.topic).partitions[claim.partition]

    def _view(self, log: PartitionLog) -> View:
        return log.stable if self._spec.read_committed else log.written

    def _require_life(self) -> None:
        if self._is_dead:
            raise UnavailableError(f"the client {self._name} was killed")

    def _require_broker(self) -> None:
        self._require_life()
        self._cluster.faults.require_reachable()

    def _forget(self) -> None:
        """Stop being woken by partitions and told of topics."""
        if isinstance(self._membership, Solo):
            self._cluster.readers.discard(self._membership)
        topic = self._cluster.topics.get(self._spec.topic)
        for log in topic.partitions if topic is not None else ():
            log.off_change(self._more.set)
