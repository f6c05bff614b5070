"""What brokers know of topics, and waiting until all of them know what was decided.

Used by `admin`. It changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

from aiokafka import errors as kafka
from aiokafka.protocol.metadata import MetadataRequest

from streamlet_sdk.errors import TransportError, UnavailableError
from streamlet_sdk.runtime.kafka.faults import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamlet_sdk.runtime.kafka.client import Client

TRIES: Final = 100
PAUSE_SECONDS: Final = 0.05

Layout: TypeAlias = "Sequence[Sequence[int]]"
"""The replicas of each partition that has a leader; empty when there is no such topic."""


async def layouts(
    client: Client, names: Sequence[str], node: int | None = None
) -> dict[str, Layout | TransportError]:
    """The layout of each topic that is there, or why the broker does not tell.

    Raises:
        TransportError: when it tells nothing.
    """
    request = MetadataRequest(list(names), allow_auto_topic_creation=False)
    response = await client.ask(request, "asking for topics", node)
    found: dict[str, Layout | TransportError] = {}
    for code, name, _, partitions in response.topics:
        error = kafka.for_code(code)
        if error in {kafka.UnknownTopicOrPartitionError, kafka.InvalidTopicError}:
            continue
        if error not in {kafka.NoError, kafka.LeaderNotAvailableError}:
            found[name] = translated(error(name), f"asking for topic {name}")
        elif replicas := [row[3] for row in partitions if row[2] >= 0]:
            found[name] = replicas
    return found


async def settled(
    client: Client, expected: Mapping[str, Callable[[Layout], bool]]
) -> Mapping[str, TransportError]:
    """Wait until all brokers know of each topic what is expected of its layout.

    Returns:
        What went wrong, by topic: a broker that does not tell of it, or knows it late.
    """
    left, wrong = dict(expected), dict[str, TransportError]()
    for _ in range(TRIES):
        if not left:
            return wrong
        nodes = [broker.nodeId for broker in client.cluster.brokers()]
        told = await asyncio.gather(*(_known(client, list(left), node) for node in nodes))
        known = [each for each in told if each is not None]
        for name, is_so in list(left.items()):
            seen = [each.get(name, ()) for each in known]
            errors = [one for one in seen if isinstance(one, TransportError)]
            if errors:
                wrong[name] = errors[0]
            if errors or all(is_so(one) for one in seen if not isinstance(one, TransportError)):
                del left[name]
        if left:
            await asyncio.sleep(PAUSE_SECONDS)
    late = "was changed, and brokers do not know it yet"
    return {**wrong, **{name: UnavailableError(f"topic {name} {late}") for name in left}}


async def _known(
    client: Client, names: Sequence[str], node: int
) -> Mapping[str, Layout | TransportError] | None:
    """What a broker knows of topics; None when it is away, for it learns on its return."""
    try:
        return await layouts(client, names, node)
    except UnavailableError:
        return None
