"""The line of each replica to the embedded broker, which a test may cut.

A replica that crashed comes back on the same line as a new client, as a restarted pod does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamlet_sdk.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.broker import EmbeddedBroker
    from streamlet_sdk.broker.broker import EmbeddedTransport
    from streamlet_sdk.runtime.transport import (
        Admin,
        Claim,
        Consumer,
        ConsumerSpec,
        Lane,
        Producer,
    )


class Line:
    """A `Transport` whose client can be killed and replaced."""

    def __init__(self, broker: EmbeddedBroker, client: str) -> None:
        """Be one client of `broker`."""
        self._broker = broker
        self._client = client
        self._transport = broker.transport(client=client)
        self._is_dead = False

    def kill(self) -> None:
        """End the client as `kill -9` would."""
        self._transport.kill()
        self._is_dead = True

    def revive(self) -> None:
        """Be a new client if the last one was killed."""
        if self._is_dead:
            self._transport = self._broker.transport(client=self._client)
            self._is_dead = False

    def consumer(self, spec: ConsumerSpec) -> Consumer:
        """A consumer of the present client."""
        return self._living().consumer(spec)

    async def producer(self, properties: Mapping[str, str] | None = None) -> Producer:
        """A producer of the present client."""
        return await self._living().producer(properties)

    async def lane(self, name: str, properties: Mapping[str, str] | None = None) -> Lane:
        """A transactional producer of the present client."""
        return await self._living().lane(name, properties)

    def admin(self) -> Admin:
        """An admin."""
        return self._living().admin()

    async def close(self) -> None:
        """Close what the present client has open."""
        await self._transport.close()

    def _living(self) -> EmbeddedTransport:
        if self._is_dead:
            raise UnavailableError(f"{self._client} crashed because the test said so")
        return self._transport


class Bystander:
    """A `Listener` that takes partitions and reads nothing."""

    def assigned(self, claims: Sequence[Claim]) -> None:
        """Leave them closed."""

    async def revoked(self, claims: Sequence[Claim], deadline: float) -> None:
        """Nothing is to be finished."""

    def lost(self, claims: Sequence[Claim]) -> None:
        """Nothing was begun."""
