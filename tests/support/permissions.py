"""Permissions (ACLs) on a real Kafka, given by a client that may everything."""

from __future__ import annotations

from enum import IntEnum

from aiokafka.protocol.admin import CreateAclsRequest

from streamlet_sdk.runtime.kafka import KafkaTransport

_LITERAL = 3
_ALLOW = 3


class On(IntEnum):
    """What a permission is about, by Kafka's number."""

    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5


class May(IntEnum):
    """What may be done with it, by Kafka's number."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


async def allow(bootstrap: str, user: str, on: On, name: str, *operations: May) -> None:
    """Let `user` do `operations` with what is called `name`."""
    transport = KafkaTransport(bootstrap)
    try:
        client = await transport.admin()._client()
        for operation in operations:
            principal = f"User:{user}"
            request = CreateAclsRequest(on, name, _LITERAL, principal, "*", operation, _ALLOW)
            response = await client.ask(request, "giving permissions")
            assert [row[0] for row in response.creation_responses] == [0], response
    finally:
        await transport.close()
