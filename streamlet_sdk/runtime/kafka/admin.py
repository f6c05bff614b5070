"""The `Admin` of a real Kafka: topics, groups and their committed offsets."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiokafka import errors as kafka
from aiokafka.protocol.admin import (
    CreatePartitionsRequest,
    CreateTopicsRequest,
    CreateTopicsRequest_v1,
    DeleteTopicsRequest,
    DescribeConfigsRequest,
    ListGroupsRequest,
)

from streamlet_sdk.errors import RejectedError, TransportError, UnavailableError
from streamlet_sdk.runtime.kafka import wire
from streamlet_sdk.runtime.kafka.faults import translated, translating
from streamlet_sdk.runtime.kafka.gathering import Gathering
from streamlet_sdk.runtime.kafka.layouts import PAUSE_SECONDS, TRIES, Layout, layouts, settled
from streamlet_sdk.runtime.kafka.offsets import committed
from streamlet_sdk.runtime.transport import TopicInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamlet_sdk.runtime.kafka.client import Client
    from streamlet_sdk.runtime.transport import TopicSpec

_TIMEOUT_MS: Final = 10_000
# As much as brokers make well within the shortest time that anybody waits for an answer.
_MOST_AT_ONCE: Final = 128
_SET_ON_TOPIC: Final = 1
_BROKERS_DEFAULT: Final = -1


class KafkaAdmin:
    """An `Admin` of a real Kafka; make it with `KafkaTransport.admin`.

    What it changes is there, for the broker that it asks, when a call returns. Every method raises
    `UnavailableError` when no broker answers and `DeniedError` when it is not allowed.
    """

    def __init__(self, client: Callable[[], Client]) -> None:
        """Connect when it is needed, by what `client` makes."""
        self._make_client = client
        self._connecting = asyncio.Lock()
        self._connected: Client | None = None
        self._is_closed = False
        self._creating = Gathering(self._created, weight=_weight, most=_MOST_AT_ONCE)

    async def connect(self) -> None:
        """Connect now; otherwise the first call does.

        Raises:
            UnavailableError: when no broker can be reached.
            DeniedError: when they do not accept who this is.
            RejectedError: when they are too old.
        """
        await self._client()

    async def topics(self, names: Sequence[str]) -> Mapping[str, TopicInfo | None]:
        """What is known of each name; never creates one. `config` is what was set on the topic."""
        if not names:
            return {}
        there = await self._layouts(names)
        configs = await self._configs(list(there))
        return {
            name: TopicInfo(
                name=name,
                partitions=len(there[name]),
                replication_factor=min(map(len, there[name])),
                config=configs[name],
            )
            if name in there and name in configs
            else None
            for name in names
        }

    async def create(self, spec: TopicSpec) -> None:
        """Create a topic and wait until its partitions have leaders.

        Topics that are created at the same time share requests, and nothing else.

        Raises:
            RejectedError: when it exists already, and can be used, or the broker refuses it.
        """
        _require_writable(spec)
        await self._creating.ask(spec.name, spec)

    async def grow(self, topic: str, partitions: int) -> None:
        """Add partitions up to `partitions` in all.

        Raises:
            RejectedError: when that is not more than there are, or there is no such topic.
        """
        row: Any = (topic, (partitions, None))
        request = CreatePartitionsRequest([row], _TIMEOUT_MS, validate_only=False)
        doing = f"adding partitions to {topic}"
        response = await self._controlled(request, doing)
        for _, code, message in response.topic_errors:
            _require(code, message, doing)
        await self._until(topic, lambda layout: len(layout) >= partitions)

    async def alter(self, topic: str, changed: Mapping[str, str | None]) -> None:
        """Change the named properties (`None` removes one) and leave the others alone.

        Raises:
            RejectedError: when one is unknown or there is no such topic; nothing is changed then.
        """
        doing = f"changing topic {topic}"
        client = await self._client()
        response = await client.ask(wire.AlterTopic(topic, changed), doing)
        for code, message, *_ in response.responses:
            _require(code, message, doing)

    async def delete(self, topic: str) -> None:
        """Remove a topic, its records and every group's offsets in it.

        Raises:
            RejectedError: when there is no such topic.
        """
        doing = f"deleting topic {topic}"
        response = await self._controlled(DeleteTopicsRequest([topic], _TIMEOUT_MS), doing)
        for _, code in response.topic_error_codes:
            _require(code, None, doing)
        await self._until(topic, lambda layout: not layout)

    async def offsets(self, group: str) -> Mapping[tuple[str, int], int]:
        """Committed next offsets of a group, by topic and partition."""
        kept = await committed(await self._client(), group)
        return {(at.topic, at.partition): each.offset for at, each in kept.items()}

    async def groups(self, prefix: str) -> Sequence[str]:
        """The groups whose names begin with `prefix`, sorted; every broker tells of its own.

        Those that this principal may not describe are left out, as Kafka does.
        """
        client = await self._client()
        await client.force_metadata_update()
        nodes = [broker.nodeId for broker in client.cluster.brokers()]
        told = await asyncio.gather(*map(self._groups_of, nodes))
        return sorted({name for names in told for name in names if name.startswith(prefix)})

    async def close(self) -> None:
        """Let go of connections, for good; topics that are being created may come, or not."""
        self._is_closed = True
        await self._creating.close()
        await self._disconnect()

    async def _client(self) -> Client:
        async with self._connecting:
            if self._connected is None and not self._is_closed:
                client = self._make_client()
                await client.connect()
                self._connected = client
            # Nobody would ever close what is connected from here on.
            if self._is_closed:
                await self._disconnect()
            if self._connected is None:
                raise UnavailableError("the connection to Kafka was closed")
            return self._connected

    async def _disconnect(self) -> None:
        client, self._connected = self._connected, None
        if client is not None:
            await client.close()

    async def _created(self, specs: Mapping[str, TopicSpec]) -> Mapping[str, TransportError]:
        """Create topics in one request; what went wrong, by topic."""
        rows: list[Any] = [_row(spec) for spec in specs.values()]
        request = CreateTopicsRequest(rows, _TIMEOUT_MS, validate_only=False)
        # Who hears of the whole request knows which topic is his, and others' are not his business.
        response = await self._controlled(request, "creating topics")
        expected: dict[str, Callable[[Layout], bool]] = {
            name: partial(_has, spec.partitions) for name, spec in specs.items()
        }
        refused: dict[str, TransportError] = {}
        for name, code, message in response.topic_errors:
            error = _refusal(code, message, f"creating topic {name}")
            if error is not None:
                refused[name] = error
                del expected[name]
            if code == kafka.TopicAlreadyExistsError.errno:
                # Whoever was faster may be the only one that can see it by now.
                expected[name] = bool
        return {**refused, **await settled(await self._client(), expected)}

    async def _layouts(self, names: Sequence[str]) -> dict[str, Layout]:
        found: dict[str, Layout] = {}
        for name, layout in (await layouts(await self._client(), names)).items():
            if isinstance(layout, TransportError):
                raise layout
            found[name] = layout
        return found

    async def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """What was set on each topic; without those that were deleted meanwhile."""
        if not names:
            return {}
        request = DescribeConfigsRequest([(wire.TOPIC_RESOURCE, name, None) for name in names])
        client = await self._client()
        response = await client.ask(request, "asking for the properties of topics")
        found: dict[str, dict[str, str]] = {}
        for code, message, _, name, rows in response.resources:
            if code == kafka.UnknownTopicOrPartitionError.errno:
                continue
            _require(code, message, f"asking for the properties of topic {name}")
            found[name] = {row[0]: row[1] for row in rows if row[3] == _SET_ON_TOPIC}
        return found

    async def _controlled(self, request: Any, doing: str) -> Any:
        """Ask the controller."""
        client = await self._client()
        with translating(doing):
            await client.force_metadata_update()
            controller = client.cluster.controller
            if controller is None:
                raise UnavailableError(f"{doing}: the cluster has no controller now")
            return await client.send(controller.nodeId, request)

    async def _groups_of(self, node: int) -> Sequence[str]:
        """The groups that a broker coordinates; waits while it still learns which they are."""
        doing = f"asking broker {node} for consumer groups"
        client = await self._client()
        for _ in range(TRIES):
            response = await client.ask(ListGroupsRequest(), doing, node)
            if not response.error_code:
                return [name for name, *_ in response.groups]
            error = kafka.for_code(response.error_code)()
            if not error.retriable:
                raise translated(error, doing)
            await asyncio.sleep(PAUSE_SECONDS)
        raise UnavailableError(f"{doing}: it does not know them yet")

    async def _until(self, topic: str, is_so: Callable[[Layout], bool]) -> None:
        """Wait until all brokers know what the controller has decided."""
        for error in (await settled(await self._client(), {topic: is_so})).values():
            raise error


def _row(spec: TopicSpec) -> tuple[object, ...]:
    """A topic in a request to create some."""
    replicas = spec.replication_factor or _BROKERS_DEFAULT
    return spec.name, spec.partitions, replicas, [], list(spec.config.items())


def _require_writable(spec: TopicSpec) -> None:
    """Refuse what no request can hold, for it would keep out those that share one with it."""
    request = CreateTopicsRequest_v1(
        create_topic_requests=[_row(spec)], timeout=0, validate_only=False
    )
    try:
        request.encode()
    except ValueError as error:
        text = f"creating topic {spec.name}: a number or a text of it is larger than Kafka's can be"
        raise RejectedError(text) from error


def _weight(spec: TopicSpec) -> int:
    """What making a topic costs a broker: a bit, and a folder of files for each partition."""
    return 1 + spec.partitions


def _has(partitions: int, layout: Layout) -> bool:
    return len(layout) == partitions


def _require(code: int, message: str | None, doing: str) -> None:
    """Raise what a broker has answered, if it is an error."""
    error = _refusal(code, message, doing)
    if error is not None:
        raise error


def _refusal(code: int, message: str | None, doing: str) -> TransportError | None:
    """What a broker has answered, if it is an error."""
    if not code:
        return None
    error = kafka.for_code(code)
    made = translated(error(), doing)
    # For whoever produces or reads a missing topic may come yet; here it is a wrong name.
    if isinstance(made, RejectedError) or error is kafka.UnknownTopicOrPartitionError:
        return RejectedError(f"{doing}: {message or error.description or error.message}")
    return made
